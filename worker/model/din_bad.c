/* din_bad.c - the batch that ended a run, written out for whoever looks for the reason. */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "worker/model/din_private.h"

static void add_head(const struct sample_format *format, struct buf *out)
{
    buf_add_text(out, "label");
    for (uint32_t i = 0; i < format->num_ids; i++) buf_printf(out, "\t%s", format->ids[i].name);
    for (uint32_t h = 0; h < format->num_histories; h++)
        buf_printf(out, "\t%s", format->histories[h].name);
    buf_add_char(out, '\n');
}

static void add_sample(const struct sample_batch *raw, uint32_t b, struct buf *out)
{
    buf_printf(out, "%g", (double)raw->labels[b]);
    for (uint32_t i = 0; i < raw->num_ids; i++) buf_printf(out, "\t%" PRIu64, raw->ids[i][b]);
    for (uint32_t h = 0; h < raw->num_histories; h++) {
        buf_add_char(out, '\t');
        for (uint32_t r = raw->row_start[b]; r < raw->row_start[b + 1]; r++)
            buf_printf(out, "%s%" PRIu64, r > raw->row_start[b] ? "," : "", raw->histories[h][r]);
    }
    buf_add_char(out, '\n');
}

void din_write_bad_batch(const struct model *model, const struct batch *batch)
{
    const struct din_samples *samples = batch->samples;
    struct buf text = {0}, path = {0};
    add_head(&model->format, &text);
    for (uint32_t b = 0; b < samples->raw.num_samples; b++) add_sample(&samples->raw, b, &text);
    buf_printf(&path, "%s/bad_batch.%u.tsv", model->config->run.dir,
               model->comm ? comm_rank(model->comm) : 0);
    if (file_write_atomic(buf_text(&path), buf_text(&text), text.length) == SOUK_OK)
        log_info("%s: the batch whose gradient is not finite, texts of ids as their keys",
                 buf_text(&path));
    buf_fini(&text);
    buf_fini(&path);
}
