/* verdict.c - see verdict.h. */
#include "worker/ope/verdict.h"

#include <math.h>
#include <stdio.h>

#include "common/base/mem.h"

const char *verdict_name(enum verdict_kind kind)
{
    static const char *const names[] = {"promote", "keep", "not enough data"};
    return names[kind];
}

// x_i - r_i; of ratios the logged mean is one more slot, -r_i / 1.
static void estimate_gain(const struct evidence *evidence, const struct interval_options *interval,
                          struct estimate *out)
{
    const struct rounds *rounds = evidence->rounds;
    uint64_t num = rounds->num_rounds;
    uint32_t width = rounds->denominators ? rounds->num_slots : 0, wide = width + 1;
    double *tops = mem_alloc(num * wide * sizeof(*tops), "gains");
    double *bottoms = width ? mem_alloc(num * wide * sizeof(*bottoms), "gains") : NULL;
    for (uint64_t i = 0; i < num; i++) {
        for (uint32_t s = 0; s < width; s++) {
            tops[i * wide + s] = rounds->numerators[i * width + s];
            bottoms[i * wide + s] = rounds->denominators[i * width + s];
        }
        tops[i * wide + width] = -evidence->logged[i] + (width ? 0 : rounds->numerators[i]);
        if (width) bottoms[i * wide + width] = 1;
    }
    estimate_rounds("gain", &(struct rounds){num, tops, bottoms, wide}, interval, out);
    mem_free(tops);
    mem_free(bottoms);
}

static void judge_gain(const struct interval_options *interval,
                       const struct verdict_options *options, struct verdict *verdict)
{
    const struct estimate *gain = &verdict->gain;
    double percent = interval->level * 100;
    verdict->kind = gain->lower > options->min_gain ? VERDICT_PROMOTE : VERDICT_KEEP;
    const char *what = gain->lower > options->min_gain   ? "lies above"
                       : gain->upper < options->min_gain ? "lies below"
                                                         : "holds";
    snprintf(verdict->reason, sizeof(verdict->reason),
             "by %s the gain over the logging policy is %.6g, and its %g %% interval, %.6g to "
             "%.6g, %s %g%s",
             verdict->by, gain->value, percent, gain->lower, gain->upper, what, options->min_gain,
             verdict->kind == VERDICT_KEEP && gain->upper >= options->min_gain
                 ? ": a gain is not shown"
                 : "");
}

void verdict_reach(const struct evidence *evidence, const struct interval_options *interval,
                   const struct verdict_options *options, struct verdict *verdict_out)
{
    struct verdict verdict = {.kind = VERDICT_NOT_ENOUGH_DATA};
    char *reason = verdict.reason;
    const size_t room = sizeof(verdict.reason);
    snprintf(verdict.by, sizeof(verdict.by), "%s", evidence->by);
    verdict.gain = (struct estimate){"gain", NAN, NAN, NAN, NAN, evidence->undefined};
    if (evidence->rounds) estimate_gain(evidence, interval, &verdict.gain);
    if (verdict.gain.undefined)
        snprintf(reason, room, "%s is undefined: %s", evidence->by, verdict.gain.undefined);
    else if (!(evidence->ess >= options->min_ess))
        snprintf(reason, room,
                 "the log is worth %.1f rounds of the new policy, and %g are needed (--min-ess)",
                 evidence->ess, options->min_ess);
    else if (evidence->coverage < options->min_coverage)
        snprintf(reason, room,
                 "%.1f %% of the policy's probability is on actions that the log has seen, and "
                 "%g %% are needed (--min-coverage)",
                 100 * evidence->coverage, 100 * options->min_coverage);
    else if (evidence->weight_error > 1 - options->min_coverage)
        snprintf(reason, room,
                 "the mean weight is off 1 by %.3g, which is no chance and more than %.3g (1 less "
                 "--min-coverage): the propensities are not those of the log",
                 evidence->weight_error, 1 - options->min_coverage);
    else if (isnan(verdict.gain.lower))
        snprintf(reason, room, "there is no interval: too few rounds carry weight");
    else
        judge_gain(interval, options, &verdict);
    *verdict_out = verdict;
}
