/* Tests of server/table.h against a naive map, and of what it promises about memory. */
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "server/initial.h"
#include "server/table.h"
#include "tests/support/cmocka.h"

enum { DIM = 5, BATCH_MAX = 700, MIB = 1024 * 1024 };

// SGD rows by key, found by walking a sorted list.
struct naive {
    uint64_t keys[20000];
    float rows[20000][DIM];
    uint32_t num_rows;
};

static struct souk_table_spec make_spec(void)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "model", DIM);
    spec.seed = 3;
    return spec;
}

static struct table *make_table(const struct souk_table_spec *spec, struct table_budget *budget)
{
    struct table *table = NULL;
    assert_int_equal(table_create(spec, budget, &table), SOUK_OK);
    return table;
}

static float *naive_find(struct naive *naive, uint64_t key)
{
    for (uint32_t i = 0; i < naive->num_rows; i++)
        if (naive->keys[i] == key) return naive->rows[i];
    return NULL;
}

static float *naive_make(struct naive *naive, const struct souk_table_spec *spec, uint64_t key)
{
    float *row = naive_find(naive, key);
    if (row) return row;
    assert_true(naive->num_rows < 20000);
    naive->keys[naive->num_rows] = key;
    row = naive->rows[naive->num_rows++];
    initial_row(spec, initial_seed(spec), key, row);
    return row;
}

static souk_status push_batch(struct table *table, const struct table_push *push)
{
    souk_status status = table_prepare(table, push);
    if (status == SOUK_OK) table_apply(table, push);
    return status;
}

static void naive_push(struct naive *naive, const struct souk_table_spec *spec,
                       const struct table_push *push)
{
    for (uint32_t i = 0; i < push->num_keys; i++) {
        float *row = naive_make(naive, spec, push->keys[i]);
        for (int j = 0; j < DIM; j++) {
            float pushed = push->rows[i * DIM + j];
            if (push->mode == SOUK_PUSH_GRADIENT)
                row[j] -= push->lr * pushed;
            else
                row[j] = push->mode == SOUK_PUSH_ADD ? row[j] + pushed : pushed;
        }
    }
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint32_t draw_keys(struct rng *rng, uint64_t limit, uint32_t n, uint64_t *keys)
{
    for (uint32_t i = 0; i < n; i++) keys[i] = rng_below(rng, limit);
    qsort(keys, n, sizeof(*keys), compare_keys);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || keys[i] != keys[kept - 1]) keys[kept++] = keys[i];
    return kept;
}

static void check_pull(struct table *table, struct naive *naive, const uint64_t *keys, uint32_t n)
{
    static float rows[BATCH_MAX * DIM];
    uint8_t found[BATCH_MAX / 8 + 1];
    const struct souk_table_spec *spec = table_spec(table);
    uint64_t num_rows = table_num_rows(table);
    memset(found, 0xff, sizeof(found));
    table_pull(table, keys, n, rows, found);
    for (uint32_t i = 0; i < n; i++) {
        float initial[DIM];
        const float *expected = naive_find(naive, keys[i]);
        assert_int_equal(found[i / 8] >> (i % 8) & 1, expected != NULL);
        initial_row(spec, initial_seed(spec), keys[i], initial);
        if (!expected) expected = initial;
        for (int j = 0; j < DIM; j++) assert_float_equal(rows[i * DIM + j], expected[j], 1e-5);
    }
    assert_int_equal(table_num_rows(table), num_rows); // a pull makes nothing
}

static void random_operations_match_a_naive_map(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    struct naive *naive = mem_calloc(1, sizeof(*naive), "naive map");
    struct rng rng;
    rng_init(&rng, 11, 0);
    static uint64_t keys[BATCH_MAX];
    static float rows[BATCH_MAX * DIM];
    for (int turn = 0; turn < 300; turn++) {
        uint32_t n = draw_keys(&rng, 12000, (uint32_t)rng_below(&rng, 300), keys);
        for (uint32_t i = 0; i < n * DIM; i++) rows[i] = (float)rng_uniform_double(&rng) - 0.5f;
        struct table_push push = {.mode = (enum souk_push_mode)rng_below(&rng, SOUK_NUM_PUSH_MODES),
                                  .lr = 0.5f,
                                  .num_keys = n,
                                  .keys = keys,
                                  .rows = rows};
        assert_int_equal(push_batch(table, &push), SOUK_OK);
        naive_push(naive, &spec, &push);
        assert_int_equal(table_num_rows(table), naive->num_rows);
        n = draw_keys(&rng, 12000, (uint32_t)rng_below(&rng, 300), keys);
        check_pull(table, naive, keys, n);
    }
    mem_free(naive);
    table_destroy(table);
    assert_int_equal(budget.used_bytes, 0);
}

