/* din_data.h - where the samples of a click model come from: training, validation and test data of
 * one rank.
 *
 * The first training file says what the columns are, unless a saved model does: rank 0 looks, and
 * tells the others.
 *
 * While the files are read in the first epoch, profiles (profiles.h) are written if the model shall
 * remember what it saw and its columns tell users and items.
 *
 * Threads: one owner at a time; the loader thread while a walk is open.
 */
#ifndef SOUK_WORKER_MODEL_DIN_DATA_H
#define SOUK_WORKER_MODEL_DIN_DATA_H

#include "worker/data/names.h"
#include "worker/data/sample_format.h"
#include "worker/model/model.h"

struct din_data;

/* Out of the training files. Collective. SOUK_ECONFIG, SOUK_EDATA, SOUK_EIO: logged. On SOUK_OK the
 * caller owns *data_out. */
SOUK_MUST_CHECK souk_status din_data_create(const struct config *config, struct comm *comm,
                                            struct din_data **data_out);
/* Of a model that knows its columns by name. comm may be NULL: one rank. */
struct din_data *din_data_create_known(const struct config *config, struct comm *comm,
                                       const struct sample_format *format);
void din_data_destroy(struct din_data *data); // NULL is fine
const struct sample_format *din_data_format(const struct din_data *data);

/* Begins a walk; one at a time. epoch and num_skip matter for training only. */
SOUK_MUST_CHECK souk_status din_data_begin(struct din_data *data, enum model_source source,
                                           uint32_t epoch, uint64_t num_skip);
/* Replaces what the batch holds by up to max samples; none at the end. */
SOUK_MUST_CHECK souk_status din_data_next(struct din_data *data, uint32_t max,
                                          struct sample_batch *batch);
/* Of the training walk that is open; 0: unknown, since not all of them are in memory. */
uint64_t din_data_num_samples(const struct din_data *data);
double din_data_share(const struct din_data *data); // of the walk, 0..1, < 0 unknown
void din_data_end(struct din_data *data);           // of a walk, finished or not

struct names *din_data_names(struct din_data *data, uint32_t table); // NULL: ids are integers
const char *din_data_take_profiles(struct din_data *data);           // see take_observed
uint64_t din_data_num_bad_rows(const struct din_data *data);         // of training

#endif
