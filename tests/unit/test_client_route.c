/* Keys to shards and messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "worker/client/route.h"

enum { NUM_KEYS = 5000 };

static uint64_t keys[NUM_KEYS];
static uint32_t positions[2 * NUM_KEYS];

static void make_keys(uint64_t step)
{
    for (uint32_t i = 0; i < NUM_KEYS; i++) keys[i] = 3 + i * step;
}

static void order_of_keys_is_checked(void **state)
{
    (void)state;
    uint32_t bad = 0;
    uint64_t good[] = {0, 1, 5, UINT64_MAX}, equal[] = {1, 2, 2, 3}, down[] = {1, 5, 4};
    assert_true(route_keys_ascend(good, 4, &bad));
    assert_true(route_keys_ascend(good, 0, &bad));
    assert_true(route_keys_ascend(good, 1, &bad));
    assert_false(route_keys_ascend(equal, 4, &bad));
    assert_int_equal(bad, 2);
    assert_false(route_keys_ascend(down, 3, &bad));
    assert_int_equal(bad, 2);
}

static void one_shard_copies_nothing(void **state)
{
    (void)state;
    make_keys(11);
    struct route route;
    route_init(&route, 1);
    route_begin(&route, NULL);
    route_add(&route, keys, NUM_KEYS, 72);
    assert_ptr_equal(route.parts[0].keys, keys);
    route_fini(&route);
}

/* Walks all messages of a shard; counts each key of part p in seen[p * NUM_KEYS + position]. */
static void walk_shard(const struct route *route, uint32_t shard, uint32_t *seen)
{
    struct route_walk walk = {.shard = shard};
    struct route_cut cuts[SOUK_TABLES_MAX];
    uint64_t last[2] = {0, 0};
    for (uint32_t n; (n = route_next(route, &walk, cuts)) > 0;) {
        for (uint32_t c = 0; c < n; c++) {
            const struct route_part *part = &route->parts[cuts[c].part];
            for (uint32_t i = cuts[c].first; i < cuts[c].first + cuts[c].count; i++) {
                uint32_t position = route->positions[part->base + i];
                assert_int_equal(part->keys[i], keys[position]);
                assert_int_equal(hash_shard(hash_slot(part->keys[i]), route->num_shards), shard);
                assert_true(part->keys[i] > last[cuts[c].part]);
                last[cuts[c].part] = part->keys[i];
                seen[cuts[c].part * NUM_KEYS + position]++;
            }
        }
    }
}

static void every_key_goes_once_to_its_shard_in_order(void **state)
{
    (void)state;
    make_keys(0x123456789);
    for (uint32_t num_shards = 2; num_shards <= 7; num_shards++) {
        struct route route;
        uint32_t seen[2 * NUM_KEYS] = {0};
        route_init(&route, num_shards);
        route_begin(&route, positions);
        route_add(&route, keys, NUM_KEYS, 2000);
        route_add(&route, keys, NUM_KEYS / 2, 72);
        for (uint32_t s = 0; s < num_shards; s++) walk_shard(&route, s, seen);
        for (uint32_t i = 0; i < NUM_KEYS; i++) assert_int_equal(seen[i], 1);
        for (uint32_t i = 0; i < NUM_KEYS; i++)
            assert_int_equal(seen[NUM_KEYS + i], i < NUM_KEYS / 2);
        route_fini(&route);
    }
}

static void messages_are_bounded_and_hold_several_parts(void **state)
{
    (void)state;
    enum { ROW_BYTES = 1000, BOUND = 1 << 20 };
    make_keys(1);
    struct route route;
    route_init(&route, 1);
    route_begin(&route, NULL);
    route_add(&route, keys, NUM_KEYS, ROW_BYTES);
    route_add(&route, keys, 0, ROW_BYTES);
    route_add(&route, keys, 10, 8);
    struct route_walk walk = {0};
    struct route_cut cuts[SOUK_TABLES_MAX];
    uint32_t counts[3] = {0}, num_messages = 0, last = 0;
    for (uint32_t n; (n = route_next(&route, &walk, cuts)) > 0; num_messages++, last = n) {
        size_t bytes = 0;
        for (uint32_t c = 0; c < n; c++) {
            assert_int_equal(cuts[c].first, counts[cuts[c].part]);
            counts[cuts[c].part] += cuts[c].count;
            bytes += cuts[c].count * route.parts[cuts[c].part].row_bytes;
        }
        assert_true(bytes <= BOUND);
    }
    assert_int_equal(counts[0], NUM_KEYS);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 10);
    assert_true(num_messages >= NUM_KEYS * (size_t)ROW_BYTES / BOUND);
    assert_int_equal(last, 2); // the end of the large part and the small one
    route_fini(&route);
}

static void a_row_larger_than_a_message_goes_alone(void **state)
{
    (void)state;
    make_keys(1);
    struct route route;
    route_init(&route, 1);
    route_begin(&route, NULL);
    route_add(&route, keys, 3, 1 << 24);
    struct route_walk walk = {0};
    struct route_cut cuts[SOUK_TABLES_MAX];
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(route_next(&route, &walk, cuts), 1);
        assert_int_equal(cuts[0].count, 1);
        assert_int_equal(cuts[0].first, i);
    }
    assert_int_equal(route_next(&route, &walk, cuts), 0);
    route_fini(&route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_keys_is_checked),
        cmocka_unit_test(one_shard_copies_nothing),
        cmocka_unit_test(every_key_goes_once_to_its_shard_in_order),
        cmocka_unit_test(messages_are_bounded_and_hold_several_parts),
        cmocka_unit_test(a_row_larger_than_a_message_goes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
