/* Tests of worker/nn's layers, put together by hand, against whole models computed by PyTorch:
 * logits, loss, every gradient. Without arguments the cases of tests/golden; or
 *
 *     test_nn_golden DIR...      of folders that tests/golden/make_din.py has written */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/golden_case.h"
#include "worker/nn/activation.h"
#include "worker/nn/attention.h"
#include "worker/nn/dice.h"
#include "worker/nn/linear.h"
#include "worker/nn/loss.h"
#include "worker/nn/pool.h"

enum { LAYERS_MAX = 4, BLOCKS_MAX = 64 };
static const double TOLERANCE = 1e-5;
enum top_activation { TOP_RELU = 1, TOP_PRELU = 2, TOP_DICE = 3 };

// Folders of the command line, one after the other.
static const char *dir;

struct rig {
    struct golden_case golden;
    void *blocks[BLOCKS_MAX]; // of memory, freed at the end
    uint32_t num_blocks;
    uint32_t num_samples, num_rows, dim; // B, T, of each table
    uint32_t num_in;                     // width of what goes into the top
    float *x, *x_grad;                   // (B, num_in)
    float *user_grad, *item_grad, *category_grad;
    float *attention_grad, *top_grad;
};

static float *floats(struct rig *rig, size_t n)
{
    assert_true(rig->num_blocks < BLOCKS_MAX);
    return rig->blocks[rig->num_blocks++] = mem_calloc(n + 1, sizeof(float), "golden test");
}

static void start(struct rig *rig, const char *file, uint32_t num_in_dims)
{
    *rig = (struct rig){0};
    golden_case_open(&rig->golden, dir, file);
    rig->dim = golden_int(&rig->golden, "dim");
    rig->num_samples = golden_get(&rig->golden, "label")->count;
    rig->num_rows = golden_get(&rig->golden, "row_start")->ints[rig->num_samples];
    rig->num_in = num_in_dims * rig->dim;
    rig->x = floats(rig, (size_t)rig->num_samples * rig->num_in);
    rig->x_grad = floats(rig, (size_t)rig->num_samples * rig->num_in);
    rig->user_grad = floats(rig, golden_get(&rig->golden, "user.w")->count);
    rig->item_grad = floats(rig, golden_get(&rig->golden, "item.w")->count);
}

static void stop(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->num_blocks; i++) mem_free(rig->blocks[i]);
    golden_case_close(&rig->golden);
}

// ---- rows of tables: out (n, width) at column `at` gets them, and gives gradients back ----

struct column {
    const char *ids, *table;
    float *array; // (n, width)
    uint32_t width, at;
};

static void gather(const struct rig *rig, const struct column *column)
{
    const struct golden_array *ids = golden_get(&rig->golden, column->ids);
    const float *table = golden_get(&rig->golden, column->table)->floats;
    for (uint32_t i = 0; i < ids->count; i++)
        memcpy(column->array + (size_t)i * column->width + column->at,
               table + (size_t)ids->ints[i] * rig->dim, rig->dim * sizeof(float));
}

static void scatter(const struct rig *rig, const struct column *column, float *table_grad)
{
    const struct golden_array *ids = golden_get(&rig->golden, column->ids);
    for (uint32_t i = 0; i < ids->count; i++)
        for (uint32_t d = 0; d < rig->dim; d++)
            table_grad[ids->ints[i] * rig->dim + d] +=
                column->array[(size_t)i * column->width + column->at + d];
}

// Copies columns between a wide array and a narrow one, for each sample.
static void take_columns(const struct rig *rig, const float *wide, uint32_t at, uint32_t n,
                         float *narrow)
{
    for (uint32_t b = 0; b < rig->num_samples; b++)
        memcpy(narrow + (size_t)b * n, wide + (size_t)b * rig->num_in + at, n * sizeof(float));
}

