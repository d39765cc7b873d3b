/* user_model.h - a click model as the mind of simulated users: what it scores by, its items, and
 * the profiles of some of the people whom it was trained on.
 *
 * Its rows are tables of the client's servers, as in training. Every process keeps the catalogue, a
 * vector an item and max_profiles profiles.
 *
 * Threads: one owner, that of the client.
 */
#ifndef SOUK_WORKER_ENV_USER_MODEL_H
#define SOUK_WORKER_ENV_USER_MODEL_H

#include "worker/comm/comm.h"
#include "worker/data/catalogue.h"
#include "worker/data/profiles.h"
#include "worker/model/click_scorer.h"

struct user_model_parts; // what only user_model.c looks at

/* To be read, not changed. */
struct user_model {
    const char *path;                   // of the model's folder
    const struct sample_format *format; // of samples
    struct catalogue items;
    double *popularity;       // (num_items) users who chose it, and 1
    uint32_t vector_dim;      // of an item: the embeddings of all its fields
    float *vectors;           // (num_items, vector_dim)
    struct profiles profiles; // of at least one user
    struct user_model_parts *parts;
};

struct user_model_options {
    const struct config *config; // env.model, env.num_profiles
    struct souk_client *client;  // whose servers have no tables of these names; borrowed
    struct comm *comm;           // borrowed
};

/* Collective. SOUK_ECONFIG: env.model is not set, or the model remembers nobody; SOUK_EDATA;
 * logged. On SOUK_OK the caller owns *model_out. */
SOUK_MUST_CHECK souk_status user_model_open(const struct user_model_options *options,
                                            struct user_model **model_out);
void user_model_close(struct user_model *model); // NULL is fine

/* As click_scorer_run. */
SOUK_MUST_CHECK souk_status user_model_score(struct user_model *model,
                                             const struct sample_batch *samples,
                                             struct click_scores *scores_out);
/* Its place in items; UINT32_MAX: it is none of them. */
uint32_t user_model_find_item(const struct user_model *model, uint64_t key);
/* The id of an item as people write it. */
void user_model_tell_item(struct user_model *model, uint32_t item, struct buf *out);

#endif
