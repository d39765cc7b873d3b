/* Tests of worker/train/topology: which layouts are warned of, and how ranks are told. */
#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/train/topology.h"

enum { RANKS_MAX = 4 };

// A rank on a host that may use `num_cores` cores from `first_core` on.
static struct topology_rank rank_on(const char *host, int first_core, int num_cores)
{
    struct topology_rank rank = {0};
    snprintf(rank.host, sizeof rank.host, "%s", host);
    for (int i = 0; i < num_cores; i++) CPU_SET((size_t)(first_core + i), &rank.cores);
    return rank;
}

struct layout {
    const char *hosts; // a letter a rank
    int num_cores;     // of a rank
    int step;          // from the first core of a rank to that of the next; 0: they share all
    uint32_t num_server_threads, machine_cores;
    const char *expected; // in the log; "" for no warning at all
};

static const struct layout layouts[] = {
    {"a", 2, 0, 1, 2, ""},
    {"a", 2, 0, 0, 2, ""},
    {"a", 1, 0, 1, 1, "a: 1 worker and 1 server thread take turns on 1 core:"},
    {"aa", 4, 0, 2, 4, ""},
    {"aa", 2, 0, 2, 2, "a: 2 workers and 2 server threads take turns on 2 cores:"},
    {"aaa", 2, 0, 0, 2, "a: 3 workers take turns on 2 cores:"},
    {"aabb", 2, 0, 0, 2, ""},
    {"aabb", 2, 0, 1, 2, "a: 2 workers and 1 server thread take turns on 2 cores:"},
    {"abbb", 2, 0, 0, 2, "b: 3 workers take turns on 2 cores:"},
    {"abab", 1, 0, 0, 1, "b: 2 workers take turns on 1 core:"},
    // Bound ranks: servers use what is left of the machine.
    {"aa", 2, 2, 2, 8, ""},
    {"aa", 2, 2, 7, 8, "a: 2 workers and 7 server threads take turns on 8 cores:"},
    {"aa", 1, 1, 0, 8, "rank 0 may use one core"},
};

static void layouts_with_more_threads_than_cores_are_warned_of(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(layouts) / sizeof(layouts[0]); k++) {
        const struct layout *layout = &layouts[k];
        struct topology_rank ranks[RANKS_MAX];
        uint32_t num_ranks = (uint32_t)strlen(layout->hosts);
        for (uint32_t i = 0; i < num_ranks; i++) {
            char host[2] = {layout->hosts[i], 0};
            ranks[i] = rank_on(host, (int)i * layout->step, layout->num_cores);
        }
        capture_log_begin();
        topology_warn(ranks, num_ranks, layout->num_server_threads, layout->machine_cores);
        const char *text = capture_log_text();
        if (layout->expected[0] ? !strstr(text, layout->expected) : text[0] != 0)
            fail_msg("layout %zu: \"%s\", not \"%s\"", k, text, layout->expected);
        capture_log_end();
    }
}

static void ranks_in_a_row_are_one_line(void **state)
{
    (void)state;
    struct topology_rank ranks[RANKS_MAX] = {rank_on("a", 0, 2), rank_on("a", 2, 2),
                                             rank_on("b", 0, 2), rank_on("b", 0, 1)};
    capture_log_begin();
    topology_print_ranks(ranks, RANKS_MAX);
    assert_string_equal(capture_log_text(), "topology: ranks 0-1 on a, 2 cores allowed each\n"
                                            "topology: rank 2 on b, 2 cores allowed\n"
                                            "topology: rank 3 on b, 1 core allowed\n");
    capture_log_end();
}

static void looking_at_the_machine_leaves_the_cores_as_they_were(void **state)
{
    (void)state;
    struct topology_rank before, after;
    cpu_set_t one;
    topology_look("a", &before);
    uint32_t num_cores = topology_machine_cores();
    assert_in_range(num_cores, CPU_COUNT(&before.cores), CPU_SETSIZE);

    size_t core = 0;
    while (!CPU_ISSET(core, &before.cores)) core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(topology_machine_cores(), num_cores); // bound or not
    topology_look("a", &after);
    assert_true(CPU_EQUAL(&after.cores, &one));
    assert_int_equal(sched_setaffinity(0, sizeof before.cores, &before.cores), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_with_more_threads_than_cores_are_warned_of),
        cmocka_unit_test(ranks_in_a_row_are_one_line),
        cmocka_unit_test(looking_at_the_machine_leaves_the_cores_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
