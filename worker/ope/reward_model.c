/* reward_model.c - see reward_model.h. What a fold and position have is its own part: smoothed
 * means (A), or a regression as its weights of x and, since nothing else of an action changes from
 * round to round, one offset an action. */
#include "worker/ope/reward_model.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/ope/choice_values.h"
#include "worker/ope/logistic.h"
#include "worker/ope/newton.h"

enum model_kind { MODEL_FILE, MODEL_SMOOTHED, MODEL_LOGISTIC };

struct part {
    double *actions;  // (A) expected rewards, or offsets; owned
    double *features; // (F) weights of x; NULL: actions has rewards. Owned
};

struct reward_model {
    const struct bandit_log *log;  // borrowed
    struct reward_options options; // its texts are borrowed while the model is made
    const double *weights;         // (n) or NULL; borrowed while the model is made
    enum model_kind kind;
    uint32_t num_folds;
    uint32_t *folds;              // (n) of each round
    struct part *parts;           // (num_folds, K)
    struct choice_values file;    // MODEL_FILE
    struct number_table *context; // features of actions, (A, any); NULL: indicators
};

bool reward_kind_is_fitted(const char *kind)
{
    return strcmp(kind, "smoothed") == 0 || strcmp(kind, "logistic") == 0;
}

// Every fold gets as many rounds as the others, give or take one.
static void deal_folds(struct reward_model *model)
{
    uint64_t num = model->log->num_rounds;
    struct rng rng;
    model->folds = mem_calloc(num, sizeof(*model->folds), "folds");
    for (uint64_t i = 0; i < num; i++) model->folds[i] = (uint32_t)(i % model->num_folds);
    rng_init(&rng, model->options.seed, rng_stream("folds", 0, 0));
    if (model->num_folds > 1) rng_shuffle(&rng, model->folds, num, sizeof(*model->folds));
}

// Whether a round is among those that a part is fitted to.
static bool is_fitted_to(const struct reward_model *model, uint32_t fold, uint64_t round)
{
    return model->num_folds == 1 || model->folds[round] != fold;
}

static double weight_of(const struct reward_model *model, uint64_t round)
{
    return model->weights ? model->weights[round] : 1;
}

static struct part *part_of(const struct reward_model *model, uint32_t fold, uint32_t position)
{
    return &model->parts[(size_t)fold * model->log->num_positions + position];
}

/* ---- smoothed means ---- */

static void fit_means(struct reward_model *model, uint32_t fold)
{
    const struct bandit_log *log = model->log;
    uint32_t num_actions = model->options.num_actions, num_positions = log->num_positions;
    uint64_t num_cells = (uint64_t)num_actions * num_positions;
    double *sums = mem_calloc(2 * num_cells, sizeof(*sums), "means"), *counts = sums + num_cells;
    double all = 0, rounds = 0;
    for (uint64_t i = 0; i < log->num_rounds; i++) {
        if (!is_fitted_to(model, fold, i)) continue;
        uint64_t cell = (uint64_t)log->positions[i] * num_actions + log->actions[i];
        sums[cell] += weight_of(model, i) * log->rewards[i];
        counts[cell] += weight_of(model, i);
        all += log->rewards[i];
        rounds++;
    }
    double mean = rounds > 0 ? all / rounds : 0, pseudo = model->options.smoothing;
    for (uint32_t k = 0; k < num_positions; k++) {
        double *means = mem_alloc(num_actions * sizeof(*means), "means");
        for (uint32_t a = 0; a < num_actions; a++) {
            double count = counts[(uint64_t)k * num_actions + a] + pseudo;
            double sum = sums[(uint64_t)k * num_actions + a] + pseudo * mean;
            means[a] = count > 0 ? sum / count : mean;
        }
        part_of(model, fold, k)->actions = means;
    }
    mem_free(sums);
}

/* ---- logistic regression ---- */

// The rounds of one part as a problem of logistic.h; its arrays are owned.
struct design {
    struct logistic_problem problem;
    double *dense, *targets, *weights;
    uint32_t *levels;
    double low, high; // smallest and largest target of some weight
    double sum, mass; // of weighted targets, and of weights
};

