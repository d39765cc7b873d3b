/* simulation.c - see simulation.h. */
#include "worker/policy/simulation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/agent/slate_choice.h"

enum { PLACES_MAX = 256 };

// Who sits in a place, and what the stay has come to.
struct stay {
    struct sim_user sums; // of quality and diversity: sums until the user leaves
    bool is_taken;
};

struct simulation {
    const struct sim_options *options;
    const struct sim_policy *policy;
    struct env_shape shape;
    uint64_t next_user; // to be seated on this rank
    uint32_t num_seated;
    struct env_view view;
    struct stay *stays;           // (N)
    uint64_t *draws;              // (N)
    uint32_t *slates;             // (N, K)
    double *propensities;         // (N, K) as struct agent_choice; of a log
    struct env_outcome *outcomes; // (N)
    float *qualities;             // (N, C) of the oracle
    double *values, *ones;        // (C) of the oracle
    struct sim_user *users;       // that have left
    size_t num_users, users_capacity;
    struct sim_trace *trace;
    size_t num_trace, trace_capacity;
};

const char *sim_figure_name(enum sim_figure figure)
{
    static const char *const names[] = {"return", "clicks", "steps", "quality", "diversity"};
    return names[figure];
}

uint32_t sim_places(uint64_t num_users, struct comm *comm)
{
    uint64_t share = (num_users + comm_size(comm) - 1) / comm_size(comm);
    if (share < 1) return 1;
    return share < PLACES_MAX ? (uint32_t)share : PLACES_MAX;
}

/* ---- seats ---- */

static void seat_next(struct simulation *sim, uint32_t place)
{
    const struct sim_options *options = sim->options;
    struct stay *stay = &sim->stays[place];
    *stay = (struct stay){0};
    if (sim->next_user >= options->num_users) {
        options->env_ops->empty(options->env, place);
        return;
    }
    stay->is_taken = true;
    stay->sums.user = sim->next_user;
    sim->next_user += comm_size(options->comm);
    sim->num_seated++;
    options->env_ops->reset(options->env, place, stay->sums.user);
}

static void add_user(struct simulation *sim, const struct stay *stay, bool is_cut)
{
    struct sim_user user = stay->sums;
    double *figures = user.figures;
    bool has_pairs = sim->shape.slate_size > 1 && sim->shape.item_dim > 0;
    figures[SIM_QUALITY] /= figures[SIM_CLICKS]; // 0 / 0 where nothing was chosen
    figures[SIM_DIVERSITY] = has_pairs ? figures[SIM_DIVERSITY] / figures[SIM_STEPS] : NAN;
    user.is_cut = is_cut;
    mem_reserve(&sim->users, &sim->users_capacity, sim->num_users + 1, sizeof user,
                "users of a simulation");
    sim->users[sim->num_users++] = user;
}

/* ---- a turn ---- */

static void find_draws(struct simulation *sim)
{
    uint64_t seed = hash_key(sim->options->seed + 1);
    for (uint32_t n = 0; n < sim->shape.num_users; n++) {
        const struct sim_user *user = &sim->stays[n].sums;
        uint64_t step = (uint64_t)user->figures[SIM_STEPS];
        sim->draws[n] = hash_key(rng_stream("simulated turn", user->user, step) ^ seed);
    }
}

static void ask_oracle(struct simulation *sim)
{
    const struct env_shape *shape = &sim->shape;
    sim->options->env_ops->qualities(sim->options->env, sim->qualities);
    for (uint32_t n = 0; n < shape->num_users; n++) {
        const float *qualities = sim->qualities + (size_t)n * shape->num_candidates;
        for (uint32_t c = 0; c < shape->num_candidates; c++) sim->values[c] = (double)qualities[c];
        const struct slate_choice sight = {.scores = sim->ones,
                                           .values = sim->values,
                                           .num_candidates = shape->num_candidates,
                                           .slate_size = shape->slate_size};
        slate_choice_top(&sight, sim->slates + (size_t)n * shape->slate_size);
    }
}

static souk_status choose_slates(struct simulation *sim)
{
    const struct sim_policy *policy = sim->policy;
    // Diversity is a figure of what was shown, so items are looked at even for the blind.
    sim->options->env_ops->view(sim->options->env, &sim->view);
    if (!policy->ops) {
        ask_oracle(sim);
        return SOUK_OK;
    }
    find_draws(sim);
    const struct agent_turn turn = {
        .view = &sim->view, .draws = sim->draws, .exploration = sim->options->exploration};
    const struct agent_choice choice = {
        .slates = sim->slates, .propensities = sim->options->log ? sim->propensities : NULL};
    return policy->ops->act(policy->agent, &turn, &choice);
}

