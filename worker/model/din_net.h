/* din_net.h - the computation of a click model: rows of a batch in, logits out, and back.
 *
 *   x = [plain fields, q, v, loose histories] -> dense layers -> logit
 *
 * q are the candidate's embeddings, k_j those of behaviour j, v the attention unit's sum (din) or
 * the sum or mean of the k_j (base).
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_DIN_NET_H
#define SOUK_WORKER_MODEL_DIN_NET_H

#include "worker/model/dense.h"
#include "worker/model/din_batch.h"
#include "worker/model/din_shape.h"

struct din_net;

/* Adds its parts to dense and allocates it; dense and the other two must outlive the net. */
struct din_net *din_net_create(const struct din_shape *shape, const struct sample_format *format,
                               const struct stats_reducer *reducer, struct dense *dense);
void din_net_destroy(struct din_net *net); // NULL is fine

/* Logits (B), borrowed until the next call. seed: of this step's dropout. */
const float *din_net_forward(struct din_net *net, const struct batch *batch, bool is_training,
                             uint64_t seed);
/* Of the last forward, in training: adds to dense->grads and writes the parts' pushes, which are
 * gradients of rows. */
void din_net_backward(struct din_net *net, struct batch *batch, const float *logit_grad);
/* Attention weights (T) of the last forward; NULL where there is no attention. */
const float *din_net_weights(const struct din_net *net);

#endif
