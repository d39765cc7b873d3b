/* Tests of whole click models - batch, net, tables on a server, dense parameters - against PyTorch:
 * logits, loss, every gradient, and the weights after three steps of Adagrad on tables and Adam on
 * the others. Without arguments the cases of tests/golden; or
 *
 *     test_golden DIR...      of folders that tests/golden/make_din.py has written */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/golden_case.h"
#include "tests/support/model_cluster.h"
#include "worker/model/din_net.h"
#include "worker/model/exchange.h"
#include "worker/nn/loss.h"

enum { NUM_STEPS = 3 };
static const double TOLERANCE = 1e-5;
// After a step of Adam a weight has moved by nearly the learning rate whatever its gradient is, so
// that a gradient that is nearly 0 says little about where it went.
static const double AFTER_TOLERANCE = 3e-5;

static const char *const TABLES[] = {"user", "item", "category"};

// Folders of the command line, one after the other.
static const char *dir;

struct rig {
    struct golden_case golden;
    struct sample_format format;
    struct din_shape shape;
    struct dense dense;
    struct din_net *net;
    struct din_builder *builder;
    struct batch batch;
    struct model_cluster cluster;
    uint32_t tables[3];
    double losses[NUM_STEPS];
};

// ---- the model of a case ----

static void add_field(struct sample_format *format, uint32_t table, int32_t *idx)
{
    *idx = (int32_t)format->num_fields++;
    format->num_ids = format->num_fields;
    format->ids[*idx].table = table;
    strcpy(format->tables[table].name, TABLES[table]);
    format->num_tables = table + 1;
}

static void describe(struct rig *rig, enum din_kind kind)
{
    struct sample_format *format = &rig->format;
    int32_t field;
    add_field(format, 0, &format->user);
    add_field(format, 1, &format->item);
    if (kind == DIN_PLAIN) return;
    add_field(format, 2, &field);
    for (uint32_t h = 0; h < 2; h++) {
        format->histories[h].table = h + 1;
        format->targets[h] = (int32_t)h + 1;
    }
    format->num_histories = 2;
}

static void copy_widths(const struct golden_array *from, uint32_t *widths, uint32_t *num)
{
    *num = from->count;
    memcpy(widths, from->ints, from->count * sizeof *widths);
}

static void make_net(struct rig *rig, enum din_kind kind)
{
    const struct golden_case *golden = &rig->golden;
    struct din_shape *shape = &rig->shape;
    shape->kind = kind;
    shape->dim = golden_int(golden, "dim");
    uint32_t activation = golden_int(golden, "top_activation");
    shape->activation = (enum config_activation)(CONFIG_ACTIVATION_SIGMOID + activation);
    copy_widths(golden_get(golden, "top_widths"), shape->hidden, &shape->num_hidden);
    if (kind == DIN_POOLED) shape->is_mean = golden_int(golden, "pool_is_mean");
    if (kind == DIN_ATTENTION) {
        shape->attention_activation =
            (enum attention_activation)golden_int(golden, "attention_activation");
        shape->has_softmax = golden_int(golden, "softmax");
        copy_widths(golden_get(golden, "attention_widths"), shape->attention,
                    &shape->num_attention);
    }
    din_shape_deal(shape, &rig->format);
    rig->net = din_net_create(shape, &rig->format, NULL, &rig->dense);
    dense_initialise(&rig->dense, 1);
}

// Parameters or statistics of the attention unit, then of the dense layers, where they are.
static const char *part_name(char *out, const char *part, const char *suffix)
{
    sprintf(out, "%s%s", part, suffix);
    return out;
}

static void load_dense(struct rig *rig)
{
    static const char *const parts[] = {"attention", "top"};
    float *value = rig->dense.values, *stat = rig->dense.stats;
    char name[GOLDEN_NAME_MAX + 1];
    for (int p = 0; p < 2; p++) {
        if (!golden_has(&rig->golden, part_name(name, parts[p], ".w"))) continue;
        const struct golden_array *w = golden_get(&rig->golden, name);
        memcpy(value, w->floats, w->count * sizeof(float));
        value += w->count;
        if (!golden_has(&rig->golden, part_name(name, parts[p], ".moving"))) continue;
        const struct golden_array *moving = golden_get(&rig->golden, name);
        memcpy(stat, moving->floats, moving->count * sizeof(float));
        stat += moving->count;
    }
    assert_ptr_equal(value, rig->dense.values + rig->dense.num_values);
    assert_ptr_equal(stat, rig->dense.stats + rig->dense.num_stats);
}

