/* dense_remote.c - see dense_remote.h. */
#include "worker/model/dense_remote.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { WIDTH = DENSE_REMOTE_WIDTH, ADAM_FLOATS = 2 * WIDTH + 1 }; // m, v, steps of a row

static uint32_t num_rows_of(const struct dense *dense)
{
    return (dense->num_values + WIDTH - 1) / WIDTH;
}

souk_status dense_remote_open(struct dense_remote *remote, bool is_adam, float lr,
                              const struct dense *dense, struct souk_client *client)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, DENSE_REMOTE_TABLE, WIDTH);
    spec.init = SOUK_INIT_ZERO;
    spec.optimizer = is_adam ? SOUK_OPT_ADAM : SOUK_OPT_SGD;
    spec.lr = lr;
    spec.beta1 = 0.9f;
    spec.beta2 = 0.999f;
    spec.epsilon = 1e-8f;
    remote->client = client;
    remote->part.dim = WIDTH;
    batch_part_reserve(&remote->part, num_rows_of(dense));
    remote->part.num_keys = num_rows_of(dense);
    for (uint32_t r = 0; r < remote->part.num_keys; r++) remote->part.keys[r] = r;
    return souk_client_open_table(client, &spec, &remote->table);
}

void dense_remote_fini(struct dense_remote *remote)
{
    batch_part_fini(&remote->part);
}

// Floats of row r that are parameters.
static uint32_t used(const struct dense *dense, uint32_t r)
{
    uint32_t left = dense->num_values - r * WIDTH;
    return left < WIDTH ? left : WIDTH;
}

static void cut_rows(const struct dense *dense, const float *values, float *rows, size_t stride)
{
    for (uint32_t r = 0; r < num_rows_of(dense); r++) {
        uint32_t n = used(dense, r);
        memcpy(rows + r * stride, values + (size_t)r * WIDTH, n * sizeof(float));
        memset(rows + r * stride + n, 0, (WIDTH - n) * sizeof(float));
    }
}

static void join_rows(const struct dense *dense, const float *rows, size_t stride, float *values)
{
    for (uint32_t r = 0; r < num_rows_of(dense); r++)
        memcpy(values + (size_t)r * WIDTH, rows + r * stride, used(dense, r) * sizeof(float));
}

souk_status dense_remote_send(struct dense_remote *remote, const struct dense *dense)
{
    struct batch_part *part = &remote->part;
    size_t num_rows = part->num_keys;
    float *states = mem_calloc(num_rows * ADAM_FLOATS, sizeof *states, "dense rows");
    for (size_t r = 0; r < num_rows; r++)
        states[r * ADAM_FLOATS + 2 * WIDTH] = (float)dense->num_steps;
    cut_rows(dense, dense->values, part->pushes, WIDTH);
    cut_rows(dense, dense->moments[0], states, ADAM_FLOATS);
    cut_rows(dense, dense->moments[1], states + WIDTH, ADAM_FLOATS);
    bool has_states = souk_client_state_floats(remote->client, remote->table) == ADAM_FLOATS;
    struct souk_push push = {.table = remote->table,
                             .num_keys = part->num_keys,
                             .keys = part->keys,
                             .rows = part->pushes,
                             .states = has_states ? states : NULL,
                             .mode = SOUK_PUSH_ASSIGN};
    souk_ticket ticket;
    souk_status status = souk_client_push(remote->client, &push, 1, &ticket);
    if (status == SOUK_OK) status = souk_client_wait(remote->client, ticket);
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
        if (r >= num_rows_of(dense))
            return log_fail(SOUK_EPROTO, "servers hold more than %u rows of dense parameters",
                            num_rows_of(dense));
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

souk_status dense_remote_fetch(struct dense_remote *remote, struct dense *dense)
{
    bool has_states = souk_client_state_floats(remote->client, remote->table) == ADAM_FLOATS;
    struct fetching fetching = {.dense = dense, .has_states = has_states};
    souk_status status = souk_client_wait(remote->client, remote->pull);
    remote->pull = 0; // older than what comes now
    if (status == SOUK_OK)
        status = souk_client_scan(remote->client, remote->table, has_states, take_block, &fetching);
    if (status != SOUK_OK) return status;
    if (fetching.num_rows == num_rows_of(dense)) return SOUK_OK;
    return log_fail(SOUK_EPROTO, "servers hold %u of %u rows of dense parameters",
                    fetching.num_rows, num_rows_of(dense));
}

/* ---- steps ---- */

static souk_status start_pull(struct dense_remote *remote)
{
    struct souk_pull pull = {.table = remote->table,
                             .num_keys = remote->part.num_keys,
                             .keys = remote->part.keys,
                             .rows = remote->part.rows};
    return souk_client_pull(remote->client, &pull, 1, &remote->pull);
}

souk_status dense_remote_take(struct dense_remote *remote, struct dense *dense)
{
    souk_status status = remote->pull == 0 ? start_pull(remote) : SOUK_OK;
    if (status == SOUK_OK) status = souk_client_wait(remote->client, remote->pull);
    remote->pull = 0;
    if (status == SOUK_OK) join_rows(dense, remote->part.rows, WIDTH, dense->values);
    return status;
}

souk_status dense_remote_give(struct dense_remote *remote, const struct dense *dense, float scale,
                              float lr)
{
    struct batch_part *part = &remote->part;
    cut_rows(dense, dense->grads, part->pushes, WIDTH);
    for (size_t i = 0; scale != 1 && i < (size_t)part->num_keys * WIDTH; i++)
        part->pushes[i] *= scale;
    struct souk_push push = {.table = remote->table,
                             .num_keys = part->num_keys,
                             .keys = part->keys,
                             .rows = part->pushes,
                             .lr = lr,
                             .mode = SOUK_PUSH_GRADIENT};
    souk_ticket ticket; // nobody waits for it
    souk_status status = souk_client_push(remote->client, &push, 1, &ticket);
    return status == SOUK_OK ? start_pull(remote) : status;
}
