/* The client when messages are lost, doubled or late, and when servers die, restart or lie. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/temp.h"
#include "worker/client/client.h"

static struct fake_cluster cluster;
static struct souk_client *client;

static void begin(uint32_t num_servers, struct fake_hooks hooks)
{
    fake_cluster_init(&cluster, num_servers);
    cluster.shard_options.hooks = hooks;
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
}

static int end(void **state)
{
    (void)state;
    souk_client_destroy(client);
    client = NULL;
    fake_cluster_fini(&cluster);
    capture_log_end();
    return 0;
}

static souk_status push_one(uint32_t table, uint64_t key, float value, souk_ticket *ticket_out)
{
    struct souk_push push = {
        .table = table, .num_keys = 1, .keys = &key, .rows = &value, .mode = SOUK_PUSH_ADD};
    return souk_client_push(client, &push, 1, ticket_out);
}

/* Pulls one row of a table of width 1 and takes its initial value away. */
static float pull_sum(uint32_t table, uint64_t key)
{
    float row = NAN;
    struct souk_pull pull = {table, 1, &key, &row, NULL, false};
    must_pull(client, &pull, 1);
    return row - fake_initial(key, 0);
}

/* ---- lost, doubled, late ---- */

/* Drops, doubles and holds a share of the messages, by a small generator of its own. */
struct lossy_link {
    uint32_t state;
    _Atomic bool is_on;
};

static enum fake_action spoil(struct lossy_link *link, bool may_hold)
{
    link->state = link->state * 1664525 + 1013904223;
    uint32_t draw = link->state >> 24;
    if (!link->is_on) return FAKE_PASS;
    if (draw < 40) return FAKE_DROP;
    if (draw < 60) return FAKE_TWICE;
    return draw < 70 && may_hold ? FAKE_HOLD : FAKE_PASS;
}

static enum fake_action spoil_request(void *ctx, const struct wire_header *request)
{
    (void)request;
    return spoil(ctx, true);
}

static enum fake_action spoil_reply(void *ctx, struct wire_header *reply, struct frame *body)
{
    (void)reply, (void)body;
    return spoil(ctx, false);
}

enum { LOSSY_PUSHES = 400, LOSSY_KEYS = 5 };

/* Pushes ones to five keys over a bad link, pulling in between; returns the sum over all keys.
 * *behind_out counts pulls that missed an earlier push. */
static float sum_over_lossy_link(struct lossy_link *link, uint32_t *behind_out)
{
    uint32_t table = must_open(client, "item", 1);
    link->is_on = true;
    souk_ticket ticket;
    for (uint32_t i = 0; i < LOSSY_PUSHES; i++) {
        assert_int_equal(push_one(table, i % LOSSY_KEYS, 1, &ticket), SOUK_OK);
        if (i % 16 == 15) *behind_out += pull_sum(table, i % LOSSY_KEYS) < (float)(i / LOSSY_KEYS);
    }
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    link->is_on = false;
    float sum = 0;
    for (uint64_t key = 0; key < LOSSY_KEYS; key++) sum += pull_sum(table, key);
    return sum;
}

static void begin_lossy(struct lossy_link *link, bool applies_twice)
{
    fake_cluster_init(&cluster, 1);
    cluster.client_options.retry_ms = 3;
    cluster.client_options.window = 16;
    cluster.shard_options.applies_twice = applies_twice;
    cluster.shard_options.hooks = (struct fake_hooks){spoil_request, spoil_reply, link};
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
}

static void a_lossy_link_neither_loses_nor_doubles_pushes(void **state)
{
    (void)state;
    struct lossy_link link = {.state = 11};
    uint32_t num_behind = 0;
    begin_lossy(&link, false);
    assert_true(sum_over_lossy_link(&link, &num_behind) == LOSSY_PUSHES);
    assert_int_equal(num_behind, 0);
    assert_true(fake_counts(cluster.shards[0])->num_duplicates > 0);
    assert_true(fake_counts(cluster.shards[0])->num_gaps > 0);
    struct souk_client_stats stats;
    souk_client_get_stats(client, &stats);
    assert_true(stats.retries > 0);
}

/* The control: without recognition by sequence the sum above is wrong, so that test can fail. */
static void without_recognition_a_lossy_link_doubles_pushes(void **state)
{
    (void)state;
    struct lossy_link link = {.state = 11};
    uint32_t num_behind = 0;
    begin_lossy(&link, true);
    assert_true(sum_over_lossy_link(&link, &num_behind) > LOSSY_PUSHES);
}

/* Does one action to the first `left` messages of a type. */
struct first_ones {
    uint32_t type;
    _Atomic int left;
    enum fake_action action;
};

