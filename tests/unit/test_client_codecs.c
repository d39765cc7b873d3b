/* How rows travel between the client and fake shards: codecs, rounding, packing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_cluster.h"

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

static void open_with(const char *name, enum souk_codec codec, uint32_t *table_out)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, name, 8);
    spec.pull_codec = spec.push_codec = codec;
    assert_int_equal(souk_client_open_table(client, &spec, table_out), SOUK_OK);
}

/* Values between -1 and 1 travel within the error that the codec allows. */
static void every_codec_carries_rows_both_ways(void **state)
{
    (void)state;
    enum { N = 500, DIM = 8 };
    static const float ERRORS[SOUK_NUM_CODECS] = {0, 1.0f / 512, 1.0f / 64, 2.0f / 64};
    static float zeros[N * DIM], sent[N * DIM], got[N * DIM];
    for (uint32_t i = 0; i < N * DIM; i++) sent[i] = sinf((float)i);
    for (uint32_t num_servers = 1; num_servers <= 2; num_servers++) {
        begin(num_servers);
        uint64_t *keys = new_keys(N, 77);
        for (int codec = 0; codec < SOUK_NUM_CODECS; codec++) {
            uint32_t table;
            open_with(souk_codec_name((enum souk_codec)codec), (enum souk_codec)codec, &table);
            struct souk_push push = {.table = table,
                                     .num_keys = N,
                                     .keys = keys,
                                     .rows = zeros,
                                     .mode = SOUK_PUSH_ASSIGN};
            must_push(client, &push, 1);
            push.rows = sent;
            push.mode = SOUK_PUSH_ADD;
            must_push(client, &push, 1);
            struct souk_pull pull = {table, N, keys, got, NULL, false};
            must_pull(client, &pull, 1);
            for (uint32_t i = 0; i < N * DIM; i++)
                assert_true(fabsf(got[i] - sent[i]) <= ERRORS[codec]);
        }
        free(keys);
        if (num_servers == 1) end(NULL);
    }
}

/* Whatever the codec: a model that is loaded has to be the one that was saved. */
static void assignments_travel_exactly(void **state)
{
    (void)state;
    enum { N = 100, DIM = 8 };
    static float sent[N * DIM], got[N * DIM];
    for (uint32_t i = 0; i < N * DIM; i++) sent[i] = sinf((float)i) * 3e4f;
    begin(2);
    uint64_t *keys = new_keys(N, 77);
    for (int codec = 0; codec < SOUK_NUM_CODECS; codec++) {
        uint32_t table;
        open_with(souk_codec_name((enum souk_codec)codec), (enum souk_codec)codec, &table);
        struct souk_push push = {
            .table = table, .num_keys = N, .keys = keys, .rows = sent, .mode = SOUK_PUSH_ASSIGN};
        must_push(client, &push, 1);
        struct souk_pull pull = {table, N, keys, got, NULL, true};
        must_pull(client, &pull, 1);
        assert_memory_equal(got, sent, sizeof(got));
    }
    free(keys);
}

static void rows_of_zeros_travel_packed(void **state)
{
    (void)state;
    enum { N = 500, DIM = 8 };
    static float zeros[N * DIM], got[N * DIM];
    begin(2);
    uint32_t table = must_open(client, "item", DIM);
    uint64_t *keys = new_keys(N, 5);
    struct souk_push push = {
        .table = table, .num_keys = N, .keys = keys, .rows = zeros, .mode = SOUK_PUSH_ASSIGN};
    must_push(client, &push, 1);
    memset(got, 1, sizeof(got));
    struct souk_pull pull = {table, N, keys, got, NULL, false};
    must_pull(client, &pull, 1);
    assert_memory_equal(got, zeros, sizeof(got));
    struct souk_client_stats stats;
    souk_client_get_stats(client, &stats);
    assert_true(stats.sent_bytes_pushed < stats.raw_bytes_pushed / 2);
    assert_true(stats.sent_bytes_pulled < stats.raw_bytes_pulled / 2);
    free(keys);
}

static void exact_pulls_come_as_fp32(void **state)
{
    (void)state;
    begin(1);
    uint32_t table;
    open_with("item", SOUK_CODEC_INT8, &table);
    uint64_t keys[] = {40, 41};
    float exact[16], coarse[16];
    struct souk_pull pull = {table, 2, keys, exact, NULL, true};
    must_pull(client, &pull, 1);
    pull.exact = false;
    pull.rows = coarse;
    must_pull(client, &pull, 1);
    for (uint32_t i = 0; i < 16; i++) assert_true(exact[i] == fake_initial(keys[i / 8], i % 8));
    assert_memory_not_equal(exact, coarse, sizeof(exact));
}

static void stochastic_rounding_depends_on_the_seed(void **state)
{
    (void)state;
    enum { N = 64 };
    float rows[N * 8], drawn[3][N * 8];
    for (uint32_t i = 0; i < N * 8; i++) rows[i] = 0.1f * (float)(i % 9) + 0.01f;
    uint64_t *keys = new_keys(N, 1);
    for (int run = 0; run < 3; run++) {
        fake_cluster_init(&cluster, 1);
        cluster.client_options.seed = run == 2 ? 6 : 5;
        fake_cluster_start(&cluster);
        client = fake_cluster_client(&cluster);
        uint32_t table;
        open_with("item", SOUK_CODEC_INT8, &table);
        struct souk_push push = {
            .table = table, .num_keys = N, .keys = keys, .rows = rows, .mode = SOUK_PUSH_ADD};
        must_push(client, &push, 1);
        struct souk_pull pull = {table, N, keys, drawn[run], NULL, true};
        must_pull(client, &pull, 1);
        if (run < 2) end(NULL);
    }
    assert_memory_equal(drawn[0], drawn[1], sizeof(drawn[0]));
    assert_memory_not_equal(drawn[0], drawn[2], sizeof(drawn[0]));
    free(keys);
}

static void no_two_pushes_draw_the_same(void **state)
{
    (void)state;
    enum { N = 64 };
    float rows[N * 8], sums[3][N * 8];
    for (uint32_t i = 0; i < N * 8; i++) rows[i] = 0.1f * (float)(i % 9) + 0.01f;
    begin(1);
    uint32_t table;
    open_with("item", SOUK_CODEC_INT8, &table);
    uint64_t *keys = new_keys(N, 1);
    for (int i = 0; i < 3; i++) {
        struct souk_push push = {
            .table = table, .num_keys = N, .keys = keys, .rows = rows, .mode = SOUK_PUSH_ADD};
        must_push(client, &push, 1);
        struct souk_pull pull = {table, N, keys, sums[i], NULL, true};
        must_pull(client, &pull, 1);
    }
    uint32_t num_different = 0; // a step of the codec is 0.006, sums are exact to 0.0001
    for (uint32_t i = 0; i < N * 8; i++)
        num_different += fabsf(sums[2][i] - 2 * sums[1][i] + sums[0][i]) > 0.003f;
    assert_true(num_different > N);
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_codec_carries_rows_both_ways, end),
        cmocka_unit_test_teardown(assignments_travel_exactly, end),
        cmocka_unit_test_teardown(rows_of_zeros_travel_packed, end),
        cmocka_unit_test_teardown(exact_pulls_come_as_fp32, end),
        cmocka_unit_test_teardown(stochastic_rounding_depends_on_the_seed, end),
        cmocka_unit_test_teardown(no_two_pushes_draw_the_same, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
