/* log.c - see log.h. A message is formatted into one buffer and written with one write(), so lines
 * of several threads and processes do not mix. */
#include "common/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    atomic_int level; // enum log_level; without the lock: a message that is dropped costs one load
    const char *role; // NULL: the short form
    int index;        // behind the role, < 0: none
    log_sink_fn sink; // NULL: standard error
    void *sink_ctx;
    int is_line_open; // a progress row stands on the current line
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO};

const char *log_level_name(unsigned level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return level < sizeof(names) / sizeof(names[0]) ? names[level] : NULL;
}

bool log_level_parse(const char *name, enum log_level *level_out)
{
    for (unsigned level = 0; log_level_name(level); level++) {
        if (strcmp(log_level_name(level), name) != 0) continue;
        *level_out = (enum log_level)level;
        return true;
    }
    return false;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

void log_set_role(const char *role, int index)
{
    pthread_mutex_lock(&state.lock);
    state.role = role;
    state.index = index;
    pthread_mutex_unlock(&state.lock);
}

void log_set_sink(log_sink_fn fn, void *ctx)
{
    pthread_mutex_lock(&state.lock);
    state.sink = fn;
    state.sink_ctx = ctx;
    pthread_mutex_unlock(&state.lock);
}

void log_line_is_open(int is_open)
{
    pthread_mutex_lock(&state.lock);
    state.is_line_open = is_open;
    pthread_mutex_unlock(&state.lock);
}

// Writes "12:03:04 worker/1 warning: " or "souk: error: "; the caller holds the lock.
static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    if (!state.role) {
        const char *who = level == LOG_INFO ? "" : "souk: ";
        return (size_t)snprintf(line, size, "%s%s", who, names[level]);
    }
    struct tm tm;
    time_t now = time(NULL);
    localtime_r(&now, &tm);
    char who[48];
    if (state.index < 0)
        snprintf(who, sizeof(who), "%s", state.role);
    else
        snprintf(who, sizeof(who), "%s/%d", state.role, state.index);
    return (size_t)snprintf(line, size, "%02d:%02d:%02d %s %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
                            who, names[level]);
}

static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; // nobody reads standard error: there is nowhere left to say so
        bytes += n;
        length -= (size_t)n;
    }
}

static void write_message(enum log_level level, const char *message)
{
    pthread_mutex_lock(&state.lock);
    if (state.sink) {
        state.sink(state.sink_ctx, level, message);
    } else {
        char line[4096];
        size_t n = 0;
        if (state.is_line_open) line[n++] = '\n';
        state.is_line_open = 0;
        n += write_prefix(line + n, sizeof(line) - n, level);
        size_t length = strlen(message), room = sizeof(line) - n - 1;
        if (length > room) length = room;
        memcpy(line + n, message, length);
        n += length;
        line[n++] = '\n';
        write_all(line, n);
    }
    pthread_mutex_unlock(&state.lock);
}

static void __attribute__((format(printf, 3, 0)))
write_va(enum log_level level, const char *suffix, const char *format, va_list args)
{
    if ((int)level > atomic_load_explicit(&state.level, memory_order_relaxed)) return;
    char message[3900];
    int n = vsnprintf(message, sizeof(message), format, args);
    if (n < 0) n = 0;
    if ((size_t)n >= sizeof(message)) n = sizeof(message) - 1;
    if (suffix) snprintf(message + n, sizeof(message) - (size_t)n, ": %s", suffix);
    write_message(level, message);
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_va(level, NULL, format, args);
    va_end(args);
}

souk_status log_fail(souk_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_va(LOG_ERROR, NULL, format, args);
    va_end(args);
    return status;
}

souk_status log_fail_errno(int error, const char *format, ...)
{
    char text[128];
    va_list args;
    va_start(args, format);
    write_va(LOG_ERROR, strerror_r(error, text, sizeof(text)), format, args);
    va_end(args);
    return error == ENOSPC ? SOUK_ENOSPC : SOUK_EIO;
}