static enum fake_action spoil_first(struct first_ones *first, uint32_t type)
{
    return type == first->type && first->left-- > 0 ? first->action : FAKE_PASS;
}
static enum fake_action spoil_first_request(void *ctx, const struct wire_header *request)
{
    return spoil_first(ctx, request->type);
}
static enum fake_action spoil_first_reply(void *ctx, struct wire_header *reply, struct frame *body)
{
    (void)body;
    return spoil_first(ctx, reply->type & ~(uint32_t)WIRE_REPLY_BIT);
}

/* The pull arrives, the push before it does not: its answer must not be taken. */
static void a_pull_does_not_overtake_a_lost_push(void **state)
{
    (void)state;
    for (int held = 0; held <= 1; held++) {
        struct first_ones first = {WIRE_PUSH, 1, held ? FAKE_HOLD : FAKE_DROP};
        begin(1, (struct fake_hooks){.on_request = spoil_first_request, .ctx = &first});
        uint32_t table = must_open(client, "item", 1);
        souk_ticket ticket;
        assert_int_equal(push_one(table, 3, 5, &ticket), SOUK_OK);
        assert_true(pull_sum(table, 3) == 5);
        assert_int_equal(fake_counts(cluster.shards[0])->num_applied, 1);
        if (!held) end(NULL);
    }
}

/* The answer of the shard is enough to send again: the timer would come after a minute. */
static void a_gap_is_filled_without_waiting_for_the_timer(void **state)
{
    (void)state;
    struct first_ones first = {WIRE_PUSH, 1, FAKE_DROP};
    fake_cluster_init(&cluster, 1);
    cluster.client_options.retry_ms = 60000;
    cluster.shard_options.hooks =
        (struct fake_hooks){.on_request = spoil_first_request, .ctx = &first};
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
    uint32_t table = must_open(client, "item", 1);
    souk_ticket ticket;
    for (int i = 0; i < 10; i++) assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    assert_true(pull_sum(table, 1) == 10);
    struct souk_client_stats stats;
    souk_client_get_stats(client, &stats);
    assert_true(stats.retries >= 1 && stats.retries <= 10); // once, not once for each complaint
}

static void every_type_of_request_survives_a_loss(void **state)
{
    (void)state;
    static const uint32_t TYPES[] = {WIRE_HELLO, WIRE_OPEN_TABLE, WIRE_PULL,
                                     WIRE_PUSH,  WIRE_INFO,       WIRE_SCAN};
    for (size_t i = 0; i < 2 * sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        struct first_ones first = {TYPES[i / 2], 2, FAKE_DROP};
        struct fake_hooks hooks = {.ctx = &first};
        if (i % 2)
            hooks.on_request = spoil_first_request;
        else
            hooks.on_reply = spoil_first_reply;
        begin(1, hooks);
        uint32_t table = must_open(client, "item", 1);
        souk_ticket ticket;
        assert_int_equal(push_one(table, 1, 2, &ticket), SOUK_OK);
        assert_true(pull_sum(table, 1) == 2);
        struct souk_server_info info;
        assert_int_equal(souk_client_server_info(client, 0, &info), SOUK_OK);
        assert_int_equal(info.num_rows, 1);
        end(NULL);
    }
    begin(1, (struct fake_hooks){0});
}

/* ---- servers that are not there ---- */

static souk_status create_only(void)
{
    struct souk_client *made = NULL;
    souk_status status = client_create_on(cluster.net, &cluster.client_options, &made);
    if (status == SOUK_OK) souk_client_destroy(made);
    return status;
}

static void a_server_that_is_not_there_is_named(void **state)
{
    (void)state;
    fake_cluster_init(&cluster, 2);
    cluster.client_options.timeout_ms = 50;
    fake_cluster_start_one(&cluster, 0, 1);
    capture_log_begin();
    assert_int_equal(create_only(), SOUK_EPEER);
    const char *log = capture_log_text();
    assert_non_null(strstr(log, "server inproc://fake1 has not answered for 0."));
    assert_non_null(strstr(log, "waiting for server inproc://fake1, which does not answer yet"));
    assert_null(strstr(log, "waiting for server inproc://fake0"));
    assert_non_null(strstr(log, "there is no connection; check that souk-server runs there"));
}

static enum fake_action drop_pulls(void *ctx, const struct wire_header *request)
{
    (void)ctx;
    return request->type == WIRE_PULL ? FAKE_DROP : FAKE_PASS;
}

