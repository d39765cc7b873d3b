/* offline_rows.h - probabilities out of values, and the files policy.csv and q.csv.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_ROWS_H
#define SOUK_WORKER_POLICY_OFFLINE_ROWS_H

#include <stdint.h>

#include "souk/status.h"

struct offline_rows {
    const double *q;         // (num, A)
    const uint8_t *is_tried; // (num, A) the log has it; NULL: nobody knows
    uint64_t num;
    uint32_t num_actions; // A
    double exploration;   // probability that goes to what was tried, in equal parts
};

/* row_out (A): one on the best action, but for what exploration takes. */
void offline_rows_policy(const struct offline_rows *rows, uint64_t i, double *row_out);
/* Both files, a line a row; makes the folder. SOUK_EIO, SOUK_ENOSPC: logged. */
SOUK_MUST_CHECK souk_status offline_rows_write(const struct offline_rows *rows, const char *dir);

#endif
