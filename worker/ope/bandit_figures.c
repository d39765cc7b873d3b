/* bandit_figures.c - see bandit_figures.h. Most estimators are ipw or dr with weights of another
 * shape, so there is a table of shapes and one loop. */
#include "worker/ope/bandit_figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/ope/slope.h"

enum shape { SHAPE_NONE, SHAPE_PLAIN, SHAPE_CLIP, SHAPE_SWITCH, SHAPE_SHRINK, SHAPE_SUBGAUSSIAN };

// What an estimator's rounds are.
struct form {
    bool is_dr;       // expected + weight (r - q), else weight r
    enum shape shape; // of the weight
};

static const char no_support[] =
    "the policy has no support in the log: it would have taken none of the logged actions";

static double shape_weight(enum shape shape, double w, double lambda)
{
    switch (shape) {
    case SHAPE_NONE: return 0;
    case SHAPE_PLAIN: return w;
    case SHAPE_CLIP: return fmin(w, lambda);
    case SHAPE_SWITCH: return w <= lambda ? w : 0;
    case SHAPE_SHRINK: return isinf(lambda) ? w : lambda * w / (w * w + lambda);
    case SHAPE_SUBGAUSSIAN: break;
    }
    return w > 0 ? w / (1 - lambda + lambda * w) : 0;
}

static void fill(const struct choices *c, struct form form, double lambda, double *x)
{
    for (uint64_t i = 0; i < c->num; i++) {
        double weight = shape_weight(form.shape, c->weights[i], lambda);
        x[i] = form.is_dr ? c->expected[i] + weight * (c->rewards[i] - c->predicted[i])
                          : weight * c->rewards[i];
    }
}

struct adding {
    const struct ope_options *options;
    const struct choices *choices;
    struct ope_result *result;
};

static bool decides(const struct adding *adding, const char *name)
{
    const char *by = adding->options->verdict.by;
    return strcmp(name, by ? by : "dr") == 0;
}

// rounds NULL: undefined, since `why`.
static struct ope_figure *add(const struct adding *adding, const char *name,
                              const struct rounds *rounds, const char *why)
{
    struct ope_result *result = adding->result;
    const struct interval_options *interval = &adding->options->interval;
    struct ope_figure *figure = rounds ? ope_add_rounds(result, name, rounds, interval)
                                       : ope_add_undefined(result, name, why);
    if (!decides(adding, name)) return figure;
    const struct evidence evidence = {.by = name,
                                      .rounds = rounds,
                                      .undefined = why,
                                      .logged = adding->choices->rewards,
                                      .ess = result->ess,
                                      .coverage = result->coverage,
                                      .weight_error = result->weight_error};
    verdict_reach(&evidence, interval, &adding->options->verdict, &result->verdict);
    return figure;
}

static struct ope_figure *add_mean(const struct adding *adding, const char *name, struct form form,
                                   double lambda)
{
    const struct choices *c = adding->choices;
    if (form.shape != SHAPE_NONE && !c->has_support) return add(adding, name, NULL, no_support);
    double *x = mem_alloc(c->num * sizeof(*x), "contributions");
    fill(c, form, lambda, x);
    struct ope_figure *figure = add(adding, name, &(struct rounds){c->num, x, NULL, 1}, NULL);
    mem_free(x);
    return figure;
}

/* ---- ratios ---- */

static void add_replay(const struct adding *adding)
{
    const struct choices *c = adding->choices;
    double *tops = mem_alloc(2 * c->num * sizeof(*tops), "contributions"), matches = 0;
    double *bottoms = tops + c->num;
    for (uint64_t i = 0; i < c->num; i++) {
        bottoms[i] = c->chosen[i] == 1;
        tops[i] = bottoms[i] * c->rewards[i];
        matches += bottoms[i];
    }
    const struct rounds rounds = {c->num, tops, bottoms, 1};
    if (matches > 0)
        add(adding, "replay", &rounds, NULL);
    else
        add(adding, "replay", NULL, "in no round the policy is sure to do what was logged (0/0)");
    mem_free(tops);
}

static void add_snipw(const struct adding *adding)
{
    const struct choices *c = adding->choices;
    double *tops = mem_alloc(c->num * sizeof(*tops), "contributions");
    fill(c, (struct form){false, SHAPE_PLAIN}, 0, tops);
    const struct rounds rounds = {c->num, tops, c->weights, 1};
    add(adding, "snipw", c->has_support ? &rounds : NULL, c->has_support ? NULL : no_support);
    mem_free(tops);
}

