/* status.h - what a call of Souk can return.
 *
 * SOUK_OK is 0, errors are negative and come in three bands that tell a caller what to drop:
 *   -1 ..  -99   the request: it was wrong or cannot be done; everything else goes on
 * -100 .. -199   the peer: its connection is of no use any more
 * -200 .. -299   the process: a resource of this machine has failed
 *
 * A message about an error is logged once, where the cause is known; callers pass the status on.
 */
#ifndef SOUK_STATUS_H
#define SOUK_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SOUK_MUST_CHECK __attribute__((warn_unused_result))
#define SOUK_API        __attribute__((visibility("default")))
#else
#define SOUK_MUST_CHECK
#define SOUK_API
#endif

// X(name, value, text)
#define SOUK_STATUS_LIST(X)                                           \
    X(SOUK_OK, 0, "done")                                             \
    X(SOUK_EINVAL, -1, "invalid argument")                            \
    X(SOUK_ENOTFOUND, -2, "not found")                                \
    X(SOUK_EEXIST, -3, "exists already, and differs")                 \
    X(SOUK_ECONFIG, -4, "invalid configuration")                      \
    X(SOUK_EUSAGE, -5, "invalid command line")                        \
    X(SOUK_EDATA, -6, "invalid data")                                 \
    X(SOUK_EAGAIN, -7, "not now, try again")                          \
    X(SOUK_ETIMEOUT, -8, "deadline passed")                           \
    X(SOUK_EEND, -9, "end of data")                                   \
    X(SOUK_ETOPOLOGY, -10, "processes are not laid out as asked for") \
    X(SOUK_EDIVERGED, -11, "training diverged")                       \
    X(SOUK_ESTOPPED, -12, "stopped by a signal")                      \
    X(SOUK_EPEER, -100, "peer does not answer")                       \
    X(SOUK_EPROTO, -101, "peer broke the protocol")                   \
    X(SOUK_EVERSION, -102, "peer speaks another version")             \
    X(SOUK_ELOST, -103, "peer restarted and lost its state")          \
    X(SOUK_EDENIED, -104, "peer refused")                             \
    X(SOUK_EIO, -200, "input or output failed")                       \
    X(SOUK_ENOSPC, -201, "no space left on device")                   \
    X(SOUK_ENOMEM, -202, "out of memory")                             \
    X(SOUK_ESYS, -203, "system call failed")

typedef enum souk_status {
#define SOUK_STATUS_ENUM(name, value, text) name = value,
    SOUK_STATUS_LIST(SOUK_STATUS_ENUM)
#undef SOUK_STATUS_ENUM
} souk_status;

/* The constant's name, "SOUK_EPEER". Static; "SOUK_?" for a number that is none. Threads: any. */
SOUK_API const char *souk_status_name(souk_status status);

/* A short text for people, "peer does not answer". Static. Threads: any. */
SOUK_API const char *souk_status_text(souk_status status);

/* What a program ends with: 0 done, 1 failure, 2 usage, configuration or topology, 3 data,
 * 4 diverged, 75 stopped after a checkpoint. Threads: any. */
SOUK_API int souk_status_exit_code(souk_status status);

#ifdef __cplusplus
}
#endif
#endif
