/* heatmap_choice.h - which users and items a heat map shows, and in which order.
 *
 *   --users a,b,c    these, in this order
 *   --users top:20   the 20 with the most ratings, ordered by their first factor, so that blocks
 *                    of like-minded users and items show
 *   nothing          all, ordered by id, when there are few; else top:20
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_HEATMAP_CHOICE_H
#define SOUK_WORKER_CLI_HEATMAP_CHOICE_H

#include "worker/cli/labels.h"
#include "worker/cli/loaded.h"
#include "worker/cli/row_set.h"

enum { HEATMAP_ALL_MAX = 30, HEATMAP_TOP = 20, HEATMAP_SIDE_MAX = 1000 };

/* One side of the map. */
struct heatmap_side {
    struct id_texts texts;
    uint64_t *keys; // (num_keys) in the order of the map, owned
    uint32_t num_keys;
    struct row_set rows;
};

/* sides: users, items, with texts set. Fills keys and pulls the rows. */
SOUK_MUST_CHECK souk_status heatmap_choose(struct loaded *loaded, const struct args *args,
                                           struct heatmap_side sides[2]);
void heatmap_side_fini(struct heatmap_side *side);

#endif
