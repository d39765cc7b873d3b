/* din_remote.c - see din_remote.h. */
#include "worker/model/din_remote.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { WIDTH = DIN_REMOTE_WIDTH, ADAM_FLOATS = 2 * WIDTH + 1 }; // m, v, steps of a row

uint32_t din_remote_num_rows(const struct dense *dense)
{
    return (dense->num_values + WIDTH - 1) / WIDTH;
}

souk_status din_remote_open(const struct config *config, struct souk_client *client,
                            uint32_t *table_out)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, DIN_REMOTE_TABLE, WIDTH);
    bool is_adam = config->train.dense_optimizer == CONFIG_DENSE_ADAM;
    spec.init = SOUK_INIT_ZERO;
    spec.optimizer = is_adam ? SOUK_OPT_ADAM : SOUK_OPT_SGD;
    spec.lr = config->train.lr;
    spec.beta1 = 0.9f;
    spec.beta2 = 0.999f;
    spec.epsilon = 1e-8f;
    return souk_client_open_table(client, &spec, table_out);
}

// Floats of row r that are parameters.
static uint32_t used(const struct dense *dense, uint32_t r)
{
    uint32_t left = dense->num_values - r * WIDTH;
    return left < WIDTH ? left : WIDTH;
}

static void cut_rows(const struct dense *dense, const float *values, float *rows, size_t stride)
{
    for (uint32_t r = 0; r < din_remote_num_rows(dense); r++) {
        uint32_t n = used(dense, r);
        memcpy(rows + r * stride, values + (size_t)r * WIDTH, n * sizeof(float));
        memset(rows + r * stride + n, 0, (WIDTH - n) * sizeof(float));
    }
}

static void join_rows(const struct dense *dense, const float *rows, size_t stride, float *values)
{
    for (uint32_t r = 0; r < din_remote_num_rows(dense); r++)
        memcpy(values + (size_t)r * WIDTH, rows + r * stride, used(dense, r) * sizeof(float));
}

souk_status din_remote_send(const struct dense *dense, struct souk_client *client, uint32_t table)
{
    uint32_t num_rows = din_remote_num_rows(dense);
    uint64_t *keys = mem_calloc(num_rows, sizeof *keys, "dense rows");
    float *rows = mem_calloc((size_t)num_rows * WIDTH, sizeof *rows, "dense rows");
    float *states = mem_calloc((size_t)num_rows * ADAM_FLOATS, sizeof *states, "dense rows");
    for (uint32_t r = 0; r < num_rows; r++) {
        keys[r] = r;
        states[(size_t)r * ADAM_FLOATS + 2 * WIDTH] = (float)dense->num_steps;
    }
    cut_rows(dense, dense->values, rows, WIDTH);
    cut_rows(dense, dense->moments[0], states, ADAM_FLOATS);
    cut_rows(dense, dense->moments[1], states + WIDTH, ADAM_FLOATS);
    bool has_states = souk_client_state_floats(client, table) == ADAM_FLOATS;
    struct souk_push push = {.table = table,
                             .num_keys = num_rows,
                             .keys = keys,
                             .rows = rows,
                             .states = has_states ? states : NULL,
                             .mode = SOUK_PUSH_ASSIGN};
    souk_ticket ticket;
    souk_status status = souk_client_push(client, &push, 1, &ticket);
    if (status == SOUK_OK) status = souk_client_wait(client, ticket);
    mem_free(keys);
    mem_free(rows);
    mem_free(states);
    return status;
}

struct fetching {
    struct dense *dense;
    uint32_t num_rows; // that have come
    bool has_states;
};

static void take_floats(struct dense *dense, uint64_t r, const float *floats, float *values)
{
    memcpy(values + r * WIDTH, floats, used(dense, (uint32_t)r) * sizeof(float));
}

static souk_status take_block(void *ctx, const struct souk_scan_block *block)
{
    struct fetching *fetching = ctx;
    struct dense *dense = fetching->dense;
    for (uint32_t i = 0; i < block->num_rows; i++) {
        uint64_t r = block->keys[i];
        if (r >= din_remote_num_rows(dense)) return SOUK_EPROTO;
        fetching->num_rows++;
        take_floats(dense, r, block->rows + (size_t)i * WIDTH, dense->values);
        if (!fetching->has_states) continue;
        const float *state = block->states + (size_t)i * ADAM_FLOATS;
        take_floats(dense, r, state, dense->moments[0]);
        take_floats(dense, r, state + WIDTH, dense->moments[1]);
        dense->num_steps = (uint64_t)state[2 * WIDTH];
    }
    return SOUK_OK;
}

souk_status din_remote_fetch(struct dense *dense, struct souk_client *client, uint32_t table)
{
    bool has_states = souk_client_state_floats(client, table) == ADAM_FLOATS;
    struct fetching fetching = {.dense = dense, .has_states = has_states};
    souk_status status = souk_client_scan(client, table, has_states, take_block, &fetching);
    if (status != SOUK_OK) return status;
    if (fetching.num_rows == din_remote_num_rows(dense)) return SOUK_OK;
    return log_fail(SOUK_EPROTO, "servers hold %u of %u rows of dense parameters",
                    fetching.num_rows, din_remote_num_rows(dense));
}

void din_remote_fill(const struct dense *dense, struct batch_part *part)
{
    uint32_t num_rows = din_remote_num_rows(dense);
    part->dim = WIDTH;
    batch_part_reserve(part, num_rows);
    part->num_keys = num_rows;
    for (uint32_t r = 0; r < num_rows; r++) part->keys[r] = r;
}

void din_remote_take(struct dense *dense, const struct batch_part *part)
{
    join_rows(dense, part->rows, WIDTH, dense->values);
}

void din_remote_give(const struct dense *dense, struct batch_part *part, float scale, float lr)
{
    cut_rows(dense, dense->grads, part->pushes, WIDTH);
    for (size_t i = 0; scale != 1 && i < (size_t)part->num_keys * WIDTH; i++)
        part->pushes[i] *= scale;
    part->push_lr = lr;
}
