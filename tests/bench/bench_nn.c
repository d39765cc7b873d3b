/* bench_nn.c - what the layers of a DIN cost a sample, forward and backward, on one thread: dim 16
 * (item and category: 32), attention 80-40 with sigmoid, top 200-80 with Dice, batch 1,024,
 * histories of 1 to 50 behaviours, 17 in the mean, as in the Epinions data. The best of
 * several rounds; beside it the rate of a large product, which bounds all of them. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/nn/attention.h"
#include "worker/nn/dice.h"
#include "worker/nn/gemm.h"
#include "worker/nn/linear.h"

enum { SAMPLES = 1024, LONGEST = 50, DIM = 32, ROWS_MAX = SAMPLES * LONGEST, ROUNDS = 30 };
enum { TOP_IN = 80, TOP_1 = 200, TOP_2 = 80, SQUARE = 768 };

struct top {
    struct linear linear[3];
    struct dice dice[2];
    float *x, *x_grad;              // (B, TOP_IN)
    float *z[2], *gate[2], *out[3]; // (B, width)
    float *grad[3];                 // (B, width)
};

struct bench {
    struct attention *attention;
    struct attention_batch batch;
    uint32_t row_start[SAMPLES + 1];
    float *pooled, *pooled_grad, *q_grad, *keys_grad;
    struct top top;
    struct gemm square;
};

static float *numbers(uint64_t n, float scale)
{
    static uint64_t key;
    float *array = mem_alloc_aligned((n + 1) * sizeof(float), "benchmark");
    rng_fill_uniform(1, ++key, scale, array, (uint32_t)n);
    return array;
}

static void report(const char *name, double value)
{
    fprintf(stderr, "%-36s %10.3f\n", name, value);
    printf("BENCH nn_%s %.6g\n", name, value);
}

static double measure_ns(void (*call)(struct bench *), struct bench *bench)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_now_ns();
        call(bench);
        double spent = (double)(clock_now_ns() - start);
        if (spent < best) best = spent;
    }
    return best;
}

// A ninth of the histories is as long as they may be, the others mostly short.
static void make_batch(struct bench *bench)
{
    struct rng rng;
    rng_init(&rng, 1, rng_stream("bench", 0, 0));
    for (uint32_t b = 0; b < SAMPLES; b++) {
        float u = rng_uniform(&rng);
        uint32_t length = u < 0.113f ? LONGEST : 1 + (uint32_t)(u * u * 33);
        bench->row_start[b + 1] = bench->row_start[b] + length;
    }
    bench->batch = (struct attention_batch){.q = numbers(SAMPLES * DIM, 0.1f),
                                            .keys = numbers(ROWS_MAX * DIM, 0.1f),
                                            .row_start = bench->row_start,
                                            .num_samples = SAMPLES,
                                            .is_training = true};
    bench->pooled = numbers(SAMPLES * DIM, 0);
    bench->pooled_grad = numbers(SAMPLES * DIM, 1e-3f);
    bench->q_grad = numbers(SAMPLES * DIM, 0);
    bench->keys_grad = numbers(ROWS_MAX * DIM, 0);
}

static void make_attention(struct bench *bench)
{
    struct attention_options options = {.dim = DIM, .num_layers = 2, .widths = {80, 40}};
    bench->attention = attention_create(&options);
    uint32_t num_params = attention_num_params(bench->attention);
    attention_set_params(bench->attention, numbers(num_params, 0.1f), numbers(num_params, 0));
}

static void make_top(struct top *top)
{
    static const uint32_t widths[] = {TOP_IN, TOP_1, TOP_2, 1};
    top->x = numbers(SAMPLES * TOP_IN, 0.1f);
    top->x_grad = numbers(SAMPLES * TOP_IN, 0);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t in = widths[i], out = widths[i + 1];
        top->linear[i] = (struct linear){in,
                                         out,
                                         numbers(in * out, 0.1f),
                                         numbers(out, 0.1f),
                                         numbers(in * out, 0),
                                         numbers(out, 0)};
        top->out[i] = numbers(SAMPLES * out, 0);
        top->grad[i] = numbers(SAMPLES * out, 1e-3f);
        if (i == 2) break;
        float *moving = numbers(2 * out, 0);
        column_stats_reset(moving, out);
        column_stats_init(&top->dice[i].stats, out, 1e-8f, moving);
        top->dice[i].alpha = numbers(out, 0.1f);
        top->dice[i].alpha_grad = numbers(out, 0);
        top->z[i] = numbers(SAMPLES * out, 0);
        top->gate[i] = numbers(SAMPLES * out, 0);
    }
}

static void attention_pass_forward(struct bench *bench)
{
    attention_forward(bench->attention, &bench->batch, bench->pooled, NULL);
}

static void attention_pass_backward(struct bench *bench)
{
    attention_backward(bench->attention, bench->pooled_grad, bench->q_grad, bench->keys_grad);
}

static void top_pass(struct bench *bench)
{
    struct top *top = &bench->top;
    const float *x = top->x;
    for (int i = 0; i < 2; i++) {
        linear_forward(&top->linear[i], x, SAMPLES, top->z[i]);
        column_stats_take(&top->dice[i].stats, top->z[i], SAMPLES);
        dice_forward(&top->dice[i], top->z[i], SAMPLES, top->gate[i], top->out[i]);
        x = top->out[i];
    }
    linear_forward(&top->linear[2], x, SAMPLES, top->out[2]);
    for (int i = 2; i > 0; i--) {
        linear_backward(&top->linear[i], top->out[i - 1], top->grad[i], SAMPLES, top->grad[i - 1]);
        dice_backward(&top->dice[i - 1], top->z[i - 1], top->gate[i - 1], top->grad[i - 1], SAMPLES,
                      top->grad[i - 1]);
    }
    linear_backward(&top->linear[0], top->x, top->grad[0], SAMPLES, top->x_grad);
}

static void square_product(struct bench *bench)
{
    nn_gemm(&bench->square);
}

int main(void)
{
    static struct bench bench;
    make_batch(&bench);
    make_attention(&bench);
    make_top(&bench.top);
    bench.square = (struct gemm){.m = SQUARE,
                                 .n = SQUARE,
                                 .k = SQUARE,
                                 .a = numbers(SQUARE * SQUARE, 1),
                                 .b = numbers(SQUARE * SQUARE, 1),
                                 .c = numbers(SQUARE * SQUARE, 0),
                                 .lda = SQUARE,
                                 .ldb = SQUARE,
                                 .ldc = SQUARE};
    double flops = 2.0 * SQUARE * SQUARE * SQUARE;
    report("gemm_square_gflops", flops / measure_ns(square_product, &bench));
    report("mean_history", bench.row_start[SAMPLES] / (double)SAMPLES);
    double forward = measure_ns(attention_pass_forward, &bench) / 1e3 / SAMPLES;
    double backward = measure_ns(attention_pass_backward, &bench) / 1e3 / SAMPLES;
    report("attention_forward_us_per_sample", forward);
    report("attention_us_per_sample", forward + backward);
    report("top_us_per_sample", measure_ns(top_pass, &bench) / 1e3 / SAMPLES);
    return 0;
}
