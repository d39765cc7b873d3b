/* model.h - what a model gives to the trainer: its tables, its batches, its step, its score.
 *
 * A model is one constant struct model_ops in a file of its own and one line in model.c. The
 * trainer knows nothing of ratings or clicks:
 *
 *   loader thread   next_batch -> unique ascending keys a table
 *   compute thread  pull rows -> step (fills the pushes) -> push
 *
 * Threads: create, describe and destroy belong to the compute thread; a struct model_loader to one
 * loader thread; step and score to the compute thread. They share only what is immutable after
 * create, and the batch in hand.
 */
#ifndef SOUK_WORKER_MODEL_MODEL_H
#define SOUK_WORKER_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/config.h"
#include "common/text/json.h"
#include "souk/client.h"
#include "souk/types.h"
#include "worker/comm/comm.h"
#include "worker/data/names.h"

enum {
    MODEL_TABLES_MAX = SOUK_TABLES_MAX,
    MODEL_SUMS_MAX = 16,
    MODEL_METRICS_MAX = 32,
    MODEL_METRIC_NAME_MAX = SOUK_NAME_MAX + 8
};

/* One table's part of a batch. Arrays grow to the largest batch and are reused. */
struct batch_part {
    uint64_t *keys; // (num_keys) ascending, unique
    float *rows;    // (num_keys, dim) pulled
    float *pushes;  // (num_keys, dim) what the step leaves to push
    uint8_t *found; // (num_keys) 1 where the row exists
    uint32_t num_keys;
    uint32_t dim;
    enum souk_push_mode push_mode; // of the pushes
    float push_lr;                 // that goes with them; 0: the table's own
    size_t keys_capacity, rows_capacity, pushes_capacity, found_capacity;
};

struct batch {
    uint32_t num_samples;
    double num_samples_all; // of this step by all ranks in lock step; else num_samples
    uint32_t num_parts;     // tables of the model
    struct batch_part parts[MODEL_TABLES_MAX]; // by table of the model
    const struct batch *merged; // what a step with other ranks leaves to push instead, or NULL
    void *samples;              // the model's own; see batch_fini of the model
    souk_ticket pull;           // of the trainer
};
/* Room for num_keys keys, rows, pushes and found marks in a part; dim must be set. */
void batch_part_reserve(struct batch_part *part, uint32_t num_keys);
void batch_part_fini(struct batch_part *part); // a zeroed one is fine

/* Where batches come from. */
enum model_source { MODEL_SOURCE_TRAIN, MODEL_SOURCE_VALID, MODEL_SOURCE_TEST };

struct model;
struct model_loader;

/* Sums of an evaluation or of training, added up over batches and ranks. values[0] counts samples,
 * values[1] is their summed loss; what the others mean is the model's business. */
struct model_sums {
    double values[MODEL_SUMS_MAX];
};
struct model_metric {
    char name[MODEL_METRIC_NAME_MAX]; // "rmse"; figures outlive the model
    double value;                     // NAN: undefined
    bool is_lower_better;
    bool is_count;         // a whole number
    const char *undefined; // why value is NAN, static text; NULL: no reason is known
};

/* All functions are required but the three at the end. */
struct model_ops {
    const char *name; // of model.type
    /* Looks at this rank's share of the data and agrees with the others on what they need in
     * common, so it is collective. The configuration is borrowed for the model's life. */
    souk_status (*create)(const struct config *config, struct comm *comm, struct model **model_out);
    void (*destroy)(struct model *model);
    /* A model that was saved: from the object that save_state wrote. It looks at no data before a
     * loader is opened; comm says which share of a source is this rank's. */
    souk_status (*load)(const struct config *config, const void *json_object, struct comm *comm,
                        struct model **model_out);
    void (*save_state)(const struct model *model, struct json *json); // keys of an open object

    /* Weights that are no rows of tables, as a file of the model's folder; both NULL where there
     * are none. pack: with_state adds what training needs to go on. unpack: SOUK_EDATA, logged with
     * path. */
    void (*pack)(const struct model *model, bool with_state, struct buf *out);
    souk_status (*unpack)(struct model *model, const void *bytes, size_t length, const char *path);

    uint32_t (*tables)(const struct model *model, struct souk_table_spec *specs_out);

    /* For models with weights beside the tables; each NULL where there are none. All collective.
     * attach: before training, when the tables are there: what else goes to the servers. The client
     * is the model's to use in step from then on.
     * settle: after each stretch of training: weights become the same on all ranks.
     * empty_batch: a batch without samples. A model that has it trains in lock step with
     * train.consistency bsp: every rank calls step equally often, with an empty batch when it has
     * read all of its own. */
    souk_status (*attach)(struct model *model, struct souk_client *client);
    souk_status (*settle)(struct model *model);
    void (*empty_batch)(struct model *model, struct batch *batch);

    /* Batches of a source for this rank; epoch and num_skip (samples) matter for training only. */
    souk_status (*loader_open)(struct model *model, enum model_source source, uint32_t epoch,
                               uint64_t num_skip, struct model_loader **loader_out);
    void (*loader_close)(struct model_loader *loader);
    souk_status (*next_batch)(struct model_loader *loader, struct batch *batch); // SOUK_EEND
    double (*loader_share)(const struct model_loader *loader); // of the epoch, < 0 unknown
    void (*batch_fini)(struct batch *batch);                   // frees samples

    /* Trains on a batch whose rows are there: fills pushes, adds the loss before the update to
     * sums. SOUK_EAGAIN: the batch is to be skipped, nothing to be pushed. SOUK_EDIVERGED when
     * something is not finite any more. */
    souk_status (*step)(struct model *model, struct batch *batch, float lr,
                        struct model_sums *sums);
    /* Scores a batch (found says which rows exist) and adds to sums; predictions_out (num_samples)
     * may be NULL. */
    void (*score)(const struct model *model, const struct batch *batch, float *predictions_out,
                  struct model_sums *sums);
    /* For models that predict clicks, else NULL: whose candidate each sample of a batch is, such as
     * the user's key, and whether it was clicked, 0 or 1; both (num_samples). With it, predictions
     * are probabilities, and evaluate_run keeps them with these for AUC and the like, which come
     * before the model's own figures. */
    void (*clicks)(const struct model *model, const struct batch *batch, uint64_t *groups_out,
                   uint8_t *labels_out);
    /* Figures out of sums; the first is the one that early stopping watches, unless there are
     * clicks. Returns their number, which is MODEL_SUMS_MAX at most. */
    uint32_t (*metrics)(const struct model *model, const struct model_sums *sums,
                        struct model_metric *metrics_out);

    /* What a model keeps beside its tables: each may be NULL, and none is called while a loader is
     * open. names: texts of the string ids of a table (by its number in tables) that this rank has
     * learnt, NULL where ids are integers; borrowed, and the caller may teach them more.
     * take_observed: path of this rank's finished file of observed.h, or of profiles.h where
     * samples are clicks, which the caller takes over; NULL before, after, and where nothing is
     * kept. */
    struct names *(*names)(struct model *model, uint32_t table);
    const char *(*take_observed)(struct model *model);
    uint64_t (*num_bad_rows)(const struct model *model); // of training, on this rank
    /* Steps skipped by this rank; in lock step those of all, told by rank 0. */
    uint64_t (*num_bad_steps)(const struct model *model);
};

/* NULL for a type that is none. */
const struct model_ops *model_ops_get(const char *type);

#endif
