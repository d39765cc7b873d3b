/* main.c - bin/souk: finds out about the world, picks the verb, turns its status into an exit code.
 *
 * The only file of worker/ that reads argv, the environment and signals, and the only one that
 * knows server/: verbs get what they need of those in struct program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cpu.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "server/server.h"
#include "worker/cli/verb.h"

enum { DEFAULT_COLUMNS = 80, SECOND_SIGNAL_MS = 300 };

/* A file that is opened where standard error was closed would get our messages. What is written to
 * a standard output that was closed stays an error. */
static void keep_standard_files(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t stop_signal_s, stop_signal_ms; // when it came, monotonic

// A terminal and mpirun may both pass on one Ctrl-C, so what follows at once is the same signal.
static bool is_soon_after(const struct timespec *now)
{
    long long ms = ((long long)now->tv_sec - stop_signal_s) * 1000 + now->tv_nsec / 1000000;
    return ms - stop_signal_ms < SECOND_SIGNAL_MS;
}

static void on_stop_signal(int number)
{
    struct timespec now;
    int error = errno;
    clock_gettime(CLOCK_MONOTONIC, &now);
    errno = error;
    if (!stop_signal) {
        stop_signal_s = (sig_atomic_t)now.tv_sec;
        stop_signal_ms = (sig_atomic_t)(now.tv_nsec / 1000000);
        stop_signal = number;
    } else if (!is_soon_after(&now)) {
        _exit(128 + number);
    }
}

static void catch_stop_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL); // what mpirun passes on to its ranks
}

// The first of the variables that is set, or NULL.
static const char *find_variable(const char *const *names)
{
    for (; *names; names++)
        if (getenv(*names)) return *names;
    return NULL;
}

static int positive_variable(const char *name)
{
    char *end;
    long number = strtol(getenv(name), &end, 10);
    return *end == '\0' && number > 0 && number < INT_MAX ? (int)number : 0;
}

// What the launcher promised. SLURM_NTASKS is not asked: it is set in every batch job, launched by
// srun or not.
static struct comm_launch read_launch(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS",
                                        NULL};
    static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE",
                                        NULL};
    struct comm_launch launch = {0};
    launch.variable = find_variable(sizes);
    if (launch.variable) launch.expected_size = positive_variable(launch.variable);
    launch.is_mpi = find_variable(marks) != NULL || launch.expected_size > 1;
    return launch;
}

static uint32_t terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return DEFAULT_COLUMNS;
}

static bool wants_color(void)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

// Writes the path of souk-server, which lies beside this program.
static void find_server_program(char *path, size_t size)
{
    static const char name[] = "souk-server";
    ssize_t length = readlink("/proc/self/exe", path, size - sizeof(name));
    const char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    size_t dir_length = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(path + dir_length, name, sizeof(name)); // without a folder PATH is searched
}

static souk_status start_local_server(struct net *net, const char *address, uint32_t num_threads,
                                      void **server_out)
{
    struct server_options options = {.net = net, .address = address, .num_threads = num_threads};
    struct server *server;
    souk_status status = server_start(&options, &server);
    if (status == SOUK_OK) *server_out = server;
    return status;
}

static void stop_local_server(void *server)
{
    server_stop(server);
}

static const struct local_server_ops local_servers = {start_local_server, stop_local_server};

// Prints the page of a verb, or of the options that begin with a word.
static souk_status print_help(int argc, char **argv)
{
    int num_words;
    if (argc == 0) {
        verb_print_overview();
        return SOUK_OK;
    }
    const struct verb *verb = verb_find(argc, argv, &num_words);
    struct buf options = {0};
    souk_status status = SOUK_OK;
    if (verb)
        fputs(verb->help, stdout);
    else if (argc == 1 && config_help(argv[0], &options))
        fputs(options.text, stdout);
    else if (argc == 1 && strchr(argv[0], '.'))
        status = config_fail_no_help(argv[0]);
    else if (argc > 1 || !verb_print_group(argv[0]))
        status = verb_fail_unknown(argc, argv);
    buf_fini(&options);
    return status;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static souk_status run_verb(const struct verb *verb, int argc, char **argv)
{
    char server_program[PATH_MAX];
    find_server_program(server_program, sizeof(server_program));
    struct program program = {
        .server_program = server_program,
        .local = &local_servers,
        .launch = read_launch(),
        .is_stderr_terminal = isatty(STDERR_FILENO) != 0,
        .is_stdout_terminal = isatty(STDOUT_FILENO) != 0,
        .has_color = wants_color(),
        .terminal_columns = terminal_columns(),
        .stop_signal = &stop_signal,
    };
    if (!verb->is_stopped_hard) catch_stop_signals();
    if (verb->outlives_reader) signal(SIGPIPE, SIG_IGN);
    return verb->run(&program, argc, argv);
}

// argv without the program's name.
static souk_status run(int argc, char **argv)
{
    int num_words;
    if (argc == 0) {
        verb_print_overview();
        return SOUK_EUSAGE;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "version") == 0) {
        printf("souk %s\n", SOUK_VERSION);
        return SOUK_OK;
    }
    if (strcmp(argv[0], "help") == 0) return print_help(argc - 1, argv + 1);
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) return print_help(0, NULL);

    const struct verb *verb = verb_find(argc, argv, &num_words);
    if (!verb && asks_for_help(argc - 1, argv + 1) && verb_print_group(argv[0])) return SOUK_OK;
    if (!verb) return verb_fail_unknown(argc, argv);
    if (asks_for_help(argc - num_words, argv + num_words)) return print_help(num_words, argv);
    return run_verb(verb, argc - num_words + 1, argv + num_words - 1);
}

int main(int argc, char **argv)
{
    const char *missing = cpu_missing_instructions();
    if (missing) {
        fprintf(stderr,
                "souk: error: this program was built for processors with %s, which this one has "
                "not; build it again with make ARCH=native\n",
                missing);
        return 1;
    }
    mem_keep_freed();
    keep_standard_files();
    souk_status status = argc > 0 ? run(argc - 1, argv + 1) : SOUK_EUSAGE;
    if (fflush(stdout) != 0 && status == SOUK_OK)
        status = log_fail_errno(errno, "standard output cannot be written");
    return souk_status_exit_code(status);
}
