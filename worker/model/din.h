/* din.h - click models: din (Deep Interest Network), base and ncf.
 *
 *   din    attention over the behaviours of a history for each candidate.
 *          Zhou et al.: "Deep Interest Network for Click-Through Rate Prediction", KDD'18
 *   base   the history as the sum or mean of its behaviours
 *   ncf    no history: embeddings of the fields, concatenated, under dense layers.
 *          He et al.: "Neural Collaborative Filtering", WWW'17
 *
 * The loss is the mean binary cross-entropy of a batch. One table an id column; histories share the
 * table of the field that they are compared with. Gradients of rows are pushed to the servers,
 * whose optimizers change them (Adagrad unless tables.<name>.optimizer says otherwise); dense.h has
 * the rest. An id that was never trained on is scored as the zero vector, and counted.
 *
 * State in a manifest: the columns by name, with their tables, and the sizes of all layers; see
 * din_state.c.
 *
 * Threads: as model.h.
 */
#ifndef SOUK_WORKER_MODEL_DIN_H
#define SOUK_WORKER_MODEL_DIN_H

#include "worker/model/din_shape.h"
#include "worker/model/model.h"

extern const struct model_ops din_ops, base_ops, ncf_ops;

/* The columns of a model of one of these types. Its layout is that of a file only where the model
 * has looked at one. */
const struct sample_format *din_format(const struct model *model);

/* The keys of an open object; and back. SOUK_EDATA: it is no state of a click model; logged. */
void din_state_save(const struct din_shape *shape, const struct sample_format *format,
                    struct json *json);
SOUK_MUST_CHECK souk_status din_state_load(const void *json_object, enum din_kind kind,
                                           struct din_shape *shape_out,
                                           struct sample_format *format_out);

#endif
