/* recommend_clicks.h - souk recommend with a model of clicks: the n items that a user would click
 * most probably next.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_RECOMMEND_CLICKS_H
#define SOUK_WORKER_CLI_RECOMMEND_CLICKS_H

#include "worker/cli/loaded.h"

/* Of args: users, data, candidates, top, with_seen, titles, output, is_json. Statuses are logged.
 */
SOUK_MUST_CHECK souk_status recommend_clicks(struct loaded *loaded, const struct args *args,
                                             uint32_t top);

#endif
