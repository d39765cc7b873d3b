/* generate_clicks.c - see generate_clicks.h. Users come one after the other. */
#include "worker/data/generate_clicks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/buf.h"
#include "common/text/json.h"
#include "worker/data/click_world.h"
#include "worker/data/output_file.h"
#include "worker/data/titles.h"

struct test_sample {
    struct click_view view;
    bool is_click;
};

struct generator {
    struct click_options options;
    struct click_world *world;
    struct output_file train, test;
    struct buf line;
    struct test_sample *tested; // (num_test)
    size_t tested_capacity;
    uint64_t num_clicks;
    struct click_result result;
};

void click_options_init(struct click_options *options)
{
    *options = (struct click_options){
        .num_users = 8000,
        .num_items = 1000,
        .num_categories = 40,
        .num_samples = 200000,
        .max_history = 30,
        .strength = 6.5,
        .zipf = 0.8,
        .test_share = 0.1,
        .seed = 1,
    };
}

static souk_status check_options(const struct click_options *options)
{
    if (options->num_users < 1 || options->num_samples < options->num_users)
        return log_fail(SOUK_EINVAL, "there must be a user, and a sample for each");
    if (options->num_categories < CLICK_INTERESTS_MAX ||
        options->num_items < options->num_categories || options->num_items > CLICKS_ITEMS_MAX)
        return log_fail(SOUK_EINVAL, "categories must be %d or more, and items from as many to %d",
                        CLICK_INTERESTS_MAX, CLICKS_ITEMS_MAX);
    if (options->max_history < 1) return log_fail(SOUK_EINVAL, "history must be 1 or more");
    if (!(options->zipf >= 0 && options->zipf <= CLICKS_ZIPF_MAX)) // beyond it a weight would be 0
        return log_fail(SOUK_EINVAL, "zipf must be from 0 to %d", CLICKS_ZIPF_MAX);
    if (!(options->strength >= 0) || !(options->test_share >= 0) || !(options->test_share < 1) ||
        isinf(options->strength))
        return log_fail(SOUK_EINVAL, "strength must be 0 or more, test-share from 0 to below 1");
    return SOUK_OK;
}

// ---- samples ----

static void add_id(const struct generator *g, const char *side, uint64_t idx, struct buf *out)
{
    buf_printf(out, "%s%llu", g->options.has_string_ids ? side : "", (unsigned long long)idx + 1);
}

static void add_history(const struct generator *g, const struct visitor *visitor, bool is_category,
                        struct buf *out)
{
    size_t first = visitor_first(visitor, g->world);
    buf_add_char(out, '\t');
    for (size_t i = first; i < visitor->count; i++) {
        uint32_t item = visitor->behaviours[i];
        if (i > first) buf_add_char(out, ',');
        if (is_category)
            add_id(g, "category", click_world_category(g->world, item), out);
        else
            add_id(g, "item", item, out);
    }
}

static souk_status write_sample(struct generator *g, const struct visitor *visitor, uint32_t item,
                                bool is_click, bool is_test)
{
    struct buf *line = &g->line;
    buf_clear(line);
    buf_printf(line, "%d\t", is_click);
    add_id(g, "user", visitor->user, line);
    buf_add_char(line, '\t');
    add_id(g, "item", item, line);
    buf_add_char(line, '\t');
    add_id(g, "category", click_world_category(g->world, item), line);
    add_history(g, visitor, false, line);
    add_history(g, visitor, true, line);
    buf_add_char(line, '\n');
    return output_file_write(is_test ? &g->test : &g->train, line->text, line->length);
}

static souk_status show_item(struct generator *g, struct visitor *visitor, bool is_test)
{
    uint32_t item = visitor_draw_candidate(visitor, g->world);
    struct test_sample sample = {.view = visitor_view(visitor, g->world, item)};
    sample.is_click = rng_uniform_double(&visitor->rng) < 1 / (1 + exp(-sample.view.logit));
    souk_status status = write_sample(g, visitor, item, sample.is_click, is_test);
    g->num_clicks += sample.is_click;
    if (sample.is_click) visitor_click(visitor, item);
    if (!is_test) {
        g->result.num_train++;
        return status;
    }
    mem_reserve(&g->tested, &g->tested_capacity, g->result.num_test + 1, sizeof(*g->tested),
                "test samples");
    g->tested[g->result.num_test++] = sample;
    return status;
}

// Of a total of `count`, what falls to user u of n.
static uint64_t share_of(uint64_t count, uint64_t u, uint64_t n)
{
    return (uint64_t)((double)count * (double)(u + 1) / (double)n + 1e-9) -
           (uint64_t)((double)count * (double)u / (double)n + 1e-9);
}

static souk_status write_samples(struct generator *g)
{
    static const char header[] = "label\tuser\titem\tcategory\thist_item\thist_category\n";
    const struct click_options *options = &g->options;
    uint64_t all_tests = (uint64_t)(options->test_share * (double)options->num_samples + 0.5);
    struct visitor visitor = {.behaviours = NULL};
    souk_status status = output_file_open(&g->train, options->dir, "train.tsv");
    if (!status) status = output_file_open(&g->test, options->dir, "test.tsv");
    if (!status) status = output_file_write(&g->train, header, sizeof(header) - 1);
    if (!status) status = output_file_write(&g->test, header, sizeof(header) - 1);
    for (uint64_t u = 0; !status && u < options->num_users; u++) {
        uint64_t count = share_of(options->num_samples, u, options->num_users);
        uint64_t tests = share_of(all_tests, u, options->num_users);
        visitor_welcome(&visitor, g->world, u);
        for (uint64_t i = 0; !status && i < count; i++)
            status = show_item(g, &visitor, i + tests >= count);
    }
    visitor_fini(&visitor);
    if (!status) status = output_file_close(&g->train);
    if (!status) status = output_file_close(&g->test);
    output_file_drop(&g->train);
    output_file_drop(&g->test);
    return status;
}