// Around the sizes at which blocks of keys and bytes of the bitmap begin.
static void batches_of_every_small_size_work(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    struct table_budget budget = {0};
    uint64_t keys[300];
    float rows[300 * DIM];
    for (uint32_t i = 0; i < 300; i++) keys[i] = UINT64_MAX - 299 + i;
    for (uint32_t i = 0; i < 300 * DIM; i++) rows[i] = (float)i;
    for (uint32_t n = 0; n <= 300; n += n < 140 ? 1 : 37) {
        struct table *table = make_table(&spec, &budget);
        struct naive *naive = mem_calloc(1, sizeof(*naive), "naive map");
        struct table_push push = {
            .mode = SOUK_PUSH_ASSIGN, .num_keys = n, .keys = keys, .rows = rows};
        assert_int_equal(push_batch(table, &push), SOUK_OK);
        naive_push(naive, &spec, &push);
        check_pull(table, naive, keys, n);
        check_pull(table, naive, keys, n < 297 ? n + 3 : 300);
        table_destroy(table);
        mem_free(naive);
    }
}

static void push_range(struct table *table, uint64_t first, uint64_t num_rows, uint64_t step)
{
    enum { N = 4096 };
    static uint64_t keys[N];
    static float rows[N * 64];
    uint32_t dim = table_spec(table)->dim;
    for (uint64_t done = 0; done < num_rows;) {
        uint32_t n = num_rows - done < N ? (uint32_t)(num_rows - done) : N;
        for (uint32_t i = 0; i < n; i++) {
            keys[i] = first + (done + i) * step;
            for (uint32_t j = 0; j < dim; j++) rows[i * dim + j] = (float)((done + i + j) % 1000);
        }
        struct table_push push = {
            .mode = SOUK_PUSH_ASSIGN, .num_keys = n, .keys = keys, .rows = rows};
        assert_int_equal(push_batch(table, &push), SOUK_OK);
        done += n;
    }
}

static void check_range(struct table *table, uint64_t first, uint64_t num_rows, uint64_t step)
{
    uint32_t dim = table_spec(table)->dim;
    for (uint64_t i = 0; i < num_rows; i++) {
        float row[64];
        uint8_t found;
        uint64_t key = first + i * step;
        table_pull(table, &key, 1, row, &found);
        assert_int_equal(found, 1);
        for (uint32_t j = 0; j < dim; j++) assert_true(row[j] == (float)((i + j) % 1000));
    }
}

static void nothing_is_lost_while_the_table_grows(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    push_range(table, 0, 300000, 1); // 300,000 rows: parts have grown eight times and more
    assert_int_equal(table_num_rows(table), 300000);
    check_range(table, 0, 300000, 1);
    table_destroy(table);
}

// Keys that all lie in one slot and part: one part carries everything.
static void keys_that_hash_alike_are_kept_apart(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct souk_table_spec spec = make_spec();
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    static uint64_t keys[N];
    static float rows[N * DIM];
    uint32_t n = 0;
    for (uint64_t key = 0; n < N; key++)
        if (hash_key(key) >> 58 == 5) keys[n++] = key;
    for (uint32_t i = 0; i < N * DIM; i++) rows[i] = (float)i;
    struct table_push push = {.mode = SOUK_PUSH_ASSIGN, .num_keys = N, .keys = keys, .rows = rows};
    assert_int_equal(push_batch(table, &push), SOUK_OK);
    static float pulled[N * DIM];
    table_pull(table, keys, N, pulled, NULL);
    assert_memory_equal(pulled, rows, sizeof(rows));
    table_destroy(table);
}

