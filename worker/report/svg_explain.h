/* svg_explain.h - a picture of click_explain.h: for each behaviour, from the oldest to the newest,
 * a bar of its attention weight and one of the change of the logit without it.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_REPORT_SVG_EXPLAIN_H
#define SOUK_WORKER_REPORT_SVG_EXPLAIN_H

#include "common/text/buf.h"
#include "worker/eval/click_explain.h"

struct explained {
    const char *user, *item;    // for people: ids, titles; UTF-8
    const char *const *labels;  // (num_behaviours) the same
    const char *const *details; // (num_behaviours) such as categories; NULL: none
    const char *detail_name;    // "category"
    const struct click_explanation *explanation;
};
void svg_explain(const struct explained *explained, struct buf *out);

/* "-0.619", or "undefined (why)". */
void rank_correlation_add(const struct rank_correlation *correlation, struct buf *out);

#endif
