/* loss.c - see loss.h. One value a sample: precision matters more than speed here. */
#include "worker/nn/loss.h"

#include <math.h>
#include <stddef.h>

double bce_forward_backward(const float *logits, const float *labels, uint32_t num_samples,
                            float scale, float *logit_grad)
{
    double sum = 0;
    for (uint32_t b = 0; b < num_samples; b++) {
        double z = logits[b], e = exp(-fabs(z)), label = labels[b];
        sum += fmax(z, 0) - z * label + log1p(e);
        double sigmoid = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        if (logit_grad) logit_grad[b] = (float)((sigmoid - label) * (double)scale);
    }
    return sum;
}
