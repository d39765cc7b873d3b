/* click_explain.c - see click_explain.h. */
#include "worker/eval/click_explain.h"

#include <math.h>
#include <string.h>

#include "common/base/mem.h"

// The sample itself is variant 0; variant j + 1 is the one without behaviour j.
struct variant_run {
    struct sample_batch variants;
    float *logits;  // (n + 1)
    uint32_t first; // of variants
};

enum { ROWS_A_RUN = 1 << 22 }; // behaviours of variants in memory: histories of 2,000 at once

// Variant v of sample b.
static void add_variant(struct sample_batch *variants, const struct sample_batch *from, uint32_t b,
                        uint32_t v)
{
    sample_batch_append(variants, from, b);
    if (v == 0) return;
    uint32_t last = variants->num_samples - 1, at = variants->row_start[last] + v - 1;
    for (uint32_t h = 0; h < variants->num_histories; h++) {
        uint64_t *history = variants->histories[h];
        memmove(history + at, history + at + 1, (variants->num_rows - at - 1) * sizeof *history);
    }
    variants->row_start[last + 1] = --variants->num_rows;
}

static double sigmoid(double logit)
{
    return 1 / (1 + exp(-logit));
}

static void correlate(struct click_explanation *explanation)
{
    uint32_t n = explanation->num_behaviours;
    explanation->with_changes = explanation->with_sizes =
        (struct rank_correlation){NAN, "the model has no attention"};
    if (!explanation->weights) return;
    float *sizes = mem_calloc(n, sizeof *sizes, "sizes of changes");
    for (uint32_t j = 0; j < n; j++) sizes[j] = fabsf(explanation->changes[j]);
    explanation->with_changes = rank_correlation(explanation->weights, explanation->changes, n);
    explanation->with_sizes = rank_correlation(explanation->weights, sizes, n);
    mem_free(sizes);
}

static souk_status score_variants(struct click_scorer *scorer, struct variant_run *run,
                                  struct click_explanation *explanation)
{
    struct click_scores scores;
    souk_status status = click_scorer_run(scorer, &run->variants, &scores);
    if (status != SOUK_OK) return status;
    memcpy(run->logits + run->first, scores.logits,
           run->variants.num_samples * sizeof *run->logits);
    if (run->first > 0) return SOUK_OK;
    explanation->is_cold = scores.is_cold[0];
    if (!scores.weights) return SOUK_OK;
    uint32_t n = explanation->num_behaviours;
    explanation->weights = mem_calloc(n, sizeof *explanation->weights, "weights of behaviours");
    if (n > 0) memcpy(explanation->weights, scores.weights, n * sizeof *explanation->weights);
    return SOUK_OK;
}

static souk_status score_all(struct click_scorer *scorer, const struct sample_batch *samples,
                             uint32_t b, struct variant_run *run,
                             struct click_explanation *explanation)
{
    uint32_t n = explanation->num_behaviours;
    for (uint32_t v = 0; v <= n; v++) {
        if (run->variants.num_rows > ROWS_A_RUN) {
            souk_status status = score_variants(scorer, run, explanation);
            if (status != SOUK_OK) return status;
            sample_batch_clear(&run->variants);
            run->first = v;
        }
        add_variant(&run->variants, samples, b, v);
    }
    return score_variants(scorer, run, explanation);
}

souk_status click_explain(struct click_scorer *scorer, const struct sample_batch *samples,
                          uint32_t b, struct click_explanation *explanation_out)
{
    uint32_t n = samples->row_start[b + 1] - samples->row_start[b];
    struct click_explanation *explanation = explanation_out;
    *explanation = (struct click_explanation){.num_behaviours = n};
    struct variant_run run = {.logits = mem_calloc(n + 1, sizeof *run.logits, "logits")};
    sample_batch_init(&run.variants, samples->num_ids, samples->num_histories);
    souk_status status = score_all(scorer, samples, b, &run, explanation);
    if (status == SOUK_OK) {
        explanation->logit = (double)run.logits[0];
        explanation->probability = sigmoid(explanation->logit);
        explanation->changes = mem_calloc(n, sizeof *explanation->changes, "changes of a score");
        for (uint32_t j = 0; j < n; j++)
            explanation->changes[j] = run.logits[j + 1] - run.logits[0];
        correlate(explanation);
    }
    sample_batch_fini(&run.variants);
    mem_free(run.logits);
    return status;
}

void click_explanation_fini(struct click_explanation *explanation)
{
    mem_free(explanation->weights);
    mem_free(explanation->changes);
    *explanation = (struct click_explanation){0};
}
