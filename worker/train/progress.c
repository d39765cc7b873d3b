/* progress.c - see progress.h. */
#include "worker/train/progress.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { FULL_COLUMNS = 102 }; // of a row that leaves nothing out

struct progress {
    struct progress_options options;
    bool has_head;      // was printed
    bool is_line_open;  // a row stands on the terminal's current line
    double validation;  // NAN: none yet
    uint64_t row_ns;    // when the last row was
    double row_samples; // of the epoch, at the last row; less than 0: that was in the epoch before
    double row_loss;    // summed, likewise
    double last_samples, last_loss; // of the epoch, at the last update
    double row_bytes;
    double row_wait_s, row_busy_s;
};

/* ---- text ---- */

void progress_format_time(double seconds, struct buf *out)
{
    if (!(seconds >= 0) || seconds > 1e9) {
        buf_add_char(out, '-');
        return;
    }
    unsigned long long s = (unsigned long long)(seconds + 0.5);
    if (s >= 86400) buf_printf(out, "%llud ", s / 86400);
    buf_printf(out, "%02llu:%02llu:%02llu", s / 3600 % 24, s / 60 % 60, s % 60);
}

static void add_cell(struct buf *out, int width, const char *text)
{
    buf_printf(out, "%*s", width, text);
}

/* A number with so many places; "-" when there is none. */
static void add_number(struct buf *out, int width, int places, double number)
{
    char text[400]; // holds the largest double
    int length = snprintf(text, sizeof text, "%.*f", places, number);
    if (length >= width) snprintf(text, sizeof text, "%.1e", number); // of a run that diverges
    if (isfinite(number))
        add_cell(out, width, text);
    else
        add_cell(out, width, "-");
}

static void add_count(struct buf *out, int width, double count)
{
    char text[32];
    double whole = isfinite(count) && count > 0 ? fmin(count, 1e18) : 0;
    add_cell(out, width, text_group_digits((unsigned long long)(whole + 0.5), text));
}

void progress_format_head(const char *metric, bool is_narrow, struct buf *out)
{
    buf_printf(out, "%9s %13s %8s ", "epoch", "samples", "loss");
    if (!is_narrow) buf_printf(out, "%8s ", "since");
    buf_printf(out, "%8s ", metric);
    if (!is_narrow) buf_printf(out, "%8s ", "lr");
    buf_printf(out, "%11s %6s ", "samples/s", "wait %");
    if (!is_narrow) buf_printf(out, "%5s ", "stale");
    buf_printf(out, "%7s %9s", "MB/s", "ETA");
}

void progress_format_row(const struct progress_row *row, bool is_narrow, struct buf *out)
{
    char epoch[32];
    snprintf(epoch, sizeof epoch, "%u/%u", row->epoch, row->num_epochs);
    add_cell(out, 9, epoch);
    add_count(out, 14, row->num_samples);
    add_number(out, 9, 4, row->loss);
    if (!is_narrow) add_number(out, 9, 4, row->since);
    add_number(out, 9, 4, row->validation);
    if (!is_narrow) buf_printf(out, "%9.2e", (double)row->lr);
    add_count(out, 12, row->samples_per_s);
    add_number(out, 7, 1, row->wait_percent);
    if (!is_narrow) add_number(out, 6, 1, row->staleness);
    add_number(out, 8, 1, row->mb_per_s);
    struct buf eta = {0};
    progress_format_time(row->eta_s, &eta);
    add_cell(out, 10, buf_text(&eta));
    buf_fini(&eta);
}

/* ---- numbers ---- */

