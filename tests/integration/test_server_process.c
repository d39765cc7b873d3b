/* Tests of bin/souk-server as a process: files, signals, restarts, and strangers at its port. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/wire.h"
#include "common/net/net.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { DEADLINE_MS = 20000, ARGUMENTS_MAX = 16 };

static char *dir;         // of this test
static pid_t server_pid;  // supervisor, or the only process; 0: none
static char address[128]; // that it serves at
static int error_fd;      // standard error of the programs; -1: DIR/log

static uint64_t deadline(void)
{
    return clock_now_ms() + DEADLINE_MS;
}

static void wait_a_little(uint64_t until_ms, const char *what)
{
    if (clock_now_ms() > until_ms) fail_msg("%s: not within %d s", what, DEADLINE_MS / 1000);
    clock_sleep_ms(5);
}

static int begin(void **state)
{
    (void)state;
    dir = temp_dir_create();
    server_pid = 0;
    error_fd = -1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (server_pid) {
        kill(server_pid, SIGTERM);
        waitpid(server_pid, NULL, 0);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    } // orphans that came to us
    temp_dir_remove(dir);
    return 0;
}

/* ---- the process ---- */

static const char *program(void)
{
    static char path[1024];
    const char *bin = getenv("BIN");
    snprintf(path, sizeof(path), "%s/souk-server", bin && *bin ? bin : "bin");
    return path;
}

// Starts it with these words behind "--endpoint-file DIR/endpoint"; standard error goes to DIR/log.
static pid_t start_program(const char *const words[])
{
    char endpoint[1024], log[1024];
    snprintf(endpoint, sizeof(endpoint), "%s/endpoint", dir);
    snprintf(log, sizeof(log), "%s/log", dir);
    const char *arguments[ARGUMENTS_MAX] = {program(), "--endpoint-file", endpoint};
    for (int i = 0; words[i]; i++) arguments[3 + i] = words[i];
    pid_t pid = fork();
    if (pid != 0) return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(error_fd >= 0 ? error_fd : fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    signal(SIGPIPE, SIG_DFL); // whatever it is here
    char *copies[ARGUMENTS_MAX];
    memcpy(copies, arguments, sizeof(copies));
    execv(copies[0], copies);
    _exit(127);
}

static const char *log_text(void)
{
    static char text[16384];
    char *bytes = NULL;
    size_t length;
    text[0] = '\0';
    if (file_read(temp_path(dir, "log"), sizeof(text) - 1, &bytes, &length) == SOUK_OK)
        memcpy(text, bytes, length + 1);
    mem_free(bytes);
    return text;
}

static bool read_address(void)
{
    FILE *file = fopen(temp_path(dir, "endpoint"), "r");
    if (!file) return false;
    bool is_line = fgets(address, sizeof(address), file) && strchr(address, '\n');
    fclose(file);
    if (!is_line) fail_msg("the endpoint file has \"%s\", which is no line", address);
    address[strcspn(address, "\n")] = '\0';
    return true;
}

static void start_server(const char *const words[])
{
    uint64_t until_ms = deadline();
    server_pid = start_program(words);
    while (!read_address()) {
        if (waitpid(server_pid, NULL, WNOHANG) > 0) fail_msg("it ended: %s", log_text());
        wait_a_little(until_ms, "endpoint file");
    }
}

// Waits for a child of ours to end; returns its exit code, or 128 and the signal.
static int wait_for_end(pid_t pid)
{
    uint64_t until_ms = deadline();
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) wait_a_little(until_ms, "end of the process");
    if (pid == server_pid) server_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    size_t n = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[n] = '\0';
    char state;
    int parent;
    const char *behind_name = strrchr(line, ')');
    if (!behind_name || sscanf(behind_name + 1, " %c %d", &state, &parent) != 2) return -1;
    return state == 'Z' ? -1 : parent;
}

// The process that the supervisor has forked, once there is one other than `other_than`.
static pid_t find_child(pid_t supervisor, pid_t other_than)
{
    for (uint64_t until_ms = deadline();; wait_a_little(until_ms, "child of the supervisor")) {
        DIR *proc = opendir("/proc");
        pid_t found = 0;
        for (struct dirent *entry; !found && (entry = readdir(proc));) {
            pid_t pid = atoi(entry->d_name);
            if (pid > 0 && pid != other_than && parent_of(pid) == supervisor) found = pid;
        }
        closedir(proc);
        if (found) return found;
    }
}

