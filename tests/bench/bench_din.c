/* bench_din.c - where the time of a step of DIN goes: settings of the paper's code (dim 16,
 * attention 80-40 sigmoid, 200-80 Dice, batches of 1,024) with a server thread in this process,
 * everything on whatever cores the process may use; `taskset -c 0` makes it one.
 *
 * Samples are drawn: ids by Zipf's law, histories of 17 behaviours on average, at most 50. The
 * share of GEMM is counted: the multiplications that a step needs, at the rate that a product of
 * the largest layer's size runs at alone; the rest of the computation is what remains. The limit is
 * what would be reached if nothing but these products took time. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/model_cluster.h"
#include "worker/model/din_net.h"
#include "worker/model/exchange.h"
#include "worker/nn/gemm.h"
#include "worker/nn/loss.h"

enum { B = 1024, DIM = 16, NUM_STEPS = 200, WARM_STEPS = 20, NUM_BATCHES = 16 };
enum { USERS, ITEMS, CATEGORIES, NUM_TABLES };
static const uint64_t NUM_IDS[NUM_TABLES] = {40000, 140000, 27};

enum { BUILD, EXCHANGE, COMPUTE, NUM_PHASES };

struct bench {
    struct sample_format format;
    struct din_shape shape;
    struct dense dense;
    struct din_net *net;
    struct din_builder *builder;
    struct sample_batch samples[NUM_BATCHES];
    struct batch batch;
    struct model_cluster cluster;
    uint32_t tables[NUM_TABLES];
    double seconds[NUM_PHASES];
    double num_rows; // behaviours in the batches that were timed
};

static uint64_t draw(struct rng *rng, uint32_t table)
{
    uint64_t rank = (uint64_t)pow((double)NUM_IDS[table], rng_uniform_double(rng));
    return hash_key(rank < NUM_IDS[table] ? rank : 0);
}

static void draw_samples(struct rng *rng, struct sample_batch *samples)
{
    sample_batch_init(samples, NUM_TABLES, 2);
    sample_batch_reserve(samples, B, B * 50);
    samples->num_samples = B;
    uint32_t row = 0;
    for (uint32_t b = 0; b < B; b++) {
        samples->labels[b] = (float)rng_below(rng, 2);
        for (uint32_t t = 0; t < NUM_TABLES; t++) samples->ids[t][b] = draw(rng, t);
        double length = -17 * log(1 - rng_uniform_double(rng));
        for (uint32_t j = 0; j < (uint32_t)fmin(length, 50); j++, row++) {
            samples->histories[0][row] = draw(rng, ITEMS);
            samples->histories[1][row] = draw(rng, CATEGORIES);
        }
        samples->row_start[b + 1] = row;
    }
    samples->num_rows = row;
}

static void describe(struct bench *bench)
{
    static const char *const names[] = {"user", "item", "category"};
    struct sample_format *format = &bench->format;
    format->num_fields = format->num_ids = format->num_tables = NUM_TABLES;
    format->num_histories = 2;
    for (uint32_t t = 0; t < NUM_TABLES; t++) {
        strcpy(format->tables[t].name, names[t]);
        format->ids[t].table = t;
    }
    for (uint32_t h = 0; h < 2; h++) {
        format->histories[h].table = h + 1;
        format->targets[h] = (int32_t)h + 1;
    }
    bench->shape = (struct din_shape){.kind = DIN_ATTENTION,
                                      .dim = DIM,
                                      .num_attention = 2,
                                      .attention = {80, 40},
                                      .num_hidden = 2,
                                      .hidden = {200, 80},
                                      .activation = CONFIG_ACTIVATION_DICE};
    din_shape_deal(&bench->shape, format);
}

static bool start(struct bench *bench)
{
    describe(bench);
    bench->net = din_net_create(&bench->shape, &bench->format, NULL, &bench->dense);
    dense_initialise(&bench->dense, 1);
    bench->builder = din_builder_create(&bench->format, DIM);
    struct rng rng;
    rng_init(&rng, 1, rng_stream("bench_din", 0, 0));
    for (uint32_t i = 0; i < NUM_BATCHES; i++) draw_samples(&rng, &bench->samples[i]);
    model_cluster_start(&bench->cluster, 1, 1);
    souk_status status = SOUK_OK;
    for (uint32_t t = 0; t < NUM_TABLES && status == SOUK_OK; t++) {
        struct souk_table_spec spec;
        souk_table_spec_init(&spec, bench->format.tables[t].name, DIM);
        spec.optimizer = SOUK_OPT_ADAGRAD;
        spec.init = SOUK_INIT_NORMAL;
        spec.init_scale = 0.01f;
        status = souk_client_open_table(bench->cluster.client, &spec, &bench->tables[t]);
    }
    return status == SOUK_OK;
}

static double since(uint64_t *ns)
{
    uint64_t now = clock_now_ns(), before = *ns;
    *ns = now;
    return (double)(now - before) * 1e-9;
}

static void build(struct bench *bench, const struct sample_batch *from)
{
    struct sample_batch *raw = &din_batch_samples(&bench->batch, &bench->format)->raw;
    sample_batch_clear(raw);
    for (uint32_t b = 0; b < B; b++) sample_batch_append(raw, from, b);
    din_builder_build(bench->builder, &bench->batch);
}

static void compute(struct bench *bench)
{
    const struct sample_batch *raw = &((struct din_samples *)bench->batch.samples)->raw;
    static float grads[B];
    const float *logits = din_net_forward(bench->net, &bench->batch, true, 0);
    bce_forward_backward(logits, raw->labels, B, 1.0f / B, grads);
    dense_clear_grads(&bench->dense);
    din_net_backward(bench->net, &bench->batch, grads);
    dense_step_adam(&bench->dense, 0.001f, 1);
}

static souk_status step(struct bench *bench, uint32_t i, bool is_timed)
{
    double seconds[NUM_PHASES];
    uint64_t ns = clock_now_ns();
    struct souk_client *client = bench->cluster.client;
    build(bench, &bench->samples[i % NUM_BATCHES]);
    seconds[BUILD] = since(&ns);
    souk_status status = batch_pull(&bench->batch, client, bench->tables, false);
    if (status == SOUK_OK) status = souk_client_wait(client, bench->batch.pull);
    seconds[EXCHANGE] = since(&ns);
    compute(bench);
    seconds[COMPUTE] = since(&ns);
    if (status == SOUK_OK) status = batch_push(&bench->batch, client, bench->tables);
    if (status == SOUK_OK) status = souk_client_flush(client);
    seconds[EXCHANGE] += since(&ns);
    for (int p = 0; p < NUM_PHASES && is_timed; p++) bench->seconds[p] += seconds[p];
    if (is_timed) bench->num_rows += bench->samples[i % NUM_BATCHES].num_rows;
    return status;
}

/* Multiply-adds a second of the second dense layer: (B, 200) times (200, 80). */
static double gemm_rate(void)
{
    enum { M = B, K = 200, N = 80, TIMES = 400 };
    float *a = mem_calloc(M * K, sizeof *a, "matrix"), *b = mem_calloc(K * N, sizeof *b, "matrix");
    float *c = mem_calloc(M * N, sizeof *c, "matrix");
    for (uint32_t i = 0; i < M * K; i++) a[i] = (float)(i % 7);
    for (uint32_t i = 0; i < K * N; i++) b[i] = (float)(i % 5);
    struct gemm gemm = {
        .m = M, .n = N, .k = K, .a = a, .b = b, .c = c, .lda = K, .ldb = N, .ldc = N};
    nn_gemm(&gemm);
    uint64_t ns = clock_now_ns();
    for (int i = 0; i < TIMES; i++) nn_gemm(&gemm);
    double rate = (double)M * N * K * TIMES / since(&ns);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    return rate;
}