static souk_status write_items(struct generator *g)
{
    struct output_file file = {.path = NULL};
    souk_status status = output_file_open(&file, g->options.dir, "items.tsv");
    if (status) return status;
    buf_clear(&g->line);
    buf_add_text(&g->line, "item\ttitle\tcategory\n");
    for (uint64_t i = 0; i < g->options.num_items; i++) {
        char title[64];
        title_make(g->options.seed, i, title, sizeof(title));
        add_id(g, "item", i, &g->line);
        buf_printf(&g->line, "\t%s\t", title);
        add_id(g, "category", click_world_category(g->world, (uint32_t)i), &g->line);
        buf_add_char(&g->line, '\n');
    }
    status = output_file_write(&file, g->line.text, g->line.length);
    if (!status) status = output_file_close(&file);
    output_file_drop(&file);
    return status;
}

// ---- the ceiling ----

struct scored {
    double score;
    bool is_click;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

// Share of the pairs of a click and a non-click that are in order; ties count a half. NAN without
// such a pair.
static double auc_of(struct scored *scored, uint64_t n)
{
    double num_clicks = 0, num_below = 0, num_pairs = 0;
    qsort(scored, n, sizeof(*scored), by_score);
    for (uint64_t i = 0, end; i < n; i = end) {
        double clicks = 0, others = 0;
        for (end = i; end < n && scored[end].score == scored[i].score; end++)
            *(scored[end].is_click ? &clicks : &others) += 1;
        num_pairs += clicks * (num_below + others / 2);
        num_below += others;
        num_clicks += clicks;
    }
    return num_clicks > 0 && num_below > 0 ? num_pairs / (num_clicks * num_below) : (double)NAN;
}

static double score_true(const struct click_view *view, double weight)
{
    (void)weight;
    return view->logit;
}

// weight 0 is popularity alone.
static double score_mean(const struct click_view *view, double weight)
{
    return view->popularity + weight * view->mean;
}

static double test_auc(const struct generator *g,
                       double (*score)(const struct click_view *view, double weight), double weight)
{
    uint64_t n = g->result.num_test;
    struct scored *scored = mem_calloc(n, sizeof(*scored), "test samples");
    for (uint64_t i = 0; i < n; i++)
        scored[i] = (struct scored){score(&g->tested[i].view, weight), g->tested[i].is_click};
    double auc = auc_of(scored, n);
    mem_free(scored);
    return auc;
}

static void finish_result(struct generator *g)
{
    struct click_result *result = &g->result;
    result->click_share = (double)g->num_clicks / (double)g->options.num_samples;
    result->true_auc = test_auc(g, score_true, 0);
    result->popularity_auc = test_auc(g, score_mean, 0);
    result->mean_history_auc = result->popularity_auc;
    for (double weight = 0.5; weight < 100; weight *= 1.5) {
        double auc = test_auc(g, score_mean, weight);
        if (auc > result->mean_history_auc) result->mean_history_auc = auc;
    }
}

static souk_status write_truth(const struct generator *g)
{
    const struct click_options *options = &g->options;
    struct buf text = {0}, path = {0};
    struct json json;
    json_init(&json, &text);
    json_open(&json, '{');
    json_key(&json, "users"), json_uint(&json, options->num_users);
    json_key(&json, "items"), json_uint(&json, options->num_items);
    json_key(&json, "categories"), json_uint(&json, options->num_categories);
    json_key(&json, "samples"), json_uint(&json, options->num_samples);
    json_key(&json, "history"), json_uint(&json, options->max_history);
    json_key(&json, "strength"), json_double(&json, options->strength);
    json_key(&json, "zipf"), json_double(&json, options->zipf);
    json_key(&json, "test_share"), json_double(&json, options->test_share);
    json_key(&json, "seed"), json_uint(&json, options->seed);
    json_key(&json, "string_ids"), json_bool(&json, options->has_string_ids);
    json_key(&json, "train_samples"), json_uint(&json, g->result.num_train);
    json_key(&json, "test_samples"), json_uint(&json, g->result.num_test);
    json_key(&json, "click_share"), json_double(&json, g->result.click_share);
    json_key(&json, "true_auc"), json_double(&json, g->result.true_auc);
    json_key(&json, "mean_history_auc"), json_double(&json, g->result.mean_history_auc);
    json_key(&json, "popularity_auc"), json_double(&json, g->result.popularity_auc);
    json_close(&json);
    buf_add_char(&text, '\n');
    buf_printf(&path, "%s/truth.json", options->dir);
    souk_status status = file_write_atomic(buf_text(&path), text.text, text.length);
    buf_fini(&path);
    buf_fini(&text);
    return status;
}

souk_status generate_clicks(const struct click_options *options, struct click_result *result_out)
{
    struct generator g = {.options = *options};
    souk_status status = check_options(options);
    if (!status) status = file_make_dirs(options->dir);
    if (status) return status;
    g.world = click_world_create(&g.options);
    status = write_samples(&g);
    if (!status) status = write_items(&g);
    finish_result(&g);
    if (!status) status = write_truth(&g);
    click_world_destroy(g.world);
    mem_free(g.tested);
    buf_fini(&g.line);
    if (!status) *result_out = g.result;
    return status;
}