// Says hello to the server until it answers; returns its incarnation.
static uint64_t greet(void)
{
    struct net *net;
    struct net_dialer *dialer;
    uint32_t channel;
    uint64_t incarnation = 0, until_ms = deadline();
    assert_int_equal(net_create(&net), SOUK_OK);
    assert_int_equal(net_dialer_create(net, &dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(dialer, address, &channel), SOUK_OK);
    while (incarnation == 0) {
        struct wire_header hello = {.version = WIRE_VERSION, .type = WIRE_HELLO};
        struct frame *frame = frame_create(WIRE_HEADER_MAX);
        frame->length = wire_pack_header(&hello, frame->bytes);
        struct net_message reply = {0};
        if (net_dialer_send(dialer, channel, frame, frame_create(0)) == SOUK_OK &&
            net_dialer_receive(dialer, 500, &reply) == SOUK_OK) {
            struct wire_header header;
            assert_int_equal(wire_unpack_header(reply.header->bytes, reply.header->length, &header),
                             SOUK_OK);
            incarnation = header.incarnation;
        }
        net_message_fini(&reply);
        if (incarnation == 0) wait_a_little(until_ms, "answer of the server");
    }
    net_dialer_destroy(dialer);
    net_destroy(net);
    return incarnation;
}

/* ---- tests ---- */

static void serves_until_sigterm_and_cleans_up(void **state)
{
    (void)state;
    char pid_path[1024], line[32];
    snprintf(pid_path, sizeof(pid_path), "%s/pid", dir);
    start_server((const char *[]){"--pid-file", pid_path, "--threads", "3", NULL});
    assert_int_equal(strncmp(address, "tcp://127.0.0.1:", 16), 0);
    assert_int_not_equal(greet(), 0);
    FILE *file = fopen(pid_path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    assert_int_equal(atoi(line), server_pid);
    kill(server_pid, SIGTERM);
    assert_int_equal(wait_for_end(server_pid), 0);
    assert_false(file_exists(pid_path));
    assert_false(file_exists(temp_path(dir, "endpoint")));
}

static void stops_in_order_without_a_supervisor_too(void **state)
{
    (void)state;
    start_server((const char *[]){"--no-supervisor", NULL});
    greet();
    kill(server_pid, SIGINT);
    assert_int_equal(wait_for_end(server_pid), 0);
}

static void killed_server_is_back_on_the_same_port(void **state)
{
    (void)state;
    start_server((const char *[]){"--threads", "2", NULL});
    char first_address[sizeof(address)];
    memcpy(first_address, address, sizeof(address));
    uint64_t incarnation = greet();
    pid_t child = find_child(server_pid, 0);
    for (int turn = 0; turn < 2; turn++) { // the second time after twice the wait
        kill(child, SIGKILL);
        child = find_child(server_pid, child);
        uint64_t next = greet();
        assert_true(next != incarnation);
        incarnation = next;
        assert_true(read_address());
        assert_string_equal(address, first_address);
    }
    kill(server_pid, SIGTERM);
    assert_int_equal(wait_for_end(server_pid), 0);
}

static void nobody_needs_to_read_the_log(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    error_fd = fds[1];
    start_server((const char *[]){NULL});
    close(fds[0]);
    close(fds[1]);
    greet();
    pid_t child = find_child(server_pid, 0);
    kill(child, SIGKILL); // which the supervisor has something to say about
    find_child(server_pid, child);
    greet();
    kill(server_pid, SIGTERM);
    assert_int_equal(wait_for_end(server_pid), 0);
}

static int connect_to_port(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) fail_msg("%s", strerror(errno));
    return fd;
}

static void random_bytes_at_the_port_harm_nothing(void **state)
{
    (void)state;
    start_server((const char *[]){"--log-level", "error", NULL});
    uint64_t incarnation = greet();
    struct rng rng;
    rng_init(&rng, 9, 0);
    // As ZMTP begins, so that half of them get past the first look.
    const uint8_t greeting[12] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0};
    for (int turn = 0; turn < 300; turn++) {
        uint8_t bytes[512];
        for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)rng_next_u32(&rng);
        if (turn % 2) memcpy(bytes, greeting, sizeof(greeting));
        int fd = connect_to_port();
        (void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
        close(fd);
    }
    assert_true(greet() == incarnation);
}