static void memory_stays_below_the_goal(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    spec.dim = spec.init_columns = 16;
    spec.optimizer = SOUK_OPT_ROWWISE_ADAGRAD;
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    for (int k = 0; k < 20; k++) {
        push_range(table, (uint64_t)k * 50000, 50000, 1);
        // Less the last huge page, which is nothing beside a table that matters.
        double bytes = (double)table_memory_bytes(table) - 2 * MIB;
        if (k >= 10) assert_true(bytes / (double)(table_num_rows(table) * 64) <= 1.32);
    }
    assert_int_equal(table_memory_bytes(table), budget.used_bytes);
    table_destroy(table);
}

static void full_budget_refuses_the_push_and_applies_nothing(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    struct table_budget budget = {.limit_bytes = 6 * MIB};
    struct table *table = make_table(&spec, &budget);
    push_range(table, 0, 1000, 1);
    enum { N = 300000 };
    uint64_t *keys = mem_calloc(N, sizeof(*keys), "keys");
    float *rows = mem_calloc((size_t)N * DIM, sizeof(*rows), "rows");
    for (uint32_t i = 0; i < N; i++) keys[i] = i; // the first 1,000 are there
    struct table_push push = {
        .mode = SOUK_PUSH_GRADIENT, .lr = 1, .num_keys = N, .keys = keys, .rows = rows};
    for (uint32_t i = 0; i < N * DIM; i++) rows[i] = 1;
    assert_int_equal(push_batch(table, &push), SOUK_ENOMEM);
    assert_int_equal(table_num_rows(table), 1000);
    assert_true(budget.used_bytes <= budget.limit_bytes);
    check_range(table, 0, 1000, 1);
    push.num_keys = 2000; // less still fits
    assert_int_equal(push_batch(table, &push), SOUK_OK);
    assert_int_equal(table_num_rows(table), 2000);
    table_destroy(table);
    assert_int_equal(budget.used_bytes, 0);
    budget.limit_bytes = 1000;
    assert_int_equal(table_create(&spec, &budget, &table), SOUK_ENOMEM);
    assert_int_equal(budget.used_bytes, 0);
    mem_free(keys);
    mem_free(rows);
}

