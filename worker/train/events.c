/* events.c - see events.h. */
#include "worker/train/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/mem.h"

struct events {
    FILE *file;
    char *path;
    struct buf line;
    struct json json;
    bool has_failed; // and was reported
};

souk_status events_open(const char *path, bool is_appending, struct events **events_out)
{
    FILE *file = fopen(path, is_appending ? "ae" : "we");
    if (!file) return log_fail_errno(errno, "%s: cannot be written", path);
    struct events *events = mem_calloc(1, sizeof *events, "events");
    events->file = file;
    events->path = mem_strdup(path);
    *events_out = events;
    return SOUK_OK;
}

void events_close(struct events *events)
{
    if (!events) return;
    fclose(events->file);
    mem_free(events->path);
    buf_fini(&events->line);
    mem_free(events);
}

struct json *events_begin(struct events *events, const char *event)
{
    char text[32];
    struct tm utc;
    time_t now = time(NULL);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    buf_clear(&events->line);
    json_init(&events->json, &events->line);
    json_open(&events->json, '{');
    json_key(&events->json, "event");
    json_string(&events->json, event);
    json_key(&events->json, "time");
    json_string(&events->json, text);
    return &events->json;
}

void events_end(struct events *events)
{
    json_close(&events->json);
    buf_add_char(&events->line, '\n');
    size_t length = events->line.length;
    bool is_written = fwrite(buf_text(&events->line), 1, length, events->file) == length &&
                      fflush(events->file) == 0;
    if (is_written || events->has_failed) return;
    events->has_failed = true;
    log_warning("%s: %s; events are missing from here on", events->path, strerror(errno));
}
