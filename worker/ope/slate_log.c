/* slate_log.c - see slate_log.h. */
#include "worker/ope/slate_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/distribution.h"

enum { ACTIONS_MAX = 1 << 20, POSITIONS_MAX = 1 << 10, CELLS_MAX = 1 << 24 };

static const char *const weight_names[NUM_SLATE_WEIGHTS] = {"joint", "item_position", "cascade"};

struct place {
    double slate;
    uint32_t position, action;
    uint64_t row; // of the table
};

struct reading {
    const struct number_table *table;
    struct slate_log *log;
    struct place *places; // (num_rows) in the order of slates and positions
    uint32_t reward;      // column
};

// ---- columns ----

static souk_status find_column(const struct number_table *table, const char *name,
                               uint32_t *column_out)
{
    int column = number_table_find(table, name);
    if (column < 0)
        return log_fail(SOUK_EDATA, "%s has no column \"%s\", so it is no log of slates",
                        table->name, name);
    *column_out = (uint32_t)column;
    return number_table_check_column(table, *column_out, "fix the line");
}

// ---- order ----

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->slate != y->slate) return x->slate < y->slate ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static souk_status take_places(struct reading *reading)
{
    const struct number_table *table = reading->table;
    uint32_t slate = 0, position = 0, action = 0;
    souk_status status = find_column(table, "slate_id", &slate);
    if (!status) status = find_column(table, "position", &position);
    if (!status) status = find_column(table, "action", &action);
    if (!status) status = find_column(table, "reward", &reading->reward);
    reading->places = mem_calloc(table->num_rows, sizeof(*reading->places), "slates");
    for (uint64_t i = 0; !status && i < table->num_rows; i++) {
        struct place *place = &reading->places[i];
        *place = (struct place){.slate = number_table_at(table, i, slate), .row = i};
        status = number_table_index(table, i, position, POSITIONS_MAX, &place->position);
        if (!status) status = number_table_index(table, i, action, ACTIONS_MAX, &place->action);
        if (!status && place->action >= reading->log->num_actions)
            reading->log->num_actions = place->action + 1;
    }
    if (!status) qsort(reading->places, table->num_rows, sizeof(*reading->places), by_place);
    return status;
}

// All slates have the positions 0..L-1.
static souk_status check_slates(struct reading *reading)
{
    const struct number_table *table = reading->table;
    const struct place *places = reading->places;
    uint32_t length = 1;
    while (length < table->num_rows && places[length].slate == places[0].slate) length++;
    for (uint64_t i = 0; i < table->num_rows; i++) {
        const struct place *first = &places[i - i % length];
        if (places[i].slate == first->slate && places[i].position == i % length) continue;
        return number_table_fail(
            table, places[i].row,
            "slate %.15g has a position %u where %u is due: each slate has the "
            "positions 0 to %u once",
            places[i].slate, places[i].position, (uint32_t)(i % length), length - 1);
    }
    if (table->num_rows % length != 0)
        return number_table_fail(table, places[table->num_rows - 1].row,
                                 "the slate has fewer positions than the %u of others", length);
    reading->log->length = length;
    reading->log->num_slates = table->num_rows / length;
    return SOUK_OK;
}

// ---- probabilities ----

static souk_status take_probability(const struct number_table *table, uint64_t row, uint32_t column,
                                    bool may_be_zero, double *out)
{
    double p = number_table_at(table, row, column);
    if (p <= 1 && (p > 0 || (may_be_zero && p == 0))) {
        *out = p;
        return SOUK_OK;
    }
    return number_table_fail(table, row, "%s %g is not in %s 1]", table->names[column], p,
                             may_be_zero ? "[0," : "(0,");
}

