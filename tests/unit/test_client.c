/* The client against fake shards that behave. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_cluster.h"
#include "tests/support/temp.h"

static struct fake_cluster cluster;
static struct souk_client *client;

static void begin(uint32_t num_servers)
{
    fake_cluster_init(&cluster, num_servers);
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
}

static int end(void **state)
{
    (void)state;
    souk_client_destroy(client);
    client = NULL;
    fake_cluster_fini(&cluster);
    return 0;
}

static uint64_t *new_keys(uint32_t n, uint64_t step)
{
    uint64_t *keys = malloc(n * sizeof(*keys));
    for (uint32_t i = 0; i < n; i++) keys[i] = 1 + i * step;
    return keys;
}

static void unknown_keys_give_initial_values(void **state)
{
    (void)state;
    begin(1);
    uint32_t table = must_open(client, "item", 3);
    uint64_t keys[] = {1, 50, UINT64_MAX};
    float rows[9];
    uint8_t found[3] = {9, 9, 9};
    struct souk_pull pull = {table, 3, keys, rows, found, false};
    must_pull(client, &pull, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(found[i], 0);
        for (uint32_t c = 0; c < 3; c++) assert_true(rows[i * 3 + c] == fake_initial(keys[i], c));
    }
}

static void a_pull_sees_the_pushes_before_it(void **state)
{
    (void)state;
    begin(1);
    uint32_t table = must_open(client, "item", 2);
    uint64_t keys[] = {5, 6, 7};
    float ones[] = {1, 2, 3, 4}, rows[6];
    uint8_t found[3];
    struct souk_push push = {
        .table = table, .num_keys = 2, .keys = keys, .rows = ones, .mode = SOUK_PUSH_ADD};
    struct souk_pull pull = {table, 3, keys, rows, found, false};
    souk_ticket tickets[21];
    for (int i = 0; i < 20; i++)
        assert_int_equal(souk_client_push(client, &push, 1, &tickets[i]), SOUK_OK);
    assert_int_equal(souk_client_pull(client, &pull, 1, &tickets[20]), SOUK_OK);
    assert_int_equal(souk_client_wait(client, tickets[20]), SOUK_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(rows[i] == fake_initial(keys[i / 2], i % 2) + 20 * ones[i]);
    assert_memory_equal(found, "\1\1\0", 3);
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    for (int i = 0; i < 21; i++) // numbers of the past are done
        assert_int_equal(souk_client_wait(client, tickets[i]), SOUK_OK);
    assert_int_equal(souk_client_wait(client, 0), SOUK_OK);
    assert_int_equal(souk_client_wait(client, UINT64_MAX), SOUK_OK);
}

static void several_tables_go_in_one_message(void **state)
{
    (void)state;
    begin(1);
    uint32_t user = must_open(client, "user", 2), item = must_open(client, "item", 4);
    uint64_t user_keys[] = {1, 2}, item_keys[] = {3, 9, 12};
    float user_rows[4], item_rows[12];
    uint32_t before = fake_counts(cluster.shards[0])->num_requests;
    struct souk_pull pulls[] = {{item, 3, item_keys, item_rows, NULL, false},
                                {user, 2, user_keys, user_rows, NULL, false}};
    must_pull(client, pulls, 2);
    assert_int_equal(fake_counts(cluster.shards[0])->num_requests, before + 1);
    for (uint32_t i = 0; i < 12; i++)
        assert_true(item_rows[i] == fake_initial(item_keys[i / 4], i % 4));
    for (uint32_t i = 0; i < 4; i++)
        assert_true(user_rows[i] == fake_initial(user_keys[i / 2], i % 2));
}

/* Pushes differences to two tables on three servers and pulls more keys than were pushed. */
static void rows_find_their_places_with_several_shards(void **state)
{
    (void)state;
    enum { N = 3000, A = 16, B = 1 };
    begin(3);
    uint32_t a = must_open(client, "a", A), b = must_open(client, "b", B);
    uint64_t *keys = new_keys(N, 0x9E3779B97F4AULL);
    float *rows_a = malloc(N * A * sizeof(float)), *rows_b = malloc(N * B * sizeof(float));
    uint8_t *found = malloc(N);
    for (uint32_t i = 0; i < N * A; i++) rows_a[i] = (float)(i % 1000);
    for (uint32_t i = 0; i < N * B; i++) rows_b[i] = (float)i;
    struct souk_push pushes[] = {
        {.table = b, .num_keys = N / 2, .keys = keys, .rows = rows_b, .mode = SOUK_PUSH_ADD},
        {.table = a, .num_keys = N, .keys = keys, .rows = rows_a, .mode = SOUK_PUSH_ASSIGN}};
    must_push(client, pushes, 2);
    memset(rows_a, 0, N * A * sizeof(float));
    memset(rows_b, 0, N * B * sizeof(float));
    struct souk_pull pulls[] = {{a, N, keys, rows_a, NULL, false},
                                {b, N, keys, rows_b, found, false}};
    must_pull(client, pulls, 2);
    for (uint32_t i = 0; i < N * A; i++) assert_true(rows_a[i] == (float)(i % 1000));
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(found[i], i < N / 2);
        assert_true(rows_b[i] == fake_initial(keys[i], 0) + (i < N / 2 ? (float)i : 0.0f));
    }
    for (uint32_t s = 0; s < 3; s++) assert_true(fake_counts(cluster.shards[s])->num_applied > 0);
    free(keys);
    free(rows_a);
    free(rows_b);
    free(found);
}

