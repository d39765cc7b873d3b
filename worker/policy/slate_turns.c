/* slate_turns.c - see slate_turns.h. */
#include "worker/policy/slate_turns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/number_table.h"

enum { CANDIDATES_MAX = 4096, NO_COLUMN = -1 };

struct reading {
    const struct number_table *table;
    int user, step, null_score, choice, reward, propensity, done; // columns; NO_COLUMN: none
    int first_feature;                                            // of users
    int *scores, *features; // (C) of each; features: its first
    int actions[ENV_SLATE_MAX];
    struct slate_turns *turns;
};

/* ---- columns ---- */

static int find(const struct number_table *table, const char *const *names)
{
    int column = NO_COLUMN;
    for (; column < 0 && *names; names++) column = number_table_find(table, *names);
    return column;
}

static int find_numbered(const struct number_table *table, const char *format, uint32_t number)
{
    char name[48];
    snprintf(name, sizeof name, "%s%u", format, number);
    return number_table_find(table, name);
}

/* How many columns prefix0, prefix1, ... there are, one behind the other. */
static souk_status count_features(const struct number_table *table, const char *prefix,
                                  int *first_out, uint32_t *num_out)
{
    uint32_t num = 0;
    int first = find_numbered(table, prefix, 0);
    for (int column = first; column >= 0; column = find_numbered(table, prefix, num)) {
        if ((uint32_t)column != (uint32_t)first + num)
            return log_fail(SOUK_EDATA, "%s: column %s%u does not follow %s%u; put them in order",
                            table->name, prefix, num, prefix, num - 1);
        num++;
    }
    *first_out = first;
    *num_out = num;
    return SOUK_OK;
}

static souk_status fail_column(const struct number_table *table, const char *name)
{
    return log_fail(SOUK_EDATA,
                    "%s has no column \"%s\", so it is no log of slates; they have user, step, "
                    "features of candidates (c0_x0, ...), action0, ..., choice and reward, as "
                    "`souk simulate --log` writes them",
                    table->name, name);
}

static souk_status find_candidates(struct reading *reading)
{
    const struct number_table *table = reading->table;
    struct env_shape *shape = &reading->turns->shape;
    uint32_t num = 0, width = 0;
    souk_status status = SOUK_OK;
    if (number_table_find(table, "c0_x0") < 0) return fail_column(table, "c0_x0");
    reading->scores = mem_calloc(CANDIDATES_MAX, sizeof *reading->scores, "columns");
    reading->features = mem_calloc(CANDIDATES_MAX, sizeof *reading->features, "columns");
    for (; !status && num < CANDIDATES_MAX; num++) {
        char name[32];
        snprintf(name, sizeof name, "c%u_x", num);
        status = count_features(table, name, &reading->features[num], &width);
        if (width == 0) break;
        if (!status && num > 0 && width != shape->item_dim)
            status =
                log_fail(SOUK_EDATA, "%s: candidate %u has %u features, but candidate 0 has %u",
                         table->name, num, width, shape->item_dim);
        shape->item_dim = width;
        snprintf(name, sizeof name, "c%u_score", num);
        reading->scores[num] = number_table_find(table, name);
        if (!status && (reading->scores[num] < 0) != (reading->null_score < 0))
            status = log_fail(SOUK_EDATA,
                              "%s: of null_score and c%u_score there is only one; give scores of "
                              "all, or of none, and they are fitted",
                              table->name, num);
    }
    shape->num_candidates = num;
    reading->turns->has_scores = reading->null_score >= 0;
    return status;
}

static souk_status find_actions(struct reading *reading)
{
    struct env_shape *shape = &reading->turns->shape;
    uint32_t num = 0;
    for (; num < ENV_SLATE_MAX; num++) {
        reading->actions[num] = find_numbered(reading->table, "action", num);
        if (reading->actions[num] < 0) break;
    }
    if (num == 0) return fail_column(reading->table, "action0");
    shape->slate_size = num;
    if (num <= shape->num_candidates) return SOUK_OK;
    return log_fail(SOUK_EDATA, "%s: slates of %u have more places than the %u candidates",
                    reading->table->name, num, shape->num_candidates);
}

