/* generate.c - see generate.h.
 *
 * Users come one after the other, each with its own stream of random numbers: how many ratings it
 * has is decided first for all, then its items are drawn by popularity without putting one back.
 */
#include "worker/data/generate.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/buf.h"
#include "common/text/json.h"
#include "worker/data/titles.h"

// Ratings spread about as those of films do.
#define MEAN                3.5
#define USER_BIAS_DEVIATION 0.4
#define ITEM_BIAS_DEVIATION 0.5
#define FACTOR_DEVIATION    0.6 // of p_u . q_i
#define TEXT_SCALE          1e4 // ratings are written with four digits behind the point

enum { DRAWS_A_RATING = 20, DENSE_SHARE = 8 };

// An item and when it would come up if all were drawn without putting back: smaller is earlier.
struct draw {
    double time;
    uint32_t item;
};

// A file in the making. Closed and then removed when anything fails: half a set is of no use.
struct output_file {
    FILE *file; // NULL: closed
    char *path; // NULL: was never made
};

struct generator {
    struct generate_options options;
    float *item_factors;     // (num_items, num_factors + 1): factors, bias
    float *user_factors;     // (num_factors + 1): of the user at hand
    double *popularity;      // by item: weight, sum not 1
    double *popularity_sum;  // by item: of popularity up to and with it
    uint32_t *user_rank;     // by user: place in activity, from 0
    uint32_t *count_of_rank; // by rank: ratings
    uint32_t *taken_by;      // by item: last user + 1 who drew it
    struct draw *draws;      // (num_items): for users who rate many
    uint32_t *items;         // (num_items): drawn for the user at hand
    struct output_file train, test, titles;
    double sum_train;             // of ratings in training rows
    double sum_test, square_test; // of ratings in test rows, and of their squares
    double square_noise;          // of what the true model misses in test rows
    struct generate_result result;
};

void generate_options_init(struct generate_options *options)
{
    *options = (struct generate_options){
        .num_users = 2000,
        .num_items = 1000,
        .num_ratings = 600000,
        .num_factors = 4,
        .noise = 0.5,
        .zipf = 0.6,
        .test_share = 0.1,
        .seed = 1,
    };
}

static souk_status check_options(const struct generate_options *options)
{
    uint64_t most = 1ull << 31;
    if (options->num_users < 1 || options->num_users > most || options->num_items < 1 ||
        options->num_items > most)
        return log_fail(SOUK_EINVAL, "users and items must be 1 to %llu", (unsigned long long)most);
    if (options->num_ratings < 1 || options->num_ratings > options->num_users * options->num_items)
        return log_fail(
            SOUK_EINVAL,
            "%llu users can rate %llu items %llu times at most, once each; %llu ratings "
            "are asked for",
            (unsigned long long)options->num_users, (unsigned long long)options->num_items,
            (unsigned long long)(options->num_users * options->num_items),
            (unsigned long long)options->num_ratings);
    if (options->num_factors < 1 || options->num_factors > GENERATE_FACTORS_MAX)
        return log_fail(SOUK_EINVAL, "factors must be 1 to %d", GENERATE_FACTORS_MAX);
    if (!(options->noise >= 0) || !(options->zipf >= 0) || !(options->test_share >= 0) ||
        !(options->test_share < 1) || isinf(options->noise) || isinf(options->zipf))
        return log_fail(SOUK_EINVAL,
                        "noise and zipf must be 0 or more, test-share from 0 to below 1");
    return SOUK_OK;
}

// ---- the truth ----

// Factors of n so that p . q has the deviation wanted, and a bias behind them.
static void draw_row(const struct generator *g, const char *side, uint64_t id, float *row)
{
    uint32_t k = g->options.num_factors;
    bool is_user = strcmp(side, "user") == 0;
    uint64_t seed = rng_stream(side, g->options.seed, 0);
    double scale = sqrt(FACTOR_DEVIATION / sqrt(k));
    rng_fill_normal(seed, id, (float)scale, row, k);
    rng_fill_normal(seed + 1, id, (float)(is_user ? USER_BIAS_DEVIATION : ITEM_BIAS_DEVIATION),
                    row + k, 1);
}