static void add_round(const struct reward_model *model, uint64_t round, struct design *design)
{
    const struct bandit_log *log = model->log;
    struct logistic_problem *p = &design->problem;
    uint64_t row = p->num_rows++;
    double *dense = design->dense + row * p->num_dense;
    double target = log->rewards[round], weight = weight_of(model, round);
    memcpy(dense, log->features + round * log->num_features, log->num_features * sizeof(double));
    if (model->context)
        memcpy(dense + log->num_features,
               &model->context->values[(uint64_t)log->actions[round] * model->context->num_columns],
               model->context->num_columns * sizeof(double));
    design->levels[row] = log->actions[round];
    design->targets[row] = target;
    design->weights[row] = weight;
    design->sum += weight * target;
    design->mass += weight;
    if (weight > 0) design->low = fmin(design->low, target);
    if (weight > 0) design->high = fmax(design->high, target);
}

static void design_begin(const struct reward_model *model, struct design *design)
{
    uint64_t num = model->log->num_rounds;
    uint32_t num_dense =
        model->log->num_features + (model->context ? model->context->num_columns : 0);
    *design = (struct design){.low = INFINITY, .high = -INFINITY};
    design->dense = mem_alloc((num * num_dense + 1) * sizeof(double), "regression");
    design->targets = mem_alloc(num * sizeof(double), "regression");
    design->weights = mem_alloc(num * sizeof(double), "regression");
    design->levels = mem_alloc(num * sizeof(uint32_t), "regression");
    design->problem =
        (struct logistic_problem){.num_dense = num_dense,
                                  .num_levels = model->context ? 0 : model->options.num_actions,
                                  .dense = design->dense,
                                  .levels = design->levels,
                                  .targets = design->targets,
                                  .weights = design->weights,
                                  .penalty = model->options.penalty};
}

static void design_end(struct design *design)
{
    mem_free(design->dense);
    mem_free(design->targets);
    mem_free(design->weights);
    mem_free(design->levels);
}

// Where all rewards are the same, that is what is expected: the regression would never settle.
static void set_constant(const struct reward_model *model, const struct design *design,
                         struct part *part)
{
    for (uint32_t a = 0; a < model->options.num_actions; a++)
        part->actions[a] = design->mass > 0 ? design->sum / design->mass : 0;
}

static void set_regression(const struct reward_model *model, const double *coefficients,
                           struct part *part)
{
    uint32_t num_features = model->log->num_features, num_actions = model->options.num_actions;
    part->features = mem_alloc((num_features + 1) * sizeof(double), "regression");
    memcpy(part->features, coefficients, num_features * sizeof(double));
    for (uint32_t a = 0; a < num_actions; a++) {
        if (!model->context) {
            part->actions[a] =
                coefficients[num_features + a] + coefficients[num_features + num_actions];
            continue;
        }
        uint32_t width = model->context->num_columns;
        part->actions[a] = coefficients[num_features + width];
        for (uint32_t c = 0; c < width; c++)
            part->actions[a] +=
                coefficients[num_features + c] * number_table_at(model->context, a, c);
    }
}

static souk_status fit_regression(struct reward_model *model, uint32_t fold, uint32_t position)
{
    const struct bandit_log *log = model->log;
    struct part *part = part_of(model, fold, position);
    struct design design;
    souk_status status = SOUK_OK;
    design_begin(model, &design);
    for (uint64_t i = 0; i < log->num_rounds; i++)
        if (log->positions[i] == position && is_fitted_to(model, fold, i))
            add_round(model, i, &design);
    uint32_t size = design.problem.num_dense + design.problem.num_levels + 1;
    double *coefficients = mem_alloc(size * sizeof(double), "coefficients");
    part->actions = mem_alloc(model->options.num_actions * sizeof(double), "offsets");
    if (!(design.low < design.high))
        set_constant(model, &design, part);
    else if (logistic_fit(&design.problem, coefficients))
        set_regression(model, coefficients, part);
    else
        status = log_fail(SOUK_EDATA,
                          "%s: the logistic regression of rewards does not settle; use a smaller "
                          "--penalty, or --rewards smoothed",
                          log->table->name);
    mem_free(coefficients);
    design_end(&design);
    return status;
}

static souk_status check_regression(const struct reward_model *model)
{
    const struct bandit_log *log = model->log;
    for (uint64_t i = 0; i < log->num_rounds; i++)
        if (!(log->rewards[i] >= 0 && log->rewards[i] <= 1))
            return number_table_fail(log->table, i,
                                     "reward %.17g is not within 0 to 1, as a logistic regression "
                                     "needs; use --rewards smoothed, or a file",
                                     log->rewards[i]);
    uint64_t size = 1 + (uint64_t)log->num_features +
                    (model->context ? model->context->num_columns : model->options.num_actions);
    if (size <= NEWTON_UNKNOWNS_MAX) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: a logistic regression with %llu unknowns, and %d is the most; describe "
                    "actions by a --context file, or use --rewards smoothed",
                    log->table->name, (unsigned long long)size, NEWTON_UNKNOWNS_MAX);
}