static void a_silent_server_ends_the_client_with_its_name(void **state)
{
    (void)state;
    fake_cluster_init(&cluster, 1);
    cluster.client_options.timeout_ms = 100;
    cluster.shard_options.hooks = (struct fake_hooks){.on_request = drop_pulls};
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
    uint32_t table = must_open(client, "item", 1);
    uint64_t key = 1;
    float row;
    struct souk_pull pull = {table, 1, &key, &row, NULL, false};
    souk_ticket ticket, ignored;
    assert_int_equal(souk_client_pull(client, &pull, 1, &ticket), SOUK_OK);
    capture_log_begin();
    assert_int_equal(souk_client_wait(client, ticket), SOUK_EPEER);
    const char *message = souk_client_error(client);
    assert_non_null(strstr(message, "server inproc://fake0 has not answered for 0."));
    assert_non_null(strstr(message, "it has a connection but is silent"));
    // Every later call says the same, and nothing is logged again.
    assert_int_equal(souk_client_pull(client, &pull, 1, &ignored), SOUK_EPEER);
    assert_int_equal(push_one(table, 1, 1, &ignored), SOUK_EPEER);
    assert_int_equal(souk_client_flush(client), SOUK_EPEER);
    assert_int_equal(souk_client_progress(client), SOUK_EPEER);
    assert_int_equal(souk_client_wait(client, 0), SOUK_EPEER);
    assert_null(strchr(strchr(capture_log_text(), '\n') + 1, '\n'));
}

