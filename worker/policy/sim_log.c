/* sim_log.c - see sim_log.h. */
#include "worker/policy/sim_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/buf.h"

struct sim_log {
    char *path;
    FILE *file;
    struct env_shape shape;
    struct buf *shown; // (N) what is known of a row before the step
    struct buf line;
};

static void write_header(struct sim_log *log)
{
    const struct env_shape *shape = &log->shape;
    struct buf *line = &log->line;
    buf_add_text(line, "user,step");
    for (uint32_t d = 0; d < shape->user_dim; d++) buf_printf(line, ",x%u", d);
    buf_add_text(line, ",null_score");
    for (uint32_t c = 0; c < shape->num_candidates; c++) {
        buf_printf(line, ",c%u_score", c);
        for (uint32_t e = 0; e < shape->item_dim; e++) buf_printf(line, ",c%u_x%u", c, e);
        if (shape->num_items > 0) buf_printf(line, ",c%u_key", c);
    }
    for (uint32_t k = 0; k < shape->slate_size; k++) buf_printf(line, ",action%u", k);
    buf_add_text(line, ",choice,reward,pscore,done\n");
    fputs(buf_text(line), log->file);
}

souk_status sim_log_open(const char *path, const struct env_shape *shape, struct sim_log **log_out)
{
    FILE *file = fopen(path, "w");
    if (!file) return log_fail_errno(errno, "%s: cannot write the log", path);
    struct sim_log *log = mem_calloc(1, sizeof *log, "log");
    log->path = mem_strdup(path);
    log->file = file;
    log->shape = *shape;
    log->shown = mem_calloc(shape->num_users, sizeof *log->shown, "log");
    write_header(log);
    *log_out = log;
    return SOUK_OK;
}

void sim_log_show(struct sim_log *log, uint32_t place, const struct env_view *view,
                  const uint32_t *slate)
{
    const struct env_shape *shape = &log->shape;
    struct buf *out = &log->shown[place];
    buf_clear(out);
    for (uint32_t d = 0; d < shape->user_dim; d++)
        buf_printf(out, ",%.9g", (double)view->users[(size_t)place * shape->user_dim + d]);
    buf_printf(out, ",%.9g", (double)view->null_score[place]);
    for (uint32_t c = 0; c < shape->num_candidates; c++) {
        size_t item = (size_t)place * shape->num_candidates + c;
        buf_printf(out, ",%.9g", (double)view->scores[item]);
        for (uint32_t e = 0; e < shape->item_dim; e++)
            buf_printf(out, ",%.9g", (double)view->items[item * shape->item_dim + e]);
        if (shape->num_items > 0) buf_printf(out, ",%" PRIu64, view->keys[item]);
    }
    for (uint32_t k = 0; k < shape->slate_size; k++) buf_printf(out, ",%u", slate[k]);
}

void sim_log_add(struct sim_log *log, uint32_t place, const struct sim_log_row *row,
                 const struct env_outcome *outcome)
{
    fprintf(log->file, "%" PRIu64 ",%" PRIu64 "%s,%d,%.9g,%.17g,%d\n", row->user, row->step,
            buf_text(&log->shown[place]), outcome->choice, (double)outcome->reward, row->propensity,
            outcome->is_over && !outcome->is_cut);
}

souk_status sim_log_close(struct sim_log *log)
{
    if (!log) return SOUK_OK;
    bool has_failed = ferror(log->file);
    souk_status status = SOUK_OK;
    if (fclose(log->file) != 0 || has_failed)
        status = log_fail_errno(errno, "%s: the log could not be written to its end", log->path);
    for (uint32_t n = 0; n < log->shape.num_users; n++) buf_fini(&log->shown[n]);
    buf_fini(&log->line);
    mem_free(log->shown);
    mem_free(log->path);
    mem_free(log);
    return status;
}