static void put_columns(const struct rig *rig, const float *narrow, uint32_t at, uint32_t n,
                        float *wide)
{
    for (uint32_t b = 0; b < rig->num_samples; b++)
        memcpy(wide + (size_t)b * rig->num_in + at, narrow + (size_t)b * n, n * sizeof(float));
}

// ---- the layers on top: x -> logits -> loss, and back ----

struct top_layer {
    struct linear linear;
    struct prelu prelu;
    struct dice dice;
    float *in, *z, *gate, *out, *grad; // (B, width)
};

static const float *cut(const float **params, float **grads, uint32_t n, float **grad)
{
    const float *at = *params;
    *grad = *grads;
    *params += n;
    *grads += n;
    return at;
}

static void activate(struct top_layer *layer, enum top_activation activation, uint32_t rows)
{
    if (activation == TOP_RELU)
        relu_forward(layer->z, (uint64_t)rows * layer->linear.num_out, layer->out);
    if (activation == TOP_PRELU) prelu_forward(&layer->prelu, layer->z, rows, layer->out);
    if (activation != TOP_DICE) return;
    column_stats_take(&layer->dice.stats, layer->z, rows);
    dice_forward(&layer->dice, layer->z, rows, layer->gate, layer->out);
}

static void deactivate(struct top_layer *layer, enum top_activation activation, uint32_t rows)
{
    float *grad = layer->grad;
    if (activation == TOP_RELU)
        relu_backward(layer->out, grad, (uint64_t)rows * layer->linear.num_out, grad);
    if (activation == TOP_PRELU) prelu_backward(&layer->prelu, layer->z, grad, rows, grad);
    if (activation == TOP_DICE)
        dice_backward(&layer->dice, layer->z, layer->gate, grad, rows, grad);
}

static void build_top(struct rig *rig, struct top_layer *layers, uint32_t num_layers)
{
    const struct golden_array *widths = golden_get(&rig->golden, "top_widths");
    const float *params = golden_get(&rig->golden, "top.w")->floats;
    float *grads = rig->top_grad = floats(rig, golden_get(&rig->golden, "top.w")->count);
    bool is_relu = golden_int(&rig->golden, "top_activation") == TOP_RELU;
    bool is_dice = golden_int(&rig->golden, "top_activation") == TOP_DICE;
    float *moving = is_dice ? golden_get(&rig->golden, "top.moving")->floats : NULL;
    uint32_t in = rig->num_in;
    for (uint32_t i = 0; i <= num_layers; i++) {
        uint32_t out = i < num_layers ? widths->ints[i] : 1;
        struct top_layer *layer = &layers[i];
        *layer = (struct top_layer){.linear = {.num_in = in, .num_out = out}};
        layer->linear.weight = cut(&params, &grads, in * out, &layer->linear.weight_grad);
        layer->linear.bias = cut(&params, &grads, out, &layer->linear.bias_grad);
        layer->in = i > 0 ? layers[i - 1].out : rig->x;
        layer->z = floats(rig, (size_t)rig->num_samples * out);
        layer->gate = floats(rig, (size_t)rig->num_samples * out);
        layer->out = floats(rig, (size_t)rig->num_samples * out);
        layer->grad = floats(rig, (size_t)rig->num_samples * out);
        in = out;
        if (i == num_layers || is_relu) continue;
        layer->prelu.num_units = out;
        layer->prelu.alpha = cut(&params, &grads, out, &layer->prelu.alpha_grad);
        layer->dice.alpha = layer->prelu.alpha;
        layer->dice.alpha_grad = layer->prelu.alpha_grad;
        if (!is_dice) continue;
        column_stats_init(&layer->dice.stats, out, 1e-8f, moving);
        moving += 2 * (size_t)out;
    }
}

