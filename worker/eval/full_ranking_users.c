/* full_ranking_users.c - see full_ranking_users.h. Users are drawn by the smallest hashes: rank 0
 * finds the largest hash that still belongs to the draw, and each rank takes its users by it. */
#include "worker/eval/full_ranking_users.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/data/key_index.h"
#include "worker/data/sample_reader.h"

enum { ROWS_A_STEP = 4096 };

// Users with clicks in this rank's rows.
struct clickers {
    struct key_index *index;
    uint64_t *num_clicks; // by number in index
    size_t capacity;
};

// What rank 0 tells the others.
struct draw {
    uint64_t most; // hash of the last one that is drawn
    uint64_t num_drawn, num_all;
};

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t hash_of(const struct full_ranking_options *options, uint64_t user)
{
    return hash_key(hash_key(options->config->run.seed + 1) ^ user);
}

souk_status ranked_rows_open(const struct full_ranking_options *options,
                             const struct sample_format *format, struct sample_reader **reader_out)
{
    struct sample_reader_options reading = {.files = options->files,
                                            .format = format,
                                            .part = comm_rank(options->comm),
                                            .num_parts = comm_size(options->comm),
                                            .max_bad_rows = options->config->data.max_bad_rows};
    return sample_reader_open(&reading, reader_out);
}

static void count_click(struct clickers *clickers, uint64_t user)
{
    uint32_t number = key_index_add(clickers->index, user);
    size_t before = clickers->capacity;
    mem_reserve(&clickers->num_clicks, &clickers->capacity, (size_t)number + 1,
                sizeof *clickers->num_clicks, "users with clicks");
    for (size_t i = before; i < clickers->capacity; i++) clickers->num_clicks[i] = 0;
    clickers->num_clicks[number]++;
}

static souk_status count_clicks(const struct full_ranking_options *options,
                                const struct sample_format *format, struct clickers *clickers)
{
    struct sample_reader *reader;
    struct sample_batch rows;
    souk_status status = ranked_rows_open(options, format, &reader);
    if (status != SOUK_OK) return status;
    sample_format_init_batch(format, &rows);
    do {
        status = sample_reader_next(reader, ROWS_A_STEP, &rows);
        for (uint32_t b = 0; status == SOUK_OK && b < rows.num_samples; b++)
            if (rows.labels[b] == 1) count_click(clickers, rows.ids[options->model->user][b]);
    } while (status == SOUK_OK && rows.num_samples > 0);
    sample_batch_fini(&rows);
    sample_reader_close(reader);
    return status;
}

/* Of the hashes of all ranks' users; a user's rows may lie on several. */
static struct draw draw_users(uint64_t *hashes, size_t n, uint32_t max_users)
{
    size_t num = 0;
    if (n > 0) qsort(hashes, n, sizeof *hashes, compare_u64);
    for (size_t i = 0; i < n; i++)
        if (num == 0 || hashes[num - 1] != hashes[i]) hashes[num++] = hashes[i];
    struct draw draw = {.most = UINT64_MAX, .num_drawn = num, .num_all = num};
    if (max_users == 0 || num <= max_users) return draw;
    draw.num_drawn = max_users;
    draw.most = hashes[max_users - 1];
    return draw;
}

static struct draw agree_on_draw(const struct full_ranking_options *options,
                                 const struct clickers *clickers)
{
    uint32_t n = key_index_count(clickers->index);
    uint64_t *hashes = mem_calloc((size_t)n + 1, sizeof *hashes, "users with clicks");
    for (uint32_t i = 0; i < n; i++)
        hashes[i] = hash_of(options, key_index_key(clickers->index, i));
    void *all;
    size_t length;
    comm_gather(options->comm, hashes, n * sizeof *hashes, &all, &length);
    struct draw draw = {0};
    if (comm_rank(options->comm) == 0)
        draw = draw_users(all, length / sizeof *hashes, options->config->eval.max_users);
    comm_broadcast(options->comm, &draw, sizeof draw);
    mem_free(hashes);
    mem_free(all);
    return draw;
}

static void take_drawn(const struct full_ranking_options *options, const struct clickers *clickers,
                       uint64_t most, struct ranked_users *users)
{
    uint32_t n = key_index_count(clickers->index);
    users->keys = mem_calloc((size_t)n + 1, sizeof *users->keys, "users");
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = key_index_key(clickers->index, i);
        if (hash_of(options, key) > most) continue;
        users->keys[users->num++] = key;
        users->num_clicks += clickers->num_clicks[i];
    }
    qsort(users->keys, users->num, sizeof *users->keys, compare_u64);
}

souk_status ranked_users_find(const struct full_ranking_options *options,
                              const struct sample_format *format, struct ranked_users *users_out)
{
    struct clickers clickers = {.index = key_index_create()};
    *users_out = (struct ranked_users){0};
    souk_status status = count_clicks(options, format, &clickers);
    status = comm_agree(options->comm, status);
    if (status == SOUK_OK) {
        struct draw draw = agree_on_draw(options, &clickers);
        users_out->num_drawn = draw.num_drawn;
        users_out->num_all = draw.num_all;
        take_drawn(options, &clickers, draw.most, users_out);
    }
    key_index_destroy(clickers.index);
    mem_free(clickers.num_clicks);
    return status;
}

void ranked_users_fini(struct ranked_users *users)
{
    mem_free(users->keys);
    *users = (struct ranked_users){0};
}
