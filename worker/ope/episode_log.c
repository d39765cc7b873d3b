/* episode_log.c - see episode_log.h. */
#include "worker/ope/episode_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/key_index.h"

enum { NAMES_MAX = 5 };

enum {
    COLUMN_EPISODE,
    COLUMN_STEP,
    COLUMN_ACTION,
    COLUMN_REWARD,
    COLUMN_STATE,
    COLUMN_PROPENSITY,
    COLUMN_NEXT,
    COLUMN_DONE,
    NUM_COLUMNS,
    NUM_NEEDED = COLUMN_STATE,
};

// What a column may be called, and what to do when a cell of it is no number.
static const struct {
    const char *names[NAMES_MAX];
    const char *advice;
} roles[NUM_COLUMNS] = {
    {{"episode", "user", "session", "trajectory"}, "number the episodes"},
    {{"t", "step"}, "number the steps of an episode from 0"},
    {{"action"}, "number the actions from 0"},
    {{"reward"}, "rewards must be finite"},
    {{"state"}, "number the states from 0"},
    {{"pscore", "propensity"},
     "without the whole column, propensities are estimated by how often an action was taken"},
    {{"next_state"}, "number the states from 0; at the end of an episode any of them will do"},
    {{"done"}, "1 where an episode ended with the step, else 0"},
};

// A row as it stands in the file.
struct logged_step {
    uint32_t episode, step, state, next_state, action;
    uint8_t is_done;
    double reward, propensity;
    uint64_t row;
};

struct reading {
    const struct number_table *table;
    const struct episode_log_options *options;
    int columns[NUM_COLUMNS]; // -1: none
    uint32_t first_feature;   // column of x0
    struct key_index *episodes;
    struct logged_step *steps; // (num_rows)
    struct episode_log *log;
};

// ---- columns ----

static int find_column(const struct number_table *table, int role)
{
    int column = -1;
    for (int i = 0; column < 0 && i < NAMES_MAX && roles[role].names[i]; i++)
        column = number_table_find(table, roles[role].names[i]);
    return column;
}

static souk_status check_needed(const struct reading *reading)
{
    struct buf list = {0};
    const struct number_table *table = reading->table;
    for (int role = 0; role < NUM_NEEDED; role++) {
        if (reading->columns[role] >= 0) continue;
        for (uint32_t c = 0; table->names && c < table->num_columns; c++) {
            buf_add_text(&list, c > 0 ? ", " : "; it has: ");
            text_add_shown(&list, table->names[c], strlen(table->names[c]));
        }
        souk_status status =
            log_fail(SOUK_EDATA, "%s has no column \"%s\", so it is no log of episodes%s",
                     table->name, roles[role].names[0], buf_text(&list));
        buf_fini(&list);
        return status;
    }
    return SOUK_OK;
}

// x0, x1, ... as far as they stand one behind the other.
static souk_status find_features(struct reading *reading)
{
    const struct number_table *table = reading->table;
    uint32_t num = 0;
    for (;; num++) {
        char name[32];
        snprintf(name, sizeof(name), "x%u", num);
        int column = number_table_find(table, name);
        if (column < 0) break;
        if (num == 0) reading->first_feature = (uint32_t)column;
        if ((uint32_t)column != reading->first_feature + num)
            return log_fail(SOUK_EDATA, "%s: column %s does not follow x%u; put them in order",
                            table->name, name, num - 1);
        souk_status status =
            number_table_check_column(table, (uint32_t)column, "features must be finite");
        if (status) return status;
    }
    reading->log->num_features = num;
    return SOUK_OK;
}

static souk_status find_columns(struct reading *reading)
{
    int *columns = reading->columns;
    for (int role = 0; role < NUM_COLUMNS; role++)
        columns[role] = find_column(reading->table, role);
    souk_status status = check_needed(reading);
    if (!status && columns[COLUMN_STATE] < 0) {
        columns[COLUMN_NEXT] = -1;
        status = find_features(reading);
    }
    for (int role = 0; !status && role < NUM_COLUMNS; role++)
        if (columns[role] >= 0)
            status = number_table_check_column(reading->table, (uint32_t)columns[role],
                                               roles[role].advice);
    reading->log->has_propensities = columns[COLUMN_PROPENSITY] >= 0;
    return status;
}

// ---- rows ----

static double cell(const struct reading *reading, uint64_t row, int role)
{
    return number_table_at(reading->table, row, (uint32_t)reading->columns[role]);
}

/* A whole number from 0; fewer than limit of them are known, 0: any number is. A column that is not
 * there leaves *index_out alone. */
static souk_status take_index(const struct reading *reading, uint64_t row, int role, uint32_t limit,
                              uint32_t *index_out)
{
    if (reading->columns[role] < 0) return SOUK_OK;
    uint32_t column = (uint32_t)reading->columns[role];
    souk_status status = number_table_index(reading->table, row, column, INT32_MAX, index_out);
    if (status || limit == 0 || *index_out < limit) return status;
    return number_table_fail(reading->table, row, "%s %u is unknown: there are %u, numbered from 0",
                             reading->table->names[column], *index_out, limit);
}

