/* offline.c - see offline.h. */
#include "worker/policy/offline.h"

#include <math.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/model_dir.h"
#include "worker/policy/offline_policy.h"
#include "worker/policy/offline_rows.h"
#include "worker/policy/offline_table.h"

enum { ROUNDS_MAX = 100000 };

void offline_options_init(struct offline_options *options_out)
{
    *options_out = (struct offline_options){.discount = 0.95,
                                            .conservatism = 1,
                                            .net = {.num_layers = 2,
                                                    .widths = {64, 64},
                                                    .huber = 1,
                                                    .lr = 0.001f,
                                                    .batch_size = 64,
                                                    .num_updates = 20000,
                                                    .target_sync = 500,
                                                    .seed = 1}};
}

struct work {
    const struct offline_options *options;
    struct episode_log log;
    struct offline_result *result;
    double *q;         // of a table: (S, A)
    uint8_t *is_tried; // likewise: the log has it
};

static souk_status read_log(const char *path, const struct episode_log_options *options,
                            struct episode_log *log)
{
    struct number_table *table;
    souk_status status = number_table_read(path, "log", &table);
    if (status) return status;
    status = episode_log_make(table, options, log);
    number_table_destroy(table);
    return status;
}

/* ---- output ---- */

static souk_status write_result(const struct work *work)
{
    struct buf text = {0}, path = {0};
    offline_print_json(work->options, work->result, &text);
    buf_printf(&path, "%s/result.json", work->options->dir);
    souk_status status = file_write_atomic(buf_text(&path), text.text, text.length);
    buf_fini(&text);
    buf_fini(&path);
    return status;
}

/* ---- figures ---- */

static void measure_log(struct work *work)
{
    const struct episode_log *log = &work->log;
    struct offline_result *result = work->result;
    *result = (struct offline_result){.has_propensities = log->has_propensities,
                                      .num_episodes = log->num_episodes,
                                      .num_steps = log->num_steps,
                                      .num_states = log->num_states,
                                      .num_actions = log->num_actions,
                                      .loss = NAN,
                                      .untried = NAN};
    for (uint64_t e = 0; e < log->num_episodes; e++) {
        double factor = 1 / (double)log->num_episodes;
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            result->logged += factor * log->rewards[i];
            factor *= work->options->discount;
        }
    }
}

// q of each step's state; by_step: a row a step, else a row a state.
static void measure_policy(struct work *work, const double *q, bool by_step)
{
    const struct episode_log *log = &work->log;
    uint32_t num = log->num_actions;
    struct offline_result *result = work->result;
    uint64_t num_agreed = 0, num_untried = 0;
    for (uint64_t e = 0; e < log->num_episodes; e++)
        for (uint64_t i = log->first_step[e]; i < log->first_step[e + 1]; i++) {
            uint64_t row = by_step ? i : log->states[i];
            uint32_t best = offline_best_action(q + row * num, num);
            num_agreed += best == log->actions[i];
            num_untried += work->is_tried && !work->is_tried[row * num + best];
            if (i == log->first_step[e])
                result->value += q[row * num + best] / (double)log->num_episodes;
        }
    result->agreement = (double)num_agreed / (double)log->num_steps;
    if (work->is_tried) result->untried = (double)num_untried / (double)log->num_steps;
}

/* ---- a table ---- */