static void large_calls_are_cut_into_messages(void **state)
{
    (void)state;
    enum { N = 40000, DIM = 16 };
    begin(1);
    uint32_t table = must_open(client, "item", DIM);
    uint64_t *keys = new_keys(N, 3);
    float *rows = malloc(N * DIM * sizeof(float));
    for (uint32_t i = 0; i < N * DIM; i++) rows[i] = (float)(i % 777);
    struct souk_push push = {
        .table = table, .num_keys = N, .keys = keys, .rows = rows, .mode = SOUK_PUSH_ASSIGN};
    must_push(client, &push, 1);
    assert_true(fake_counts(cluster.shards[0])->num_applied > 2);
    memset(rows, 0, N * DIM * sizeof(float));
    struct souk_pull pull = {table, N, keys, rows, NULL, false};
    must_pull(client, &pull, 1);
    for (uint32_t i = 0; i < N * DIM; i++) assert_true(rows[i] == (float)(i % 777));
    free(keys);
    free(rows);
}

static void calls_without_keys_are_done_at_once(void **state)
{
    (void)state;
    begin(2);
    uint32_t table = must_open(client, "item", 4);
    struct souk_pull pull = {.table = table};
    struct souk_push push = {.table = table};
    uint32_t before = fake_counts(cluster.shards[0])->num_requests;
    must_pull(client, &pull, 1);
    must_push(client, &push, 1);
    must_pull(client, NULL, 0);
    assert_int_equal(fake_counts(cluster.shards[0])->num_requests, before);
}

static void wrong_calls_are_refused_and_send_nothing(void **state)
{
    (void)state;
    begin(1);
    uint32_t table = must_open(client, "item", 2);
    uint64_t good[] = {1, 2, 3}, twice[] = {1, 1, 2}, down[] = {1, 3, 2};
    float rows[6] = {0}, bad_rows[6] = {0, 0, 0, NAN, 0, 0}, states[6] = {0};
    const struct souk_push pushes[] = {
        {.table = table, .num_keys = 3, .keys = twice, .rows = rows},
        {.table = table, .num_keys = 3, .keys = down, .rows = rows},
        {.table = table + 1, .num_keys = 3, .keys = good, .rows = rows},
        {.table = table, .num_keys = 3, .keys = good, .rows = bad_rows},
        {.table = table, .num_keys = 3, .keys = good, .rows = rows, .lr = -1},
        {.table = table, .num_keys = 3, .keys = good, .rows = rows, .lr = INFINITY},
        {.table = table, .num_keys = 3, .keys = good, .rows = rows, .mode = SOUK_NUM_PUSH_MODES},
        {.table = table, .num_keys = 3, .keys = good, .rows = rows, .states = states},
    };
    uint32_t before = fake_counts(cluster.shards[0])->num_requests;
    souk_ticket ticket;
    capture_log_begin();
    for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++)
        assert_int_equal(souk_client_push(client, &pushes[i], 1, &ticket), SOUK_EINVAL);
    struct souk_pull pulls[] = {{table, 3, good, rows, NULL, false},
                                {table, 3, good, rows, NULL, false},
                                {table, 3, down, rows, NULL, false}};
    assert_int_equal(souk_client_pull(client, pulls, 2, &ticket), SOUK_EINVAL);
    assert_int_equal(souk_client_pull(client, pulls + 2, 1, &ticket), SOUK_EINVAL);
    const char *log = capture_log_text();
    assert_non_null(strstr(log, "push of table \"item\": key 1 is 1 after 1"));
    assert_non_null(strstr(log, "the row of key 2 is not finite"));
    assert_non_null(strstr(log, "pull of table \"item\": key 2 is 2 after 3"));
    capture_log_end();
    assert_int_equal(fake_counts(cluster.shards[0])->num_requests, before);
    assert_string_equal(souk_client_error(client), ""); // the client goes on
    must_pull(client, pulls, 1);
}