static void run_top(struct rig *rig)
{
    struct top_layer layers[LAYERS_MAX + 1];
    uint32_t rows = rig->num_samples, n = golden_get(&rig->golden, "top_widths")->count;
    enum top_activation activation =
        (enum top_activation)golden_int(&rig->golden, "top_activation");
    assert_true(n <= LAYERS_MAX);
    build_top(rig, layers, n);
    for (uint32_t i = 0; i <= n; i++) {
        linear_forward(&layers[i].linear, layers[i].in, rows, layers[i].z);
        if (i < n) activate(&layers[i], activation, rows);
    }
    const float *labels = golden_get(&rig->golden, "label")->floats;
    float loss = (float)(bce_forward_backward(layers[n].z, labels, rows, 1.0f / (float)rows,
                                              layers[n].grad) /
                         rows);
    golden_assert(&rig->golden, "logits", layers[n].z, TOLERANCE);
    golden_assert(&rig->golden, "loss", &loss, TOLERANCE);
    for (uint32_t i = n + 1; i-- > 0;) {
        if (i < n) deactivate(&layers[i], activation, rows);
        linear_backward(&layers[i].linear, layers[i].in, layers[i].grad, rows,
                        i > 0 ? layers[i - 1].grad : rig->x_grad);
        column_stats_fini(&layers[i].dice.stats);
    }
    golden_assert(&rig->golden, "top.grad", rig->top_grad, TOLERANCE);
}

// ---- DIN and base: [user, q, v], q = [item, category] ----

struct history {
    float *q, *q_grad;       // (B, 2 dim)
    float *keys, *keys_grad; // (T, 2 dim)
    float *v, *v_grad;       // (B, 2 dim)
};

static void gather_history(struct rig *rig, struct history *h)
{
    uint32_t dim = rig->dim, wide = 2 * dim;
    h->q = floats(rig, (size_t)rig->num_samples * wide);
    h->q_grad = floats(rig, (size_t)rig->num_samples * wide);
    h->v = floats(rig, (size_t)rig->num_samples * wide);
    h->v_grad = floats(rig, (size_t)rig->num_samples * wide);
    h->keys = floats(rig, (size_t)rig->num_rows * wide);
    h->keys_grad = floats(rig, (size_t)rig->num_rows * wide);
    rig->category_grad = floats(rig, golden_get(&rig->golden, "category.w")->count);
    gather(rig, &(struct column){"user", "user.w", rig->x, rig->num_in, 0});
    gather(rig, &(struct column){"item", "item.w", rig->x, rig->num_in, dim});
    gather(rig, &(struct column){"category", "category.w", rig->x, rig->num_in, wide});
    gather(rig, &(struct column){"hist_item", "item.w", h->keys, wide, 0});
    gather(rig, &(struct column){"hist_category", "category.w", h->keys, wide, dim});
    take_columns(rig, rig->x, dim, wide, h->q);
}

static void scatter_history(struct rig *rig, const struct history *h)
{
    uint32_t dim = rig->dim, wide = 2 * dim;
    scatter(rig, &(struct column){"user", NULL, rig->x_grad, rig->num_in, 0}, rig->user_grad);
    scatter(rig, &(struct column){"item", NULL, rig->x_grad, rig->num_in, dim}, rig->item_grad);
    scatter(rig, &(struct column){"category", NULL, rig->x_grad, rig->num_in, wide},
            rig->category_grad);
    scatter(rig, &(struct column){"item", NULL, h->q_grad, wide, 0}, rig->item_grad);
    scatter(rig, &(struct column){"category", NULL, h->q_grad, wide, dim}, rig->category_grad);
    scatter(rig, &(struct column){"hist_item", NULL, h->keys_grad, wide, 0}, rig->item_grad);
    scatter(rig, &(struct column){"hist_category", NULL, h->keys_grad, wide, dim},
            rig->category_grad);
    golden_assert(&rig->golden, "user.grad", rig->user_grad, TOLERANCE);
    golden_assert(&rig->golden, "item.grad", rig->item_grad, TOLERANCE);
    golden_assert(&rig->golden, "category.grad", rig->category_grad, TOLERANCE);
}

