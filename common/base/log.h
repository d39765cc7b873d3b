/* log.h - messages for people, on standard error, one line each.
 *
 *     12:03:04 worker/1 warning: server tcp://127.0.0.1:4001 is slow: 3.2 s
 *     souk: error: conf/mf.yaml:7: unknown key "mdoel.k"; did you mean "model.k"?
 *
 * The first form is for processes that run long (log_set_role was called), the second for the
 * rest. A message names the thing, the place and what to do. Nothing above debug is logged in a
 * step of a loop.
 *
 * Threads: any, locks inside. log_set_* belong to the start of a program and to tests.
 */
#ifndef SOUK_COMMON_BASE_LOG_H
#define SOUK_COMMON_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "souk/status.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* "error", "warning", "info", "debug"; NULL past the last. Static. */
const char *log_level_name(unsigned level);
/* False for a text that is none of them. */
bool log_level_parse(const char *name, enum log_level *level_out);

/* Messages above `level` are dropped, before anything of them is formatted. Starts at LOG_INFO. */
void log_set_level(enum log_level level);
/* "worker", 1 gives "worker/1"; a negative index leaves it out. role must be a literal. */
void log_set_role(const char *role, int index);
/* Messages go to fn instead of standard error; NULL undoes it. For tests and embedding. */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *message);
void log_set_sink(log_sink_fn fn, void *ctx);
/* A progress row that is being rewritten on the terminal stands on the current line: the next
 * message begins a new one. */
void log_line_is_open(int is_open);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

/* Logs an error and returns status: `return log_fail(SOUK_EDATA, "%s:%u: ...", ...)`. */
souk_status log_fail(souk_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with ": <text of errno>" behind it; ENOSPC gives SOUK_ENOSPC, the rest SOUK_EIO. */
souk_status log_fail_errno(int error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