static double find_distance(const float *a, const float *b, uint32_t dim)
{
    double product = 0, square_a = 0, square_b = 0;
    for (uint32_t i = 0; i < dim; i++) {
        product += (double)a[i] * (double)b[i];
        square_a += (double)a[i] * (double)a[i];
        square_b += (double)b[i] * (double)b[i];
    }
    double norms = sqrt(square_a * square_b);
    return norms > 0 ? 1 - product / norms : 1;
}

static double find_diversity(const struct simulation *sim, uint32_t place)
{
    const struct env_shape *shape = &sim->shape;
    const uint32_t *slate = sim->slates + (size_t)place * shape->slate_size;
    const float *items = sim->view.items + (size_t)place * shape->num_candidates * shape->item_dim;
    double sum = 0;
    for (uint32_t a = 0; a < shape->slate_size; a++)
        for (uint32_t b = 0; b < a; b++)
            sum += find_distance(items + (size_t)slate[a] * shape->item_dim,
                                 items + (size_t)slate[b] * shape->item_dim, shape->item_dim);
    return sum / (0.5 * shape->slate_size * (shape->slate_size - 1));
}

/* ---- what is traced ---- */

static void put_text(char out[SIM_TEXT_MAX], const struct buf *text)
{
    size_t length = text->length < SIM_TEXT_MAX ? text->length : SIM_TEXT_MAX - 1;
    memcpy(out, buf_text(text), length);
    out[length] = '\0';
}

// Items are told before the step: afterwards there are new ones. Rows are in the order of places.
static void trace_slates(struct simulation *sim)
{
    struct buf text = {0};
    for (uint32_t n = 0; n < sim->shape.num_users; n++) {
        const struct stay *stay = &sim->stays[n];
        if (!stay->is_taken || stay->sums.user >= sim->options->num_traced) continue;
        mem_reserve(&sim->trace, &sim->trace_capacity, sim->num_trace + 1, sizeof *sim->trace,
                    "trace of a simulation");
        struct sim_trace *trace = &sim->trace[sim->num_trace++];
        *trace = (struct sim_trace){.user = stay->sums.user,
                                    .step = (uint32_t)stay->sums.figures[SIM_STEPS] + 1};
        for (uint32_t k = 0; k < sim->shape.slate_size; k++) {
            buf_clear(&text);
            sim->options->env_ops->tell_item(
                sim->options->env, n, sim->slates[(size_t)n * sim->shape.slate_size + k], &text);
            put_text(trace->items[k], &text);
        }
    }
    buf_fini(&text);
}

static void trace_outcomes(struct simulation *sim, size_t first)
{
    struct buf text = {0};
    for (uint32_t n = 0; n < sim->shape.num_users; n++) {
        const struct stay *stay = &sim->stays[n];
        if (!stay->is_taken || stay->sums.user >= sim->options->num_traced) continue;
        struct sim_trace *trace = &sim->trace[first++];
        trace->choice = sim->outcomes[n].choice;
        trace->reward = sim->outcomes[n].reward;
        trace->quality = sim->outcomes[n].quality;
        buf_clear(&text);
        sim->options->env_ops->tell_user(sim->options->env, n, &text);
        put_text(trace->after, &text);
    }
    buf_fini(&text);
}

/* ---- what is logged ---- */

static void log_slates(struct simulation *sim)
{
    uint32_t size = sim->shape.slate_size;
    for (uint32_t n = 0; sim->options->log && n < sim->shape.num_users; n++)
        if (sim->stays[n].is_taken)
            sim_log_show(sim->options->log, n, &sim->view, sim->slates + (size_t)n * size);
}

static void log_outcomes(struct simulation *sim)
{
    uint32_t size = sim->shape.slate_size;
    for (uint32_t n = 0; sim->options->log && n < sim->shape.num_users; n++) {
        const struct sim_user *user = &sim->stays[n].sums;
        if (!sim->stays[n].is_taken) continue;
        // An oracle never does anything else.
        const struct sim_log_row row = {
            .user = user->user,
            .step = (uint64_t)user->figures[SIM_STEPS],
            .propensity = sim->policy->ops ? sim->propensities[(size_t)(n + 1) * size - 1] : 1};
        sim_log_add(sim->options->log, n, &row, &sim->outcomes[n]);
    }
}

/* ---- the loop ---- */

static void add_outcome(struct simulation *sim, uint32_t place)
{
    const struct env_outcome *outcome = &sim->outcomes[place];
    struct stay *stay = &sim->stays[place];
    double *figures = stay->sums.figures;
    figures[SIM_STEPS] += 1;
    figures[SIM_RETURN] += (double)outcome->reward;
    if (outcome->choice >= 0) {
        figures[SIM_CLICKS] += 1;
        figures[SIM_QUALITY] += (double)outcome->quality;
    }
    if (!outcome->is_over) return;
    add_user(sim, stay, outcome->is_cut);
    sim->num_seated--;
    seat_next(sim, place);
}

