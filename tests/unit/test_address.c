/* Tests of net_address_check() and net_address_is_exposed(). */
#include <string.h>
#include <unistd.h>

#include "common/net/net.h"
#include "tests/support/cmocka.h"

static void good_addresses_pass(void **state)
{
    (void)state;
    const char *good[] = {
        "tcp://127.0.0.1:4000", "tcp://*:*",
        "tcp://0.0.0.0:1",      "tcp://node-7.cluster_a:65535",
        "tcp://[::1]:4000",     "tcp://[fe80::1]:*",
        "tcp://localhost:*",    "tcp://10.0.0.1:4000",
        "ipc:///run/souk/s0",   "ipc://s0",
        "inproc://server0/1",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *why = NULL;
        if (net_address_check(good[i], &why) != SOUK_OK) fail_msg("%s: %s", good[i], why);
        assert_null(why);
    }
}

static void bad_addresses_get_the_reason(void **state)
{
    (void)state;
    char long_path[200] = "ipc://", long_host[400] = "tcp://";
    memset(long_path + 6, 'p', 108);
    memset(long_host + 6, 'h', 256);
    strcat(long_host, ":1");
    const struct {
        const char *address, *why;
    } bad[] = {
        {"", "does not begin with"},
        {"127.0.0.1:4000", "does not begin with"},
        {"TCP://a:1", "does not begin with"},
        {"udp://127.0.0.1:4000", "does not begin with"},
        {"tcp://", "needs a host and a port"},
        {"tcp://host", "needs a host and a port"},
        {"tcp://:4000", "needs a host and a port"},
        {"tcp://host:", "no number"},
        {"tcp://host:http", "no number"},
        {"tcp://host:12x", "no number"},
        {"tcp://host:-1", "no number"},
        {"tcp://host:0", "outside"},
        {"tcp://host:65536", "outside"},
        {"tcp://host:123456", "outside"},
        {"tcp://1.2.3:4000", "four numbers"},
        {"tcp://1.2.3.256:4000", "four numbers"},
        {"tcp://::1:4000", "without brackets"},
        {"tcp://[::1:4000", "closing bracket"},
        {"tcp://[]:4000", "needs a host"},
        {"tcp://[::g]:4000", "IPv6"},
        {"tcp://[localhost]:4000", "IPv6"},
        {"tcp://a b:4000", "characters"},
        {"tcp://user@host:4000", "characters"},
        {"tcp://host/path:4000", "characters"},
        {long_host, "255 characters"},
        {"ipc://", "needs a path"},
        {long_path, "107 characters"},
        {"inproc://", "needs a name"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *why = NULL;
        if (net_address_check(bad[i].address, &why) != SOUK_EINVAL || !strstr(why, bad[i].why))
            fail_msg("\"%s\": %s", bad[i].address, why ? why : "passes");
    }
}

static void only_this_host_is_not_exposed(void **state)
{
    (void)state;
    const char *hidden[] = {
        "tcp://127.0.0.1:4000", "tcp://127.8.9.10:*", "tcp://localhost:4000",
        "tcp://LocalHost:4000", "tcp://[::1]:4000",   "tcp://[::ffff:127.0.0.1]:4000",
        "ipc:///run/souk/s0",   "inproc://server0",
    };
    const char *exposed[] = {
        "tcp://0.0.0.0:4000",
        "tcp://*:4000",
        "tcp://[::]:4000",
        "tcp://10.0.0.1:4000",
        "tcp://128.0.0.1:4000",
        "tcp://node7:4000",
        "tcp://[fe80::1]:4000",
        "tcp://[::ffff:10.0.0.1]:4000",
        "tcp://127.0.0.1.example.org:4000",
        "tcp://localhost.example.org:1",
        "tcp://eth0:4000",
        "nonsense",
        "",
    };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (net_address_is_exposed(hidden[i])) fail_msg("%s is exposed", hidden[i]);
    for (size_t i = 0; i < sizeof(exposed) / sizeof(exposed[0]); i++)
        if (!net_address_is_exposed(exposed[i])) fail_msg("%s is not exposed", exposed[i]);
}

static void hosts_are_looked_up(void **state)
{
    (void)state;
    const char *good[] = {"tcp://127.0.0.1:1", "tcp://localhost:4000", "tcp://[::1]:1",
                          "tcp://*:*",         "ipc:///nobody",        "inproc://nobody"};
    char host[NET_HOST_MAX + 1];
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        // A bare chroot knows no localhost.
        if (strstr(good[i], "localhost") && access("/etc/hosts", R_OK) != 0) continue;
        if (net_address_resolve(good[i], host, &why) != SOUK_OK) fail_msg("%s: %s", good[i], why);
    }
    // No label of a name is longer than 63: this one is refused without a name server.
    char address[100] = "tcp://", label[] = "nobody";
    for (int i = 0; i < 11; i++) strcat(address, label);
    strcat(address, ":4000");
    assert_int_equal(net_address_resolve(address, host, &why), SOUK_ENOTFOUND);
    assert_int_equal(strlen(host), 66);
    assert_non_null(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_looked_up),
        cmocka_unit_test(good_addresses_pass),
        cmocka_unit_test(bad_addresses_get_the_reason),
        cmocka_unit_test(only_this_host_is_not_exposed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
