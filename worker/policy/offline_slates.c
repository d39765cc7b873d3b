/* offline_slates.c - see offline_slates.h. */
#include "worker/policy/offline_slates.h"

#include <math.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/text/json.h"
#include "worker/agent/agent_dir.h"
#include "worker/policy/choice_fit.h"

static const uint64_t REPLAY_MAX = 1000000000;

static void measure(const struct slate_turns *turns, struct offline_slates_result *result)
{
    *result = (struct offline_slates_result){.shape = turns->shape,
                                             .num_users = turns->num_users,
                                             .num_turns = turns->num_turns,
                                             .has_scores = turns->has_scores,
                                             .choice_loss = NAN,
                                             .loss = NAN};
    for (uint64_t i = 0; i < turns->num_turns; i++) {
        const struct env_outcome *outcome = &turns->outcomes[i];
        result->logged += (double)outcome->reward / (double)turns->num_users;
        result->chosen += (outcome->choice >= 0) / (double)turns->num_turns;
    }
}

static souk_status prepare(struct config *config, const struct slate_turns *turns,
                           const struct agent_ops **ops_out)
{
    const struct agent_ops *ops;
    souk_status status = agent_ops_find(config, &ops);
    if (status) return status;
    if (!ops->watch)
        return config_fail_at(config, "policy.agent",
                              "%s does not learn from a log of slates; take slateq or dqn",
                              ops->name);
    if (turns->num_turns + 2 > REPLAY_MAX)
        return log_fail(SOUK_EDATA, "a log of more than %llu steps is not learnt from",
                        (unsigned long long)REPLAY_MAX);
    config->policy.replay = turns->num_turns + 2;
    config->policy.warmup = 0;
    config->policy.updates = 1;
    *ops_out = ops;
    return SOUK_OK;
}

static void watch_all(const struct agent_ops *ops, struct agent *agent,
                      const struct slate_turns *turns)
{
    for (uint64_t i = 0; i < turns->num_turns; i++) {
        const struct env_view view = slate_turns_view(turns, i);
        ops->watch(agent, &view, turns->slates + i * turns->shape.slate_size);
        ops->observe(agent, &turns->outcomes[i]);
    }
}

static souk_status learn(const struct offline_slates_options *options, const struct agent_ops *ops,
                         struct agent *agent, double *loss_out)
{
    const struct config *config = options->config;
    uint64_t num = options->num_updates, late = num - num / 10 - 1;
    double from = (double)config->policy.lr, to = (double)config->policy.lr_end;
    struct agent_news news = {0};
    for (uint64_t i = 0; i < num; i++) {
        if (options->stop_signal && *options->stop_signal)
            return log_fail(SOUK_ESTOPPED, "stopped by a signal; nothing is written");
        if (i == late) news = (struct agent_news){0};
        double lr = from + (to - from) * (double)i / (double)num;
        souk_status status = ops->learn(agent, (float)lr, &news);
        if (status) return status;
    }
    if (news.num_updates == 0)
        return log_fail(SOUK_EDATA, "no step of %s tells what followed%s", options->log,
                        config->policy.null_value == CONFIG_NULL_ZERO
                            ? ", or nothing was ever chosen; policy.null_value=learned learns from "
                              "that too"
                            : ": mark where users left (done), or give longer stays");
    *loss_out = news.loss / news.num_updates;
    return SOUK_OK;
}

static souk_status save(const struct offline_slates_options *options, const struct agent_ops *ops,
                        const struct agent *agent, const struct offline_slates_result *result)
{
    struct buf text = {0}, path = {0};
    const struct agent_save saving = {.dir = options->dir, .ops = ops, .agent = agent};
    souk_status status = file_make_dirs(options->dir);
    if (!status) status = model_dir_prepare(options->dir);
    if (!status) status = agent_dir_save(&saving);
    offline_slates_json(options, result, &text);
    buf_printf(&path, "%s/result.json", options->dir);
    if (!status) status = file_write_atomic(buf_text(&path), text.text, text.length);
    buf_fini(&text);
    buf_fini(&path);
    return status;
}