static double true_rating(const struct generator *g, uint32_t item)
{
    uint32_t k = g->options.num_factors;
    const float *p = g->user_factors, *q = g->item_factors + (size_t)item * (k + 1);
    double sum = MEAN + (double)p[k] + (double)q[k];
    for (uint32_t f = 0; f < k; f++) sum += (double)p[f] * (double)q[f];
    return sum;
}

// A random order of 0..n-1.
static uint32_t *permutation(uint64_t seed, const char *purpose, uint64_t n)
{
    struct rng rng;
    uint32_t *order = mem_calloc(n, sizeof(*order), "generator");
    for (uint64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    rng_init(&rng, seed, rng_stream(purpose, 0, 0));
    rng_shuffle(&rng, order, n, sizeof(*order));
    return order;
}

static void plant_items(struct generator *g)
{
    const struct generate_options *options = &g->options;
    uint64_t n = options->num_items;
    uint32_t *rank = permutation(options->seed, "popularity", n);
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        g->popularity[i] = pow(rank[i] + 1.0, -options->zipf);
        sum += g->popularity[i];
        g->popularity_sum[i] = sum;
        draw_row(g, "item", i, g->item_factors + i * (options->num_factors + 1));
    }
    mem_free(rank);
}

// Ratings that all users make when the one of rank r makes min(limit, scale * (r+1)^-zipf).
static double total_at(const struct generate_options *options, double scale, double limit)
{
    double total = 0;
    for (uint64_t r = 0; r < options->num_users; r++)
        total += fmin(limit, scale * pow((double)r + 1, -options->zipf));
    return total;
}

// Finds the scale at which the total is num_ratings, then rounds so that it stays exactly that.
static void plan_activity(struct generator *g)
{
    const struct generate_options *options = &g->options;
    double limit = (double)options->num_items, wanted = (double)options->num_ratings;
    double low = 0, high = limit * pow((double)options->num_users, options->zipf) * 1.0001;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (total_at(options, middle, limit) < wanted)
            low = middle;
        else
            high = middle;
    }
    double sum = 0;
    uint64_t given = 0;
    for (uint64_t r = 0; r < options->num_users; r++) {
        sum += fmin(limit, high * pow((double)r + 1, -options->zipf));
        uint64_t until = (uint64_t)floor(sum + 0.5);
        if (until > options->num_ratings || r + 1 == options->num_users)
            until = options->num_ratings;
        if (until - given > options->num_items) until = given + options->num_items;
        g->count_of_rank[r] = (uint32_t)(until - given);
        given = until;
    }
    g->user_rank = permutation(options->seed, "activity", options->num_users);
}

// ---- drawing items ----

