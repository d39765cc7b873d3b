/* click_world.h - the planted truth of generated clicks: items with vectors, visitors with
 * interests, and how likely a visitor clicks on an item. See generate_clicks.h for the formula.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_CLICK_WORLD_H
#define SOUK_WORKER_DATA_CLICK_WORLD_H

#include <stddef.h>

#include "common/base/rng.h"
#include "worker/data/generate_clicks.h"

enum { CLICK_INTERESTS_MIN = 2, CLICK_INTERESTS_MAX = 4 };

struct click_world; // items

struct click_world *click_world_create(const struct click_options *options); // borrowed
void click_world_destroy(struct click_world *world);                         // NULL is fine
uint32_t click_world_category(const struct click_world *world, uint32_t item);

/* One user, whose random numbers are its own. A zeroed one is ready for welcome. */
struct visitor {
    uint64_t user;
    struct rng rng;
    uint32_t interests[CLICK_INTERESTS_MAX]; // categories, the strongest first
    uint32_t num_interests;
    uint32_t *behaviours; // oldest first; owned
    size_t count, capacity;
};
/* Makes the visitor a new user, with first behaviours. */
void visitor_welcome(struct visitor *visitor, const struct click_world *world, uint64_t user);
void visitor_fini(struct visitor *visitor);
/* An item that may be shown next, no behaviour yet as far as a few draws find one. */
uint32_t visitor_draw_candidate(struct visitor *visitor, const struct click_world *world);
/* Appends an item that was clicked, unless it is a behaviour already. */
void visitor_click(struct visitor *visitor, uint32_t item);
/* Where the latest behaviours begin that a sample holds. */
size_t visitor_first(const struct visitor *visitor, const struct click_world *world);

/* What is known of an item after the visitor's latest behaviours. */
struct click_view {
    double logit;      // of the true probability
    double popularity; // its part in the logit
    double mean;       // z_i . mean(z_j)
};
struct click_view visitor_view(const struct visitor *visitor, const struct click_world *world,
                               uint32_t item);

#endif
