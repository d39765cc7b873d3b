/* output.h - where a verb's results go: standard output, or a file that appears when it is whole.
 * Threads: one owner. */
#ifndef SOUK_WORKER_CLI_OUTPUT_H
#define SOUK_WORKER_CLI_OUTPUT_H

#include "common/text/buf.h"
#include "souk/status.h"

struct output;

/* path NULL or "-": standard output. On SOUK_OK the caller owns *output_out. */
SOUK_MUST_CHECK souk_status output_open(const char *path, struct output **output_out);
/* Writes the text and clears it. SOUK_EIO, SOUK_ENOSPC: logged, here and below. */
SOUK_MUST_CHECK souk_status output_write(struct output *output, struct buf *text);
/* Flushes; the file takes its name. The output is gone afterwards, also on failure. */
SOUK_MUST_CHECK souk_status output_finish(struct output *output);
void output_drop(struct output *output); // without a file; NULL is fine

/* All three for one text. */
SOUK_MUST_CHECK souk_status output_text(const char *path, struct buf *text);

#endif
