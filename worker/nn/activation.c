/* activation.c - see activation.h. */
#include "worker/nn/activation.h"

#include "worker/nn/loop.h"
#include "worker/nn/vmath.h"

void sigmoid_forward(const float *x, uint64_t n, float *y)
{
    vmath_sigmoid(x, n, y);
}

void sigmoid_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad)
{
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) x_grad[i] = y_grad[i] * (y[i] * (1.0f - y[i]));
}

// NaN passes, so that a bad input shows in the loss.
void relu_forward(const float *x, uint64_t n, float *y)
{
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

void relu_backward(const float *y, const float *y_grad, uint64_t n, float *x_grad)
{
    LOOP_INDEPENDENT
    for (uint64_t i = 0; i < n; i++) x_grad[i] = y[i] > 0 ? y_grad[i] : 0;
}

void prelu_forward(const struct prelu *layer, const float *x, uint32_t num_rows, float *y)
{
    uint32_t num_units = layer->num_units;
    for (uint32_t r = 0; r < num_rows; r++, x += num_units, y += num_units) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) y[m] = x[m] > 0 ? x[m] : layer->alpha[m] * x[m];
    }
}

void prelu_backward(const struct prelu *layer, const float *x, const float *y_grad,
                    uint32_t num_rows, float *x_grad)
{
    uint32_t num_units = layer->num_units;
    float *restrict alpha_grad = layer->alpha_grad;
    for (uint32_t r = 0; r < num_rows; r++) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_units; m++) {
            float d = y_grad[m];
            alpha_grad[m] += x[m] > 0 ? 0 : d * x[m];
            x_grad[m] = x[m] > 0 ? d : d * layer->alpha[m];
        }
        x += num_units, y_grad += num_units, x_grad += num_units;
    }
}
