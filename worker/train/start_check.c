/* start_check.c - see start_check.h. */
#include "worker/train/start_check.h"

#include <string.h>

#include "common/base/log.h"

/* Rows that an earlier run has left on servers would be trained on as if they were new. */
souk_status start_check_servers(const struct start_check *check)
{
    souk_status status = SOUK_OK;
    uint32_t num_servers = souk_client_num_servers(check->client);
    for (uint32_t i = 0; i < num_servers && status == SOUK_OK; i++) {
        struct souk_server_info info;
        status = souk_client_server_info(check->client, i, &info);
        if (status == SOUK_OK && info.num_rows > 0 && !check->is_resuming)
            status =
                log_fail(SOUK_ETOPOLOGY,
                         "server %s holds %llu rows of an earlier run, or of one that still runs "
                         "there; restart the server, let the other run end, or go on with an "
                         "earlier one by --resume",
                         info.address, (unsigned long long)info.num_rows);
    }
    return comm_agree(check->comm, status);
}

/* A wrong path of data that is only looked at after an epoch, or after all of them, is said before
 * the first one. Standard input can be opened only once. */
static souk_status check_source(const struct start_check *check, struct model *model,
                                enum model_source source, const struct config_list *files)
{
    struct model_loader *loader;
    for (uint32_t i = 0; i < files->num_items; i++)
        if (strcmp(files->items[i], "-") == 0) return SOUK_OK;
    souk_status status = SOUK_OK;
    bool is_rank_0 = comm_rank(check->comm) == 0;
    // Rank 0 is the first: what is wrong for all is said once.
    for (int turn = 0; turn < 2 && status == SOUK_OK && files->num_items > 0; turn++) {
        if (is_rank_0 == (turn == 0)) {
            status = check->ops->loader_open(model, source, 0, 0, &loader);
            if (status == SOUK_OK) check->ops->loader_close(loader);
        }
        status = comm_agree(check->comm, status);
    }
    return status;
}

souk_status start_check_sources(const struct start_check *check, struct model *model)
{
    const struct config *config = check->config;
    souk_status status = check_source(check, model, MODEL_SOURCE_VALID, &config->data.valid);
    if (status == SOUK_OK)
        status = check_source(check, model, MODEL_SOURCE_TEST, &config->data.test);
    return status;
}