static souk_status find_columns(struct reading *reading)
{
    static const char *const users[] = {"user", "episode", "session", NULL};
    static const char *const steps[] = {"step", "t", NULL};
    static const char *const propensities[] = {"pscore", "propensity", NULL};
    const struct number_table *table = reading->table;
    reading->user = find(table, users);
    reading->step = find(table, steps);
    reading->propensity = find(table, propensities);
    reading->null_score = number_table_find(table, "null_score");
    reading->choice = number_table_find(table, "choice");
    reading->reward = number_table_find(table, "reward");
    reading->done = number_table_find(table, "done");
    if (reading->user < 0) return fail_column(table, "user");
    if (reading->step < 0) return fail_column(table, "step");
    if (reading->choice < 0) return fail_column(table, "choice");
    if (reading->reward < 0) return fail_column(table, "reward");
    if (number_table_find(table, "c0_key") >= 0)
        return log_fail(SOUK_EDATA,
                        "%s: its items have keys, whose embeddings are learnt on servers; from a "
                        "log slates are learnt of items with features alone",
                        table->name);
    souk_status status =
        count_features(table, "x", &reading->first_feature, &reading->turns->shape.user_dim);
    if (!status) status = find_candidates(reading);
    if (!status) status = find_actions(reading);
    reading->turns->has_propensities = reading->propensity >= 0;
    return status;
}

/* ---- rows ---- */

static double cell(const struct reading *reading, uint64_t row, int column)
{
    return number_table_at(reading->table, row, (uint32_t)column);
}

static souk_status take_float(const struct reading *reading, uint64_t row, int column, float *out)
{
    double number = cell(reading, row, column);
    *out = (float)number;
    if (isfinite(*out)) return SOUK_OK;
    return number_table_fail(reading->table, row, "%s is no finite number",
                             reading->table->names[column]);
}

static souk_status take_score(const struct reading *reading, uint64_t row, int column, float *out)
{
    souk_status status = take_float(reading, row, column, out);
    if (status || *out >= 0) return status;
    return number_table_fail(reading->table, row, "%s %g is below 0", reading->table->names[column],
                             (double)*out);
}

static souk_status take_whole(const struct reading *reading, uint64_t row, int column, double low,
                              double high, double *out)
{
    double number = cell(reading, row, column);
    if (number >= low && number <= high && number == floor(number)) {
        *out = number;
        return SOUK_OK;
    }
    return number_table_fail(reading->table, row, "%s %g is not a whole number %.0f..%.0f",
                             reading->table->names[column], number, low, high);
}

static souk_status take_items(const struct reading *reading, uint64_t row, uint64_t i)
{
    struct slate_turns *turns = reading->turns;
    const struct env_shape *shape = &turns->shape;
    souk_status status = SOUK_OK;
    for (uint32_t d = 0; !status && d < shape->user_dim; d++)
        status = take_float(reading, row, reading->first_feature + (int)d,
                            &turns->users[i * shape->user_dim + d]);
    if (!status && turns->has_scores)
        status = take_score(reading, row, reading->null_score, &turns->null_scores[i]);
    for (uint32_t c = 0; !status && c < shape->num_candidates; c++) {
        uint64_t item = i * shape->num_candidates + c;
        if (turns->has_scores)
            status = take_score(reading, row, reading->scores[c], &turns->scores[item]);
        for (uint32_t e = 0; !status && e < shape->item_dim; e++)
            status = take_float(reading, row, reading->features[c] + (int)e,
                                &turns->items[item * shape->item_dim + e]);
    }
    return status;
}

static souk_status take_slate(const struct reading *reading, uint64_t row, uint64_t i)
{
    const struct env_shape *shape = &reading->turns->shape;
    uint32_t *slate = reading->turns->slates + i * shape->slate_size;
    for (uint32_t k = 0; k < shape->slate_size; k++) {
        double number = 0;
        souk_status status =
            take_whole(reading, row, reading->actions[k], 0, shape->num_candidates - 1.0, &number);
        if (status) return status;
        slate[k] = (uint32_t)number;
        for (uint32_t j = 0; j < k; j++)
            if (slate[j] == slate[k])
                return number_table_fail(reading->table, row, "candidate %u is on the slate twice",
                                         slate[k]);
    }
    return SOUK_OK;
}

static souk_status take_outcome(const struct reading *reading, uint64_t row, uint64_t i)
{
    struct env_outcome *outcome = &reading->turns->outcomes[i];
    double choice = -1, done = 0;
    souk_status status = take_whole(reading, row, reading->choice, -1,
                                    reading->turns->shape.slate_size - 1.0, &choice);
    if (!status) status = take_float(reading, row, reading->reward, &outcome->reward);
    if (!status && reading->done >= 0)
        status = take_whole(reading, row, reading->done, 0, 1, &done);
    outcome->choice = (int32_t)choice;
    outcome->quality = NAN;
    outcome->is_over = done > 0;
    if (status || reading->propensity < 0) return status;
    double propensity = cell(reading, row, reading->propensity);
    reading->turns->propensities[i] = propensity;
    if (propensity > 0 && propensity <= 1) return SOUK_OK;
    return number_table_fail(reading->table, row,
                             "propensity %g is not in (0, 1]: what has happened was possible",
                             propensity);
}

/* ---- order ---- */

