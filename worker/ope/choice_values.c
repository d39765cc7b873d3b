/* choice_values.c - see choice_values.h. */
#include "worker/ope/choice_values.h"

#include <string.h>

#include "common/base/log.h"
#include "worker/ope/distribution.h"

// A policy of one row an action says so in a comment or a header: pos0,pos1,...
static bool names_positions(const struct number_table *table)
{
    const char *comment = buf_text(&table->comment);
    while (*comment == ' ') comment++;
    return strncmp(comment, "pos0", 4) == 0 ||
           (table->names && strcmp(table->names[0], "pos0") == 0);
}

static souk_status find_shape(struct choice_values *values, const char *what,
                              const struct bandit_log *log)
{
    const struct number_table *table = values->table;
    bool fits_positions = table->num_columns == 1 || table->num_columns == log->num_positions ||
                          (names_positions(table) && table->num_columns > log->num_positions);
    bool fits_rounds = table->num_rows == log->num_rounds && !names_positions(table);
    if (fits_rounds && fits_positions) fits_positions = table->num_columns < log->num_actions;
    values->is_by_action = fits_positions;
    values->num_actions = fits_positions ? (uint32_t)table->num_rows : table->num_columns;
    if (fits_positions || fits_rounds) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: the %s is %llu rows of %u numbers, which fits the log in no way; give a "
                    "row a round (%llu) with a number an action (%u or more), or a row an action "
                    "with a number a position (%u)",
                    table->name, what, (unsigned long long)table->num_rows, table->num_columns,
                    (unsigned long long)log->num_rounds, log->num_actions, log->num_positions);
}

static souk_status check_actions(const struct choice_values *values, const struct bandit_log *log)
{
    if (log->num_actions <= values->num_actions) return SOUK_OK;
    uint64_t i = 0;
    while (log->actions[i] < values->num_actions) i++;
    return number_table_fail(log->table, i,
                             "action %u is none of the %u (0 to %u) that %s has; fix the log, or "
                             "give a file with all actions",
                             log->actions[i], values->num_actions, values->num_actions - 1,
                             values->table->name);
}

souk_status choice_values_read(const char *path, const char *what, const struct bandit_log *log,
                               struct choice_values *values_out)
{
    *values_out = (struct choice_values){0};
    souk_status status = number_table_read(path, what, &values_out->table);
    if (status != SOUK_OK) return status;
    const struct number_table *table = values_out->table;
    for (uint32_t c = 0; c < table->num_columns && status == SOUK_OK; c++)
        status = number_table_check_column(table, c, "fix the line");
    if (status == SOUK_OK) status = find_shape(values_out, what, log);
    if (status == SOUK_OK && !values_out->is_by_action) status = number_table_check_actions(table);
    return status == SOUK_OK ? check_actions(values_out, log) : status;
}

void choice_values_fini(struct choice_values *values)
{
    number_table_destroy(values->table);
    *values = (struct choice_values){0};
}

static souk_status check_signs(const struct number_table *table)
{
    for (uint64_t i = 0; i < table->num_rows; i++)
        for (uint32_t c = 0; c < table->num_columns; c++)
            if (number_table_at(table, i, c) < 0)
                return number_table_fail(table, i,
                                         "probability %.17g in column %u is negative; fix the line",
                                         number_table_at(table, i, c), c + 1);
    return SOUK_OK;
}

souk_status choice_values_check_policy(const struct choice_values *values)
{
    struct number_table *table = values->table;
    bool is_by_action = values->is_by_action;
    souk_status status = check_signs(table);
    uint64_t num_sums = is_by_action ? table->num_columns : table->num_rows;
    size_t stride = is_by_action ? table->num_columns : 1;
    for (uint64_t s = 0; s < num_sums && status == SOUK_OK; s++) {
        double sum, *first = table->values + (is_by_action ? s : s * table->num_columns);
        if (distribution_settle(first, values->num_actions, stride, &table->sum_error, &sum))
            continue;
        if (is_by_action)
            return log_fail(SOUK_EDATA,
                            "%s: the probabilities of column %llu sum to %.9g, not to 1 within "
                            "%g; a column is a position and has the probabilities of all actions",
                            table->name, (unsigned long long)s + 1, sum, DISTRIBUTION_TOLERANCE);
        return number_table_fail(table, s,
                                 "the probabilities sum to %.9g, not to 1 within %g; a row is a "
                                 "round and has the probabilities of all actions",
                                 sum, DISTRIBUTION_TOLERANCE);
    }
    return status;
}

void choice_values_row(const struct choice_values *values, const struct bandit_log *log,
                       uint64_t round, double *row_out)
{
    const struct number_table *table = values->table;
    if (!values->is_by_action) {
        memcpy(row_out, &table->values[round * table->num_columns],
               values->num_actions * sizeof(*row_out));
        return;
    }
    uint32_t column = table->num_columns == 1 ? 0 : log->positions[round];
    for (uint32_t a = 0; a < values->num_actions; a++)
        row_out[a] = number_table_at(table, a, column);
}
