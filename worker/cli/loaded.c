/* loaded.c - see loaded.h. */
#include "worker/cli/loaded.h"

#include <string.h>

#include "common/base/log.h"
#include "worker/model/exchange.h"

static souk_status make_model(struct loaded *loaded)
{
    const char *type = model_dir_type(loaded->dir);
    loaded->ops = model_ops_get(type);
    if (strncmp(type, "policy:", 7) == 0)
        return log_fail(SOUK_EDATA,
                        "%s: is a policy and no model that predicts; `souk simulate --policies` "
                        "and `souk recommend --policy` know what to do with it",
                        model_dir_path(loaded->dir));
    if (!loaded->ops)
        return log_fail(SOUK_EDATA,
                        "%s: is a model of type \"%s\", which this souk does not know; use the "
                        "version that trained it",
                        model_dir_path(loaded->dir), type);
    souk_status status = loaded->ops->load(&loaded->config, model_dir_state(loaded->dir),
                                           loaded->comm, &loaded->model);
    if (status == SOUK_OK) status = tables_match_dir(loaded->ops, loaded->model, loaded->dir);
    return status == SOUK_OK ? weights_load(loaded->ops, loaded->model, loaded->dir) : status;
}

static souk_status start_servers(const struct program *program, struct loaded *loaded)
{
    struct session_options options = {.config = &loaded->config,
                                      .comm = loaded->comm,
                                      .local = program->local,
                                      .server_program = program->server_program,
                                      .is_quiet = true};
    souk_status status = session_create(&options, &loaded->session);
    if (status != SOUK_OK) return status;
    loaded->client = session_client(loaded->session);
    status = model_dir_load(loaded->dir, loaded->client, comm_rank(loaded->comm),
                            comm_size(loaded->comm), loaded->tables);
    return comm_agree(loaded->comm, status);
}

souk_status loaded_open(const struct program *program, const struct args *args, const char *verb,
                        struct loaded *loaded_out)
{
    struct loaded *loaded = loaded_out;
    *loaded = (struct loaded){.config = args->config, .stop_signal = program->stop_signal};
    // Servers and sizes that the training had are no business of whoever uses its model.
    loaded->config.cluster.addresses = (struct config_list){0};
    loaded->config.cluster.workers = 0;
    if (args->data.num_items > 0) loaded->config.data.test = args->data;
    if (!args->model_dir)
        return log_fail(SOUK_EUSAGE, "%s: which model? Give -m DIR, the run.dir of `souk train`",
                        verb);

    souk_status status = comm_create(&program->launch, &loaded->comm);
    if (status != SOUK_OK) return status;
    status = model_dir_open(args->model_dir, &loaded->dir);
    if (status == SOUK_OK) status = make_model(loaded);
    status = comm_agree(loaded->comm, status);
    return status == SOUK_OK ? start_servers(program, loaded) : status;
}

souk_status loaded_need(const struct loaded *loaded, const char *type, const char *verb)
{
    if (strcmp(loaded->ops->name, type) == 0) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "%s works on models of type %s; %s is of type %s", verb, type,
                    model_dir_path(loaded->dir), loaded->ops->name);
}

souk_status loaded_check_signal(const struct loaded *loaded)
{
    if (!loaded->stop_signal || !*loaded->stop_signal) return SOUK_OK;
    return log_fail(SOUK_ESTOPPED, "stopped before the end: the results are not complete");
}

bool loaded_is_leader(const struct loaded *loaded)
{
    return comm_rank(loaded->comm) == 0;
}

souk_status loaded_finish(struct loaded *loaded, souk_status status)
{
    return loaded->comm ? comm_agree(loaded->comm, status) : status;
}

void loaded_close(struct loaded *loaded)
{
    if (loaded->model) loaded->ops->destroy(loaded->model);
    session_destroy(loaded->session);
    model_dir_close(loaded->dir);
    comm_destroy(loaded->comm);
    *loaded = (struct loaded){0};
}