static souk_status take_turn(struct simulation *sim)
{
    const struct sim_options *options = sim->options;
    bool has_pairs = sim->shape.slate_size > 1 && sim->shape.item_dim > 0;
    souk_status status = choose_slates(sim);
    if (status != SOUK_OK) return status;
    size_t first_trace = sim->num_trace;
    trace_slates(sim);
    log_slates(sim);
    for (uint32_t n = 0; has_pairs && n < sim->shape.num_users; n++)
        if (sim->stays[n].is_taken)
            sim->stays[n].sums.figures[SIM_DIVERSITY] += find_diversity(sim, n);
    options->env_ops->step(options->env, sim->slates, sim->outcomes);
    status = env_status(options->env_ops, options->env);
    if (status != SOUK_OK) return status;
    trace_outcomes(sim, first_trace);
    log_outcomes(sim);
    if (sim->policy->ops && sim->policy->ops->observe)
        sim->policy->ops->observe(sim->policy->agent, sim->outcomes);
    for (uint32_t n = 0; n < sim->shape.num_users; n++)
        if (sim->stays[n].is_taken) add_outcome(sim, n);
    return SOUK_OK;
}

static souk_status lead_all(struct simulation *sim)
{
    souk_status status = SOUK_OK;
    for (uint32_t n = 0; n < sim->shape.num_users; n++) seat_next(sim, n);
    while (status == SOUK_OK && sim->num_seated > 0) {
        const volatile sig_atomic_t *signal = sim->options->stop_signal;
        if (signal && *signal)
            return log_fail(SOUK_ESTOPPED, "stopped before the end: there are no results");
        status = take_turn(sim);
    }
    return status;
}

static void begin(struct simulation *sim)
{
    const struct sim_options *options = sim->options;
    options->env_ops->shape(options->env, &sim->shape);
    const struct env_shape *shape = &sim->shape;
    const char *what = "simulation";
    sim->next_user = comm_rank(options->comm);
    sim->stays = mem_calloc(shape->num_users, sizeof *sim->stays, what);
    sim->draws = mem_calloc(shape->num_users, sizeof *sim->draws, what);
    sim->slates = mem_calloc((size_t)shape->num_users * shape->slate_size, sizeof(uint32_t), what);
    sim->propensities =
        mem_calloc((size_t)shape->num_users * shape->slate_size, sizeof(double), what);
    sim->outcomes = mem_calloc(shape->num_users, sizeof *sim->outcomes, what);
    sim->qualities =
        mem_calloc((size_t)shape->num_users * shape->num_candidates, sizeof(float), what);
    sim->values = mem_calloc(shape->num_candidates, sizeof(double), what);
    sim->ones = mem_calloc(shape->num_candidates, sizeof(double), what);
    for (uint32_t c = 0; c < shape->num_candidates; c++) sim->ones[c] = 1;
}

static void end(struct simulation *sim)
{
    mem_free(sim->stays);
    mem_free(sim->draws);
    mem_free(sim->slates);
    mem_free(sim->propensities);
    mem_free(sim->outcomes);
    mem_free(sim->qualities);
    mem_free(sim->values);
    mem_free(sim->ones);
    mem_free(sim->users);
    mem_free(sim->trace);
}

static int compare_users(const void *a, const void *b)
{
    const struct sim_user *x = a, *y = b;
    return x->user < y->user ? -1 : x->user > y->user;
}

static int compare_traces(const void *a, const void *b)
{
    const struct sim_trace *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static void gather(struct simulation *sim, struct sim_result *result)
{
    struct comm *comm = sim->options->comm;
    void *all = NULL;
    size_t length = 0;
    comm_gather(comm, sim->users, sim->num_users * sizeof *sim->users, &all, &length);
    result->users = all;
    result->num_users = length / sizeof *result->users;
    if (result->users)
        qsort(result->users, result->num_users, sizeof *result->users, compare_users);
    comm_gather(comm, sim->trace, sim->num_trace * sizeof *sim->trace, &all, &length);
    result->trace = all;
    result->num_trace = length / sizeof *result->trace;
    if (result->trace)
        qsort(result->trace, result->num_trace, sizeof *result->trace, compare_traces);
}

souk_status sim_run(const struct sim_options *options, const struct sim_policy *policy,
                    struct sim_result *result_out)
{
    struct simulation sim = {.options = options, .policy = policy};
    *result_out = (struct sim_result){0};
    begin(&sim);
    souk_status status = comm_agree(options->comm, lead_all(&sim));
    if (status == SOUK_OK) gather(&sim, result_out);
    end(&sim);
    return status;
}

void sim_result_fini(struct sim_result *result)
{
    mem_free(result->users);
    mem_free(result->trace);
    *result = (struct sim_result){0};
}
