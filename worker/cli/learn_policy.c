/* learn_policy.c - souk learn-policy: the configuration to all ranks, servers, learning from
 * simulated users, the summary. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/learn_policy_log.h"
#include "worker/cli/learn_policy_slates.h"
#include "worker/cli/verb.h"
#include "worker/policy/learn_report.h"

// What rank 0 tells the others besides the configuration.
struct orders {
    souk_status status; // of the command line
    bool is_resuming, is_json;
};

static souk_status share_text(struct comm *comm, struct args *args)
{
    bool is_rank_0 = comm_rank(comm) == 0;
    struct buf shown = {0};
    if (is_rank_0) config_show(&args->config, false, &shown);
    char *text = mem_strdup(buf_text(&shown));
    buf_fini(&shown);
    comm_broadcast_text(comm, &text);
    souk_status status = SOUK_OK;
    if (!is_rank_0)
        status = config_read_text(&args->config, text, strlen(text), "configuration of rank 0");
    enum log_level level;
    if (status == SOUK_OK && log_level_parse(args->config.run.log_level, &level))
        log_set_level(level);
    mem_free(text);
    return comm_agree(comm, status);
}

/* Rank 0 reads options and files, the others get the resolved text: they may see other files. */
static souk_status share_config(struct comm *comm, int argc, char **argv, struct args *args,
                                struct orders *orders)
{
    const unsigned flags = ARG_CONFIG | ARG_SERVERS | ARG_RESUME | ARG_JSON;
    if (comm_rank(comm) == 0) {
        orders->status = args_parse(&verb_learn_policy, flags, argc, argv, args);
        orders->is_resuming = args->is_resume;
        orders->is_json = args->is_json;
    } else {
        config_init(&args->config);
    }
    comm_broadcast(comm, orders, sizeof *orders);
    if (orders->status != SOUK_OK || comm_size(comm) == 1) return orders->status;
    return share_text(comm, args);
}

static souk_status report(const struct learn_report *report, bool is_json)
{
    struct buf text = {0};
    if (is_json)
        learn_report_json(report, &text);
    else
        learn_report_text(report, &text);
    souk_status status = learn_report_write(report);
    fputs(buf_text(&text), stdout);
    buf_fini(&text);
    return status;
}

static souk_status learn(const struct program *program, struct comm *comm,
                         const struct config *config, const struct orders *orders)
{
    struct session *session = NULL;
    struct session_options session_options = {.config = config,
                                              .comm = comm,
                                              .local = program->local,
                                              .server_program = program->server_program};
    souk_status status = session_create(&session_options, &session);
    if (status != SOUK_OK) return status;
    struct learn_options options = {.config = config,
                                    .comm = comm,
                                    .session = session,
                                    .stop_signal = program->stop_signal,
                                    .is_resuming = orders->is_resuming,
                                    .is_terminal = program->is_stderr_terminal};
    struct learn_result result = {0};
    status = learn_run(&options, &result);
    if (status == SOUK_OK || status == SOUK_ESTOPPED) {
        struct learn_report shown = {.config = config,
                                     .result = &result,
                                     .topology = session_topology(session),
                                     .is_stopped = status == SOUK_ESTOPPED};
        souk_status reported = SOUK_OK;
        if (comm_rank(comm) == 0) reported = report(&shown, orders->is_json);
        reported = comm_agree(comm, reported);
        if (reported != SOUK_OK) status = reported;
    }
    learn_result_fini(&result);
    session_destroy(session);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    if (learn_policy_has_log(argc, argv)) return learn_policy_from_log(program, argc, argv);
    if (learn_policy_has_slates(argc, argv)) return learn_policy_from_slates(program, argc, argv);
    struct comm *comm;
    souk_status status = comm_create(&program->launch, &comm);
    if (status != SOUK_OK) return status;
    bool is_rank_0 = comm_rank(comm) == 0;
    log_set_role("worker", comm_size(comm) > 1 ? (int)comm_rank(comm) : -1);
    struct args args = {0};
    struct orders orders = {0};
    status = share_config(comm, argc, argv, &args, &orders);
    if (status == SOUK_OK) status = learn(program, comm, &args.config, &orders);
    args_fini(&args);
    comm_destroy(comm);
    // A rank that ends with a code makes mpirun kill the others: rank 0 speaks for all.
    return is_rank_0 ? status : SOUK_OK;
}

const struct verb verb_learn_policy = {
    .name = "learn-policy",
    .summary = "learns what to show from simulated users, or from a log",
    .help =
        "usage: souk learn-policy [-c FILE] [--set KEY=VALUE]... [--servers A,B] [--resume] "
        "[--json]\n"
        "       mpirun -n N souk learn-policy ...\n"
        "       scripts/launch.sh -s SERVERS -w WORKERS learn-policy ...\n"
        "\n"
        "An agent (policy.agent) meets simulated users (env.type), learns from what they do, and\n"
        "is tested on held-out ones. Workers act and learn at once; what they learn lives on the\n"
        "servers, or in lock step (train.consistency=bsp) on all of them.\n"
        "\n"
        "  -c FILE           configuration, such as conf/slateq.yaml; sections env and policy\n"
        "  --set KEY=VALUE   one option on top of it, such as --set policy.steps=200000\n"
        "  --servers A,B     addresses such as tcp://10.0.0.1:4000\n"
        "  --resume          goes on from the checkpoint in run.dir, with an empty replay\n"
        "  --json            the result as one JSON object: that of result.json\n"
        "\n"
        "Ctrl-C stops at a step with a checkpoint (exit code 75); again ends at once.\n"
        "run.dir gets config.yaml, events.jsonl, result.json, curve.svg, checkpoint/ and model/,\n"
        "the policy, which `souk simulate --policies` compares with others.\n"
        "\n"
        "exit codes: 0 done, 1 failure, 2 usage, configuration or topology, 3 data, 4 diverged,\n"
        "75 stopped after a checkpoint\n"
        "\n" LEARN_POLICY_LOG_HELP LEARN_POLICY_SLATES_HELP,
    .run = run,
    .outlives_reader = true,
};
