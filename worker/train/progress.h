/* progress.h - how training goes, as rows on standard error.
 *
 *   epoch   samples   loss  since   rmse       lr  samples/s wait %  stale   MB/s       ETA
 *    3/60   241,664 0.9113 0.8874 0.9552 1.40e-02    612,310    3.1    1.0   41.2  00:00:04
 *
 * samples and loss (mean a sample) are of the epoch, `since` is the loss since the row before,
 * rmse (or what the model is judged by) of the last validation, samples/s of all workers since the
 * row before; wait is the share of the workers' time in which they waited for rows or for the
 * loader; stale is how many pushes of the same worker a batch's rows did not have yet, on average;
 * MB/s what pulls and pushes took on the wire, both ways.
 *
 * On a terminal the row is rewritten, else there is one every run.progress_s.
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_TRAIN_PROGRESS_H
#define SOUK_WORKER_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/text/buf.h"
#include "worker/train/epoch.h"

// One row.
struct progress_row {
    uint32_t epoch, num_epochs; // from 1
    double num_samples;         // of the epoch
    double loss, since;         // mean a sample; NAN: none yet
    double validation;          // NAN: none yet
    float lr;
    double samples_per_s;
    double wait_percent;
    double staleness; // batches
    double mb_per_s;
    double eta_s; // negative: unknown
};

/* The names of the columns, and a row under them. A narrow one fits 80 columns: it leaves `since`,
 * lr and stale out. */
void progress_format_head(const char *metric, bool is_narrow, struct buf *out);
void progress_format_row(const struct progress_row *row, bool is_narrow, struct buf *out);
/* "01:02:03", "2d 01:02:03"; "-" for a negative or unknown time. */
void progress_format_time(double seconds, struct buf *out);
/* Seconds left when `elapsed_s` took the run from share `from` to share `to` of all its work;
 * -1 when nothing can be said yet. Never less than 0. */
double progress_eta(double elapsed_s, double from, double to);

struct progress_options {
    FILE *out; // NULL: rows are computed, not printed (ranks other than 0, tests)
    bool is_terminal;
    uint32_t columns;    // of the terminal
    const char *metric;  // name of the validation figure; borrowed
    double every_s;      // between two rows
    uint32_t num_epochs; // of the whole run
    double share_done;   // of the run that was done before this process
    uint64_t now_ns;     // clock_now_ns() at the start
};

struct progress;
struct progress *progress_create(const struct progress_options *options);
void progress_destroy(struct progress *progress); // NULL is fine

/* Takes in what a vote said. True, with the row, when it was time for one, or when is_due asks for
 * one and something has come since the last. */
bool progress_update(struct progress *progress, uint32_t epoch, const struct train_totals *totals,
                     float lr, uint64_t now_ns, bool is_due, struct progress_row *row_out);
/* A new epoch begins with num_samples and loss of what a former process did of it. */
void progress_begin_epoch(struct progress *progress, double num_samples, double loss);
void progress_set_validation(struct progress *progress, double value);

#endif
