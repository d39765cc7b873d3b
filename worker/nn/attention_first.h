/* attention_first.h - first layer of the attention unit over [q, k, q - k, q * k], factored.
 * For attention.c only. Threads: one owner.
 */
#ifndef SOUK_WORKER_NN_ATTENTION_FIRST_H
#define SOUK_WORKER_NN_ATTENTION_FIRST_H

#include <stdint.h>

struct attention_first {
    uint32_t dim, num_units; // D, M
    const float *weight;     // (M, 4 D) borrowed
    const float *bias;       // (M) borrowed
    float *weight_grad;      // (M, 4 D) borrowed
    float *bias_grad;        // (M) borrowed
    float *space;            // owned: what follows lies in it, sized by D and M
    float *query;            // (M, D) Wq + Wd
    float *key, *key_t;      // (M, D) Wk - Wd; (D, M)
    float *product_t;        // (D, M) Wp
    float *mixed;            // (M, D) or (D, M): Wk - Wd + Wp diag(q) of one sample
    float *mixed_grad;       // (M, D) of one sample
    float *key_grad;         // (M, D) of the batch
    float *product_grad;     // (M, D) of the batch
    float *query_grad;       // (M, D) of the batch
    float *part, *part_grad; // (B, M) (Wq + Wd) q + bias, owned
    uint32_t max_samples;    // of part and part_grad
};

void attention_first_init(struct attention_first *first, uint32_t dim, uint32_t num_units);
void attention_first_fini(struct attention_first *first);
void attention_first_reserve(struct attention_first *first, uint32_t num_samples);

/* A batch: begin, then each sample's rows in order. q (B, D) of all samples. */
void attention_first_begin(struct attention_first *first, const float *q, uint32_t num_samples);
/* q (D), keys (rows, D) -> z (rows, M) of sample b. */
void attention_first_forward(struct attention_first *first, uint32_t b, const float *q,
                             const float *keys, uint32_t num_rows, float *z);

/* Backward of a batch: begin, each sample, end. */
void attention_first_begin_backward(struct attention_first *first);

struct attention_first_sample {
    uint32_t b, num_rows;
    const float *q;      // (D)
    const float *keys;   // (rows, D)
    const float *z_grad; // (rows, M)
    float *q_grad;       // (D) written
    float *keys_grad;    // (rows, D) added to
};
void attention_first_backward(struct attention_first *first,
                              const struct attention_first_sample *sample);
/* Adds to q_grad (B, D) and to the gradients of the parameters. */
void attention_first_end_backward(struct attention_first *first, const float *q, float *q_grad,
                                  uint32_t num_samples);

#endif
