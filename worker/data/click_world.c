/* click_world.c - see click_world.h. */
#include "worker/data/click_world.h"

#include <math.h>

#include "common/base/mem.h"

#define NEARNESS_WIDTH    0.15
#define HALF_NEARNESS     0.3
#define CATEGORY_PART     0.85 // of the squared length of an item's vector
#define BIAS              (-5.0)
#define POPULARITY_WEIGHT 0.5
#define INTEREST_SHARE    0.85 // of the first behaviours: from the user's interests
#define CANDIDATE_SHARE   0.5  // of candidates, likewise; others come by popularity
#define NEXT_INTEREST     0.4  // how much rarer than an interest the next one is in the history

enum { DIM = 8, FIRST_BEHAVIOURS_MIN = 6, FIRST_BEHAVIOURS_MAX = 24, DRAWS = 8 };

// Items that are drawn from by weight.
struct urn {
    uint32_t *items;
    double *sums; // of the weights up to and with it
    uint32_t count;
};

struct click_world {
    const struct click_options *options; // borrowed
    float *vectors;                      // (num_items, DIM) of length 1
    float *popularity;                   // (num_items) mean 0, deviation 1
    uint32_t *category_of;               // (num_items)
    struct urn all;
    struct urn *of_category; // (num_categories)
};

// ---- items ----

static void normalise(float *vector)
{
    double square = 0;
    for (int d = 0; d < DIM; d++) square += (double)vector[d] * (double)vector[d];
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (int d = 0; d < DIM; d++) vector[d] *= scale;
}

static void plant_vector(const struct click_world *world, uint32_t item, float *vector)
{
    uint64_t seed = rng_stream("category", world->options->seed, 0);
    float centre[DIM];
    rng_fill_normal(seed, world->category_of[item], 1, centre, DIM);
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
static void standardise_popularity(struct click_world *world, const double *weights)
{
    uint64_t n = world->options->num_items;
    double sum = 0, square = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += log(weights[i]);
        square += log(weights[i]) * log(weights[i]);
    }
    double mean = sum / (double)n, variance = square / (double)n - mean * mean;
    double scale = variance > 1e-12 ? 1 / sqrt(variance) : 0;
    for (uint64_t i = 0; i < n; i++)
        world->popularity[i] = (float)((log(weights[i]) - mean) * scale);
}

static void plant_items(struct click_world *world)
{
    const struct click_options *options = world->options;
    uint64_t n = options->num_items, per_category = n / options->num_categories + 1;
    uint32_t *rank = mem_calloc(n, sizeof(*rank), "generator");
    double *weights = mem_calloc(n, sizeof(*weights), "generator");
    struct rng rng;
    for (uint64_t i = 0; i < n; i++) rank[i] = (uint32_t)i;
    rng_init(&rng, options->seed, rng_stream("popularity", 0, 0));
    rng_shuffle(&rng, rank, n, sizeof(*rank));
    urn_init(&world->all, n);
    for (uint64_t c = 0; c < options->num_categories; c++)
        urn_init(&world->of_category[c], per_category);
    for (uint32_t i = 0; i < n; i++) {
        world->category_of[i] = (uint32_t)(i % options->num_categories);
        weights[i] = pow(rank[i] + 1.0, -options->zipf);
        urn_add(&world->all, i, weights[i]);
        urn_add(&world->of_category[world->category_of[i]], i, weights[i]);
        plant_vector(world, i, world->vectors + (size_t)i * DIM);
    }
    standardise_popularity(world, weights);
    mem_free(rank);
    mem_free(weights);
}

struct click_world *click_world_create(const struct click_options *options)
{
    struct click_world *world = mem_calloc(1, sizeof(*world), "generator");
    world->options = options;
    world->vectors = mem_calloc(options->num_items, DIM * sizeof(float), "generator");
    world->popularity = mem_calloc(options->num_items, sizeof(float), "generator");
    world->category_of = mem_calloc(options->num_items, sizeof(uint32_t), "generator");
    world->of_category = mem_calloc(options->num_categories, sizeof(struct urn), "generator");
    plant_items(world);
    return world;
}

void click_world_destroy(struct click_world *world)
{
    if (!world) return;
    for (uint64_t c = 0; c < world->options->num_categories; c++) urn_fini(&world->of_category[c]);
    urn_fini(&world->all);
    mem_free(world->vectors);
    mem_free(world->popularity);
    mem_free(world->category_of);
    mem_free(world->of_category);
    mem_free(world);
}

uint32_t click_world_category(const struct click_world *world, uint32_t item)
{
    return world->category_of[item];
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
static uint32_t draw_item(const struct click_world *world, struct visitor *visitor,
                          bool is_candidate)
{
    uint32_t item = 0;
    double share = is_candidate ? CANDIDATE_SHARE : INTEREST_SHARE;
    bool is_of_interest = rng_uniform_double(&visitor->rng) < share;
    uint32_t which = draw_interest(visitor, is_candidate);
    const struct urn *urn =
        is_of_interest ? &world->of_category[visitor->interests[which]] : &world->all;
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

void visitor_welcome(struct visitor *visitor, const struct click_world *world, uint64_t user)
{
    visitor->user = user;
    visitor->count = visitor->num_interests = 0;
    rng_init(&visitor->rng, world->options->seed, rng_stream("clicks", user, 0));
    uint64_t wanted = CLICK_INTERESTS_MIN +
                      rng_below(&visitor->rng, CLICK_INTERESTS_MAX - CLICK_INTERESTS_MIN + 1);
    while (visitor->num_interests < wanted) {
        uint32_t category = (uint32_t)rng_below(&visitor->rng, world->options->num_categories);
        if (!is_interest(visitor, category))
            visitor->interests[visitor->num_interests++] = category;
    }
    uint64_t first = FIRST_BEHAVIOURS_MIN +
                     rng_below(&visitor->rng, FIRST_BEHAVIOURS_MAX - FIRST_BEHAVIOURS_MIN + 1);
    for (uint64_t i = 0; i < first; i++) add_behaviour(visitor, draw_item(world, visitor, false));
}

void visitor_fini(struct visitor *visitor)
{
    mem_free(visitor->behaviours);
    *visitor = (struct visitor){.user = 0};
}

uint32_t visitor_draw_candidate(struct visitor *visitor, const struct click_world *world)
{
    return draw_item(world, visitor, true);
}

void visitor_click(struct visitor *visitor, uint32_t item)
{
    if (!has_done(visitor, item)) add_behaviour(visitor, item);
}

size_t visitor_first(const struct visitor *visitor, const struct click_world *world)
{
    size_t max = world->options->max_history;
    return visitor->count > max ? visitor->count - max : 0;
}

struct click_view visitor_view(const struct visitor *visitor, const struct click_world *world,
                               uint32_t item)
{
    size_t first = visitor_first(visitor, world);
    const float *z = world->vectors + (size_t)item * DIM;
    double nearness = 0, sum = 0;
    for (size_t i = first; i < visitor->count; i++) {
        double cosine = dot(z, world->vectors + (size_t)visitor->behaviours[i] * DIM);
        nearness += exp((cosine - 1) / NEARNESS_WIDTH);
        sum += cosine;
    }
    double popularity = POPULARITY_WEIGHT * (double)world->popularity[item];
    double interest = world->options->strength * nearness / (nearness + HALF_NEARNESS);
    return (struct click_view){.logit = BIAS + interest + popularity,
                               .popularity = popularity,
                               .mean = sum / (double)(visitor->count - first)};
}
