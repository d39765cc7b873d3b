/* supervisor.c - see supervisor.h. One loop around poll(): signals come through a descriptor, the
 * child's report through a pipe, so nothing happens in signal handlers. */
#include "server/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    FIRST_BACKOFF_MS = 100,
    LAST_BACKOFF_MS = 10 * 1000,
    SERVED_WELL_MS = 60 * 1000, // after which the back-off begins anew
    STOP_MS = 10 * 1000,        // for an orderly stop
};

struct supervisor {
    const struct supervisor_job *job;
    int signal_fd;
    int report_fd; // read end of the child's pipe, -1 without a child
    pid_t child;   // 0: none
    struct supervisor_report report;
    bool has_report;     // some child has served
    bool is_stopping;    // told to
    bool is_over;        // leave the loop with exit_code
    int exit_code;       //
    uint32_t backoff_ms; // before the next start
    uint64_t started_ms; // when the child was started
    uint64_t due_ms;     // without a child: when to start one; stopping: when to kill it
};

void supervisor_tell(int report_fd, const struct supervisor_report *report)
{
    if (report_fd < 0) return;
    // Smaller than PIPE_BUF, so it is written whole; if the supervisor is gone, so are we.
    if (write(report_fd, report, sizeof(*report)) != sizeof(*report))
        log_warning("the supervisor does not listen: a restart would take other ports");
}

// In the child. Its signals stay blocked: it waits for them with sigwait().
static int serve(const struct supervisor *supervisor, pid_t parent, int report_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return 1; // it died before the line above
    const struct supervisor_report *before = supervisor->has_report ? &supervisor->report : NULL;
    return supervisor->job->serve(supervisor->job->ctx, before, report_fd);
}

// True in the child, with its exit code in *code_out once it has served.
static bool start_child(struct supervisor *supervisor, int *code_out)
{
    int fds[2] = {-1, -1};
    pid_t parent = getpid(), child = -1;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0 || (child = fork()) < 0) {
        log_error("cannot start a server process: %s", strerror(errno));
        if (fds[0] >= 0) close(fds[0]), close(fds[1]);
        supervisor->is_over = true;
        supervisor->exit_code = 1;
        return false;
    }
    if (child == 0) {
        close(fds[0]);
        close(supervisor->signal_fd);
        *code_out = serve(supervisor, parent, fds[1]);
        return true;
    }
    close(fds[1]);
    supervisor->report_fd = fds[0];
    supervisor->child = child;
    supervisor->started_ms = clock_now_ms();
    return false;
}

static void take_report(struct supervisor *supervisor)
{
    struct supervisor_report report;
    ssize_t n = read(supervisor->report_fd, &report, sizeof(report));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n == sizeof(report)) {
        supervisor->report = report;
        supervisor->has_report = true;
        return;
    }
    close(supervisor->report_fd); // the child has closed its end
    supervisor->report_fd = -1;
}

static void give_up(struct supervisor *supervisor, int exit_code)
{
    supervisor->is_over = true;
    supervisor->exit_code = exit_code;
}

static void plan_restart(struct supervisor *supervisor, int wait_status)
{
    uint64_t now_ms = clock_now_ms();
    uint32_t backoff_ms = supervisor->backoff_ms;
    if (now_ms - supervisor->started_ms >= SERVED_WELL_MS) backoff_ms = FIRST_BACKOFF_MS;
    if (WIFSIGNALED(wait_status))
        log_error("the server process died by signal %d (%s), and its parameters with it; starting "
                  "it again in %u ms",
                  WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)), backoff_ms);
    else
        log_error("the server process ended with code %d; starting it again in %u ms",
                  WEXITSTATUS(wait_status), backoff_ms);
    supervisor->due_ms = now_ms + backoff_ms;
    supervisor->backoff_ms = 2 * backoff_ms < LAST_BACKOFF_MS ? 2 * backoff_ms : LAST_BACKOFF_MS;
}

// What the end of the child means.
static void bury_child(struct supervisor *supervisor)
{
    int status;
    if (supervisor->child == 0 || waitpid(supervisor->child, &status, WNOHANG) <= 0) return;
    if (supervisor->report_fd >= 0) take_report(supervisor); // it may have served just now
    if (supervisor->report_fd >= 0) close(supervisor->report_fd);
    supervisor->report_fd = -1;
    supervisor->child = 0;

    bool has_exited = WIFEXITED(status);
    if (has_exited && WEXITSTATUS(status) == 0)
        give_up(supervisor, 0); // was told to stop
    else if (supervisor->is_stopping)
        give_up(supervisor, has_exited ? WEXITSTATUS(status) : 1);
    else if (has_exited && !supervisor->has_report)
        give_up(supervisor, WEXITSTATUS(status));
    else
        plan_restart(supervisor, status);
}

static void stop(struct supervisor *supervisor)
{
    if (supervisor->is_stopping) return;
    supervisor->is_stopping = true;
    if (supervisor->child == 0) {
        give_up(supervisor, 0);
        return;
    }
    kill(supervisor->child, SIGTERM);
    supervisor->due_ms = clock_now_ms() + STOP_MS;
}

static void take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            bury_child(supervisor);
        else if (info.ssi_signo == SIGTERM || !supervisor->job->ignores_interrupt)
            stop(supervisor);
    }
}

static int milliseconds_left(const struct supervisor *supervisor)
{
    if (supervisor->child != 0 && !supervisor->is_stopping) return -1;
    uint64_t now_ms = clock_now_ms();
    return supervisor->due_ms > now_ms ? (int)(supervisor->due_ms - now_ms) : 0;
}

// Waits for something to happen and deals with it.
static void turn(struct supervisor *supervisor)
{
    struct pollfd fds[2] = {{.fd = supervisor->signal_fd, .events = POLLIN},
                            {.fd = supervisor->report_fd, .events = POLLIN}};
    int n = poll(fds, 2, milliseconds_left(supervisor));
    if (n > 0 && fds[1].revents) take_report(supervisor);
    if (n > 0 && fds[0].revents) take_signals(supervisor);
    if (supervisor->is_stopping && supervisor->child && milliseconds_left(supervisor) == 0) {
        log_error("the server process does not stop; it is killed");
        kill(supervisor->child, SIGKILL);
        supervisor->due_ms = clock_now_ms() + STOP_MS;
    }
}

int supervisor_run(const struct supervisor_job *job, bool *is_child_out)
{
    struct supervisor supervisor = {.job = job, .report_fd = -1, .backoff_ms = FIRST_BACKOFF_MS};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    supervisor.signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (supervisor.signal_fd < 0) {
        log_error("signalfd: %s", strerror(errno));
        return 1;
    }
    int code;
    *is_child_out = false;
    while (!supervisor.is_over) {
        bool is_due = supervisor.child == 0 && milliseconds_left(&supervisor) == 0;
        if (is_due && start_child(&supervisor, &code)) {
            *is_child_out = true;
            return code;
        }
        if (!supervisor.is_over) turn(&supervisor);
    }
    close(supervisor.signal_fd);
    return supervisor.exit_code;
}