static void initial_values_depend_on_seed_name_and_key_only(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec(), other_name = spec, other_seed = spec;
    memcpy(other_name.name, "other", 6);
    other_seed.seed++;
    float a[DIM], b[DIM];
    initial_row(&spec, initial_seed(&spec), 7, a);
    initial_row(&spec, initial_seed(&spec), 7, b);
    assert_memory_equal(a, b, sizeof(a));
    for (int j = 0; j < DIM; j++) assert_true(a[j] >= -spec.init_scale && a[j] < spec.init_scale);
    initial_row(&spec, initial_seed(&spec), 8, b);
    assert_memory_not_equal(a, b, sizeof(a));
    initial_row(&other_name, initial_seed(&other_name), 7, b);
    assert_memory_not_equal(a, b, sizeof(a));
    initial_row(&other_seed, initial_seed(&other_seed), 7, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void columns_that_are_not_drawn_begin_at_zero(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    spec.init_columns = 3;
    for (int k = 0; k < SOUK_NUM_INITS; k++) {
        float row[DIM] = {9, 9, 9, 9, 9};
        spec.init = (enum souk_init)k;
        initial_row(&spec, initial_seed(&spec), 7, row);
        for (int j = 0; j < 3; j++) assert_int_equal(row[j] == 0, k == SOUK_INIT_ZERO);
        assert_true(row[3] == 0 && row[4] == 0);
    }
}

static void scan_gives_each_row_once_sorted_within_blocks(void **state)
{
    (void)state;
    enum { N = 10000, BLOCK_ROWS = 777 };
    struct souk_table_spec spec = make_spec();
    spec.optimizer = SOUK_OPT_MOMENTUM;
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    uint64_t keys[BLOCK_ROWS], cursor = 0, key_sum = 0;
    static float rows[BLOCK_ROWS * DIM], states[BLOCK_ROWS * DIM];
    assert_int_equal(table_scan(table, &cursor, BLOCK_ROWS, keys, rows, states), 0);
    assert_int_equal(cursor, 0);
    push_range(table, 1 + 3 * (N / 2), N / 2, 3); // the upper half first: blocks have to be sorted
    push_range(table, 1, N / 2, 3);
    uint32_t total = 0, n;
    do {
        n = table_scan(table, &cursor, BLOCK_ROWS, keys, rows, total % 2 ? states : NULL);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(i == 0 || keys[i] > keys[i - 1]);
            assert_true(rows[i * DIM] == (float)((keys[i] - 1) / 3 % 1000));
            key_sum += keys[i];
        }
        total += n;
    } while (cursor != 0);
    assert_int_equal(total, N);
    assert_int_equal(key_sum, (uint64_t)N + 3 * ((uint64_t)N * (N - 1) / 2));
    cursor = UINT64_MAX; // from a peer that makes numbers up
    assert_int_equal(table_scan(table, &cursor, BLOCK_ROWS, keys, rows, NULL), 0);
    assert_int_equal(cursor, 0);
    table_destroy(table);
}

static void assigned_states_come_back_and_missing_ones_begin_anew(void **state)
{
    (void)state;
    struct souk_table_spec spec = make_spec();
    spec.optimizer = SOUK_OPT_ADAGRAD;
    spec.initial_accumulator = 0.25f;
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    const uint64_t keys[2] = {4, 9};
    const float rows[2 * DIM] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const float states[2 * DIM] = {5, 4, 3, 2, 1, 10, 20, 30, 40, 50};
    struct table_push push = {
        .mode = SOUK_PUSH_ASSIGN, .num_keys = 2, .keys = keys, .rows = rows, .states = states};
    uint64_t scanned_keys[2], cursor = 0;
    float scanned_rows[2 * DIM], scanned_states[2 * DIM];
    assert_int_equal(push_batch(table, &push), SOUK_OK);
    assert_int_equal(table_scan(table, &cursor, 2, scanned_keys, scanned_rows, scanned_states), 2);
    assert_memory_equal(scanned_rows, rows, sizeof(rows));
    assert_memory_equal(scanned_states, states, sizeof(states));
    push.states = NULL;
    assert_int_equal(push_batch(table, &push), SOUK_OK);
    assert_int_equal(table_scan(table, &cursor, 2, scanned_keys, scanned_rows, scanned_states), 2);
    for (int i = 0; i < 2 * DIM; i++) assert_true(scanned_states[i] == 0.25f);
    table_destroy(table);
}

// Records of 48 KiB: a chunk holds few of them.
static void widest_rows_work(void **state)
{
    (void)state;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "wide", SOUK_DIM_MAX);
    spec.optimizer = SOUK_OPT_ADAM;
    struct table_budget budget = {0};
    struct table *table = make_table(&spec, &budget);
    float *row = mem_calloc(SOUK_DIM_MAX, sizeof(float), "row");
    for (uint64_t key = 0; key < 1500; key++) {
        row[SOUK_DIM_MAX - 1] = (float)key;
        struct table_push push = {
            .mode = SOUK_PUSH_ASSIGN, .num_keys = 1, .keys = &key, .rows = row};
        assert_int_equal(push_batch(table, &push), SOUK_OK);
    }
    for (uint64_t key = 0; key < 1500; key++) {
        table_pull(table, &key, 1, row, NULL);
        assert_true(row[SOUK_DIM_MAX - 1] == (float)key);
    }
    mem_free(row);
    table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_match_a_naive_map),
        cmocka_unit_test(batches_of_every_small_size_work),
        cmocka_unit_test(nothing_is_lost_while_the_table_grows),
        cmocka_unit_test(keys_that_hash_alike_are_kept_apart),
        cmocka_unit_test(memory_stays_below_the_goal),
        cmocka_unit_test(full_budget_refuses_the_push_and_applies_nothing),
        cmocka_unit_test(initial_values_depend_on_seed_name_and_key_only),
        cmocka_unit_test(columns_that_are_not_drawn_begin_at_zero),
        cmocka_unit_test(scan_gives_each_row_once_sorted_within_blocks),
        cmocka_unit_test(assigned_states_come_back_and_missing_ones_begin_anew),
        cmocka_unit_test(widest_rows_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