// Two slots: expected over 1, and w (r - q) over w.
static void add_sndr(const struct adding *adding)
{
    const struct choices *c = adding->choices;
    double *tops = mem_alloc(4 * c->num * sizeof(*tops), "contributions");
    double *bottoms = tops + 2 * c->num;
    for (uint64_t i = 0; i < c->num; i++) {
        tops[2 * i] = c->expected[i];
        bottoms[2 * i] = 1;
        tops[2 * i + 1] = c->weights[i] * (c->rewards[i] - c->predicted[i]);
        bottoms[2 * i + 1] = c->weights[i];
    }
    const struct rounds rounds = {c->num, tops, bottoms, 2};
    add(adding, "sndr", c->has_support ? &rounds : NULL, c->has_support ? NULL : no_support);
    mem_free(tops);
}

/* ---- SLOPE ---- */

static const double grid[] = {1, 5, 10, 50, 100, 500, 1000, 5000, 10000, INFINITY};
enum { NUM_GRID = sizeof(grid) / sizeof(grid[0]) };

static void add_slope(const struct adding *adding, const char *name, struct form form)
{
    const struct choices *c = adding->choices;
    struct slope_candidate candidates[NUM_GRID];
    double *x = mem_alloc(c->num * sizeof(*x), "contributions");
    for (uint32_t g = 0; g < NUM_GRID; g++) {
        fill(c, form, grid[g], x);
        candidates[g] = slope_candidate_of(x, c->num);
    }
    mem_free(x);
    double lambda = grid[slope_choose(candidates, NUM_GRID)];
    struct ope_figure *figure = add_mean(adding, name, form, lambda);
    if (c->has_support) figure->parameter = lambda;
}

/* ---- all ---- */

static void add_clipped(const struct adding *adding, double lambda)
{
    char name[ESTIMATE_NAME_MAX];
    snprintf(name, sizeof(name), "ipw_clip%g", lambda);
    add_mean(adding, name, (struct form){false, SHAPE_CLIP}, lambda);
    snprintf(name, sizeof(name), "dr_clip%g", lambda);
    add_mean(adding, name, (struct form){true, SHAPE_CLIP}, lambda);
    add_mean(adding, "switch-dr", (struct form){true, SHAPE_SWITCH}, lambda);
    add_mean(adding, "dr-os", (struct form){true, SHAPE_SHRINK}, lambda);
}

void bandit_figures_add(const struct ope_options *options, const struct choices *choices,
                        struct ope_result *result)
{
    const struct adding adding = {options, choices, result};
    add_replay(&adding);
    add_mean(&adding, "dm", (struct form){true, SHAPE_NONE}, 0);
    add_mean(&adding, "ipw", (struct form){false, SHAPE_PLAIN}, 0);
    add_snipw(&adding);
    add_mean(&adding, "dr", (struct form){true, SHAPE_PLAIN}, 0);
    add_sndr(&adding);
    if (!isnan(options->clip)) add_clipped(&adding, options->clip);
    if (!isnan(options->subgaussian)) {
        add_mean(&adding, "sg-ipw", (struct form){false, SHAPE_SUBGAUSSIAN}, options->subgaussian);
        add_mean(&adding, "sg-dr", (struct form){true, SHAPE_SUBGAUSSIAN}, options->subgaussian);
    }
    add_slope(&adding, "ipw_slope", (struct form){false, SHAPE_CLIP});
    add_slope(&adding, "dr_slope", (struct form){true, SHAPE_CLIP});
    add_slope(&adding, "switch-dr_slope", (struct form){true, SHAPE_SWITCH});
    add_slope(&adding, "dr-os_slope", (struct form){true, SHAPE_SHRINK});
}

void bandit_figures_add_fit(const struct ope_options *options, const struct choices *choices,
                            bool is_dr, const char *name, const char *alias,
                            struct ope_result *result)
{
    const struct adding adding = {options, choices, result};
    const struct form form = {true, is_dr ? SHAPE_PLAIN : SHAPE_NONE};
    add_mean(&adding, name, form, 0)->alias = alias;
}
