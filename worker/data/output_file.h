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
    char *part; // where it is written until it is whole: path.part
    FILE *file;
};

/* Begins dir/name, which stays as it was until output_file_close. SOUK_EIO, logged. */
SOUK_MUST_CHECK souk_status output_file_open(struct output_file *out, const char *dir,
                                             const char *name);
SOUK_MUST_CHECK souk_status output_file_write(struct output_file *out, const void *bytes,
                                              size_t length);
/* Puts the file in its place. SOUK_EIO, SOUK_ENOSPC: what was written did not reach it, which may
 * have been an error of writing and is logged once; what stood there before is untouched. A zeroed
 * one is fine. */
SOUK_MUST_CHECK souk_status output_file_close(struct output_file *out);
/* Gives up what was written. A closed or zeroed one is fine. */
void output_file_drop(struct output_file *out);

#endif
