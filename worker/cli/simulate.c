/* simulate.c - souk simulate: policies side by side on the same simulated users. */
#include <stddef.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/agent/agent_dir.h"
#include "worker/cli/output.h"
#include "worker/cli/simulate_output.h"
#include "worker/cli/verb.h"
#include "worker/env/user_model.h"

enum { POLICIES_MAX = 32, TRACED_MAX = 1000 };
static const uint64_t USERS_MAX = 100000000;

struct simulate_options {
    const char *policies; // between commas; NULL: all that have nothing to learn
    uint64_t num_users, num_traced;
    const char *log; // file; NULL: none
    double epsilon;
};

#define FIELD(name) offsetof(struct simulate_options, name)
static const struct own_option rows[] = {
    {"--policies", OWN_TEXT, FIELD(policies)}, {"--users", OWN_COUNT, FIELD(num_users)},
    {"--trace", OWN_COUNT, FIELD(num_traced)}, {"--log", OWN_TEXT, FIELD(log)},
    {"--epsilon", OWN_NUMBER, FIELD(epsilon)},
};
static const struct own_options own = {"simulate", rows, sizeof rows / sizeof *rows};

struct simulating {
    const struct program *program;
    const struct args *args;
    struct simulate_options options;
    struct comm *comm;
    const struct env_ops *env_ops;
    struct env *env;
    struct env_shape shape;
    struct session *session; // of the user model; NULL: the environment has none
    struct user_model *user_model;
    char *names[POLICIES_MAX]; // owned
    uint32_t num_policies;
    struct sim_result results[POLICIES_MAX];
    struct sim_row rows[POLICIES_MAX];
};

/* ---- policies ---- */

static souk_status split_policies(struct simulating *run)
{
    const char *text = run->options.policies;
    if (!text) text = run->env_ops->qualities ? "random,greedy,oracle" : "random,greedy";
    for (;;) {
        size_t length = strcspn(text, ",");
        if (length == 0) return log_fail(SOUK_EUSAGE, "simulate: --policies: an entry is empty");
        if (run->num_policies == POLICIES_MAX)
            return log_fail(SOUK_EUSAGE, "simulate: more than %d policies", POLICIES_MAX);
        char *name = mem_alloc(length + 1, "name of a policy");
        memcpy(name, text, length);
        name[length] = '\0';
        run->names[run->num_policies++] = name;
        if (text[length] == '\0') return SOUK_OK;
        text += length + 1;
    }
}

/* Takes policy->agent. */
static souk_status lead(struct simulating *run, const struct sim_policy *policy, uint32_t idx)
{
    struct sim_options options = {.env_ops = run->env_ops,
                                  .env = run->env,
                                  .comm = run->comm,
                                  .num_users = run->options.num_users,
                                  .num_traced = run->options.num_traced,
                                  .seed = run->args->config.run.seed,
                                  .stop_signal = run->program->stop_signal,
                                  .exploration = {.epsilon = run->options.epsilon}};
    souk_status status = SOUK_OK;
    if (run->options.log) status = sim_log_open(run->options.log, &run->shape, &options.log);
    if (status == SOUK_OK) status = sim_run(&options, policy, &run->results[idx]);
    souk_status closed = sim_log_close(options.log);
    if (status == SOUK_OK) status = closed;
    if (policy->agent) policy->ops->destroy(policy->agent);
    return status;
}

static souk_status run_policy(struct simulating *run, const struct agent_ops *ops, uint32_t idx)
{
    const struct agent_options options = {
        .config = &run->args->config, .shape = run->shape, .comm = run->comm};
    struct sim_policy policy = {.ops = ops};
    souk_status status = SOUK_OK;
    if (ops) status = comm_agree(run->comm, ops->create(&options, &policy.agent));
    return status == SOUK_OK ? lead(run, &policy, idx) : status;
}

static struct session_options session_options_of(const struct simulating *run)
{
    return (struct session_options){.config = &run->args->config,
                                    .comm = run->comm,
                                    .local = run->program->local,
                                    .server_program = run->program->server_program,
                                    .is_quiet = true};
}

