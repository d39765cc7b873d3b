/* train.c - souk train: the configuration to all ranks, servers, training, the summary. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/verb.h"
#include "worker/train/summary.h"
#include "worker/train/trainer.h"

// What rank 0 tells the others besides the configuration.
struct orders {
    souk_status status; // of the command line
    bool is_resuming;
};

/* Rank 0 reads options and files, the others get the resolved text: they may see other files. */
static souk_status share_config(struct comm *comm, int argc, char **argv, struct args *args,
                                struct orders *orders)
{
    bool is_rank_0 = comm_rank(comm) == 0;
    if (is_rank_0) {
        orders->status =
            args_parse(&verb_train, ARG_CONFIG | ARG_SERVERS | ARG_RESUME, argc, argv, args);
        orders->is_resuming = args->is_resume;
    } else {
        config_init(&args->config);
    }
    comm_broadcast(comm, orders, sizeof *orders);
    if (orders->status != SOUK_OK || comm_size(comm) == 1) return orders->status;

    struct buf shown = {0};
    if (is_rank_0) config_show(&args->config, false, &shown);
    char *text = mem_strdup(buf_text(&shown));
    buf_fini(&shown);
    comm_broadcast_text(comm, &text);
    souk_status status = SOUK_OK;
    if (!is_rank_0) {
        status = config_read_text(&args->config, text, strlen(text), "configuration of rank 0");
        enum log_level level;
        if (status == SOUK_OK && log_level_parse(args->config.run.log_level, &level))
            log_set_level(level);
    }
    mem_free(text);
    return comm_agree(comm, status);
}

static souk_status report(const struct trainer_options *options, const struct train_result *result,
                          bool is_stopped)
{
    if (comm_rank(options->comm) != 0) return SOUK_OK;
    struct summary summary = {.config = options->config,
                              .result = result,
                              .topology = session_topology(options->session),
                              .is_stopped = is_stopped};
    struct buf text = {0};
    summary_format(&summary, &text);
    souk_status status = summary_write_files(&summary);
    fputs(buf_text(&text), stdout);
    buf_fini(&text);
    return status;
}

static souk_status train(const struct program *program, struct comm *comm,
                         const struct config *config, bool is_resuming)
{
    struct session *session = NULL;
    struct session_options session_options = {.config = config,
                                              .comm = comm,
                                              .local = program->local,
                                              .server_program = program->server_program};
    souk_status status = session_create(&session_options, &session);
    if (status != SOUK_OK) return status;
    struct trainer_options options = {.config = config,
                                      .comm = comm,
                                      .session = session,
                                      .stop_signal = program->stop_signal,
                                      .is_resuming = is_resuming,
                                      .is_terminal = program->is_stderr_terminal,
                                      .columns = program->terminal_columns};
    struct train_result result = {0};
    status = trainer_run(&options, &result);
    if (status == SOUK_OK || status == SOUK_ESTOPPED) {
        souk_status reported = comm_agree(comm, report(&options, &result, status != SOUK_OK));
        if (reported != SOUK_OK) status = reported;
    }
    train_result_fini(&result);
    session_destroy(session);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    struct comm *comm;
    souk_status status = comm_create(&program->launch, &comm);
    if (status != SOUK_OK) return status;
    bool is_rank_0 = comm_rank(comm) == 0;
    log_set_role("worker", comm_size(comm) > 1 ? (int)comm_rank(comm) : -1);

    struct args args = {0};
    struct orders orders = {0};
    status = share_config(comm, argc, argv, &args, &orders);
    if (status == SOUK_OK) status = train(program, comm, &args.config, orders.is_resuming);
    args_fini(&args);
    comm_destroy(comm);
    // A rank that ends with a code makes mpirun kill the others: rank 0 speaks for all.
    return is_rank_0 ? status : SOUK_OK;
}

const struct verb verb_train = {
    .name = "train",
    .summary = "trains a model on parameter servers",
    .help =
        "usage: souk train [-c FILE] [--set KEY=VALUE]... [--servers A,B] [--resume]\n"
        "       mpirun -n N souk train ...\n"
        "       scripts/launch.sh -s SERVERS -w WORKERS train ...\n"
        "\n"
        "Trains the model that the configuration describes. One process runs its servers as\n"
        "threads; under mpirun the first worker starts cluster.servers processes on its host;\n"
        "--servers takes addresses of servers that run already.\n"
        "\n"
        "  -c FILE           configuration; `souk config doc` explains every key\n"
        "  --set KEY=VALUE   one option on top of it, such as --set train.epochs=5\n"
        "  --servers A,B     addresses such as tcp://10.0.0.1:4000\n"
        "  --resume          goes on from the checkpoint in run.dir\n"
        "\n"
        "Ctrl-C stops at a step edge with a checkpoint (exit code 75); again ends at once.\n"
        "run.dir gets config.yaml, events.jsonl, result.json, curve.svg, model/, checkpoint/, and\n"
        "calibration.svg (predicted against observed clicks) of a model of clicks.\n"
        "\n"
        "exit codes: 0 done, 1 failure, 2 usage, configuration or topology, 3 data, 4 diverged,\n"
        "75 stopped after a checkpoint\n",
    .run = run,
    .outlives_reader = true,
};
