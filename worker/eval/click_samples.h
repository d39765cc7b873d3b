/* click_samples.h - scored samples that are kept until all are there: AUC and what is like it
 * cannot be added up batch by batch, and a mean over ranks of their AUCs is another number.
 *
 * 16 bytes a sample, half as much again while the array grows.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_EVAL_CLICK_SAMPLES_H
#define SOUK_WORKER_EVAL_CLICK_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

struct click_sample {
    uint64_t group; // whose candidate it is, such as the user's key
    float score;    // probability of a click, 0..1, never -0
    uint32_t label; // 1: clicked, 0: not
};

struct click_samples {
    struct click_sample *items; // (num)
    size_t num;
    size_t capacity;
};

void click_samples_fini(struct click_samples *samples); // a zeroed one is fine

/* Appends n samples; labels are 0 or 1. SOUK_EDIVERGED, logged with the place: a score is no
 * probability, NaN above all; nothing is appended then. */
SOUK_MUST_CHECK souk_status click_samples_add(struct click_samples *samples, const uint64_t *groups,
                                              const uint8_t *labels, const float *scores,
                                              uint32_t n);

/* By ascending score, equal ones in any order. */
void click_samples_sort_by_score(struct click_samples *samples);
/* By ascending group, within a group in the order of before. */
void click_samples_sort_by_group(struct click_samples *samples);

#endif
