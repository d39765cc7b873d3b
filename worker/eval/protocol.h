/* protocol.h - how figures were come by, in words that stand beside them wherever they are shown.
 * Threads: pure functions. */
#ifndef SOUK_WORKER_EVAL_PROTOCOL_H
#define SOUK_WORKER_EVAL_PROTOCOL_H

#include "common/text/buf.h"
#include "worker/eval/evaluate.h"

/* Appends the statements with the separator between them. */
void protocol_add(const struct evaluation *evaluation, const char *separator, struct buf *out);
/* What nobody should read click figures without, for the end of a run. */
void protocol_add_short(const struct evaluation *evaluation, const char *separator,
                        struct buf *out);

#endif
