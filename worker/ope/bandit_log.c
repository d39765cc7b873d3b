/* bandit_log.c - see bandit_log.h. */
#include "worker/ope/bandit_log.h"

#include "common/base/log.h"
#include "common/base/mem.h"

enum { INDEX_MAX = 1 << 24, CELLS_MAX = 1 << 28 }; // of actions and positions, and of pairs

// A column of whole numbers from 0; *num_out is the largest + 1.
static souk_status take_indices(const struct number_table *table, uint32_t column,
                                uint32_t *indices, uint32_t *num_out)
{
    souk_status status = number_table_check_column(
        table, column, "numbers of actions and positions go from 0; fix the line");
    if (status != SOUK_OK) return status;
    uint32_t num = 0;
    for (uint64_t i = 0; status == SOUK_OK && i < table->num_rows; i++) {
        status = number_table_index(table, i, column, INDEX_MAX, &indices[i]);
        if (indices[i] >= num) num = indices[i] + 1;
    }
    if (status == SOUK_OK) *num_out = num;
    return status;
}

static souk_status take_propensities(struct bandit_log *log, uint32_t column)
{
    const struct number_table *table = log->table;
    static const char advice[] =
        "fill it in, or take the whole column out to have propensities estimated";
    souk_status status = number_table_check_column(table, column, advice);
    if (status != SOUK_OK) return status;
    log->propensities = mem_calloc(log->num_rounds, sizeof(double), "propensities");
    for (uint64_t i = 0; i < log->num_rounds; i++) {
        double p = number_table_at(table, i, column);
        if (!(p > 0 && p <= 1))
            return number_table_fail(table, i,
                                     "propensity %.17g is not above 0 and at most 1, as that of "
                                     "an action that was taken must be; fix the line, or take the "
                                     "whole column out to have propensities estimated",
                                     p);
        log->propensities[i] = p;
    }
    return SOUK_OK;
}

static bool is_feature(const char *name)
{
    if (name[0] != 'x' && name[0] != 'X') return false;
    size_t digits = 1;
    while (name[digits] >= '0' && name[digits] <= '9') digits++;
    return digits > 1 && name[digits] == '\0';
}

static souk_status take_features(struct bandit_log *log)
{
    const struct number_table *table = log->table;
    uint32_t num = 0, at = 0;
    for (uint32_t c = 0; c < table->num_columns; c++) num += is_feature(table->names[c]);
    log->num_features = num;
    log->features = mem_calloc(log->num_rounds * num + 1, sizeof(double), "features");
    for (uint32_t c = 0; c < table->num_columns; c++) {
        if (!is_feature(table->names[c])) continue;
        souk_status status = number_table_check_column(table, c, "fix the line");
        if (status != SOUK_OK) return status;
        for (uint64_t i = 0; i < log->num_rounds; i++)
            log->features[i * num + at] = number_table_at(table, i, c);
        at++;
    }
    return SOUK_OK;
}

// Estimators have arrays with a place for each action at each position.
static souk_status check_size(const struct bandit_log *log)
{
    if ((uint64_t)log->num_actions * log->num_positions <= CELLS_MAX) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: actions go to %u and positions to %u, which is more than %d pairs; number "
                    "both from 0 without gaps",
                    log->table->name, log->num_actions - 1, log->num_positions - 1, CELLS_MAX);
}

static souk_status take_rewards(struct bandit_log *log, uint32_t column)
{
    souk_status status = number_table_check_column(
        log->table, column, "a reward must be a finite number; fix the line or remove it");
    for (uint64_t i = 0; i < log->num_rounds && status == SOUK_OK; i++)
        log->rewards[i] = number_table_at(log->table, i, column);
    return status;
}

souk_status bandit_log_take(const struct number_table *table, struct bandit_log *log_out)
{
    struct bandit_log *log = log_out;
    *log = (struct bandit_log){.table = table, .num_rounds = table->num_rows, .num_positions = 1};
    int action = number_table_find(table, "action"), reward = number_table_find(table, "reward");
    int position = number_table_find(table, "position");
    int propensity = number_table_find(table, "pscore");
    if (propensity < 0) propensity = number_table_find(table, "propensity");
    if (action < 0 || reward < 0)
        return log_fail(
            SOUK_EDATA,
            "%s: a log of choices has columns \"action\" and \"reward\"; fix the header",
            table->name);
    log->actions = mem_calloc(log->num_rounds, sizeof(uint32_t), "actions");
    log->positions = mem_calloc(log->num_rounds, sizeof(uint32_t), "positions");
    log->rewards = mem_calloc(log->num_rounds, sizeof(double), "rewards");

    souk_status status = take_indices(table, (uint32_t)action, log->actions, &log->num_actions);
    if (status == SOUK_OK && position >= 0)
        status = take_indices(table, (uint32_t)position, log->positions, &log->num_positions);
    if (status == SOUK_OK) status = check_size(log);
    if (status == SOUK_OK) status = take_rewards(log, (uint32_t)reward);
    if (status == SOUK_OK && propensity >= 0) status = take_propensities(log, (uint32_t)propensity);
    return status == SOUK_OK ? take_features(log) : status;
}

void bandit_log_fini(struct bandit_log *log)
{
    mem_free(log->actions);
    mem_free(log->positions);
    mem_free(log->rewards);
    mem_free(log->propensities);
    mem_free(log->features);
    *log = (struct bandit_log){0};
}
