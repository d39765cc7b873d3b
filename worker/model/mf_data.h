/* mf_data.h - where the ratings of a matrix factorisation come from: training, validation and test
 * data of one rank, and what is kept of them.
 *
 *   training     rating_stream.h; its first MF_HEAD_ROWS ratings are read ahead once, for mean and
 *                range, and handed out again: standard input can be read only once
 *   validation   data.valid, or the held-out share of data.train; stays in memory if it fits
 *   test         data.test
 *
 * While the first epoch passes, ratings are written to an observed.h file if the model shall
 * remember them, and string ids are learnt.
 *
 * Threads: one owner at a time; the loader thread while a pass is open.
 */
#ifndef SOUK_WORKER_MODEL_MF_DATA_H
#define SOUK_WORKER_MODEL_MF_DATA_H

#include "worker/data/rating_reader.h"
#include "worker/model/model.h"

struct mf_data;

struct mf_data_options {
    const struct config *config;          // borrowed
    uint32_t part, num_parts;             // this rank's share of every source
    enum config_id_kind user_id, item_id; // CONFIG_ID_AUTO: by the training data
};

struct mf_head {
    double sum;           // of the ratings read ahead
    float min, max;       // of them
    uint64_t num_ratings; // of this rank
};

struct mf_data *mf_data_create(const struct mf_data_options *options);
void mf_data_destroy(struct mf_data *data); // NULL is fine

/* Opens the training data; mf_data_read_head() does it when this was not called. */
SOUK_MUST_CHECK souk_status mf_data_open(struct mf_data *data);
/* Opens the training data and reads its head. SOUK_EDATA: no ratings at all in the files. */
SOUK_MUST_CHECK souk_status mf_data_read_head(struct mf_data *data, struct mf_head *head_out);
/* What the training data's ids are; known after mf_data_read_head, or when they were given. */
enum config_id_kind mf_data_user_id(const struct mf_data *data);
enum config_id_kind mf_data_item_id(const struct mf_data *data);

/* Begins a walk; one at a time. epoch and num_skip matter for training only. */
SOUK_MUST_CHECK souk_status mf_data_begin(struct mf_data *data, enum model_source source,
                                          uint32_t epoch, uint64_t num_skip);
/* Up to max ratings; *num_out 0 at the end. */
SOUK_MUST_CHECK souk_status mf_data_next(struct mf_data *data, struct rating *ratings, uint32_t max,
                                         uint32_t *num_out);
double mf_data_share(const struct mf_data *data); // of the walk, 0..1, < 0 unknown
void mf_data_end(struct mf_data *data);           // of a walk, finished or not

/* For model_ops. */
struct names *mf_data_users(struct mf_data *data); // texts of ids; NULL: they are integers
struct names *mf_data_items(struct mf_data *data);
const char *mf_data_take_observed(struct mf_data *data);
uint64_t mf_data_num_bad_rows(const struct mf_data *data);

#endif
