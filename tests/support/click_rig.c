/* click_rig.c - see click_rig.h. */
#include "tests/support/click_rig.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/sample_reader.h"

enum { DIM = 4 };

static void set(struct click_rig *rig, const char *key, const char *value)
{
    char assignment[512];
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(config_set(&rig->config, assignment), SOUK_OK);
}

/* ---- a model with rows on servers, and samples ---- */

static const char *write_samples(struct click_rig *rig)
{
    struct buf text = {0}, items = {0}, categories = {0};
    struct rng rng;
    rng_init(&rng, 3, 1);
    buf_add_text(&text, "label\tuser\titem\tcategory\thist_item\thist_category\n");
    for (uint32_t b = 0; b < CLICK_RIG_SAMPLES; b++) {
        uint32_t length = b % 3 == 1 ? 0 : (uint32_t)rng_below(&rng, 6);
        buf_clear(&items);
        buf_clear(&categories);
        for (uint32_t j = 0; j < length; j++) {
            buf_printf(&items, "%s%u", j ? "," : "", (unsigned)rng_below(&rng, CLICK_RIG_IDS));
            buf_printf(&categories, "%s%u", j ? "," : "", (unsigned)rng_below(&rng, CLICK_RIG_IDS));
        }
        buf_printf(
            &text, "%u\t%u\t%u\t%u\t%s\t%s\n", b % 2, (unsigned)rng_below(&rng, CLICK_RIG_IDS),
            (unsigned)rng_below(&rng, CLICK_RIG_IDS), (unsigned)rng_below(&rng, CLICK_RIG_IDS),
            buf_text(&items), buf_text(&categories));
    }
    const char *path = temp_file(rig->dir, "samples.tsv", buf_text(&text));
    buf_fini(&text);
    buf_fini(&items);
    buf_fini(&categories);
    return path;
}

// Keys below CLICK_RIG_KNOWN have rows that look trained.
static void push_rows(struct click_rig *rig)
{
    uint64_t keys[CLICK_RIG_KNOWN];
    float rows[CLICK_RIG_KNOWN * DIM];
    for (uint32_t t = 0; t < rig->tables.num_tables; t++) {
        for (uint32_t i = 0; i < CLICK_RIG_KNOWN; i++) {
            keys[i] = i;
            rng_fill_normal(t, i, 0.7f, rows + (size_t)i * DIM, DIM);
        }
        struct souk_push push = {.table = rig->tables.ids[t],
                                 .num_keys = CLICK_RIG_KNOWN,
                                 .keys = keys,
                                 .rows = rows,
                                 .mode = SOUK_PUSH_ASSIGN};
        souk_ticket ticket;
        assert_int_equal(souk_client_push(rig->cluster.client, &push, 1, &ticket), SOUK_OK);
    }
    assert_int_equal(souk_client_flush(rig->cluster.client), SOUK_OK);
}

static void read_samples(struct click_rig *rig)
{
    struct sample_reader *reader;
    struct sample_format_options options = {
        .config = &rig->config, .path = rig->config.data.test.items[0], .needs_label = true};
    assert_int_equal(sample_format_resolve(&options, &rig->format), SOUK_OK);
    struct sample_reader_options reading = {
        .files = &rig->config.data.test, .format = &rig->format, .num_parts = 1};
    assert_int_equal(sample_reader_open(&reading, &reader), SOUK_OK);
    sample_format_init_batch(&rig->format, &rig->samples);
    assert_int_equal(sample_reader_next(reader, 2 * CLICK_RIG_SAMPLES, &rig->samples), SOUK_OK);
    assert_int_equal(rig->samples.num_samples, CLICK_RIG_SAMPLES);
    sample_reader_close(reader);
}

struct click_rig *click_rig_start(const char *type, const char *batch_size)
{
    static const struct comm_launch alone;
    struct click_rig *rig = mem_calloc(1, sizeof *rig, "rig");
    rig->dir = temp_dir_create();
    config_init(&rig->config);
    const char *path = write_samples(rig);
    set(rig, "data.train", path);
    set(rig, "data.test", path);
    set(rig, "model.dim", "4");
    set(rig, "model.attention", "6,5");
    set(rig, "model.hidden", "8,4");
    set(rig, "train.batch_size", batch_size);
    assert_int_equal(comm_create(&alone, &rig->comm), SOUK_OK);
    model_cluster_start(&rig->cluster, 2, 1);
    rig->ops = model_ops_get(type);
    assert_int_equal(rig->ops->create(&rig->config, rig->comm, &rig->model), SOUK_OK);
    assert_int_equal(tables_describe(rig->ops, rig->model, &rig->config, &rig->tables), SOUK_OK);
    assert_int_equal(tables_open(&rig->tables, rig->cluster.client), SOUK_OK);
    push_rows(rig);
    read_samples(rig);
    rig->scorer = click_scorer_create(rig->model, rig->cluster.client, rig->tables.ids);
    return rig;
}

void click_rig_stop(struct click_rig *rig)
{
    click_scorer_destroy(rig->scorer);
    sample_batch_fini(&rig->samples);
    rig->ops->destroy(rig->model);
    model_cluster_stop(&rig->cluster);
    comm_destroy(rig->comm);
    config_fini(&rig->config);
    temp_dir_remove(rig->dir);
    mem_free(rig);
}