static void address_that_is_taken_ends_it_at_once(void **state)
{
    (void)state;
    start_server((const char *[]){NULL});
    char taken[sizeof(address)];
    memcpy(taken, address, sizeof(address));
    pid_t second = start_program((const char *[]){"--bind", taken, NULL});
    assert_int_equal(wait_for_end(second), 1);
    assert_non_null(strstr(log_text(), taken));
}

static void wrong_options_end_it_with_advice(void **state)
{
    (void)state;
    const struct {
        const char *words[3];
        const char *advice;
    } cases[] = {
        {{"--thread-s", "2"}, "did you mean --threads"},
        {{"--threads", "65"}, "1 to 64"},
        {{"--threads", "-1"}, "1 to 64"},
        {{"--threads", "2x"}, "1 to 64"},
        {{"--max-memory", "20x"}, "such as 500m"},
        {{"--max-memory", "99999999999t"}, "such as 500m"},
        {{"--bind", "127.0.0.1:80"}, "tcp://"},
        {{"--bind", "tcp://0.0.0.0:*"}, "--insecure"},
        {{"--bind", "inproc://a"}, "inproc"},
        {{"--log-level", "loud"}, "warning"},
        {{"--bind"}, "needs a value"},
        {{"train"}, "--help"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unlink(temp_path(dir, "log"));
        assert_int_equal(wait_for_end(start_program(cases[i].words)), 2);
        if (!strstr(log_text(), cases[i].advice))
            fail_msg("%s: no \"%s\" in: %s", cases[i].words[0], cases[i].advice, log_text());
    }
}

static void exposed_address_is_served_with_a_warning(void **state)
{
    (void)state;
    start_server((const char *[]){"--bind", "tcp://0.0.0.0:*", "--insecure", NULL});
    assert_non_null(strstr(log_text(), "without encryption"));
}

static void endpoint_file_that_cannot_be_written_ends_it(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof(path), "%s/no/such/folder", dir);
    pid_t pid = start_program((const char *[]){"--endpoint-file", path, NULL});
    assert_int_equal(wait_for_end(pid), 1);
    assert_non_null(strstr(log_text(), path));
}

static void killed_supervisor_takes_the_server_with_it(void **state)
{
    (void)state;
    prctl(PR_SET_CHILD_SUBREAPER, 1); // the orphan comes to us, so that we can wait for it
    start_server((const char *[]){NULL});
    pid_t child = find_child(server_pid, 0);
    kill(server_pid, SIGKILL);
    assert_int_equal(wait_for_end(server_pid), 128 + SIGKILL);
    assert_int_equal(wait_for_end(child), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void ends_with_its_parent_when_asked_to(void **state)
{
    (void)state;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    uint64_t until_ms = deadline();
    pid_t parent = fork();
    if (parent == 0) {
        (void)start_program((const char *[]){"--end-with-parent", NULL});
        pause();
        _exit(0);
    }
    while (!read_address()) wait_a_little(until_ms, "endpoint file");
    pid_t supervisor = find_child(parent, 0);
    kill(parent, SIGKILL);
    assert_int_equal(wait_for_end(parent), 128 + SIGKILL);
    assert_int_equal(wait_for_end(supervisor), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROCESS_TEST(serves_until_sigterm_and_cleans_up),
        PROCESS_TEST(stops_in_order_without_a_supervisor_too),
        PROCESS_TEST(killed_server_is_back_on_the_same_port),
        PROCESS_TEST(nobody_needs_to_read_the_log),
        PROCESS_TEST(random_bytes_at_the_port_harm_nothing),
        PROCESS_TEST(address_that_is_taken_ends_it_at_once),
        PROCESS_TEST(wrong_options_end_it_with_advice),
        PROCESS_TEST(exposed_address_is_served_with_a_warning),
        PROCESS_TEST(endpoint_file_that_cannot_be_written_ends_it),
        PROCESS_TEST(killed_supervisor_takes_the_server_with_it),
        PROCESS_TEST(ends_with_its_parent_when_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