static void check_dense(struct rig *rig, const float *values, const char *suffix, double tolerance)
{
    static const char *const parts[] = {"attention", "top"};
    char name[GOLDEN_NAME_MAX + 1];
    for (int p = 0; p < 2; p++) {
        if (!golden_has(&rig->golden, part_name(name, parts[p], suffix))) continue;
        golden_assert(&rig->golden, name, values, tolerance);
        values += golden_get(&rig->golden, name)->count;
    }
}

// ---- tables ----

// Rows of a table from the case's flat array; all of them, by key.
static void load_table(struct rig *rig, uint32_t t)
{
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, TABLES[t], rig->shape.dim);
    spec.optimizer = SOUK_OPT_ADAGRAD;
    spec.lr = (float)golden_get(&rig->golden, "lr_table")->values[0];
    spec.epsilon = 1e-10f;
    assert_int_equal(souk_client_open_table(rig->cluster.client, &spec, &rig->tables[t]), SOUK_OK);
    char name[GOLDEN_NAME_MAX + 1];
    const struct golden_array *w = golden_get(&rig->golden, part_name(name, TABLES[t], ".w"));
    uint32_t num_rows = w->count / rig->shape.dim;
    uint64_t *keys = mem_calloc(num_rows, sizeof *keys, "keys");
    for (uint32_t i = 0; i < num_rows; i++) keys[i] = i;
    struct souk_push push = {.table = rig->tables[t],
                             .num_keys = num_rows,
                             .keys = keys,
                             .rows = w->floats,
                             .mode = SOUK_PUSH_ASSIGN};
    souk_ticket ticket;
    assert_int_equal(souk_client_push(rig->cluster.client, &push, 1, &ticket), SOUK_OK);
    assert_int_equal(souk_client_wait(rig->cluster.client, ticket), SOUK_OK);
    mem_free(keys);
}

static void check_table_grads(struct rig *rig, uint32_t t)
{
    char name[GOLDEN_NAME_MAX + 1];
    const struct golden_array *w = golden_get(&rig->golden, part_name(name, TABLES[t], ".grad"));
    float *grads = mem_calloc(w->count, sizeof *grads, "gradients");
    const struct batch_part *part = &rig->batch.parts[t];
    for (uint32_t i = 0; i < part->num_keys; i++)
        memcpy(grads + part->keys[i] * part->dim, part->pushes + (size_t)i * part->dim,
               part->dim * sizeof *grads);
    golden_assert(&rig->golden, name, grads, TOLERANCE);
    mem_free(grads);
}

static souk_status take_rows(void *ctx, const struct souk_scan_block *block)
{
    struct batch_part *all = ctx;
    for (uint32_t i = 0; i < block->num_rows; i++)
        memcpy(all->rows + block->keys[i] * all->dim, block->rows + (size_t)i * all->dim,
               all->dim * sizeof(float));
    return SOUK_OK;
}

static void check_table(struct rig *rig, uint32_t t)
{
    char name[GOLDEN_NAME_MAX + 1];
    const struct golden_array *w = golden_get(&rig->golden, part_name(name, TABLES[t], ".after"));
    struct batch_part all = {.dim = rig->shape.dim};
    batch_part_reserve(&all, w->count / all.dim);
    assert_int_equal(souk_client_scan(rig->cluster.client, rig->tables[t], false, take_rows, &all),
                     SOUK_OK);
    golden_assert(&rig->golden, name, all.rows, AFTER_TOLERANCE);
    batch_part_fini(&all);
}

// ---- the batch ----

static void fill_column(uint64_t *out, const struct golden_array *ids)
{
    for (uint32_t i = 0; i < ids->count; i++) out[i] = ids->ints[i];
}

