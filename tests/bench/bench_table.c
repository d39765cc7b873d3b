/* bench_table.c - rows a second that the bare table pulls and pushes: 16 floats a row, row-wise
 * Adagrad, in batches of 4,096 and 65,536 keys, with 1 M and 10 M rows in the table. Keys of a
 * batch are drawn by Zipf's law (exponent 1) over all rows, sorted, without repetition; "uniform"
 * draws are the worst case for the caches. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "server/table.h"

#include <math.h>

enum { DIM = 16, FILL_KEYS = 65536, MIN_ROWS = 8 * 1000 * 1000 };

struct batches {
    uint32_t num_batches, num_keys; // keys a batch
    uint64_t *keys;                 // (num_batches, num_keys)
};

static souk_status push_batch(struct table *table, const struct table_push *push)
{
    souk_status status = table_prepare(table, push);
    if (status == SOUK_OK) table_apply(table, push);
    return status;
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint32_t unique(uint64_t *keys, uint32_t n)
{
    qsort(keys, n, sizeof(*keys), compare_keys);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || keys[i] != keys[kept - 1]) keys[kept++] = keys[i];
    return kept;
}

// Row r of the table has key hash_key(r): keys of similar popularity do not lie together.
static uint64_t draw_key(struct rng *rng, uint64_t num_rows, bool is_zipf)
{
    if (!is_zipf) return hash_key(rng_below(rng, num_rows));
    uint64_t rank = (uint64_t)pow((double)num_rows, rng_uniform_double(rng));
    return hash_key(rank < num_rows ? rank : num_rows - 1);
}

static struct batches draw_batches(uint64_t num_rows, uint32_t num_keys, bool is_zipf)
{
    struct rng rng;
    rng_init(&rng, 1, rng_stream("bench_table", num_rows, num_keys));
    struct batches batches = {.num_batches = 1024 * 1024 / num_keys, .num_keys = num_keys};
    size_t total = (size_t)batches.num_batches * num_keys;
    batches.keys = mem_calloc(total, sizeof(uint64_t), "keys");
    for (uint32_t b = 0; b < batches.num_batches; b++) {
        uint64_t *keys = batches.keys + (size_t)b * num_keys;
        for (uint32_t n = 0; n < num_keys; n = unique(keys, num_keys))
            while (n < num_keys) keys[n++] = draw_key(&rng, num_rows, is_zipf);
    }
    return batches;
}

static void must(souk_status status)
{
    if (status == SOUK_OK) return;
    fprintf(stderr, "bench_table: %s\n", souk_status_text(status));
    exit(1);
}

static void fill(struct table *table, uint64_t num_rows, float *rows)
{
    uint64_t *keys = mem_calloc(FILL_KEYS, sizeof(uint64_t), "keys");
    uint64_t spent_ns = 0;
    for (uint64_t r = 0; r < num_rows;) {
        uint32_t n = 0;
        while (n < FILL_KEYS && r < num_rows) keys[n++] = hash_key(r++);
        qsort(keys, n, sizeof(*keys), compare_keys);
        uint64_t begin = clock_now_ns();
        must(push_batch(table, &(struct table_push){.mode = SOUK_PUSH_GRADIENT,
                                                    .lr = 0.1f,
                                                    .num_keys = n,
                                                    .keys = keys,
                                                    .rows = rows}));
        spent_ns += clock_now_ns() - begin;
    }
    double seconds = (double)spent_ns * 1e-9;
    uint64_t millions = num_rows / 1000000;
    printf("BENCH table_insert_rows_per_s_%lum %.0f\n", millions, (double)num_rows / seconds);
    printf("BENCH table_bytes_per_row_%lum %.2f\n", millions,
           (double)table_memory_bytes(table) / (double)num_rows);
    mem_free(keys);
}

static double pull_rate(struct table *table, const struct batches *batches, float *rows)
{
    uint64_t done = 0, begin = clock_now_ns();
    for (uint32_t b = 0; done < MIN_ROWS; b = (b + 1) % batches->num_batches) {
        table_pull(table, batches->keys + (size_t)b * batches->num_keys, batches->num_keys, rows,
                   NULL);
        done += batches->num_keys;
    }
    return (double)done / ((double)(clock_now_ns() - begin) * 1e-9);
}

static double push_rate(struct table *table, const struct batches *batches, const float *rows,
                        enum souk_push_mode mode)
{
    uint64_t done = 0, begin = clock_now_ns();
    for (uint32_t b = 0; done < MIN_ROWS; b = (b + 1) % batches->num_batches) {
        must(push_batch(table,
                        &(struct table_push){.mode = mode,
                                             .lr = 0.1f,
                                             .num_keys = batches->num_keys,
                                             .keys = batches->keys + (size_t)b * batches->num_keys,
                                             .rows = rows}));
        done += batches->num_keys;
    }
    return (double)done / ((double)(clock_now_ns() - begin) * 1e-9);
}

static void measure(struct table *table, uint64_t num_rows, uint32_t num_keys, bool is_zipf,
                    float *rows)
{
    struct batches batches = draw_batches(num_rows, num_keys, is_zipf);
    char suffix[48];
    snprintf(suffix, sizeof(suffix), "%lum%s%s", num_rows / 1000000,
             num_keys == 4096 ? "" : "_batch65536", is_zipf ? "" : "_uniform");
    printf("BENCH table_pull_rows_per_s_%s %.0f\n", suffix, pull_rate(table, &batches, rows));
    printf("BENCH table_push_rows_per_s_%s %.0f\n", suffix,
           push_rate(table, &batches, rows, SOUK_PUSH_GRADIENT));
    printf("BENCH table_add_rows_per_s_%s %.0f\n", suffix,
           push_rate(table, &batches, rows, SOUK_PUSH_ADD));
    mem_free(batches.keys);
}

int main(void)
{
    const struct souk_table_spec spec = {.name = "bench",
                                         .dim = DIM,
                                         .init = SOUK_INIT_UNIFORM,
                                         .init_scale = 0.05f,
                                         .init_columns = DIM,
                                         .optimizer = SOUK_OPT_ROWWISE_ADAGRAD,
                                         .lr = 0.1f,
                                         .epsilon = 1e-8f};
    float *rows = mem_alloc_aligned(FILL_KEYS * DIM * sizeof(float), "rows");
    for (size_t i = 0; i < FILL_KEYS * DIM; i++) rows[i] = (float)(i % 7) * 0.001f;
    for (uint64_t num_rows = 1000000; num_rows <= 10000000; num_rows *= 10) {
        struct table_budget budget = {0};
        struct table *table;
        must(table_create(&spec, &budget, &table));
        fill(table, num_rows, rows);
        measure(table, num_rows, 4096, true, rows);
        measure(table, num_rows, 65536, true, rows);
        measure(table, num_rows, 4096, false, rows);
        table_destroy(table);
    }
    mem_free(rows);
    return 0;
}
