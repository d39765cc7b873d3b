/* predict_clicks.h - souk predict with a model of clicks: the probability of a click for every
 * sample of a file, in the order of the file.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_PREDICT_CLICKS_H
#define SOUK_WORKER_CLI_PREDICT_CLICKS_H

#include "worker/cli/loaded.h"

/* Of args: data, output, is_json. Memory does not grow with the files. SOUK_EDATA, SOUK_EIO,
 * SOUK_ESTOPPED: logged. */
SOUK_MUST_CHECK souk_status predict_clicks(struct loaded *loaded, const struct args *args);

#endif
