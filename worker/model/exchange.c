/* exchange.c - see exchange.h. */
#include "worker/model/exchange.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

souk_status tables_describe(const struct model_ops *ops, const struct model *model,
                            const struct config *config, struct tables *tables_out)
{
    tables_out->num_tables = ops->tables(model, tables_out->specs);
    for (uint32_t i = 0; i < tables_out->num_tables; i++) {
        souk_status status = config_apply_table(config, &tables_out->specs[i]);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

souk_status tables_open(struct tables *tables, struct souk_client *client)
{
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < tables->num_tables && status == SOUK_OK; i++)
        status = souk_client_open_table(client, &tables->specs[i], &tables->ids[i]);
    return status;
}

// Model and tables both come from the folder, so no configuration mends a difference.
souk_status tables_match_dir(const struct model_ops *ops, const struct model *model,
                             const struct model_dir *dir)
{
    struct souk_table_spec specs[MODEL_TABLES_MAX];
    uint32_t num_tables = ops->tables(model, specs), num_saved = model_dir_num_tables(dir);
    if (num_saved != num_tables)
        return log_fail(SOUK_EDATA,
                        "%s: holds %u table%s, a model of type %s has %u; copy the model again, or "
                        "train it again",
                        model_dir_path(dir), num_saved, num_saved == 1 ? "" : "s", ops->name,
                        num_tables);
    for (uint32_t i = 0; i < num_tables; i++) {
        const struct souk_table_spec *saved = model_dir_spec(dir, i);
        if (strcmp(saved->name, specs[i].name) != 0 || saved->dim != specs[i].dim)
            return log_fail(SOUK_EDATA,
                            "%s: table \"%s\" has rows of %u floats where its model has \"%s\" "
                            "with %u; copy the model again, or train it again",
                            model_dir_path(dir), saved->name, saved->dim, specs[i].name,
                            specs[i].dim);
    }
    return SOUK_OK;
}

souk_status weights_load(const struct model_ops *ops, struct model *model,
                         const struct model_dir *dir)
{
    if (!ops->unpack) return SOUK_OK;
    struct buf path = {0};
    char *bytes = NULL;
    size_t length = 0;
    souk_status status = model_dir_weights(dir, &bytes, &length, &path);
    if (status == SOUK_OK && !bytes)
        status = log_fail(SOUK_EDATA,
                          "%s: names no file of weights, which a model of type %s has; copy the "
                          "model again, or train it again",
                          model_dir_path(dir), ops->name);
    if (status == SOUK_OK) status = ops->unpack(model, bytes, length, buf_text(&path));
    mem_free(bytes);
    buf_fini(&path);
    return status;
}

souk_status batch_pull(struct batch *batch, struct souk_client *client, const uint32_t *tables,
                       bool exact)
{
    struct souk_pull pulls[MODEL_TABLES_MAX];
    uint32_t num_pulls = 0;
    batch->pull = 0;
    for (uint32_t i = 0; i < batch->num_parts; i++) {
        struct batch_part *part = &batch->parts[i];
        if (part->num_keys == 0) continue;
        pulls[num_pulls++] = (struct souk_pull){.table = tables[i],
                                                .num_keys = part->num_keys,
                                                .keys = part->keys,
                                                .rows = part->rows,
                                                .found = part->found,
                                                .exact = exact};
    }
    return num_pulls > 0 ? souk_client_pull(client, pulls, num_pulls, &batch->pull) : SOUK_OK;
}

souk_status batch_push(const struct batch *batch, struct souk_client *client,
                       const uint32_t *tables)
{
    struct souk_push pushes[MODEL_TABLES_MAX];
    uint32_t num_pushes = 0;
    for (uint32_t i = 0; i < batch->num_parts; i++) {
        const struct batch_part *part = &batch->parts[i];
        if (part->num_keys == 0) continue;
        pushes[num_pushes++] = (struct souk_push){.table = tables[i],
                                                  .num_keys = part->num_keys,
                                                  .keys = part->keys,
                                                  .rows = part->pushes,
                                                  .lr = part->push_lr,
                                                  .mode = part->push_mode};
    }
    souk_ticket ticket; // nobody waits for one push: a flush waits for all
    return num_pushes > 0 ? souk_client_push(client, pushes, num_pushes, &ticket) : SOUK_OK;
}

void batch_fini(struct batch *batch, const struct model_ops *ops)
{
    ops->batch_fini(batch);
    for (uint32_t i = 0; i < MODEL_TABLES_MAX; i++) batch_part_fini(&batch->parts[i]);
    *batch = (struct batch){0};
}