/* Multiply-adds of all steps: each product forward, and twice backward. The first layer of the
 * attention unit as it is factored: a product of D a behaviour and one a sample. */
static double count_products(const struct bench *bench)
{
    const double in = 5 * DIM, wide = 2 * DIM, num_samples = (double)B * NUM_STEPS;
    double top = in * 200 + 200 * 80 + 80;
    double sample = wide * 80, behaviour = wide * 80 + 80 * 40 + 40;
    return 3 * (num_samples * (top + sample) + bench->num_rows * behaviour);
}

static void print(const struct bench *bench)
{
    const double *seconds = bench->seconds;
    double total = seconds[BUILD] + seconds[EXCHANGE] + seconds[COMPUTE];
    double gemm = count_products(bench) / gemm_rate(), num_samples = (double)B * NUM_STEPS;
    printf("BENCH din_step_samples_per_s %.0f\n", num_samples / total);
    printf("BENCH din_step_share_of_gemm_percent %.1f\n", 100 * gemm / total);
    printf("BENCH din_step_share_of_other_compute_percent %.1f\n",
           100 * (seconds[COMPUTE] - gemm) / total);
    printf("BENCH din_step_share_of_pull_push_percent %.1f\n", 100 * seconds[EXCHANGE] / total);
    printf("BENCH din_step_share_of_batches_percent %.1f\n", 100 * seconds[BUILD] / total);
    printf("BENCH din_step_limit_by_gemm_samples_per_s %.0f\n", num_samples / gemm);
}

int main(void)
{
    struct bench *bench = mem_calloc(1, sizeof *bench, "benchmark");
    bool is_good = start(bench);
    for (uint32_t i = 0; is_good && i < WARM_STEPS + NUM_STEPS; i++)
        is_good = step(bench, i, i >= WARM_STEPS) == SOUK_OK;
    if (is_good) print(bench);
    model_cluster_stop(&bench->cluster);
    din_builder_destroy(bench->builder);
    din_batch_fini(&bench->batch);
    for (uint32_t t = 0; t < NUM_TABLES; t++) batch_part_fini(&bench->batch.parts[t]);
    for (uint32_t i = 0; i < NUM_BATCHES; i++) sample_batch_fini(&bench->samples[i]);
    din_net_destroy(bench->net);
    dense_fini(&bench->dense);
    mem_free(bench);
    return is_good ? 0 : 1;
}