static void tables_are_found_again_and_differences_refused(void **state)
{
    (void)state;
    begin(2);
    uint32_t table = must_open(client, "item", 4);
    assert_int_equal(must_open(client, "user", 4), table + 1);
    assert_int_equal(must_open(client, "item", 4), table);
    struct souk_table_spec spec;
    uint32_t ignored;
    capture_log_begin();
    souk_table_spec_init(&spec, "item", 8);
    assert_int_equal(souk_client_open_table(client, &spec, &ignored), SOUK_EEXIST);
    souk_table_spec_init(&spec, "Bad name", 8);
    assert_int_equal(souk_client_open_table(client, &spec, &ignored), SOUK_EINVAL);
    capture_log_end();

    cluster.client_options.client_id = 8; // another client is refused by the servers
    struct souk_client *other = fake_cluster_client(&cluster);
    souk_table_spec_init(&spec, "item", 8);
    capture_log_begin();
    assert_int_equal(souk_client_open_table(other, &spec, &ignored), SOUK_EEXIST);
    assert_non_null(strstr(capture_log_text(), "inproc://fake0: the table has other settings"));
    capture_log_end();
    assert_int_equal(must_open(other, "item", 4), 0);
    souk_client_destroy(other);
}

struct collected {
    uint32_t num_rows, num_blocks, fail_at;
    uint32_t times[200];
    float weights[200], states[200];
};

static souk_status collect(void *ctx, const struct souk_scan_block *block)
{
    struct collected *collected = ctx;
    if (++collected->num_blocks == collected->fail_at) return SOUK_ESTOPPED;
    for (uint32_t i = 0; i < block->num_rows; i++) {
        uint64_t key = block->keys[i];
        assert_true(key < 200 && (i == 0 || key > block->keys[i - 1]));
        collected->times[key]++;
        collected->weights[key] = block->rows[i * 4 + 1];
        if (block->states) collected->states[key] = block->states[i * 4 + 3];
    }
    collected->num_rows += block->num_rows;
    return SOUK_OK;
}

static void a_scan_sees_every_row_once_with_its_state(void **state)
{
    (void)state;
    begin(3);
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "item", 4);
    spec.optimizer = SOUK_OPT_ADAGRAD;
    uint32_t table;
    assert_int_equal(souk_client_open_table(client, &spec, &table), SOUK_OK);
    assert_int_equal(souk_client_state_floats(client, table), 4);
    assert_int_equal(souk_client_state_floats(client, 9), 0);

    uint64_t keys[150];
    float rows[600], states[600];
    for (uint32_t i = 0; i < 150; i++) keys[i] = i + i / 3;
    for (uint32_t i = 0; i < 600; i++) rows[i] = (float)i, states[i] = (float)i / 2;
    struct souk_push push = {.table = table,
                             .num_keys = 150,
                             .keys = keys,
                             .rows = rows,
                             .states = states,
                             .mode = SOUK_PUSH_ASSIGN};
    must_push(client, &push, 1);

    struct collected all = {0};
    assert_int_equal(souk_client_scan(client, table, true, collect, &all), SOUK_OK);
    assert_int_equal(all.num_rows, 150);
    assert_true(all.num_blocks > 15);
    for (uint32_t i = 0; i < 150; i++) {
        assert_int_equal(all.times[keys[i]], 1);
        assert_true(all.weights[keys[i]] == rows[i * 4 + 1]);
        assert_true(all.states[keys[i]] == states[i * 4 + 3]);
    }
    struct collected some = {.fail_at = 3};
    assert_int_equal(souk_client_scan(client, table, false, collect, &some), SOUK_ESTOPPED);
    assert_int_equal(some.num_blocks, 3);
    assert_true(some.states[keys[0]] == 0.0f);
}

