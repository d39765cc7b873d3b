/* linear.c - see linear.h. */
#include "worker/nn/linear.h"

#include "worker/nn/gemm.h"
#include "worker/nn/loop.h"

void linear_add_bias(float *y, const float *bias, uint32_t num_rows, uint32_t num_out)
{
    for (uint32_t r = 0; r < num_rows; r++) {
        float *restrict row = y + (uint64_t)r * num_out;
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_out; m++) row[m] += bias[m];
    }
}

// Four rows at a time: sums are loaded and stored a quarter as often.
void linear_add_columns(const float *y, uint32_t num_rows, uint32_t num_out, float *restrict sums)
{
    uint32_t r = 0;
    for (; r + 4 <= num_rows; r += 4, y += 4 * (uint64_t)num_out) {
        const float *y1 = y + num_out, *y2 = y1 + num_out, *y3 = y2 + num_out;
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_out; m++) sums[m] += (y[m] + y1[m]) + (y2[m] + y3[m]);
    }
    for (; r < num_rows; r++, y += num_out) {
        LOOP_INDEPENDENT
        for (uint32_t m = 0; m < num_out; m++) sums[m] += y[m];
    }
}

void linear_forward(const struct linear *layer, const float *x, uint32_t num_rows, float *y)
{
    nn_gemm(&(struct gemm){.m = num_rows,
                           .n = layer->num_out,
                           .k = layer->num_in,
                           .b_t = true,
                           .a = x,
                           .lda = layer->num_in,
                           .b = layer->weight,
                           .ldb = layer->num_in,
                           .c = y,
                           .ldc = layer->num_out});
    if (layer->bias) linear_add_bias(y, layer->bias, num_rows, layer->num_out);
}

void linear_backward(const struct linear *layer, const float *x, const float *y_grad,
                     uint32_t num_rows, float *x_grad)
{
    nn_gemm(&(struct gemm){.m = layer->num_out,
                           .n = layer->num_in,
                           .k = num_rows,
                           .a_t = true,
                           .a = y_grad,
                           .lda = layer->num_out,
                           .b = x,
                           .ldb = layer->num_in,
                           .c = layer->weight_grad,
                           .ldc = layer->num_in,
                           .beta = 1});
    if (layer->bias) linear_add_columns(y_grad, num_rows, layer->num_out, layer->bias_grad);
    if (x_grad)
        nn_gemm(&(struct gemm){.m = num_rows,
                               .n = layer->num_in,
                               .k = layer->num_out,
                               .a = y_grad,
                               .lda = layer->num_out,
                               .b = layer->weight,
                               .ldb = layer->num_in,
                               .c = x_grad,
                               .ldc = layer->num_in});
}
