/* file.h - small files, and folders, with errors that name them. Threads: any. */
#ifndef SOUK_COMMON_BASE_FILE_H
#define SOUK_COMMON_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "souk/status.h"

/* The whole file; the caller owns *bytes_out, which has a zero byte behind the last. max_bytes
 * bounds it. SOUK_ENOTFOUND (logged too), SOUK_EIO. */
SOUK_MUST_CHECK souk_status file_read(const char *path, size_t max_bytes, char **bytes_out,
                                      size_t *length_out);
/* Writes beside it, syncs, renames: either all of it is there or the old file. */
SOUK_MUST_CHECK souk_status file_write_atomic(const char *path, const void *bytes, size_t length);
/* mkdir -p. */
SOUK_MUST_CHECK souk_status file_make_dirs(const char *path);
/* fsync of a folder, so that a rename in it lasts. */
SOUK_MUST_CHECK souk_status file_sync_dir(const char *path);
/* Locks a folder until *fd_out is closed, also by the end of this process; nothing is written.
 * Many may have it shared, which waits for one that has it alone; asking to have it alone does not
 * wait: SOUK_EAGAIN, not logged. Where a folder cannot be opened or has no locks, everybody gets
 * one; *fd_out may be -1 then. */
SOUK_MUST_CHECK souk_status file_lock_dir(const char *path, bool is_shared, int *fd_out);
bool file_exists(const char *path);
/* Whether it is a pipe, such as the /dev/fd/63 of a shell's <(...). */
bool file_is_pipe(const char *path);

#endif