/* A policy that was learnt. Servers are started for those with rows alone, and end with each. */
static souk_status run_folder(struct simulating *run, const char *dir, uint32_t idx)
{
    const struct session_options session_options = session_options_of(run);
    struct session *session = NULL;
    struct agent_options options = {
        .config = &run->args->config, .shape = run->shape, .comm = run->comm};
    struct sim_policy policy = {0};
    bool has_rows = false;
    souk_status status = comm_agree(run->comm, agent_dir_has_rows(dir, &has_rows));
    if (status == SOUK_OK && has_rows) status = session_create(&session_options, &session);
    if (session) options.client = session_client(session);
    if (status == SOUK_OK) status = agent_dir_load(dir, &options, &policy.ops, &policy.agent, NULL);
    if (status == SOUK_OK) status = lead(run, &policy, idx);
    session_destroy(session);
    return status;
}

static souk_status run_named(struct simulating *run, uint32_t idx)
{
    const char *name = run->names[idx];
    if (strcmp(name, "oracle") == 0) {
        if (run->env_ops->qualities) return run_policy(run, NULL, idx);
        return log_fail(SOUK_EUSAGE, "simulate: users of %s hide nothing that an oracle could know",
                        run->env_ops->name);
    }
    const struct agent_ops *ops = agent_ops_get(name);
    if (ops && !ops->learn) return run_policy(run, ops, idx);
    if (ops)
        return log_fail(SOUK_EUSAGE,
                        "simulate: %s has nothing learnt yet; name the folder that souk "
                        "learn-policy made of it",
                        name);
    if (file_exists(name)) return run_folder(run, name, idx);
    return log_fail(SOUK_EUSAGE,
                    "simulate: \"%s\" is none of random, greedy, oracle, and no folder either",
                    name);
}

/* ---- the verb ---- */

static souk_status check(const struct simulating *run)
{
    const struct simulate_options *options = &run->options;
    if (options->num_users < 1 || options->num_users > USERS_MAX)
        return log_fail(SOUK_EUSAGE, "simulate: --users must be 1..%llu",
                        (unsigned long long)USERS_MAX);
    if (options->num_traced > TRACED_MAX)
        return log_fail(SOUK_EUSAGE, "simulate: --trace must be 0..%d", TRACED_MAX);
    if (!(options->epsilon >= 0 && options->epsilon <= 1))
        return log_fail(SOUK_EUSAGE, "simulate: --epsilon must be 0..1");
    return SOUK_OK;
}

static souk_status check_log(const struct simulating *run)
{
    if (!run->options.log) return SOUK_OK;
    if (comm_size(run->comm) > 1)
        return log_fail(SOUK_EUSAGE, "simulate: --log is written by one process, without mpirun");
    if (run->num_policies == 1) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "simulate: --log is of one policy, such as --policies random");
}

static souk_status print(struct simulating *run)
{
    const struct simulated simulated = {.env_type = run->env_ops->name,
                                        .shape = run->shape,
                                        .seed = run->args->config.run.seed,
                                        .num_policies = run->num_policies,
                                        .names = (const char *const *)run->names,
                                        .results = run->results,
                                        .rows = run->rows};
    struct buf text = {0};
    souk_status status = SOUK_OK;
    if (run->args->svg) {
        simulate_svg(&simulated, &text);
        status = output_text(run->args->svg, &text);
        buf_clear(&text);
    }
    if (run->args->is_json)
        simulate_json(&simulated, &text);
    else
        simulate_text(&simulated, &text);
    if (status == SOUK_OK) status = output_text(NULL, &text);
    buf_fini(&text);
    return status;
}

/* On servers of its own: a policy's tables may have the names of the model's. */
static souk_status open_user_model(struct simulating *run)
{
    const struct session_options session_options = session_options_of(run);
    souk_status status = session_create(&session_options, &run->session);
    if (status != SOUK_OK) return status;
    const struct user_model_options options = {
        .config = &run->args->config, .client = session_client(run->session), .comm = run->comm};
    return user_model_open(&options, &run->user_model);
}

static souk_status make_env(struct simulating *run)
{
    const struct config *config = &run->args->config;
    souk_status status = env_has_user_model(config) ? open_user_model(run) : SOUK_OK;
    if (status != SOUK_OK) return status;
    const struct env_options options = {.config = config,
                                        .num_users = sim_places(run->options.num_users, run->comm),
                                        .seed = config->run.seed,
                                        .user_model = run->user_model};
    status = comm_agree(run->comm, env_create(&options, &run->env_ops, &run->env));
    if (status == SOUK_OK) run->env_ops->shape(run->env, &run->shape);
    return status;
}

