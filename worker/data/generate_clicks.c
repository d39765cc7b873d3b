/* generate_clicks.c - see generate_clicks.h. Users come one after the other, each with its own
 * stream of random numbers. */
#include "worker/data/generate_clicks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/buf.h"
#include "common/text/json.h"
#include "worker/data/output_file.h"
#include "worker/data/titles.h"

#define NEARNESS_WIDTH    0.15
#define HALF_NEARNESS     0.15
#define CATEGORY_PART     0.75 // of the squared length of an item's vector
#define BIAS              (-5.0)
#define POPULARITY_WEIGHT 0.5
#define INTEREST_SHARE    0.85 // of the first behaviours: from the user's interests
#define CANDIDATE_SHARE   0.5  // of candidates, likewise; others come by popularity
#define NEXT_INTEREST     0.4  // how much rarer than an interest the next one is in the history

enum {
    DIM = 8,
    INTERESTS_MIN = 2,
    INTERESTS_MAX = 4,
    FIRST_BEHAVIOURS_MIN = 6,
    FIRST_BEHAVIOURS_MAX = 24,
    DRAWS = 8, // of a candidate that is no behaviour yet
    NUM_SCORES = 3
};

enum score { SCORE_TRUE, SCORE_POPULARITY, SCORE_MEAN_HISTORY };

struct test_sample {
    float scores[NUM_SCORES]; // of the mean history: z_i . mean(z_j) without popularity
    bool is_click;
};

// Items that are drawn from by weight.
struct urn {
    uint32_t *items;
    double *sums; // of the weights up to and with it
    uint32_t count;
};

struct generator {
    struct click_options options;
    float *vectors;        // (num_items, DIM) of length 1
    float *popularity;     // (num_items) mean 0, deviation 1
    uint32_t *category_of; // (num_items)
    struct urn all;
    struct urn *of_category; // (num_categories)
    struct output_file train, test;
    struct buf line;
    struct test_sample *tested;
    size_t tested_capacity;
    uint64_t num_clicks;
    struct click_result result;
};

// The user at hand.
struct visitor {
    uint64_t user;
    struct rng rng;
    uint32_t interests[INTERESTS_MAX];
    uint32_t num_interests;
    uint32_t *behaviours; // oldest first
    size_t count, capacity;
};