static void a_dead_server_ends_the_client_with_its_name(void **state)
{
    (void)state;
    fake_cluster_init(&cluster, 2);
    cluster.client_options.timeout_ms = 100;
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
    uint32_t table = must_open(client, "item", 1);
    fake_stop(cluster.shards[1]);
    cluster.shards[1] = NULL;
    souk_ticket ticket;
    capture_log_begin();
    for (uint64_t key = 0; key < 20; key++)
        assert_int_equal(push_one(table, key, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_flush(client), SOUK_EPEER);
    assert_non_null(strstr(souk_client_error(client), "server inproc://fake1"));
    assert_non_null(strstr(souk_client_error(client), "its connection was lost"));
}

/* A client that computes does not look at the clock of its servers meanwhile. */
static void time_between_calls_is_not_held_against_servers(void **state)
{
    (void)state;
    struct first_ones first = {WIRE_PUSH, 1, FAKE_DROP};
    fake_cluster_init(&cluster, 1);
    cluster.client_options.timeout_ms = 400;
    cluster.client_options.retry_ms = 50;
    cluster.shard_options.hooks =
        (struct fake_hooks){.on_request = spoil_first_request, .ctx = &first};
    fake_cluster_start(&cluster);
    client = fake_cluster_client(&cluster);
    uint32_t table = must_open(client, "item", 1);
    souk_ticket ticket;
    assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    uint64_t until_ns = clock_now_ns() + 500 * 1000000; // more than the deadline
    while (clock_now_ns() < until_ns) continue;
    assert_int_equal(souk_client_wait(client, ticket), SOUK_OK);
}

/* ---- restarts and epochs ---- */

static void a_restarted_server_is_noticed(void **state)
{
    (void)state;
    for (int is_push = 0; is_push <= 1; is_push++) {
        begin(1, (struct fake_hooks){0});
        uint32_t table = must_open(client, "item", 1);
        assert_true(pull_sum(table, 1) == 0);
        fake_stop(cluster.shards[0]);
        fake_cluster_start_one(&cluster, 0, 999);
        uint64_t key = 1;
        float row;
        struct souk_pull pull = {table, 1, &key, &row, NULL, false};
        souk_ticket ticket;
        if (is_push)
            assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
        else
            assert_int_equal(souk_client_pull(client, &pull, 1, &ticket), SOUK_OK);
        capture_log_begin();
        assert_int_equal(souk_client_wait(client, ticket), SOUK_ELOST);
        const char *message = souk_client_error(client);
        assert_non_null(strstr(message, "server inproc://fake0 was restarted"));
        assert_non_null(strstr(message, "--resume"));
        if (!is_push) end(NULL);
    }
}

/* As above, but the server claims to be the old one. */
static void loss_of_acknowledged_pushes_is_noticed(void **state)
{
    (void)state;
    begin(1, (struct fake_hooks){0});
    uint32_t table = must_open(client, "item", 1);
    souk_ticket ticket;
    for (int i = 0; i < 5; i++) assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    fake_stop(cluster.shards[0]);
    fake_cluster_start_one(&cluster, 0, 100);
    assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    capture_log_begin();
    assert_int_equal(souk_client_flush(client), SOUK_ELOST);
    assert_non_null(strstr(souk_client_error(client), "lost updates that it had acknowledged"));
}

static void a_client_of_an_older_epoch_is_refused(void **state)
{
    (void)state;
    begin(1, (struct fake_hooks){0});
    uint32_t table = must_open(client, "item", 1);
    cluster.client_options.job_epoch = 2;
    struct souk_client *newer = fake_cluster_client(&cluster);
    souk_ticket ticket;
    assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    capture_log_begin();
    assert_int_equal(souk_client_wait(client, ticket), SOUK_EDENIED);
    cluster.client_options.job_epoch = 1;
    assert_int_equal(create_only(), SOUK_EDENIED);
    assert_non_null(strstr(capture_log_text(), "inproc://fake0: job epoch is over"));
    souk_client_destroy(newer);
}

static void a_client_goes_on_where_its_id_stopped(void **state)
{
    (void)state;
    begin(1, (struct fake_hooks){0});
    uint32_t table = must_open(client, "item", 1);
    souk_ticket ticket;
    for (int i = 0; i < 5; i++) assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    souk_client_destroy(client);
    client = fake_cluster_client(&cluster);
    assert_int_equal(must_open(client, "item", 1), table);
    assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    assert_true(pull_sum(table, 1) == 6);
    assert_int_equal(fake_counts(cluster.shards[0])->num_duplicates, 0);
}

static void two_clients_with_one_id_are_noticed(void **state)
{
    (void)state;
    begin(1, (struct fake_hooks){0});
    uint32_t table = must_open(client, "item", 1);
    struct souk_client *first = client;
    client = fake_cluster_client(&cluster);
    souk_ticket ticket;
    must_open(client, "item", 1);
    assert_int_equal(push_one(table, 1, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_flush(client), SOUK_OK);
    souk_client_destroy(client);
    client = first;
    capture_log_begin();
    uint64_t key = 1;
    float row;
    struct souk_pull pull = {table, 1, &key, &row, NULL, false};
    assert_int_equal(souk_client_pull(client, &pull, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_wait(client, ticket), SOUK_ETOPOLOGY);
    assert_non_null(strstr(souk_client_error(client), "client 7"));
}

static void odd_topologies_are_refused(void **state)
{
    (void)state;
    fake_cluster_init(&cluster, 2);
    cluster.client_options.timeout_ms = 50;
    fake_cluster_start_one(&cluster, 0, 5);
    fake_cluster_start_one(&cluster, 1, 5); // both say that they are one process
    capture_log_begin();
    assert_int_equal(create_only(), SOUK_ETOPOLOGY);
    assert_non_null(strstr(capture_log_text(), "one and the same"));
    fake_stop(cluster.shards[1]);
    cluster.shard_options.shard_idx = 1;
    cluster.shard_options.num_shards = 2;
    fake_cluster_start_one(&cluster, 1, 6);
    assert_int_equal(create_only(), SOUK_ETOPOLOGY);
    assert_non_null(strstr(capture_log_text(), "inproc://fake1 is shard 1 of its server"));

    cluster.client_options.num_servers = 0;
    assert_int_equal(create_only(), SOUK_EINVAL);
    const char *bad = "nonsense";
    cluster.client_options.num_servers = 1;
    cluster.client_options.servers = &bad;
    assert_int_equal(create_only(), SOUK_EINVAL);
    assert_non_null(strstr(capture_log_text(), "\"nonsense\""));
    cluster.client_options.window = 1 << 20;
    assert_int_equal(create_only(), SOUK_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_lossy_link_neither_loses_nor_doubles_pushes, end),
        cmocka_unit_test_teardown(without_recognition_a_lossy_link_doubles_pushes, end),
        cmocka_unit_test_teardown(a_pull_does_not_overtake_a_lost_push, end),
        cmocka_unit_test_teardown(a_gap_is_filled_without_waiting_for_the_timer, end),
        cmocka_unit_test_teardown(every_type_of_request_survives_a_loss, end),
        cmocka_unit_test_teardown(a_server_that_is_not_there_is_named, end),
        cmocka_unit_test_teardown(a_silent_server_ends_the_client_with_its_name, end),
        cmocka_unit_test_teardown(a_dead_server_ends_the_client_with_its_name, end),
        cmocka_unit_test_teardown(time_between_calls_is_not_held_against_servers, end),
        cmocka_unit_test_teardown(a_restarted_server_is_noticed, end),
        cmocka_unit_test_teardown(loss_of_acknowledged_pushes_is_noticed, end),
        cmocka_unit_test_teardown(a_client_of_an_older_epoch_is_refused, end),
        cmocka_unit_test_teardown(a_client_goes_on_where_its_id_stopped, end),
        cmocka_unit_test_teardown(two_clients_with_one_id_are_noticed, end),
        cmocka_unit_test_teardown(odd_topologies_are_refused, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
