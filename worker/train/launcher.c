/* launcher.c - see launcher.h. */
#include "worker/train/launcher.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { STOP_TIMEOUT_MS = 10000, POLL_MS = 10, ADDRESS_MAX = 256 };

struct process {
    pid_t pid; // 0: not started, or gone
    char endpoint_file[128];
    char address[ADDRESS_MAX]; // "" until it is known
};

struct launcher {
    char dir[64]; // of the endpoint files
    uint32_t num_processes;
    struct process processes[]; // (num_processes)
};

/* mpirun binds a rank to one core, and children inherit that: servers may use all of them. */
static void spread_over_cores(cpu_set_t *before_out)
{
    cpu_set_t all;
    memset(&all, 0xFF, sizeof all);
    if (sched_getaffinity(0, sizeof *before_out, before_out) != 0) CPU_ZERO(before_out);
    if (sched_setaffinity(0, sizeof all, &all) != 0) log_debug("cores of servers: %m");
}

static void go_back_to_cores(const cpu_set_t *before)
{
    if (CPU_COUNT(before) > 0 && sched_setaffinity(0, sizeof *before, before) != 0)
        log_debug("cores of rank 0: %m");
}

static souk_status spawn(const struct config *config, const char *program, struct process *process)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%u", config->cluster.threads);
    const char *args[] = {program,
                          "--bind",
                          config->cluster.bind,
                          "--threads",
                          threads,
                          "--endpoint-file",
                          process->endpoint_file,
                          "--end-with-parent",
                          config->cluster.insecure ? "--insecure" : NULL,
                          NULL};
    char *argv[sizeof args / sizeof *args];
    memcpy(argv, args, sizeof args); // posix_spawn wants char *, and changes nothing
    // A session of its own: signals for this job (Ctrl-C, mpirun's) are not for its servers, which
    // have to live until the checkpoint is made.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    cpu_set_t cores;
    spread_over_cores(&cores);
    int error = posix_spawnp(&process->pid, program, NULL, &attributes, argv, environ);
    go_back_to_cores(&cores);
    posix_spawnattr_destroy(&attributes);
    if (error == 0) return SOUK_OK;
    process->pid = 0;
    errno = error;
    return log_fail(SOUK_ESYS, "%s cannot be started: %m", program);
}

/* Takes the address out of the endpoint file once it is there. */
static bool read_address(struct process *process)
{
    if (!file_exists(process->endpoint_file)) return false;
    char *text;
    size_t length;
    if (file_read(process->endpoint_file, ADDRESS_MAX - 1, &text, &length) != SOUK_OK) return false;
    text[strcspn(text, "\r\n")] = 0;
    snprintf(process->address, sizeof process->address, "%s", text);
    mem_free(text);
    return process->address[0] != 0;
}

static souk_status await(struct process *process, uint32_t idx, uint64_t deadline_ms)
{
    while (!read_address(process)) {
        int how;
        if (waitpid(process->pid, &how, WNOHANG) == process->pid) {
            process->pid = 0;
            return log_fail(SOUK_ETOPOLOGY, "server %u ended while starting; see its message above",
                            idx);
        }
        if (clock_now_ms() > deadline_ms)
            return log_fail(SOUK_ETOPOLOGY,
                            "server %u does not listen yet; raise cluster.start_timeout_s if this "
                            "machine is slow",
                            idx);
        clock_sleep_ms(POLL_MS);
    }
    return SOUK_OK;
}

souk_status launcher_start(const struct config *config, const char *program,
                           struct launcher **launcher_out)
{
    uint32_t n = config->cluster.servers;
    struct launcher *launcher =
        mem_calloc(1, sizeof *launcher + n * sizeof(struct process), "server processes");
    launcher->num_processes = n;
    strcpy(launcher->dir, P_tmpdir "/souk-XXXXXX");
    souk_status status = SOUK_OK;
    if (!mkdtemp(launcher->dir)) {
        launcher->dir[0] = 0;
        status = log_fail_errno(errno, P_tmpdir ": no temporary folder can be made");
    }
    for (uint32_t i = 0; i < n && status == SOUK_OK; i++) {
        struct process *process = &launcher->processes[i];
        char dir[sizeof launcher->dir];
        memcpy(dir, launcher->dir, sizeof dir); // the compiler fears that the two overlap
        snprintf(process->endpoint_file, sizeof process->endpoint_file, "%s/%u", dir, i);
        status = spawn(config, program, process);
    }
    uint64_t deadline_ms = clock_now_ms() + (uint64_t)(config->cluster.start_timeout_s * 1000);
    for (uint32_t i = 0; i < n && status == SOUK_OK; i++)
        status = await(&launcher->processes[i], i, deadline_ms);
    if (status != SOUK_OK) {
        launcher_stop(launcher);
        return status;
    }
    *launcher_out = launcher;
    return SOUK_OK;
}

static void reap(struct process *process, uint64_t deadline_ms)
{
    while (process->pid > 0 && waitpid(process->pid, NULL, WNOHANG) == 0) {
        if (clock_now_ms() > deadline_ms) {
            log_warning("server %s does not stop; killed", process->address);
            kill(process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
            break;
        }
        clock_sleep_ms(POLL_MS);
    }
    process->pid = 0;
}

void launcher_stop(struct launcher *launcher)
{
    if (!launcher) return;
    for (uint32_t i = 0; i < launcher->num_processes; i++)
        if (launcher->processes[i].pid > 0) kill(launcher->processes[i].pid, SIGTERM);
    uint64_t deadline_ms = clock_now_ms() + STOP_TIMEOUT_MS;
    for (uint32_t i = 0; i < launcher->num_processes; i++) {
        reap(&launcher->processes[i], deadline_ms);
        if (launcher->processes[i].endpoint_file[0]) unlink(launcher->processes[i].endpoint_file);
    }
    if (launcher->dir[0]) rmdir(launcher->dir);
    mem_free(launcher);
}

const char *launcher_address(const struct launcher *launcher, uint32_t idx)
{
    return launcher->processes[idx].address;
}