struct place {
    double user, step;
    uint64_t row;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static souk_status find_places(const struct reading *reading, struct place *places)
{
    for (uint64_t row = 0; row < reading->table->num_rows; row++) {
        souk_status status =
            take_whole(reading, row, reading->user, 0, 9007199254740992.0, &places[row].user);
        if (!status)
            status = take_whole(reading, row, reading->step, 0, INT32_MAX, &places[row].step);
        if (status) return status;
        places[row].row = row;
    }
    qsort(places, reading->table->num_rows, sizeof *places, by_place);
    return SOUK_OK;
}

static souk_status check_place(const struct reading *reading, const struct place *before,
                               const struct place *here)
{
    bool is_first = !before || before->user != here->user;
    double expected = is_first ? 0 : before->step + 1;
    if (here->step == expected) return SOUK_OK;
    return number_table_fail(
        reading->table, here->row,
        "step %.0f of its user where step %.0f should be: they go from 0, each "
        "once, without holes",
        here->step, expected);
}

/* Where a user's steps end without done, the log ends before the user left. */
static souk_status end_users(struct reading *reading, const struct place *places)
{
    struct slate_turns *turns = reading->turns;
    for (uint64_t i = 0; i < turns->num_turns; i++) {
        struct env_outcome *outcome = &turns->outcomes[i];
        bool is_last = i + 1 == turns->num_turns || places[i + 1].user != places[i].user;
        if (outcome->is_over && !is_last)
            return number_table_fail(reading->table, places[i + 1].row,
                                     "the user was done with the step before");
        turns->num_users += is_last;
        if (!is_last || outcome->is_over) continue;
        outcome->is_over = true;
        outcome->is_cut = reading->done >= 0;
    }
    return SOUK_OK;
}

static void allocate(struct slate_turns *turns)
{
    const struct env_shape *shape = &turns->shape;
    uint64_t n = turns->num_turns, items = n * shape->num_candidates;
    turns->users = mem_calloc(n * shape->user_dim + 1, sizeof(float), "turns");
    turns->items = mem_calloc(items * shape->item_dim, sizeof(float), "turns");
    turns->scores = mem_calloc(items, sizeof(float), "turns");
    turns->null_scores = mem_calloc(n, sizeof(float), "turns");
    turns->slates = mem_calloc(n * shape->slate_size, sizeof(uint32_t), "turns");
    turns->propensities = mem_calloc(n, sizeof *turns->propensities, "turns");
    turns->outcomes = mem_calloc(n, sizeof *turns->outcomes, "turns");
}

static souk_status take_rows(struct reading *reading, struct place *places)
{
    struct slate_turns *turns = reading->turns;
    souk_status status = find_places(reading, places);
    turns->num_turns = reading->table->num_rows;
    allocate(turns);
    for (uint64_t i = 0; !status && i < turns->num_turns; i++) {
        status = check_place(reading, i > 0 ? &places[i - 1] : NULL, &places[i]);
        if (!status) status = take_items(reading, places[i].row, i);
        if (!status) status = take_slate(reading, places[i].row, i);
        if (!status) status = take_outcome(reading, places[i].row, i);
        if (!status && places[i].step >= turns->shape.max_steps)
            turns->shape.max_steps = (uint32_t)places[i].step + 1;
    }
    return status ? status : end_users(reading, places);
}

souk_status slate_turns_make(const struct number_table *table, struct slate_turns *turns_out)
{
    *turns_out = (struct slate_turns){.shape = {.num_users = 1}};
    struct reading reading = {.table = table, .turns = turns_out};
    struct place *places = mem_calloc(table->num_rows, sizeof *places, "steps");
    souk_status status = find_columns(&reading);
    if (!status) status = take_rows(&reading, places);
    mem_free(places);
    mem_free(reading.scores);
    mem_free(reading.features);
    return status;
}

souk_status slate_turns_read(const char *path, struct slate_turns *turns_out)
{
    struct number_table *table = NULL;
    *turns_out = (struct slate_turns){.shape = {.num_users = 1}};
    souk_status status = number_table_read(path, "log", &table);
    if (!status) status = slate_turns_make(table, turns_out);
    number_table_destroy(table);
    return status;
}

void slate_turns_fini(struct slate_turns *turns)
{
    mem_free(turns->users);
    mem_free(turns->items);
    mem_free(turns->scores);
    mem_free(turns->null_scores);
    mem_free(turns->slates);
    mem_free(turns->propensities);
    mem_free(turns->outcomes);
    *turns = (struct slate_turns){0};
}

struct env_view slate_turns_view(const struct slate_turns *turns, uint64_t i)
{
    const struct env_shape *shape = &turns->shape;
    uint64_t item = i * shape->num_candidates;
    return (struct env_view){.users = turns->users + i * shape->user_dim,
                             .items = turns->items + item * shape->item_dim,
                             .scores = turns->scores + item,
                             .null_score = turns->null_scores + i};
}