static souk_status read_context(struct reward_model *model)
{
    souk_status status =
        number_table_read(model->options.context, "context of actions", &model->context);
    for (uint32_t c = 0; status == SOUK_OK && c < model->context->num_columns; c++)
        status = number_table_check_column(model->context, c, "fix the line");
    if (status != SOUK_OK || model->context->num_rows == model->options.num_actions) return status;
    return log_fail(SOUK_EDATA,
                    "%s: %llu rows of context for %u actions; give a row for each action",
                    model->context->name, (unsigned long long)model->context->num_rows,
                    model->options.num_actions);
}

static souk_status fit_regressions(struct reward_model *model)
{
    souk_status status = model->options.context ? read_context(model) : SOUK_OK;
    if (status == SOUK_OK) status = check_regression(model);
    for (uint32_t fold = 0; fold < model->num_folds; fold++)
        for (uint32_t k = 0; k < model->log->num_positions && status == SOUK_OK; k++)
            status = fit_regression(model, fold, k);
    return status;
}

/* ---- all kinds ---- */

static souk_status read_file(struct reward_model *model)
{
    souk_status status =
        choice_values_read(model->options.kind, "rewards", model->log, &model->file);
    if (status != SOUK_OK || model->file.num_actions == model->options.num_actions) return status;
    return log_fail(SOUK_EDATA,
                    "%s: rewards of %u actions where the policy has %u; give both all "
                    "actions",
                    model->file.table->name, model->file.num_actions, model->options.num_actions);
}

static souk_status fit(struct reward_model *model)
{
    if (model->kind == MODEL_FILE) return read_file(model);
    model->parts = mem_calloc((size_t)model->num_folds * model->log->num_positions,
                              sizeof(*model->parts), "parts of a reward model");
    deal_folds(model);
    if (model->kind == MODEL_LOGISTIC) return fit_regressions(model);
    for (uint32_t fold = 0; fold < model->num_folds; fold++) fit_means(model, fold);
    return SOUK_OK;
}

souk_status reward_model_create(const struct bandit_log *log, const struct reward_options *options,
                                const double *weights, struct reward_model **model_out)
{
    struct reward_model *model = mem_calloc(1, sizeof(*model), "reward model");
    *model = (struct reward_model){.log = log, .options = *options, .weights = weights};
    model->num_folds = options->num_folds > 1 ? options->num_folds : 1;
    if (strcmp(options->kind, "smoothed") == 0) model->kind = MODEL_SMOOTHED;
    if (strcmp(options->kind, "logistic") == 0) model->kind = MODEL_LOGISTIC;
    souk_status status = fit(model);
    if (status == SOUK_OK)
        *model_out = model;
    else
        reward_model_destroy(model);
    return status;
}

void reward_model_destroy(struct reward_model *model)
{
    if (!model) return;
    size_t num_parts = model->parts ? (size_t)model->num_folds * model->log->num_positions : 0;
    for (size_t p = 0; p < num_parts; p++) {
        mem_free(model->parts[p].actions);
        mem_free(model->parts[p].features);
    }
    mem_free(model->parts);
    mem_free(model->folds);
    choice_values_fini(&model->file);
    number_table_destroy(model->context);
    mem_free(model);
}

void reward_model_row(const struct reward_model *model, uint64_t round, double *row_out)
{
    const struct bandit_log *log = model->log;
    uint32_t num_actions = model->options.num_actions;
    if (model->kind == MODEL_FILE) {
        choice_values_row(&model->file, log, round, row_out);
        return;
    }
    const struct part *part = part_of(model, model->folds[round], log->positions[round]);
    if (!part->features) {
        memcpy(row_out, part->actions, num_actions * sizeof(*row_out));
        return;
    }
    const double *x = log->features + round * log->num_features;
    double base = 0;
    for (uint32_t f = 0; f < log->num_features; f++) base += part->features[f] * x[f];
    for (uint32_t a = 0; a < num_actions; a++) row_out[a] = logistic_share(base + part->actions[a]);
}
