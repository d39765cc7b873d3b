/* activation.h - sigmoid, ReLU, PReLU, element by element. See worker/nn/README.md.
 *
 * Inputs and outputs may be the same array, unless it says otherwise.
 * Threads: pure functions over their arguments.
 */
#ifndef SOUK_WORKER_NN_ACTIVATION_H
#define SOUK_WORKER_NN_ACTIVATION_H

#include <stdint.h>

void sigmoid_forward(const float *x, uint64_t n, float *y);
void sigmoid_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad);
void relu_forward(const float *x, uint64_t n, float *y);
void relu_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad);

/* y = x where x > 0, else alpha x, with alpha (M) a unit; x (rows, M). */
struct prelu {
    uint32_t num_units; // M
    const float *alpha; // (M)
    float *alpha_grad;  // (M)
};
void prelu_forward(const struct prelu *layer, const float *x, uint32_t num_rows, float *y);
/* x is what went into the forward, so y must have been another array. */
void prelu_backward(const struct prelu *layer, const float *x, const float *y_grad,
                    uint32_t num_rows, float *x_grad);

#endif