static void the_window_bounds_requests_in_flight(void **state)
{
    (void)state;
    fake_cluster_init(&cluster, 1);
    cluster.client_options.window = 2;
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
    uint32_t table = must_open(client, "item", 1);
    uint64_t key = 3;
    float one = 1, row;
    souk_ticket ticket;
    struct souk_push push = {
        .table = table, .num_keys = 1, .keys = &key, .rows = &one, .mode = SOUK_PUSH_ADD};
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(souk_client_push(client, &push, 1, &ticket), SOUK_OK);
        assert_true(fake_counts(cluster.shards[0])->num_applied + 2 >= i + 1);
    }
    struct souk_pull pull = {table, 1, &key, &row, NULL, false};
    must_pull(client, &pull, 1);
    assert_true(row == fake_initial(3, 0) + 100);
}

static void figures_count_rows_and_bytes(void **state)
{
    (void)state;
    enum { N = 1000, DIM = 4 };
    begin(1);
    uint32_t table;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "item", DIM);
    spec.pull_codec = spec.push_codec = SOUK_CODEC_FP16;
    assert_int_equal(souk_client_open_table(client, &spec, &table), SOUK_OK);
    uint64_t *keys = new_keys(N, 9);
    static float rows[N * DIM];
    for (uint32_t i = 0; i < N * DIM; i++) rows[i] = (float)(i % 50) + 1;
    struct souk_push push = {.table = table, .num_keys = N, .keys = keys, .rows = rows};
    must_push(client, &push, 1);
    struct souk_pull pull = {table, N, keys, rows, NULL, false};
    must_pull(client, &pull, 1);
    struct souk_client_stats stats;
    souk_client_get_stats(client, &stats);
    assert_int_equal(stats.rows_pulled, N);
    assert_int_equal(stats.rows_pushed, N);
    assert_int_equal(stats.raw_bytes_pulled, N * (8 + 4 * DIM));
    assert_int_equal(stats.raw_bytes_pushed, N * (8 + 4 * DIM));
    assert_true(stats.sent_bytes_pulled > N * 2 * DIM);
    assert_true(stats.sent_bytes_pulled < stats.raw_bytes_pulled / 2);
    assert_true(stats.sent_bytes_pushed < stats.raw_bytes_pushed / 2);
    assert_int_equal(stats.retries, 0);
    assert_true(stats.wait_ns > 0);
    free(keys);
}

static void servers_tell_what_they_hold(void **state)
{
    (void)state;
    begin(2);
    uint32_t table = must_open(client, "item", 1);
    uint64_t *keys = new_keys(100, 1);
    static float rows[100];
    struct souk_push push = {.table = table, .num_keys = 100, .keys = keys, .rows = rows};
    must_push(client, &push, 1);
    assert_int_equal(souk_client_num_servers(client), 2);
    assert_int_equal(souk_client_num_shards(client), 2);
    struct souk_server_info info[2];
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(souk_client_server_info(client, i, &info[i]), SOUK_OK);
    assert_string_equal(info[1].address, "inproc://fake1");
    assert_int_equal(info[0].num_rows + info[1].num_rows, 100);
    assert_int_equal(info[0].memory_bytes, 1000);
    assert_int_equal(info[0].num_shards, 1);
    capture_log_begin();
    assert_int_equal(souk_client_server_info(client, 2, &info[0]), SOUK_EINVAL);
    capture_log_end();
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(unknown_keys_give_initial_values, end),
        cmocka_unit_test_teardown(a_pull_sees_the_pushes_before_it, end),
        cmocka_unit_test_teardown(several_tables_go_in_one_message, end),
        cmocka_unit_test_teardown(rows_find_their_places_with_several_shards, end),
        cmocka_unit_test_teardown(large_calls_are_cut_into_messages, end),
        cmocka_unit_test_teardown(calls_without_keys_are_done_at_once, end),
        cmocka_unit_test_teardown(wrong_calls_are_refused_and_send_nothing, end),
        cmocka_unit_test_teardown(tables_are_found_again_and_differences_refused, end),
        cmocka_unit_test_teardown(a_scan_sees_every_row_once_with_its_state, end),
        cmocka_unit_test_teardown(the_window_bounds_requests_in_flight, end),
        cmocka_unit_test_teardown(figures_count_rows_and_bytes, end),
        cmocka_unit_test_teardown(servers_tell_what_they_hold, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
