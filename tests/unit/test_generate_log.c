/* Tests of worker/data/generate_log: what is planted is what comes out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/generate_log.h"
#include "worker/ope/number_table.h"

enum { KINDS = 4, ACTIONS = 3, ROUNDS = 60000 };

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = temp_dir_create();
    return dir == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct log_options small(void)
{
    struct log_options options;
    log_options_init(&options);
    options.dir = dir;
    options.num_rounds = ROUNDS;
    options.num_kinds = KINDS;
    options.num_actions = ACTIONS;
    return options;
}

static struct log_result make(const struct log_options *options)
{
    struct log_result result;
    assert_int_equal(generate_log(options, &result), SOUK_OK);
    return result;
}

static struct number_table *read_table(const char *name)
{
    struct number_table *table = NULL;
    assert_int_equal(number_table_read(temp_path(dir, name), name, &table), SOUK_OK);
    return table;
}

static char *read_text(const char *name)
{
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(file_read(temp_path(dir, name), 1 << 24, &text, &length), SOUK_OK);
    return text;
}

static double *column_of(const struct number_table *table, const char *name)
{
    int column = number_table_find(table, name);
    double *values = mem_calloc(table->num_rows, sizeof(double), "column");
    assert_true(column >= 0);
    for (uint64_t i = 0; i < table->num_rows; i++)
        values[i] = number_table_at(table, i, (uint32_t)column);
    return values;
}

static void propensities_are_those_of_the_policy_that_logs(void **state)
{
    (void)state;
    struct log_options options = small();
    make(&options);
    struct number_table *log = read_table("log.csv"), *logging = read_table("logging.csv");
    double *actions = column_of(log, "action"), *propensities = column_of(log, "pscore");
    double counts[ACTIONS] = {0}, expected[ACTIONS] = {0};
    assert_int_equal(log->num_rows, ROUNDS);
    assert_int_equal(logging->num_rows, ROUNDS);
    assert_int_equal(logging->num_columns, ACTIONS);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        const double *row = logging->values + i * ACTIONS;
        assert_true(row[(int)actions[i]] == propensities[i]);
        assert_true(fabs(row[0] + row[1] + row[2] - 1) < 1e-12);
        counts[(int)actions[i]]++;
        for (int a = 0; a < ACTIONS; a++) expected[a] += row[a];
    }
    for (int a = 0; a < ACTIONS; a++)
        assert_true(fabs(counts[a] - expected[a]) < 4 * sqrt(expected[a]));
    mem_free(actions);
    mem_free(propensities);
    number_table_destroy(log);
    number_table_destroy(logging);
}

// Means of the rewards by kind (told by its first feature) and action, from the file alone.
struct seen {
    double kinds[KINDS];
    uint32_t num_kinds;
    double sums[KINDS][ACTIONS], counts[KINDS][ACTIONS];
};

static uint32_t find_kind(struct seen *seen, double feature)
{
    uint32_t k = 0;
    while (k < seen->num_kinds && seen->kinds[k] != feature) k++;
    assert_true(k < KINDS);
    if (k == seen->num_kinds) seen->kinds[seen->num_kinds++] = feature;
    return k;
}

static void look_at_log(struct seen *seen)
{
    struct number_table *log = read_table("log.csv");
    double *features = column_of(log, "x0"), *actions = column_of(log, "action"),
           *rewards = column_of(log, "reward");
    for (uint64_t i = 0; i < log->num_rows; i++) {
        uint32_t k = find_kind(seen, features[i]);
        seen->sums[k][(int)actions[i]] += rewards[i];
        seen->counts[k][(int)actions[i]]++;
    }
    mem_free(features);
    mem_free(actions);
    mem_free(rewards);
    number_table_destroy(log);
}

// The value of a policy over kinds that are equally frequent.
static double value_of(struct seen *seen, const char *name)
{
    struct number_table *log = read_table("log.csv"), *policy = read_table(name);
    double *features = column_of(log, "x0"), sum = 0;
    bool is_done[KINDS] = {false};
    for (uint64_t i = 0; i < log->num_rows; i++) {
        uint32_t k = find_kind(seen, features[i]);
        for (int a = 0; a < ACTIONS && !is_done[k]; a++)
            sum +=
                policy->values[i * ACTIONS + (uint64_t)a] * seen->sums[k][a] / seen->counts[k][a];
        is_done[k] = true;
    }
    mem_free(features);
    number_table_destroy(log);
    number_table_destroy(policy);
    return sum / KINDS;
}

static void truth_is_the_value_of_each_policy(void **state)
{
    (void)state;
    struct log_options options = small();
    struct log_result result = make(&options);
    struct seen seen = {.num_kinds = 0};
    look_at_log(&seen);
    assert_int_equal(seen.num_kinds, KINDS);
    // Each mean has an error of 0.5 / sqrt(5,000) = 0.007 at most, 12 of them one of 0.003.
    assert_true(fabs(value_of(&seen, "logging.csv") - result.values[CHOICE_LOGGING]) < 0.012);
    assert_true(fabs(value_of(&seen, "better.csv") - result.values[CHOICE_BETTER]) < 0.012);
    assert_true(fabs(value_of(&seen, "just_worse.csv") - result.values[CHOICE_JUST_WORSE]) < 0.012);
    assert_true(fabs(value_of(&seen, "worse.csv") - result.values[CHOICE_WORSE]) < 0.012);
    assert_true(fabs(result.logged_mean - result.values[CHOICE_LOGGING]) < 0.01);
}

static void policies_stand_in_the_order_of_their_names(void **state)
{
    (void)state;
    struct log_options options = small();
    options.num_rounds = 1;
    for (options.seed = 2; options.seed < 12; options.seed++) {
        options.num_kinds = 12;
        options.num_actions = 5;
        const double *values = make(&options).values;
        double gap = values[CHOICE_LOGGING] - values[CHOICE_JUST_WORSE];
        assert_true(values[CHOICE_BETTER] > values[CHOICE_LOGGING] + 0.02);
        assert_true(fabs(gap - CHOICE_GAP) < 1e-12);
        assert_true(values[CHOICE_WORSE] < values[CHOICE_JUST_WORSE]);
    }
}

static void the_same_options_give_the_same_bytes(void **state)
{
    (void)state;
    struct log_options options = small();
    options.num_rounds = 500;
    struct log_result first = make(&options);
    char *log = read_text("log.csv"), *better = read_text("better.csv"),
         *truth = read_text("truth.json");
    make(&options);
    char *again[] = {read_text("log.csv"), read_text("better.csv"), read_text("truth.json")};
    assert_string_equal(log, again[0]);
    assert_string_equal(better, again[1]);
    assert_string_equal(truth, again[2]);
    options.round_seed = 2;
    struct log_result second = make(&options);
    char *other = read_text("log.csv");
    assert_string_not_equal(log, other);
    assert_true(first.values[CHOICE_BETTER] == second.values[CHOICE_BETTER]);
    for (int i = 0; i < 3; i++) mem_free(again[i]);
    mem_free(log);
    mem_free(better);
    mem_free(truth);
    mem_free(other);
}

static void what_is_not_wanted_is_left_out(void **state)
{
    (void)state;
    char *fresh = temp_dir_create();
    struct log_options options = small();
    options.dir = fresh;
    options.num_rounds = 5;
    options.has_propensities = false;
    options.policies = 1u << CHOICE_WORSE;
    make(&options);
    char *text = NULL;
    size_t length = 0;
    assert_int_equal(file_read(temp_path(fresh, "log.csv"), 1 << 20, &text, &length), SOUK_OK);
    assert_memory_equal(text, "action,reward,x0,x1,x2\n", 23);
    assert_true(file_exists(temp_path(fresh, "worse.csv")));
    assert_false(file_exists(temp_path(fresh, "better.csv")));
    mem_free(text);
    temp_dir_remove(fresh);
}

static void worlds_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct log_options options = small();
    struct log_result result;
    options.num_rounds = 0;
    assert_int_equal(generate_log(&options, &result), SOUK_EINVAL);
    options = small();
    options.num_actions = 1;
    assert_int_equal(generate_log(&options, &result), SOUK_EINVAL);
    options = small();
    options.num_kinds = CHOICE_KINDS_MAX + 1;
    assert_int_equal(generate_log(&options, &result), SOUK_EINVAL);
    // One kind of user and two actions: some habits are the best ones, or the worst.
    options = small();
    options.num_rounds = 1;
    options.num_kinds = 1;
    options.num_actions = 2;
    uint32_t num_refused = 0;
    for (options.seed = 0; options.seed < 30; options.seed++)
        num_refused += generate_log(&options, &result) == SOUK_EINVAL;
    assert_in_range(num_refused, 1, 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(propensities_are_those_of_the_policy_that_logs),
        cmocka_unit_test(truth_is_the_value_of_each_policy),
        cmocka_unit_test(policies_stand_in_the_order_of_their_names),
        cmocka_unit_test(the_same_options_give_the_same_bytes),
        cmocka_unit_test(what_is_not_wanted_is_left_out),
        cmocka_unit_test(worlds_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