static souk_status take_propensity(const struct reading *reading, struct logged_step *step)
{
    if (reading->columns[COLUMN_PROPENSITY] < 0) return SOUK_OK;
    step->propensity = cell(reading, step->row, COLUMN_PROPENSITY);
    if (step->propensity > 0 && step->propensity <= 1) return SOUK_OK;
    return number_table_fail(reading->table, step->row,
                             "propensity %g is not in (0, 1]: what has happened was possible",
                             step->propensity);
}

static souk_status take_episode(struct reading *reading, struct logged_step *step)
{
    double number = cell(reading, step->row, COLUMN_EPISODE);
    if (number < 0 || number > 9007199254740992.0 || number != (double)(uint64_t)number)
        return number_table_fail(reading->table, step->row,
                                 "episode %g is not a whole number of at most 2^53", number);
    step->episode = key_index_add(reading->episodes, (uint64_t)number);
    return SOUK_OK;
}

static souk_status take_row(struct reading *reading, struct logged_step *step)
{
    const struct episode_log_options *options = reading->options;
    uint64_t row = step->row;
    uint32_t done = 0;
    souk_status status = take_episode(reading, step);
    if (!status) status = take_index(reading, row, COLUMN_STEP, 0, &step->step);
    if (!status)
        status = take_index(reading, row, COLUMN_ACTION, options->num_actions, &step->action);
    if (!status) status = take_index(reading, row, COLUMN_STATE, options->num_states, &step->state);
    if (!status)
        status = take_index(reading, row, COLUMN_NEXT, options->num_states, &step->next_state);
    if (!status) status = take_propensity(reading, step);
    if (!status) status = take_index(reading, row, COLUMN_DONE, 2, &done);
    step->is_done = (uint8_t)done;
    step->reward = cell(reading, row, COLUMN_REWARD);
    return status;
}

static souk_status take_rows(struct reading *reading)
{
    uint64_t num_rows = reading->table->num_rows;
    reading->log->num_steps = num_rows;
    reading->steps = mem_calloc(num_rows, sizeof(*reading->steps), "steps");
    for (uint64_t i = 0; i < num_rows; i++) {
        struct logged_step *step = &reading->steps[i];
        *step = (struct logged_step){.next_state = STATE_NONE, .row = i};
        souk_status status = take_row(reading, step);
        if (status) return status;
    }
    return SOUK_OK;
}

// ---- order ----