void click_options_init(struct click_options *options)
{
    *options = (struct click_options){
        .num_users = 10000,
        .num_items = 3000,
        .num_categories = 60,
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
    if (options->num_categories < INTERESTS_MAX || options->num_items < options->num_categories ||
        options->num_items > CLICKS_ITEMS_MAX)
        return log_fail(SOUK_EINVAL, "categories must be %d or more, and items from as many to %d",
                        INTERESTS_MAX, CLICKS_ITEMS_MAX);
    if (options->max_history < 1) return log_fail(SOUK_EINVAL, "history must be 1 or more");
    if (!(options->strength >= 0) || !(options->zipf >= 0) || !(options->test_share >= 0) ||
        !(options->test_share < 1) || isinf(options->strength) || isinf(options->zipf))
        return log_fail(SOUK_EINVAL,
                        "strength and zipf must be 0 or more, test-share from 0 to below 1");
    return SOUK_OK;
}

// ---- items ----

static void normalise(float *vector)
{
    double square = 0;
    for (int d = 0; d < DIM; d++) square += (double)vector[d] * (double)vector[d];
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (int d = 0; d < DIM; d++) vector[d] *= scale;
}

static void plant_vector(const struct generator *g, uint32_t item, float *vector)
{
    uint64_t seed = rng_stream("category", g->options.seed, 0);
    float centre[DIM];
    rng_fill_normal(seed, g->category_of[item], 1, centre, DIM);
    rng_fill_normal(seed + 1, item, 1, vector, DIM);
    normalise(centre);
    normalise(vector);
    for (int d = 0; d < DIM; d++)
        vector[d] =
            (float)sqrt(CATEGORY_PART) * centre[d] + (float)sqrt(1 - CATEGORY_PART) * vector[d];
    normalise(vector);
}

static void urn_add(struct urn *urn, uint32_t item, double weight)
{
    double before = urn->count ? urn->sums[urn->count - 1] : 0;
    urn->items[urn->count] = item;
    urn->sums[urn->count++] = before + weight;
}

static uint32_t urn_draw(const struct urn *urn, struct rng *rng)
{
    double point = rng_uniform_double(rng) * urn->sums[urn->count - 1];
    uint32_t low = 0, high = urn->count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (urn->sums[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return urn->items[low];
}

static void urn_init(struct urn *urn, uint64_t count)
{
    urn->items = mem_calloc(count, sizeof(*urn->items), "generator");
    urn->sums = mem_calloc(count, sizeof(*urn->sums), "generator");
}

static void urn_fini(struct urn *urn)
{
    mem_free(urn->items);
    mem_free(urn->sums);
}

// Log of the weights, shifted and scaled to mean 0 and deviation 1.
static void standardise_popularity(struct generator *g, const double *weights)
{
    uint64_t n = g->options.num_items;
    double sum = 0, square = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += log(weights[i]);
        square += log(weights[i]) * log(weights[i]);
    }
    double mean = sum / (double)n, variance = square / (double)n - mean * mean;
    double scale = variance > 1e-12 ? 1 / sqrt(variance) : 0;
    for (uint64_t i = 0; i < n; i++) g->popularity[i] = (float)((log(weights[i]) - mean) * scale);
}

static void plant_items(struct generator *g)
{
    const struct click_options *options = &g->options;
    uint64_t n = options->num_items, per_category = n / options->num_categories + 1;
    uint32_t *rank = mem_calloc(n, sizeof(*rank), "generator");
    double *weights = mem_calloc(n, sizeof(*weights), "generator");
    struct rng rng;
    for (uint64_t i = 0; i < n; i++) rank[i] = (uint32_t)i;
    rng_init(&rng, options->seed, rng_stream("popularity", 0, 0));
    rng_shuffle(&rng, rank, n, sizeof(*rank));
    urn_init(&g->all, n);
    for (uint64_t c = 0; c < options->num_categories; c++)
        urn_init(&g->of_category[c], per_category);
    for (uint32_t i = 0; i < n; i++) {
        g->category_of[i] = (uint32_t)(i % options->num_categories);
        weights[i] = pow(rank[i] + 1.0, -options->zipf);
        urn_add(&g->all, i, weights[i]);
        urn_add(&g->of_category[g->category_of[i]], i, weights[i]);
        plant_vector(g, i, g->vectors + (size_t)i * DIM);
    }
    standardise_popularity(g, weights);
    mem_free(rank);
    mem_free(weights);
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    for (int d = 0; d < DIM; d++) sum += (double)a[d] * (double)b[d];
    return sum;
}

// ---- users ----

static void add_behaviour(struct visitor *visitor, uint32_t item)
{
    mem_reserve(&visitor->behaviours, &visitor->capacity, visitor->count + 1,
                sizeof(*visitor->behaviours), "generator");
    visitor->behaviours[visitor->count++] = item;
}

static bool has_done(const struct visitor *visitor, uint32_t item)
{
    for (size_t i = 0; i < visitor->count; i++)
        if (visitor->behaviours[i] == item) return true;
    return false;
}

// Interests are unequal in the history, where the mean shows the first one only, and equal among
// candidates.
static uint32_t draw_interest(struct visitor *visitor, bool is_candidate)
{
    uint32_t last = visitor->num_interests - 1, which = 0;
    if (is_candidate) return (uint32_t)rng_below(&visitor->rng, visitor->num_interests);
    while (which < last && rng_uniform_double(&visitor->rng) < NEXT_INTEREST) which++;
    return which;
}

// An item that the visitor has not been with, as far as a few draws find one.
static uint32_t draw_item(const struct generator *g, struct visitor *visitor, bool is_candidate)
{
    uint32_t item = 0;
    double share = is_candidate ? CANDIDATE_SHARE : INTEREST_SHARE;
    bool is_of_interest = rng_uniform_double(&visitor->rng) < share;
    uint32_t which = draw_interest(visitor, is_candidate);
    const struct urn *urn = is_of_interest ? &g->of_category[visitor->interests[which]] : &g->all;
    for (int i = 0; i < DRAWS; i++) {
        item = urn_draw(urn, &visitor->rng);
        if (!has_done(visitor, item)) break;
    }
    return item;
}

static bool is_interest(const struct visitor *visitor, uint32_t category)
{
    for (uint32_t i = 0; i < visitor->num_interests; i++)
        if (visitor->interests[i] == category) return true;
    return false;
}

static void welcome(const struct generator *g, uint64_t user, struct visitor *visitor)
{
    visitor->user = user;
    visitor->count = visitor->num_interests = 0;
    rng_init(&visitor->rng, g->options.seed, rng_stream("clicks", user, 0));
    uint64_t wanted = INTERESTS_MIN + rng_below(&visitor->rng, INTERESTS_MAX - INTERESTS_MIN + 1);
    while (visitor->num_interests < wanted) {
        uint32_t category = (uint32_t)rng_below(&visitor->rng, g->options.num_categories);
        if (!is_interest(visitor, category))
            visitor->interests[visitor->num_interests++] = category;
    }
    uint64_t first = FIRST_BEHAVIOURS_MIN +
                     rng_below(&visitor->rng, FIRST_BEHAVIOURS_MAX - FIRST_BEHAVIOURS_MIN + 1);
    for (uint64_t i = 0; i < first; i++) add_behaviour(visitor, draw_item(g, visitor, false));
}

// ---- samples ----

// The probability of a click on item after the latest behaviours, and what other scores say.
static double judge(const struct generator *g, const struct visitor *visitor, uint32_t item,
                    float scores[NUM_SCORES])
{
    size_t max = g->options.max_history;
    size_t first = visitor->count > max ? visitor->count - max : 0;
    const float *z = g->vectors + (size_t)item * DIM;
    double nearness = 0, sum = 0;
    for (size_t i = first; i < visitor->count; i++) {
        double cosine = dot(z, g->vectors + (size_t)visitor->behaviours[i] * DIM);
        nearness += exp((cosine - 1) / NEARNESS_WIDTH);
        sum += cosine;
    }
    double popularity = POPULARITY_WEIGHT * (double)g->popularity[item];
    double logit = BIAS + g->options.strength * nearness / (nearness + HALF_NEARNESS) + popularity;
    scores[SCORE_TRUE] = (float)logit;
    scores[SCORE_POPULARITY] = (float)popularity;
    scores[SCORE_MEAN_HISTORY] = (float)(sum / (double)(visitor->count - first));
    return 1 / (1 + exp(-logit));
}

static void add_id(const struct generator *g, const char *side, uint64_t idx, struct buf *out)
{
    buf_printf(out, "%s%llu", g->options.has_string_ids ? side : "", (unsigned long long)idx + 1);
}

static void add_history(const struct generator *g, const struct visitor *visitor, bool is_category,
                        struct buf *out)
{
    size_t max = g->options.max_history;
    size_t first = visitor->count > max ? visitor->count - max : 0;
    buf_add_char(out, '\t');
    for (size_t i = first; i < visitor->count; i++) {
        uint32_t item = visitor->behaviours[i];
        if (i > first) buf_add_char(out, ',');
        if (is_category)
            add_id(g, "category", g->category_of[item], out);
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
    add_id(g, "category", g->category_of[item], line);
    add_history(g, visitor, false, line);
    add_history(g, visitor, true, line);
    buf_add_char(line, '\n');
    return output_file_write(is_test ? &g->test : &g->train, line->text, line->length);
}

static souk_status show_item(struct generator *g, struct visitor *visitor, bool is_test)
{
    struct test_sample sample;
    uint32_t item = draw_item(g, visitor, true);
    double probability = judge(g, visitor, item, sample.scores);
    sample.is_click = rng_uniform_double(&visitor->rng) < probability;
    souk_status status = write_sample(g, visitor, item, sample.is_click, is_test);
    g->num_clicks += sample.is_click;
    if (sample.is_click && !has_done(visitor, item)) add_behaviour(visitor, item);
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
        welcome(g, u, &visitor);
        for (uint64_t i = 0; !status && i < count; i++)
            status = show_item(g, &visitor, i + tests >= count);
    }
    mem_free(visitor.behaviours);
    souk_status closed = output_file_close(&g->train);
    if (!status) status = closed;
    closed = output_file_close(&g->test);
    return status ? status : closed;
}

static souk_status write_items(struct generator *g)
{
    struct output_file file = {NULL, NULL};
    souk_status status = output_file_open(&file, g->options.dir, "items.tsv");
    if (status) return status;
    buf_clear(&g->line);
    buf_add_text(&g->line, "item\ttitle\tcategory\n");
    for (uint64_t i = 0; i < g->options.num_items; i++) {
        char title[64];
        title_make(g->options.seed, i, title, sizeof(title));
        add_id(g, "item", i, &g->line);
        buf_printf(&g->line, "\t%s\t", title);
        add_id(g, "category", g->category_of[i], &g->line);
        buf_add_char(&g->line, '\n');
    }
    status = output_file_write(&file, g->line.text, g->line.length);
    souk_status closed = output_file_close(&file);
    return status ? status : closed;
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

// AUC of one score plus `weight` times another.
static double test_auc(const struct generator *g, enum score a, enum score b, double weight)
{
    uint64_t n = g->result.num_test;
    struct scored *scored = mem_calloc(n, sizeof(*scored), "test samples");
    for (uint64_t i = 0; i < n; i++)
        scored[i] = (struct scored){(double)g->tested[i].scores[a] +
                                        weight * (double)g->tested[i].scores[b],
                                    g->tested[i].is_click};
    double auc = auc_of(scored, n);
    mem_free(scored);
    return auc;
}

static void finish_result(struct generator *g)
{
    struct click_result *result = &g->result;
    result->click_share = (double)g->num_clicks / (double)g->options.num_samples;
    result->true_auc = test_auc(g, SCORE_TRUE, SCORE_TRUE, 0);
    result->popularity_auc = test_auc(g, SCORE_POPULARITY, SCORE_POPULARITY, 0);
    result->mean_history_auc = result->popularity_auc;
    for (double weight = 0.5; weight < 100; weight *= 1.5) {
        double auc = test_auc(g, SCORE_POPULARITY, SCORE_MEAN_HISTORY, weight);
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

static void generator_init(struct generator *g, const struct click_options *options)
{
    *g = (struct generator){.options = *options};
    g->vectors = mem_calloc(options->num_items, DIM * sizeof(float), "generator");
    g->popularity = mem_calloc(options->num_items, sizeof(float), "generator");
    g->category_of = mem_calloc(options->num_items, sizeof(uint32_t), "generator");
    g->of_category = mem_calloc(options->num_categories, sizeof(struct urn), "generator");
}

static void generator_fini(struct generator *g)
{
    for (uint64_t c = 0; c < g->options.num_categories; c++) urn_fini(&g->of_category[c]);
    urn_fini(&g->all);
    mem_free(g->vectors);
    mem_free(g->popularity);
    mem_free(g->category_of);
    mem_free(g->of_category);
    mem_free(g->tested);
    buf_fini(&g->line);
}

souk_status generate_clicks(const struct click_options *options, struct click_result *result_out)
{
    struct generator g;
    souk_status status = check_options(options);
    if (!status) status = file_make_dirs(options->dir);
    if (status) return status;
    generator_init(&g, options);
    plant_items(&g);
    status = write_samples(&g);
    if (!status) status = write_items(&g);
    finish_result(&g);
    if (!status) status = write_truth(&g);
    generator_fini(&g);
    if (!status) *result_out = g.result;
    return status;
}