static souk_status learn_and_save(const struct offline_slates_options *options,
                                  const struct slate_turns *turns,
                                  struct offline_slates_result *result)
{
    const struct agent_ops *ops = NULL;
    struct agent *agent = NULL;
    souk_status status = prepare(options->config, turns, &ops);
    if (status) return status;
    const struct agent_options agent_options = {
        .config = options->config, .shape = turns->shape, .is_learning = true};
    status = ops->create(&agent_options, &agent);
    if (status) return status;
    if (ops->begin) status = ops->begin(agent);
    if (!status) {
        watch_all(ops, agent, turns);
        status = learn(options, ops, agent, &result->loss);
    }
    if (!status) status = save(options, ops, agent, result);
    ops->destroy(agent);
    return status;
}

souk_status offline_slates_run(const struct offline_slates_options *options,
                               struct offline_slates_result *result_out)
{
    struct slate_turns turns;
    souk_status status = slate_turns_read(options->log, &turns);
    if (!status) {
        measure(&turns, result_out);
        if (!turns.has_scores) status = choice_fit(&turns, &result_out->choice_loss);
    }
    if (!status) status = learn_and_save(options, &turns, result_out);
    slate_turns_fini(&turns);
    return status;
}

/* ---- the result ---- */

static void put_count(struct json *json, const char *key, uint64_t count)
{
    json_key(json, key);
    json_uint(json, count);
}

static void put_number(struct json *json, const char *key, double number)
{
    json_key(json, key);
    json_double(json, number);
}

static void put_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

static const char *target_of(const struct config *config)
{
    return config->policy.target == CONFIG_TARGET_SARSA ? "sarsa" : "q_learning";
}

void offline_slates_json(const struct offline_slates_options *options,
                         const struct offline_slates_result *result, struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    put_text(&json, "agent", options->config->policy.agent);
    put_text(&json, "target", target_of(options->config));
    put_text(&json, "scores", result->has_scores ? "log" : "fitted");
    put_text(&json, "log", options->log);
    put_count(&json, "users", result->num_users);
    put_count(&json, "steps", result->num_turns);
    put_count(&json, "candidates", result->shape.num_candidates);
    put_count(&json, "slate_size", result->shape.slate_size);
    put_number(&json, "gamma", (double)options->config->policy.gamma);
    put_count(&json, "updates", options->num_updates);
    put_number(&json, "loss", result->loss);
    put_number(&json, "choice_loss", result->choice_loss);
    put_number(&json, "chosen", result->chosen);
    put_number(&json, "logged_return", result->logged);
    json_close(&json);
    buf_add_char(out, '\n');
}

void offline_slates_text(const struct offline_slates_options *options,
                         const struct offline_slates_result *result, struct buf *out)
{
    char users[32], steps[32], updates[32];
    const struct env_shape *shape = &result->shape;
    buf_printf(out, "log           %s: %s users, %s steps, slates of %u out of %u\n", options->log,
               text_group_digits(result->num_users, users),
               text_group_digits(result->num_turns, steps), shape->slate_size,
               shape->num_candidates);
    buf_printf(out, "choices       in %.1f %% of the steps; scores ", 100 * result->chosen);
    if (result->has_scores)
        buf_add_text(out, "are those of the log\n");
    else
        buf_printf(out, "are fitted, to a loss of %.6g a step\n", result->choice_loss);
    buf_printf(out, "logged        %.6g mean return of a user\n", result->logged);
    buf_printf(out, "method        %s, target %s, gamma %g; %s updates, loss %.6g at the end\n",
               options->config->policy.agent, target_of(options->config),
               (double)options->config->policy.gamma,
               text_group_digits(options->num_updates, updates), result->loss);
    buf_printf(out, "written to %s, a policy for souk simulate --policies\n", options->dir);
}