static souk_status learn_table(struct work *work)
{
    struct tabular tabular;
    const struct offline_options *options = work->options;
    const struct offline_table_options table_options = {options->discount, options->conservatism,
                                                        ROUNDS_MAX, 1e-10};
    tabular_init(&tabular, &work->log);
    work->q = mem_calloc(tabular.num_pairs, sizeof(*work->q), "values of pairs");
    work->is_tried = mem_calloc(tabular.num_pairs, 1, "pairs");
    for (uint64_t pair = 0; pair < tabular.num_pairs; pair++)
        work->is_tried[pair] = tabular.visits[pair] > 0;
    work->result->is_table = true;
    work->result->num_seen = tabular.num_seen;
    souk_status status =
        offline_table_learn(&tabular, &table_options, work->q, &work->result->num_rounds);
    tabular_fini(&tabular);
    if (status) return status;
    measure_policy(work, work->q, false);
    const struct offline_rows rows = {work->q, work->is_tried, work->log.num_states,
                                      work->log.num_actions, options->exploration};
    status = offline_rows_write(&rows, options->dir);
    if (status) return status;
    bool was_there; // weights of a network that was learnt into the folder before
    return model_dir_drop(options->dir, &was_there);
}

/* ---- a network ---- */

// Rows of the files are rows of the log, in its order.
static souk_status write_policy(struct offline_policy *policy, const struct episode_log *log,
                                const char *name, const char *dir)
{
    double *q = NULL;
    souk_status status = offline_policy_score(policy, log, name, true, &q);
    const struct offline_rows rows = {q, NULL, log->num_steps, log->num_actions,
                                      offline_policy_exploration(policy)};
    if (!status) status = offline_rows_write(&rows, dir);
    mem_free(q);
    return status;
}

// The policy for the rows of another log with the same columns.
static souk_status write_other(struct offline_policy *policy, const char *name, const char *dir)
{
    struct episode_log other = {0};
    const struct episode_log_options options = offline_policy_log_options(policy);
    souk_status status = read_log(name, &options, &other);
    if (!status) status = write_policy(policy, &other, name, dir);
    episode_log_fini(&other);
    return status;
}

static souk_status use_net(struct work *work, struct offline_policy *policy)
{
    const struct offline_options *options = work->options;
    double *q = NULL;
    souk_status status = offline_policy_score(policy, &work->log, options->log, false, &q);
    if (status) return status;
    measure_policy(work, q, true);
    mem_free(q);
    work->result->num_features = offline_policy_num_features(policy);
    work->result->num_states = 0;
    status = offline_policy_save(policy, options->dir);
    if (status) return status;
    return options->for_log ? write_other(policy, options->for_log, options->dir)
                            : write_policy(policy, &work->log, options->log, options->dir);
}

static souk_status learn_net(struct work *work)
{
    const struct offline_options *options = work->options;
    struct offline_policy_options own = {options->net, options->memory, options->exploration};
    struct offline_policy *policy = NULL;
    own.net.discount = options->discount;
    own.net.conservatism = (float)options->conservatism;
    souk_status status =
        offline_policy_learn(&own, &work->log, options->log, &work->result->loss, &policy);
    if (!status) status = use_net(work, policy);
    offline_policy_destroy(policy);
    return status;
}

souk_status offline_apply(const char *from, const char *log, double exploration, const char *dir)
{
    struct offline_policy *policy = NULL;
    souk_status status = offline_policy_load(from, &policy);
    if (status) return status;
    if (!isnan(exploration)) offline_policy_set_exploration(policy, exploration);
    status = write_other(policy, log, dir);
    offline_policy_destroy(policy);
    return status;
}

souk_status offline_run(const struct offline_options *options, struct offline_result *result_out)
{
    struct work work = {.options = options, .result = result_out};
    const struct episode_log_options log_options = {options->num_states, options->num_actions};
    souk_status status = read_log(options->log, &log_options, &work.log);
    if (!status) measure_log(&work);
    bool is_net = work.log.num_features > 0 || options->memory > 0;
    if (!status && !is_net && options->for_log)
        status = log_fail(SOUK_EUSAGE,
                          "the states of %s are numbered, and its policy is one for "
                          "all logs: leave out --policy-for",
                          options->log);
    if (!status) status = is_net ? learn_net(&work) : learn_table(&work);
    if (!status) status = write_result(&work);
    episode_log_fini(&work.log);
    mem_free(work.q);
    mem_free(work.is_tried);
    return status;
}