static void make_batch(struct rig *rig)
{
    const struct golden_case *golden = &rig->golden;
    const struct golden_array *labels = golden_get(golden, "label");
    const struct golden_array *row_start = golden_get(golden, "row_start");
    struct sample_batch *raw = &din_batch_samples(&rig->batch, &rig->format)->raw;
    uint32_t n = labels->count, num_rows = row_start->ints[n];
    sample_batch_reserve(raw, n, num_rows);
    raw->num_samples = n;
    raw->num_rows = num_rows;
    memcpy(raw->labels, labels->floats, n * sizeof(float));
    memcpy(raw->row_start, row_start->ints, (n + 1) * sizeof(uint32_t));
    for (uint32_t f = 0; f < rig->format.num_fields; f++)
        fill_column(raw->ids[f], golden_get(golden, TABLES[f]));
    for (uint32_t h = 0; h < rig->format.num_histories; h++)
        fill_column(raw->histories[h], golden_get(golden, h ? "hist_category" : "hist_item"));
    rig->builder = din_builder_create(&rig->format, rig->shape.dim);
    din_builder_build(rig->builder, &rig->batch);
}

// ---- steps ----

static void compute(struct rig *rig, uint32_t step)
{
    const struct sample_batch *raw = &((struct din_samples *)rig->batch.samples)->raw;
    float grads[1024];
    assert_in_range(raw->num_samples, 1, 1024);
    assert_int_equal(batch_pull(&rig->batch, rig->cluster.client, rig->tables, true), SOUK_OK);
    assert_int_equal(souk_client_wait(rig->cluster.client, rig->batch.pull), SOUK_OK);
    const float *logits = din_net_forward(rig->net, &rig->batch, true, 0);
    if (step == 0) golden_assert(&rig->golden, "logits", logits, TOLERANCE);
    double loss = bce_forward_backward(logits, raw->labels, raw->num_samples,
                                       1.0f / (float)raw->num_samples, grads);
    rig->losses[step] = loss / raw->num_samples;
    dense_clear_grads(&rig->dense);
    din_net_backward(rig->net, &rig->batch, grads);
}

static void take_steps(struct rig *rig)
{
    float lr = (float)golden_get(&rig->golden, "lr_dense")->values[0];
    for (uint32_t step = 0; step < NUM_STEPS; step++) {
        compute(rig, step);
        for (uint32_t t = 0; step == 0 && t < rig->format.num_tables; t++)
            check_table_grads(rig, t);
        if (step == 0) check_dense(rig, rig->dense.grads, ".grad", TOLERANCE);
        dense_step_adam(&rig->dense, lr, 1);
        assert_int_equal(batch_push(&rig->batch, rig->cluster.client, rig->tables), SOUK_OK);
    }
    assert_int_equal(souk_client_flush(rig->cluster.client), SOUK_OK);
}

static void agrees(const char *file, enum din_kind kind)
{
    struct rig *rig = mem_calloc(1, sizeof *rig, "golden test");
    golden_case_open(&rig->golden, dir, file);
    assert_int_equal(golden_get(&rig->golden, "losses")->count, NUM_STEPS);
    describe(rig, kind);
    make_net(rig, kind);
    load_dense(rig);
    model_cluster_start(&rig->cluster, 1, 1);
    for (uint32_t t = 0; t < rig->format.num_tables; t++) load_table(rig, t);
    make_batch(rig);
    take_steps(rig);
    float losses[NUM_STEPS];
    for (int i = 0; i < NUM_STEPS; i++) losses[i] = (float)rig->losses[i];
    golden_assert(&rig->golden, "losses", losses, TOLERANCE);
    check_dense(rig, rig->dense.values, ".after", AFTER_TOLERANCE);
    check_dense(rig, rig->dense.stats, ".moving.after", TOLERANCE);
    for (uint32_t t = 0; t < rig->format.num_tables; t++) check_table(rig, t);

    model_cluster_stop(&rig->cluster);
    din_builder_destroy(rig->builder);
    din_batch_fini(&rig->batch);
    for (uint32_t t = 0; t < 3; t++) batch_part_fini(&rig->batch.parts[t]);
    din_net_destroy(rig->net);
    dense_fini(&rig->dense);
    golden_case_close(&rig->golden);
    mem_free(rig);
}

static void din_trains_as_pytorch_does(void **state)
{
    (void)state;
    agrees("din.txt", DIN_ATTENTION);
}

static void base_trains_as_pytorch_does(void **state)
{
    (void)state;
    agrees("base.txt", DIN_POOLED);
}

static void ncf_trains_as_pytorch_does(void **state)
{
    (void)state;
    agrees("ncf.txt", DIN_PLAIN);
}

static int run_folder(const char *path)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(din_trains_as_pytorch_does),
        cmocka_unit_test(base_trains_as_pytorch_does),
        cmocka_unit_test(ncf_trains_as_pytorch_does),
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