static int by_place(const void *a, const void *b)
{
    const struct logged_step *x = a, *y = b;
    if (x->episode != y->episode) return x->episode < y->episode ? -1 : 1;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

// The step stands where the one before says that it should; last: NULL for the first of an episode.
static souk_status check_step(const struct number_table *table, const struct logged_step *last,
                              const struct logged_step *step)
{
    uint32_t expected = last ? last->step + 1 : 0;
    if (step->step < expected)
        return number_table_fail(table, step->row, "step %u of its episode is there twice",
                                 step->step);
    if (step->step > expected)
        return number_table_fail(table, step->row,
                                 "step %u of its episode, but there is no step %u: they go from 0 "
                                 "without holes; rename the column if this is a log of single "
                                 "choices",
                                 step->step, expected);
    if (!last) return SOUK_OK;
    if (last->is_done)
        return number_table_fail(table, step->row, "the episode was done with the step before");
    if (last->next_state == STATE_NONE || last->next_state == step->state) return SOUK_OK;
    return number_table_fail(table, step->row,
                             "state %u, but the step before says that the next one is %u",
                             step->state, last->next_state);
}

static souk_status order_steps(struct reading *reading)
{
    const struct episode_log *log = reading->log;
    struct logged_step *steps = reading->steps;
    bool is_sorted = true;
    for (uint64_t i = 1; i < log->num_steps && is_sorted; i++)
        is_sorted = by_place(&steps[i - 1], &steps[i]) < 0;
    if (!is_sorted) qsort(steps, log->num_steps, sizeof(*steps), by_place);
    for (uint64_t i = 0; i < log->num_steps; i++) {
        bool is_first = i == 0 || steps[i].episode != steps[i - 1].episode;
        souk_status status = check_step(reading->table, is_first ? NULL : &steps[i - 1], &steps[i]);
        if (status) return status;
    }
    return SOUK_OK;
}

// ---- columns ----

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void allocate(struct episode_log *log)
{
    uint64_t n = log->num_steps;
    log->first_step = mem_calloc(log->num_episodes + 1, sizeof(*log->first_step), "episodes");
    log->rows = mem_calloc(n, sizeof(*log->rows), "steps");
    log->states = mem_calloc(n, sizeof(*log->states), "steps");
    log->next_states = mem_calloc(n, sizeof(*log->next_states), "steps");
    log->actions = mem_calloc(n, sizeof(*log->actions), "steps");
    log->rewards = mem_calloc(n, sizeof(*log->rewards), "steps");
    log->propensities = mem_calloc(n, sizeof(*log->propensities), "steps");
    log->is_end = mem_calloc(n, sizeof(*log->is_end), "steps");
    if (log->num_features > 0)
        log->features = mem_calloc(n * log->num_features, sizeof(*log->features), "features");
}

static void keep_step(struct reading *reading, uint64_t i)
{
    struct episode_log *log = reading->log;
    const struct logged_step *step = &reading->steps[i];
    bool is_last = i + 1 == log->num_steps || reading->steps[i + 1].episode != step->episode;
    log->rows[i] = step->row;
    log->states[i] = step->state;
    log->actions[i] = step->action;
    log->rewards[i] = step->reward;
    log->propensities[i] = step->propensity;
    log->next_states[i] = is_last ? step->next_state : reading->steps[i + 1].state;
    log->is_end[i] = is_last && (step->is_done || reading->columns[COLUMN_DONE] < 0);
    for (uint32_t d = 0; d < log->num_features; d++)
        log->features[i * log->num_features + d] =
            (float)number_table_at(reading->table, step->row, reading->first_feature + d);
    log->num_actions = larger(log->num_actions, step->action + 1);
    if (log->num_features > 0) return;
    log->num_states = larger(log->num_states, step->state + 1);
    if (step->next_state != STATE_NONE)
        log->num_states = larger(log->num_states, step->next_state + 1);
}

/* What ended at the same step everywhere was ended by the clock: where the state behind it is
 * known, the world would have gone on. Behind an end of another kind there is no state.
 */
static void judge_ends(struct episode_log *log)
{
    log->is_cut_by_clock = true;
    for (uint64_t e = 0; e < log->num_episodes && log->is_cut_by_clock; e++) {
        uint64_t last = log->first_step[e + 1] - 1;
        log->is_cut_by_clock = last - log->first_step[e] + 1 == log->max_length &&
                               log->is_end[last] && log->next_states[last] != STATE_NONE;
    }
    for (uint64_t i = 0; i < log->num_steps; i++) {
        if (!log->is_end[i]) continue;
        if (log->is_cut_by_clock)
            log->is_end[i] = 0;
        else
            log->next_states[i] = STATE_NONE;
    }
}

static souk_status keep_steps(struct reading *reading)
{
    struct episode_log *log = reading->log;
    log->num_episodes = key_index_count(reading->episodes);
    log->num_states = log->num_features > 0 ? 0 : larger(reading->options->num_states, 1);
    log->num_actions = reading->options->num_actions;
    allocate(log);
    for (uint64_t i = 0; i < log->num_steps; i++) {
        keep_step(reading, i);
        log->first_step[reading->steps[i].episode + 1] = i + 1;
        log->max_length = larger(log->max_length, reading->steps[i].step + 1);
    }
    judge_ends(log);
    if ((uint64_t)larger(log->num_states, 1) * log->num_actions <= CELLS_MAX) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: %u states with %u actions are more than %u pairs; number both from 0 "
                    "without gaps",
                    reading->table->name, log->num_states, log->num_actions, CELLS_MAX);
}

/* How often the action was taken in its state. */
static void estimate_propensities(struct episode_log *log)
{
    uint32_t num_states = log->num_states > 0 ? log->num_states : 1;
    uint64_t *taken = mem_calloc((size_t)num_states * log->num_actions, sizeof(*taken), "counts");
    uint64_t *visits = mem_calloc(num_states, sizeof(*visits), "counts");
    for (uint64_t i = 0; i < log->num_steps; i++) {
        taken[(uint64_t)log->states[i] * log->num_actions + log->actions[i]]++;
        visits[log->states[i]]++;
    }
    for (uint64_t i = 0; i < log->num_steps; i++)
        log->propensities[i] =
            (double)taken[(uint64_t)log->states[i] * log->num_actions + log->actions[i]] /
            (double)visits[log->states[i]];
    mem_free(taken);
    mem_free(visits);
}

souk_status episode_log_make(const struct number_table *table,
                             const struct episode_log_options *options, struct episode_log *log_out)
{
    struct reading reading = {
        .table = table, .options = options, .log = log_out, .episodes = key_index_create()};
    *log_out = (struct episode_log){.num_steps = 0};
    souk_status status = find_columns(&reading);
    if (!status) status = take_rows(&reading);
    if (!status) status = order_steps(&reading);
    if (!status) status = keep_steps(&reading);
    if (!status && !log_out->has_propensities) estimate_propensities(log_out);
    key_index_destroy(reading.episodes);
    mem_free(reading.steps);
    return status;
}

void episode_log_fini(struct episode_log *log)
{
    mem_free(log->first_step);
    mem_free(log->rows);
    mem_free(log->states);
    mem_free(log->next_states);
    mem_free(log->actions);
    mem_free(log->rewards);
    mem_free(log->propensities);
    mem_free(log->features);
    mem_free(log->is_end);
    *log = (struct episode_log){.num_steps = 0};
}