static souk_status simulate(struct simulating *run)
{
    souk_status status = comm_create(&run->program->launch, &run->comm);
    if (status == SOUK_OK) status = make_env(run);
    if (status == SOUK_OK) status = split_policies(run);
    if (status == SOUK_OK) status = check_log(run);
    if (status != SOUK_OK) return status;
    for (uint32_t p = 0; status == SOUK_OK && p < run->num_policies; p++)
        status = run_named(run, p);
    if (status == SOUK_OK && comm_rank(run->comm) == 0) {
        sim_compare(run->results, run->num_policies, run->rows);
        status = print(run);
    }
    return comm_agree(run->comm, status);
}

static void close_all(struct simulating *run)
{
    for (uint32_t p = 0; p < run->num_policies; p++) {
        sim_result_fini(&run->results[p]);
        mem_free(run->names[p]);
    }
    if (run->env) run->env_ops->destroy(run->env);
    user_model_close(run->user_model);
    session_destroy(run->session);
    comm_destroy(run->comm);
}

static souk_status run_verb(const struct program *program, int argc, char **argv)
{
    struct args args = {0};
    struct simulating run = {
        .program = program,
        .args = &args,
        .options = {.num_users = 1500},
    };
    souk_status status = own_options_take(&own, &argc, argv, &run.options);
    if (status != SOUK_OK) return status;
    status = args_parse(&verb_simulate, ARG_CONFIG | ARG_JSON | ARG_SVG, argc, argv, &args);
    if (status == SOUK_OK) status = check(&run);
    if (status == SOUK_OK) status = simulate(&run);
    bool is_leader = !run.comm || comm_rank(run.comm) == 0;
    close_all(&run);
    args_fini(&args);
    // A rank that ends with a code makes mpirun kill the others: rank 0 speaks for all.
    return is_leader ? status : SOUK_OK;
}

const struct verb verb_simulate = {
    .name = "simulate",
    .summary = "policies side by side on the same simulated users",
    .help =
        "usage: souk simulate [-c FILE] [--policies LIST] [--users N] [--trace N] [--json]\n"
        "                     [--svg FILE] [--set key=value]\n"
        "\n"
        "Leads simulated users (env.* of the configuration) through their whole stay, under each\n"
        "policy in turn, and prints means a user with standard errors; then the differences from\n"
        "the first policy, taken user by user. A user is a function of run.seed and its number,\n"
        "so the figures are the same for any number of workers under mpirun.\n"
        "\n"
        "  return     sum of the rewards        clicks   steps in which something was chosen\n"
        "  steps      length of the stay        quality  mean over what a user chose\n"
        "  diversity  mean over slates of 1 - cosine of the features of two items of a slate\n"
        "\n"
        "  -c FILE         the users, such as conf/interest_evolution.yaml\n"
        "  --policies LIST random (any slate), greedy (the highest click probability), oracle\n"
        "                  (the highest quality, which no other policy knows), and folders that\n"
        "                  souk learn-policy made; random,greedy,oracle if not given,\n"
        "                  without oracle where nothing is hidden\n"
        "  --users N       users, 0 to N - 1 (1500)\n"
        "  --trace N       prints every step of the first N users as well: what they were shown,\n"
        "                  what they chose, and how they stand then; t14 q-0.01 is an item of\n"
        "                  topic 14 and quality -0.01\n"
        "  --epsilon E     share of slates that are random instead (0); not of the oracle's\n"
        "  --log FILE      every step of one policy as CSV: user, step, x0, ... (the user), "
        "scores\n"
        "                  and features of candidates (c0_score, c0_x0, ...), slate (action0, "
        "...),\n"
        "                  choice, reward, pscore, done; souk learn-policy --slates learns from "
        "it\n"
        "  --json          one JSON object: environment, users, seed, policies [{policy, a "
        "figure:\n"
        "                  {mean, stderr, users}, difference {...}, cut, trace [...]}]; numbers\n"
        "                  are finite or null\n"
        "  --svg FILE      draws the means with 95 % intervals\n"
        "  --set KEY=VALUE such as env.type=long_term_satisfaction, env.slate_size=2\n",
    .own = &own,
    .run = run_verb,
};
