/* output_file.h - a file that is written from its start, with errors that name it.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_OUTPUT_FILE_H
#define SOUK_WORKER_DATA_OUTPUT_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "souk/status.h"

struct output_file {
    char *path; // NULL: not open
    FILE *file;
};

/* Creates or replaces dir/name. SOUK_EIO, logged. */
SOUK_MUST_CHECK souk_status output_file_open(struct output_file *out, const char *dir,
                                             const char *name);
SOUK_MUST_CHECK souk_status output_file_write(struct output_file *out, const void *bytes,
                                              size_t length);
/* SOUK_EIO, SOUK_ENOSPC: what was written did not reach the file; logged. After an error, which
 * may have been one of writing and is logged once, the file is gone. A zeroed one is fine. */
SOUK_MUST_CHECK souk_status output_file_close(struct output_file *out);

#endif
