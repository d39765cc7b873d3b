/* exchange.c - see exchange.h. */
#include "worker/train/exchange.h"

#include <string.h>

#include "common/base/log.h"

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

souk_status batch_pull(struct batch *batch, struct souk_client *client, const uint32_t *tables,
                       bool exact)
{
    struct souk_pull pulls[MODEL_TABLES_MAX];
    for (uint32_t i = 0; i < batch->num_parts; i++) {
        struct batch_part *part = &batch->parts[i];
        pulls[i] = (struct souk_pull){.table = tables[i],
                                      .num_keys = part->num_keys,
                                      .keys = part->keys,
                                      .rows = part->rows,
                                      .found = part->found,
                                      .exact = exact};
    }
    return souk_client_pull(client, pulls, batch->num_parts, &batch->pull);
}

souk_status batch_push(const struct batch *batch, struct souk_client *client,
                       const uint32_t *tables, enum souk_push_mode mode, float lr)
{
    struct souk_push pushes[MODEL_TABLES_MAX];
    for (uint32_t i = 0; i < batch->num_parts; i++) {
        const struct batch_part *part = &batch->parts[i];
        pushes[i] = (struct souk_push){.table = tables[i],
                                       .num_keys = part->num_keys,
                                       .keys = part->keys,
                                       .rows = part->pushes,
                                       .lr = lr,
                                       .mode = mode};
    }
    souk_ticket ticket; // nobody waits for one push: a flush waits for all
    return souk_client_push(client, pushes, batch->num_parts, &ticket);
}

void batch_fini(struct batch *batch, const struct model_ops *ops)
{
    ops->batch_fini(batch);
    for (uint32_t i = 0; i < MODEL_TABLES_MAX; i++) batch_part_fini(&batch->parts[i]);
    *batch = (struct batch){0};
}