static struct attention *build_attention(struct rig *rig)
{
    const struct golden_case *golden = &rig->golden;
    const struct golden_array *widths = golden_get(golden, "attention_widths");
    const struct golden_array *params = golden_get(golden, "attention.w");
    struct attention_options options = {
        .dim = 2 * rig->dim,
        .num_layers = widths->count,
        .activation = (enum attention_activation)golden_int(golden, "attention_activation"),
        .has_softmax = golden_int(golden, "softmax"),
    };
    memcpy(options.widths, widths->ints, widths->count * sizeof(uint32_t));
    struct attention *attention = attention_create(&options);
    assert_int_equal(params->count, attention_num_params(attention));
    rig->attention_grad = floats(rig, params->count);
    attention_set_params(attention, params->floats, rig->attention_grad);
    if (golden_has(golden, "attention.moving"))
        attention_set_stats(attention, golden_get(golden, "attention.moving")->floats);
    return attention;
}

static void din_agrees_with_pytorch(void **state)
{
    (void)state;
    struct rig rig;
    struct history h;
    start(&rig, "din.txt", 5);
    gather_history(&rig, &h);
    struct attention *attention = build_attention(&rig);
    uint32_t wide = 2 * rig.dim;
    struct attention_batch batch = {h.q, h.keys, golden_get(&rig.golden, "row_start")->ints,
                                    rig.num_samples, true};
    attention_forward(attention, &batch, h.v, NULL);
    put_columns(&rig, h.v, 3 * rig.dim, wide, rig.x);
    run_top(&rig);
    take_columns(&rig, rig.x_grad, 3 * rig.dim, wide, h.v_grad);
    attention_backward(attention, h.v_grad, h.q_grad, h.keys_grad);
    golden_assert(&rig.golden, "attention.grad", rig.attention_grad, TOLERANCE);
    scatter_history(&rig, &h);
    attention_destroy(attention);
    stop(&rig);
}

static void base_agrees_with_pytorch(void **state)
{
    (void)state;
    struct rig rig;
    struct history h;
    start(&rig, "base.txt", 5);
    gather_history(&rig, &h);
    uint32_t wide = 2 * rig.dim;
    struct pool pool = {wide, golden_int(&rig.golden, "pool_is_mean"), rig.num_samples,
                        golden_get(&rig.golden, "row_start")->ints};
    pool_forward(&pool, h.keys, h.v);
    put_columns(&rig, h.v, 3 * rig.dim, wide, rig.x);
    run_top(&rig);
    take_columns(&rig, rig.x_grad, 3 * rig.dim, wide, h.v_grad);
    pool_backward(&pool, h.v_grad, h.keys_grad);
    scatter_history(&rig, &h);
    stop(&rig);
}

static void ncf_agrees_with_pytorch(void **state)
{
    (void)state;
    struct rig rig;
    start(&rig, "ncf.txt", 2);
    struct column user = {"user", "user.w", rig.x, rig.num_in, 0};
    struct column item = {"item", "item.w", rig.x, rig.num_in, rig.dim};
    gather(&rig, &user);
    gather(&rig, &item);
    run_top(&rig);
    user.array = item.array = rig.x_grad;
    scatter(&rig, &user, rig.user_grad);
    scatter(&rig, &item, rig.item_grad);
    golden_assert(&rig.golden, "user.grad", rig.user_grad, TOLERANCE);
    golden_assert(&rig.golden, "item.grad", rig.item_grad, TOLERANCE);
    stop(&rig);
}

static int run_folder(const char *path)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(din_agrees_with_pytorch),
        cmocka_unit_test(base_agrees_with_pytorch),
        cmocka_unit_test(ncf_agrees_with_pytorch),
    };
    dir = path;
    fprintf(stderr, "%s\n", path);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    static const char *committed[] = {"tests/golden/din", "tests/golden/din_dice"};
    int num_failed = 0;
    for (int i = 1; i < argc; i++) num_failed += run_folder(argv[i]);
    for (int i = 0; argc == 1 && i < 2; i++) num_failed += run_folder(committed[i]);
    return num_failed > 0;
}