double progress_eta(double elapsed_s, double from, double to)
{
    if (!(to > from) || !(elapsed_s > 0)) return -1;
    if (to >= 1) return 0;
    return elapsed_s * (1 - to) / (to - from);
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static struct progress_row make_row(const struct progress *progress, uint32_t epoch,
                                    const struct train_totals *totals, uint64_t now_ns)
{
    const struct progress_options *options = &progress->options;
    double elapsed_s = (double)(now_ns - progress->row_ns) * 1e-9;
    double samples = totals->num_samples - progress->row_samples;
    double wait_s = totals->wait_s - progress->row_wait_s;
    struct progress_row row = {
        .epoch = epoch + 1,
        .num_epochs = options->num_epochs,
        .num_samples = totals->num_samples,
        .loss = ratio(totals->loss, totals->num_samples),
        .since = ratio(totals->loss - progress->row_loss, samples),
        .validation = progress->validation,
        .samples_per_s = ratio(samples, elapsed_s),
        .staleness = ratio(totals->num_stale, totals->num_batches),
        .mb_per_s = ratio((totals->sent_bytes - progress->row_bytes) * 1e-6, elapsed_s),
        .eta_s = -1};
    row.wait_percent = 100 * ratio(wait_s, totals->busy_s - progress->row_busy_s);
    if (row.wait_percent > 100) row.wait_percent = 100;
    if (totals->share >= 0)
        row.eta_s = progress_eta((double)(now_ns - options->now_ns) * 1e-9, options->share_done,
                                 (epoch + fmin(totals->share, 1)) / options->num_epochs);
    return row;
}

/* ---- output ---- */

static void print(struct progress *progress, const struct progress_row *row)
{
    FILE *out = progress->options.out;
    if (!out) return;
    struct buf text = {0};
    bool is_narrow = progress->options.is_terminal && progress->options.columns <= FULL_COLUMNS;
    progress_format_head(progress->options.metric, is_narrow, &text);
    if (!progress->has_head) fprintf(out, "%s\n", buf_text(&text));
    progress->has_head = true;
    buf_clear(&text);
    progress_format_row(row, is_narrow, &text);
    if (progress->options.is_terminal) {
        // A row that the terminal would wrap could not be rewritten.
        int width = (int)progress->options.columns - 1;
        fprintf(out, "\r\033[K%.*s", width > 20 ? width : 20, buf_text(&text));
        progress->is_line_open = true;
        log_line_is_open(1);
    } else {
        fprintf(out, "%s\n", buf_text(&text));
    }
    fflush(out);
    buf_fini(&text);
}

/* Ends the row that is being rewritten, so that other lines can follow. */
static void end_line(struct progress *progress)
{
    if (!progress->is_line_open) return;
    fputc('\n', progress->options.out);
    fflush(progress->options.out);
    progress->is_line_open = false;
    log_line_is_open(0);
}

/* ---- life ---- */

struct progress *progress_create(const struct progress_options *options)
{
    struct progress *progress = mem_calloc(1, sizeof *progress, "progress");
    progress->options = *options;
    progress->validation = NAN;
    progress->row_ns = options->now_ns;
    return progress;
}

void progress_destroy(struct progress *progress)
{
    if (!progress) return;
    end_line(progress);
    mem_free(progress);
}

void progress_begin_epoch(struct progress *progress, double num_samples, double loss)
{
    // What the epoch before has added since the last row still belongs to the next row.
    progress->row_samples = num_samples - (progress->last_samples - progress->row_samples);
    progress->row_loss = loss - (progress->last_loss - progress->row_loss);
    progress->last_samples = num_samples;
    progress->last_loss = loss;
}

void progress_set_validation(struct progress *progress, double value)
{
    progress->validation = value;
}

bool progress_update(struct progress *progress, uint32_t epoch, const struct train_totals *totals,
                     float lr, uint64_t now_ns, bool is_due, struct progress_row *row_out)
{
    double elapsed_s = (double)(now_ns - progress->row_ns) * 1e-9;
    progress->last_samples = totals->num_samples;
    progress->last_loss = totals->loss;
    bool has_news = totals->num_samples != progress->row_samples;
    if (elapsed_s < progress->options.every_s && !(is_due && has_news)) return false;
    struct progress_row row = make_row(progress, epoch, totals, now_ns);
    row.lr = lr;
    print(progress, &row);
    progress->row_ns = now_ns;
    progress->row_samples = totals->num_samples;
    progress->row_loss = totals->loss;
    progress->row_bytes = totals->sent_bytes;
    progress->row_wait_s = totals->wait_s;
    progress->row_busy_s = totals->busy_s;
    *row_out = row;
    return true;
}