static uint32_t draw_item(const struct generator *g, struct rng *rng)
{
    double point = rng_uniform_double(rng) * g->popularity_sum[g->options.num_items - 1];
    uint64_t low = 0, high = g->options.num_items - 1;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (g->popularity_sum[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return (uint32_t)low;
}

// Draws again what came before; false when that takes too long.
static bool draw_few(struct generator *g, struct rng *rng, uint64_t user, uint32_t count)
{
    uint32_t num_drawn = 0;
    for (uint64_t tries = 0; tries < (uint64_t)count * DRAWS_A_RATING && num_drawn < count;
         tries++) {
        uint32_t item = draw_item(g, rng);
        if (g->taken_by[item] == user + 1) continue;
        g->taken_by[item] = (uint32_t)(user + 1);
        g->items[num_drawn++] = item;
    }
    return num_drawn == count;
}

static int by_time(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

// Gives each item an exponential waiting time by its popularity: the first ones are the draw.
static void draw_many(struct generator *g, struct rng *rng, uint32_t count)
{
    for (uint32_t i = 0; i < g->options.num_items; i++) {
        double wait = -log(rng_uniform_double(rng) + DBL_MIN);
        g->draws[i] = (struct draw){wait / g->popularity[i], i};
    }
    qsort(g->draws, g->options.num_items, sizeof(*g->draws), by_time);
    for (uint32_t i = 0; i < count; i++) g->items[i] = g->draws[i].item;
    rng_shuffle(rng, g->items, count, sizeof(*g->items));
}

// ---- files ----

static const char *id_text(const struct generator *g, const char *side, uint64_t idx, char out[32])
{
    snprintf(out, 32, "%s%llu", g->options.has_string_ids ? side : "", (unsigned long long)idx + 1);
    return out;
}

static souk_status write_failed(const struct output_file *output)
{
    return log_fail_errno(errno ? errno : EIO, "cannot write %s", output->path);
}

static souk_status write_row(struct generator *g, struct rng *rng, uint64_t user, uint32_t item)
{
    char user_text[32], item_text[32];
    double truth = true_rating(g, item);
    double rating = truth + g->options.noise * rng_normal(rng);
    bool is_test = rng_uniform_double(rng) < g->options.test_share;
    rating = round(rating * TEXT_SCALE) / TEXT_SCALE;
    if (is_test) {
        g->result.num_test++;
        g->sum_test += rating;
        g->square_test += rating * rating;
        g->square_noise += (rating - truth) * (rating - truth);
    } else {
        g->result.num_train++;
        g->sum_train += rating;
    }
    char separator = g->options.is_tsv ? '\t' : ',';
    const struct output_file *output = is_test ? &g->test : &g->train;
    errno = 0;
    if (fprintf(output->file, "%s%c%s%c%.4f\n", id_text(g, "user", user, user_text), separator,
                id_text(g, "item", item, item_text), separator, rating) < 0)
        return write_failed(output);
    return SOUK_OK;
}

static souk_status write_user(struct generator *g, uint64_t user)
{
    struct rng rng;
    uint32_t count = g->count_of_rank[g->user_rank[user]];
    rng_init(&rng, g->options.seed, rng_stream("ratings", user, 0));
    draw_row(g, "user", user, g->user_factors);
    if ((uint64_t)count * DENSE_SHARE > g->options.num_items || !draw_few(g, &rng, user, count))
        draw_many(g, &rng, count);
    for (uint32_t i = 0; i < count; i++) {
        souk_status status = write_row(g, &rng, user, g->items[i]);
        if (status) return status;
    }
    return SOUK_OK;
}

static souk_status open_output(const struct generator *g, const char *name, const char *last_column,
                               struct output_file *output)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s.%s", g->options.dir, name, g->options.is_tsv ? "tsv" : "csv");
    FILE *file = fopen(buf_text(&path), "wbe");
    souk_status status = SOUK_OK;
    if (file)
        *output = (struct output_file){.file = file, .path = mem_strdup(buf_text(&path))};
    else
        status = log_fail_errno(errno, "cannot create %s", buf_text(&path));
    buf_fini(&path);
    if (status) return status;
    char separator = g->options.is_tsv ? '\t' : ',';
    if (strcmp(last_column, "title") == 0)
        fprintf(file, "item%ctitle\n", separator);
    else
        fprintf(file, "user%citem%c%s\n", separator, separator, last_column);
    return SOUK_OK;
}

static souk_status close_output(struct output_file *output)
{
    FILE *file = output->file;
    bool had_error = ferror(file);
    output->file = NULL;
    errno = 0;
    return fclose(file) == 0 && !had_error ? SOUK_OK : write_failed(output);
}

static void fini_output(struct output_file *output, bool is_kept)
{
    if (output->file) fclose(output->file);
    if (output->path && !is_kept) unlink(output->path);
    mem_free(output->path);
    *output = (struct output_file){0};
}

static souk_status write_items(struct generator *g)
{
    souk_status status = open_output(g, "items", "title", &g->titles);
    if (status) return status;
    for (uint64_t i = 0; i < g->options.num_items; i++) {
        char id[32], title[64];
        title_make(g->options.seed, i, title, sizeof(title));
        errno = 0;
        if (fprintf(g->titles.file, "%s%c%s\n", id_text(g, "item", i, id),
                    g->options.is_tsv ? '\t' : ',', title) < 0)
            return write_failed(&g->titles);
    }
    return close_output(&g->titles);
}

static souk_status write_all_ratings(struct generator *g)
{
    souk_status status = open_output(g, "train", "rating", &g->train);
    if (!status) status = open_output(g, "test", "rating", &g->test);
    for (uint64_t user = 0; !status && user < g->options.num_users; user++)
        status = write_user(g, user);
    if (!status) status = close_output(&g->train);
    return status ? status : close_output(&g->test);
}

static void finish_result(struct generator *g)
{
    struct generate_result *result = &g->result;
    double n = (double)result->num_test;
    double mean = result->num_train ? g->sum_train / (double)result->num_train : MEAN;
    result->noise_floor = n > 0 ? sqrt(g->square_noise / n) : (double)NAN;
    result->mean_rmse =
        n > 0 ? sqrt(fmax(0, (g->square_test - 2 * mean * g->sum_test) / n + mean * mean))
              : (double)NAN;
}

static void write_options(const struct generate_options *options, struct json *json)
{
    json_key(json, "users"), json_uint(json, options->num_users);
    json_key(json, "items"), json_uint(json, options->num_items);
    json_key(json, "ratings"), json_uint(json, options->num_ratings);
    json_key(json, "factors"), json_uint(json, options->num_factors);
    json_key(json, "noise"), json_double(json, options->noise);
    json_key(json, "zipf"), json_double(json, options->zipf);
    json_key(json, "test_share"), json_double(json, options->test_share);
    json_key(json, "seed"), json_uint(json, options->seed);
    json_key(json, "string_ids"), json_bool(json, options->has_string_ids);
}

static souk_status write_truth(const struct generator *g)
{
    struct buf text = {0}, path = {0};
    struct json json;
    json_init(&json, &text);
    json_open(&json, '{');
    write_options(&g->options, &json);
    json_key(&json, "mean"), json_double(&json, MEAN);
    json_key(&json, "user_bias_deviation"), json_double(&json, USER_BIAS_DEVIATION);
    json_key(&json, "item_bias_deviation"), json_double(&json, ITEM_BIAS_DEVIATION);
    json_key(&json, "factor_term_deviation"), json_double(&json, FACTOR_DEVIATION);
    json_key(&json, "train_rows"), json_uint(&json, g->result.num_train);
    json_key(&json, "test_rows"), json_uint(&json, g->result.num_test);
    json_key(&json, "noise_floor_rmse"), json_double(&json, g->result.noise_floor);
    json_key(&json, "mean_rmse"), json_double(&json, g->result.mean_rmse);
    json_close(&json);
    buf_add_char(&text, '\n');
    buf_printf(&path, "%s/truth.json", g->options.dir);
    souk_status status = file_write_atomic(buf_text(&path), text.text, text.length);
    buf_fini(&path);
    buf_fini(&text);
    return status;
}

static void generator_init(struct generator *g, const struct generate_options *options)
{
    uint64_t num_items = options->num_items, width = options->num_factors + 1;
    *g = (struct generator){.options = *options};
    g->item_factors = mem_calloc(num_items * width, sizeof(float), "generator");
    g->user_factors = mem_calloc(width, sizeof(float), "generator");
    g->popularity = mem_calloc(num_items, sizeof(double), "generator");
    g->popularity_sum = mem_calloc(num_items, sizeof(double), "generator");
    g->count_of_rank = mem_calloc(options->num_users, sizeof(uint32_t), "generator");
    g->taken_by = mem_calloc(num_items, sizeof(uint32_t), "generator");
    g->draws = mem_calloc(num_items, sizeof(struct draw), "generator");
    g->items = mem_calloc(num_items, sizeof(uint32_t), "generator");
}

static void generator_fini(struct generator *g)
{
    mem_free(g->item_factors);
    mem_free(g->user_factors);
    mem_free(g->popularity);
    mem_free(g->popularity_sum);
    mem_free(g->user_rank);
    mem_free(g->count_of_rank);
    mem_free(g->taken_by);
    mem_free(g->draws);
    mem_free(g->items);
}

souk_status generate_ratings(const struct generate_options *options,
                             struct generate_result *result_out)
{
    struct generator g;
    souk_status status = check_options(options);
    if (!status) status = file_make_dirs(options->dir);
    if (status) return status;
    generator_init(&g, options);
    plant_items(&g);
    plan_activity(&g);
    status = write_all_ratings(&g);
    if (!status) status = write_items(&g);
    finish_result(&g);
    if (!status) status = write_truth(&g);
    fini_output(&g.train, status == SOUK_OK);
    fini_output(&g.test, status == SOUK_OK);
    fini_output(&g.titles, status == SOUK_OK);
    generator_fini(&g);
    if (!status) *result_out = g.result;
    return status;
}