static souk_status take_weights(struct reading *reading, int kind)
{
    const struct number_table *table = reading->table;
    uint32_t logged = 0, wanted = 0;
    char name[64];
    snprintf(name, sizeof(name), "pi_e_%s", weight_names[kind]);
    int has_wanted = number_table_find(table, name) >= 0;
    souk_status status = has_wanted ? find_column(table, name, &wanted) : SOUK_OK;
    snprintf(name, sizeof(name), "pscore_%s", weight_names[kind]);
    if (!has_wanted || number_table_find(table, name) < 0) return status;
    if (!status) status = find_column(table, name, &logged);
    double *weights = mem_calloc(table->num_rows, sizeof(*weights), "weights");
    reading->log->weights[kind] = weights;
    for (uint64_t i = 0; !status && i < table->num_rows; i++) {
        uint64_t row = reading->places[i].row;
        double p = 0, q = 1;
        status = take_probability(table, row, wanted, true, &p);
        if (!status) status = take_probability(table, row, logged, false, &q);
        weights[i] = p / q;
        bool is_first = i % reading->log->length == 0;
        if (!status && kind == SLATE_JOINT && !is_first &&
            fabs(weights[i] - weights[i - 1]) > 1e-9 * weights[i])
            status = number_table_fail(table, row,
                                       "pi_e_joint / pscore_joint differs from that of the "
                                       "position before: they are of the whole slate");
    }
    return status;
}

static souk_status take_next(struct reading *reading)
{
    const struct number_table *table = reading->table;
    struct slate_log *log = reading->log;
    uint32_t first = 0, num = 0;
    souk_status status = SOUK_OK;
    for (; !status; num++) {
        char name[64];
        uint32_t column = 0;
        snprintf(name, sizeof(name), "pie_next_a%u", num);
        if (number_table_find(table, name) < 0) break;
        status = find_column(table, name, &column);
        if (num == 0) first = column;
        if (!status && column != first + num)
            return log_fail(SOUK_EDATA,
                            "%s: column %s does not follow pie_next_a%u; put them in "
                            "order",
                            table->name, name, num - 1);
    }
    if (status || num == 0) return status;
    if (num < log->num_actions)
        return log_fail(SOUK_EDATA, "%s has pie_next_a0 to pie_next_a%u, but action %u is there",
                        table->name, num - 1, log->num_actions - 1);
    log->num_actions = num;
    log->next = mem_calloc(table->num_rows * num, sizeof(*log->next), "probabilities");
    for (uint64_t i = 0; i < table->num_rows; i++) {
        double sum, *next = log->next + i * num;
        uint64_t row = reading->places[i].row;
        for (uint32_t a = 0; !status && a < num; a++)
            status = take_probability(table, row, first + a, true, &next[a]);
        if (status) return status;
        if (!distribution_settle(next, num, 1, &log->sum_error, &sum))
            return number_table_fail(table, row,
                                     "pie_next_a0 to pie_next_a%u sum to %.9g, not to 1 within %g",
                                     num - 1, sum, DISTRIBUTION_TOLERANCE);
    }
    return SOUK_OK;
}

static void take_slates(struct reading *reading)
{
    struct slate_log *log = reading->log;
    uint64_t num_rows = reading->table->num_rows;
    log->actions = mem_calloc(num_rows, sizeof(*log->actions), "slates");
    log->rewards = mem_calloc(num_rows, sizeof(*log->rewards), "slates");
    for (uint64_t i = 0; i < num_rows; i++) {
        const struct place *place = &reading->places[i];
        log->actions[i] = place->action;
        log->rewards[i] = number_table_at(reading->table, place->row, reading->reward);
    }
}

souk_status slate_log_make(const struct number_table *table, struct slate_log *log_out)
{
    struct reading reading = {.table = table, .log = log_out};
    *log_out = (struct slate_log){.num_slates = 0};
    souk_status status = take_places(&reading);
    if (!status) status = check_slates(&reading);
    if (!status) take_slates(&reading);
    for (int kind = 0; !status && kind < NUM_SLATE_WEIGHTS; kind++)
        status = take_weights(&reading, kind);
    if (!status) status = take_next(&reading);
    if (!status && (uint64_t)log_out->length * log_out->num_actions > CELLS_MAX)
        status = log_fail(SOUK_EDATA,
                          "%s: %u positions with %u actions are more than %u pairs; "
                          "number actions from 0 without gaps",
                          table->name, log_out->length, log_out->num_actions, CELLS_MAX);
    mem_free(reading.places);
    return status;
}

void slate_log_fini(struct slate_log *log)
{
    mem_free(log->actions);
    mem_free(log->rewards);
    for (int kind = 0; kind < NUM_SLATE_WEIGHTS; kind++) mem_free(log->weights[kind]);
    mem_free(log->next);
    *log = (struct slate_log){.num_slates = 0};
}
