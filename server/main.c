/* main.c - bin/souk-server: reads its options and serves, under a supervisor unless told not to. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/cpu.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/wire.h"
#include "common/text/buf.h"
#include "server/server.h"
#include "server/supervisor.h"
#include "souk/types.h"

static const char help[] =
    "Usage: souk-server [options]\n"
    "Serves parameters to souk workers until it is told to stop (SIGTERM).\n"
    "\n"
    "  --bind ADDRESS         where to listen (default tcp://127.0.0.1:*, any free port);\n"
    "                         tcp://host:port or ipc:///path\n"
    "  --threads N            shard threads, each with a port of its own, 1..64 (default 1)\n"
    "  --endpoint-file PATH   written when it serves: the address that clients are given\n"
    "  --pid-file PATH        written at the start: the process to send SIGTERM to\n"
    "  --max-memory SIZE      of all tables, such as 500m or 20g (default: no limit)\n"
    "  --insecure             allows an address that other hosts can reach; nothing is encrypted\n"
    "                         or authenticated, so only in a network that you trust\n"
    "  --no-supervisor        serve in this process; one that dies is not started again\n"
    "  --end-with-parent[=PID]  end when the process that started this one ends, and leave Ctrl-C\n"
    "                         to it; PID, where given, is what that process must be\n"
    "  --log-level LEVEL      error, warning, info (default) or debug\n"
    "  --help, --version\n"
    "\n"
    "Exit code: 0 stopped in order, 1 failure, 2 wrong options.\n";
_Static_assert(WIRE_SHARDS_MAX == 64, "the help says 1..64 for --threads");

struct arguments {
    const char *bind;
    const char *endpoint_file; // NULL: none
    const char *pid_file;      // NULL: none
    uint32_t num_threads;
    uint64_t max_memory_bytes; // 0: no limit
    bool is_insecure;
    bool no_supervisor;
    bool ends_with_parent;
    long parent; // that --end-with-parent names; 0: none
    enum log_level log_level;
};

enum option_id {
    OPT_BIND = 1,
    OPT_THREADS,
    OPT_ENDPOINT_FILE,
    OPT_PID_FILE,
    OPT_MAX_MEMORY,
    OPT_INSECURE,
    OPT_NO_SUPERVISOR,
    OPT_END_WITH_PARENT,
    OPT_LOG_LEVEL,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"bind", required_argument, NULL, OPT_BIND},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"endpoint-file", required_argument, NULL, OPT_ENDPOINT_FILE},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"no-supervisor", no_argument, NULL, OPT_NO_SUPERVISOR},
    {"end-with-parent", optional_argument, NULL, OPT_END_WITH_PARENT},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};
enum { NUM_OPTIONS = sizeof(options) / sizeof(options[0]) - 1 };

/* ---- options ---- */

// Digits and, where units is not empty, perhaps one of its letters: 1024, 1024^2 ...
static bool parse_number(const char *text, const char *units, uint64_t *number_out)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text)) return false; // no sign, no space
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0) return false;
    if (*end) {
        const char *unit = strchr(units, tolower((unsigned char)*end));
        if (!unit || end[1]) return false;
        for (const char *u = units; u <= unit; u++)
            if (__builtin_mul_overflow(number, 1024ULL, &number)) return false;
    }
    *number_out = number;
    return true;
}

static souk_status parse_threads(const char *text, uint32_t *num_threads_out)
{
    uint64_t number;
    if (!parse_number(text, "", &number) || number < 1 || number > WIRE_SHARDS_MAX)
        return log_fail(SOUK_EUSAGE, "--threads %s: give a number from 1 to %d", text,
                        WIRE_SHARDS_MAX);
    *num_threads_out = (uint32_t)number;
    return SOUK_OK;
}

static souk_status parse_memory(const char *text, uint64_t *bytes_out)
{
    if (parse_number(text, "kmgt", bytes_out) && *bytes_out > 0) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "--max-memory %s: give a size such as 500m or 20g", text);
}

static souk_status parse_level(const char *text, enum log_level *level_out)
{
    if (log_level_parse(text, level_out)) return SOUK_OK;
    return log_fail(SOUK_EUSAGE, "--log-level %s: use error, warning, info or debug", text);
}

