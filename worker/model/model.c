/* model.c - see model.h: the list of models, and what their batches share. */
#include "worker/model/model.h"

#include <string.h>

#include "common/base/mem.h"
#include "worker/model/din.h"
#include "worker/model/mf.h"

static const struct model_ops *const MODELS[] = {&mf_ops, &din_ops, &base_ops, &ncf_ops};

const struct model_ops *model_ops_get(const char *type)
{
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++)
        if (strcmp(MODELS[i]->name, type) == 0) return MODELS[i];
    return NULL;
}

void batch_part_reserve(struct batch_part *part, uint32_t num_keys)
{
    size_t floats = (size_t)num_keys * part->dim;
    mem_reserve(&part->keys, &part->keys_capacity, num_keys, sizeof *part->keys, "keys of a batch");
    mem_reserve(&part->rows, &part->rows_capacity, floats, sizeof *part->rows, "rows of a batch");
    mem_reserve(&part->pushes, &part->pushes_capacity, floats, sizeof *part->pushes,
                "pushes of a batch");
    mem_reserve(&part->found, &part->found_capacity, num_keys, sizeof *part->found,
                "marks of a batch");
}

void batch_part_fini(struct batch_part *part)
{
    mem_free(part->keys);
    mem_free(part->rows);
    mem_free(part->pushes);
    mem_free(part->found);
    *part = (struct batch_part){0};
}
