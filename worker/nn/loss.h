/* loss.h - binary cross-entropy of logits. See worker/nn/README.md.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_NN_LOSS_H
#define SOUK_WORKER_NN_LOSS_H

#include <stdint.h>

/* Returns the sum over samples of log(1 + exp(-z)) where the label is 1 and log(1 + exp(z)) where
 * it is 0; logit_grad (B) = (sigmoid(z) - label) * scale, or NULL. */
double bce_forward_backward(const float *logits, const float *labels, uint32_t num_samples,
                            float scale, float *logit_grad);

#endif