static souk_status parse_parent(const char *text, long *parent_out)
{
    uint64_t number = 0;
    if (text && (!parse_number(text, "", &number) || number < 1 || number > INT32_MAX))
        return log_fail(SOUK_EUSAGE, "--end-with-parent=%s: this is not a process number", text);
    *parent_out = (long)number;
    return SOUK_OK;
}

static souk_status fail_unknown(const char *word)
{
    const char *names[NUM_OPTIONS];
    for (int i = 0; i < NUM_OPTIONS; i++) names[i] = options[i].name;
    const char *nearest = text_nearest(word + strspn(word, "-"), names, NUM_OPTIONS);
    if (nearest)
        return log_fail(SOUK_EUSAGE, "unknown option %s; did you mean --%s?", word, nearest);
    return log_fail(SOUK_EUSAGE, "unknown option %s; see souk-server --help", word);
}

static souk_status take_option(int id, char *const argv[], struct arguments *arguments)
{
    switch (id) {
    case OPT_BIND: arguments->bind = optarg; return SOUK_OK;
    case OPT_THREADS: return parse_threads(optarg, &arguments->num_threads);
    case OPT_ENDPOINT_FILE: arguments->endpoint_file = optarg; return SOUK_OK;
    case OPT_PID_FILE: arguments->pid_file = optarg; return SOUK_OK;
    case OPT_MAX_MEMORY: return parse_memory(optarg, &arguments->max_memory_bytes);
    case OPT_INSECURE: arguments->is_insecure = true; return SOUK_OK;
    case OPT_NO_SUPERVISOR: arguments->no_supervisor = true; return SOUK_OK;
    case OPT_END_WITH_PARENT:
        arguments->ends_with_parent = true;
        return parse_parent(optarg, &arguments->parent);
    case OPT_LOG_LEVEL: return parse_level(optarg, &arguments->log_level);
    case ':': return log_fail(SOUK_EUSAGE, "%s needs a value; see --help", argv[optind - 1]);
    default: return fail_unknown(argv[optind - 1]);
    }
}

// Options that only together make sense.
static souk_status check_arguments(const struct arguments *arguments)
{
    const char *why;
    if (net_address_check(arguments->bind, &why) != SOUK_OK)
        return log_fail(SOUK_EUSAGE, "--bind %s: the address %s", arguments->bind, why);
    if (strncmp(arguments->bind, "inproc://", 9) == 0)
        return log_fail(SOUK_EUSAGE, "--bind %s: nobody outside of this process can reach it",
                        arguments->bind);
    if (net_address_is_exposed(arguments->bind) && !arguments->is_insecure)
        return log_fail(SOUK_EUSAGE,
                        "--bind %s: other hosts can reach this address, and whoever reaches it may "
                        "read and change every parameter; use tcp://127.0.0.1:*, or add --insecure "
                        "in a network that you trust",
                        arguments->bind);
    return SOUK_OK;
}

// SOUK_EEND: the options have been answered, there is nothing to serve.
static souk_status parse_arguments(int argc, char *argv[], struct arguments *arguments)
{
    *arguments =
        (struct arguments){.bind = "tcp://127.0.0.1:*", .num_threads = 1, .log_level = LOG_INFO};
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, "+:", options, NULL)) != -1;) {
        if (id == OPT_HELP) fputs(help, stdout);
        if (id == OPT_VERSION) puts("souk-server " SOUK_VERSION);
        if (id == OPT_HELP || id == OPT_VERSION) return SOUK_EEND;
        souk_status status = take_option(id, argv, arguments);
        if (status != SOUK_OK) return status;
    }
    if (optind < argc)
        return log_fail(SOUK_EUSAGE, "\"%s\" is not an option; see souk-server --help",
                        argv[optind]);
    return check_arguments(arguments);
}

/* ---- serving ---- */

// The supervisor's own exit is in order, so only a server that has died leaves its files behind.
static void remove_files(const struct arguments *arguments)
{
    if (arguments->endpoint_file) unlink(arguments->endpoint_file);
    if (arguments->pid_file) unlink(arguments->pid_file);
}

// Every connection takes a descriptor, and a server that runs out of them turns clients away.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static souk_status announce(const struct arguments *arguments, const struct server *server)
{
    const char *address = server_address(server);
    log_set_role("server", server_ports(server)[0] ? server_ports(server)[0] : (int)getpid());
    log_info("serves at %s, %u shard thread%s", address, server_num_shards(server),
             server_num_shards(server) == 1 ? "" : "s");
    if (net_address_is_exposed(address))
        log_warning("%s is open to other hosts, without encryption or authentication", address);
    if (!arguments->endpoint_file) return SOUK_OK;
    char line[512];
    int length = snprintf(line, sizeof(line), "%s\n", address);
    return file_write_atomic(arguments->endpoint_file, line, (size_t)length);
}

static void wait_for_stop(const struct arguments *arguments)
{
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    if (!arguments->ends_with_parent) sigaddset(&signals, SIGINT);
    while (sigwait(&signals, &number) != 0) {
    }
    log_info("stops");
}

static souk_status serve_on(const struct arguments *arguments, struct net *net,
                            const struct supervisor_report *before, int report_fd)
{
    struct server_options server_options = {
        .net = net,
        .address = arguments->bind,
        .ports = before ? before->ports : NULL,
        .num_threads = arguments->num_threads,
        .allow_exposed = arguments->is_insecure,
        .max_memory_bytes = arguments->max_memory_bytes,
    };
    struct server *server;
    souk_status status = server_start(&server_options, &server);
    if (status != SOUK_OK) return status;
    status = announce(arguments, server);
    if (status == SOUK_OK) {
        struct supervisor_report report;
        memcpy(report.ports, server_ports(server), sizeof(report.ports));
        supervisor_tell(report_fd, &report);
        wait_for_stop(arguments);
    }
    server_stop(server);
    return status;
}

static int serve(void *ctx, const struct supervisor_report *before, int report_fd)
{
    struct net *net;
    souk_status status = net_create(&net);
    if (status != SOUK_OK) return souk_status_exit_code(status);
    status = serve_on(ctx, net, before, report_fd);
    net_destroy(net);
    return souk_status_exit_code(status);
}

// False when the parent is gone already.
static bool bind_to_parent(const struct arguments *arguments, pid_t parent_at_start)
{
    if (!arguments->ends_with_parent) return true;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    pid_t parent = getppid();
    return parent == parent_at_start && (arguments->parent == 0 || arguments->parent == parent);
}

static souk_status write_pid_file(const struct arguments *arguments)
{
    if (!arguments->pid_file) return SOUK_OK;
    char line[32];
    int length = snprintf(line, sizeof(line), "%d\n", (int)getpid());
    return file_write_atomic(arguments->pid_file, line, (size_t)length);
}

// Blocked before the first thread, so that all threads have them blocked and sigwait() gets them.
// Whoever read our standard error, or was our supervisor, may be gone: that is no reason to die.
static void set_up_signals(void)
{
    sigset_t signals;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run(struct arguments *arguments)
{
    raise_descriptor_limit();
    if (arguments->endpoint_file) unlink(arguments->endpoint_file); // of an earlier server
    souk_status status = write_pid_file(arguments);
    if (status != SOUK_OK) return souk_status_exit_code(status);

    bool is_child = false;
    struct supervisor_job job = {
        .serve = serve, .ctx = arguments, .ignores_interrupt = arguments->ends_with_parent};
    int code =
        arguments->no_supervisor ? serve(arguments, NULL, -1) : supervisor_run(&job, &is_child);
    if (!is_child) remove_files(arguments);
    return code;
}

int main(int argc, char *argv[])
{
    pid_t parent = getppid();
    const char *missing = cpu_missing_instructions();
    if (missing) {
        log_error("this program was built for processors with %s, which this one has not; build it "
                  "again with make ARCH=native",
                  missing);
        return 1;
    }
    struct arguments arguments;
    souk_status status = parse_arguments(argc, argv, &arguments);
    if (status == SOUK_EEND) return 0;
    if (status != SOUK_OK) return souk_status_exit_code(status);
    mem_keep_freed();
    log_set_level(arguments.log_level);
    log_set_role("server", -1);
    set_up_signals();
    if (!bind_to_parent(&arguments, parent)) {
        log_error("the process that started this server has ended already");
        return 1;
    }
    return run(&arguments);
}
