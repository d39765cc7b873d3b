/* test_mf.c - the kernel against its naive twin and against finite differences, differences for
 * pushes, keys of a batch, and what is predicted for whom. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/text/json_value.h"
#include "tests/support/temp.h"
#include "worker/model/mf.h"
#include "worker/model/unique_keys.h"

enum { NUM_USERS = 5, NUM_ITEMS = 7, NUM_RATINGS = 60, MAX_DIM = 130 };

struct case_data {
    float users[NUM_USERS * MAX_DIM], items[NUM_ITEMS * MAX_DIM];
    uint32_t user_idxs[NUM_RATINGS], item_idxs[NUM_RATINGS];
    float values[NUM_RATINGS];
};

static struct mf_pass make_case(struct case_data *data, uint32_t k, bool is_adagrad)
{
    struct rng rng;
    rng_init(&rng, 7, k);
    for (size_t i = 0; i < NUM_USERS * MAX_DIM; i++)
        data->users[i] = (float)rng_uniform_double(&rng) - 0.3f;
    for (size_t i = 0; i < NUM_ITEMS * MAX_DIM; i++)
        data->items[i] = (float)rng_uniform_double(&rng) - 0.4f;
    for (uint32_t t = 0; t < NUM_RATINGS; t++) {
        data->user_idxs[t] = (uint32_t)rng_below(&rng, NUM_USERS);
        data->item_idxs[t] = (uint32_t)rng_below(&rng, NUM_ITEMS);
        data->values[t] = 1 + (float)rng_below(&rng, 5);
    }
    uint32_t dim = k + 1 + is_adagrad;
    for (uint32_t u = 0; u < NUM_USERS && is_adagrad; u++) data->users[u * dim + k + 1] = 0.5f;
    for (uint32_t i = 0; i < NUM_ITEMS && is_adagrad; i++) data->items[i * dim + k + 1] = 0.25f;
    return (struct mf_pass){.users = data->users,
                            .items = data->items,
                            .user_idxs = data->user_idxs,
                            .item_idxs = data->item_idxs,
                            .values = data->values,
                            .n = NUM_RATINGS,
                            .k = k,
                            .dim = dim,
                            .is_adagrad = is_adagrad,
                            .mean = 3.1f,
                            .lr = 0.02f,
                            .l2_user = 0.05f,
                            .l2_item = 0.07f,
                            .l2_user_bias = 0.01f,
                            .l2_item_bias = 0.03f};
}

static void assert_near_all(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 2e-4f * (1 + fabsf(b[i]))))
            fail_msg("float %zu: %.7g is not %.7g", i, (double)a[i], (double)b[i]);
}

static void kernel_agrees_with_its_naive_twin(void **state)
{
    static const uint32_t ks[] = {1, 3, 8, 13, 16, 32, 50, 64, 128};
    (void)state;
    for (size_t c = 0; c < 2 * sizeof ks / sizeof *ks; c++) {
        static struct case_data fast, naive;
        struct mf_pass pass = make_case(&fast, ks[c / 2], c % 2);
        struct mf_pass twin = make_case(&naive, ks[c / 2], c % 2);
        double squares = mf_train(&pass), expected = mf_train_naive(&twin);
        assert_true(fabs(squares - expected) <= 1e-4 * expected);
        assert_near_all(fast.users, naive.users, NUM_USERS * MAX_DIM);
        assert_near_all(fast.items, naive.items, NUM_ITEMS * MAX_DIM);
    }
}

/* Half the squared error of one rating with its regularisation: what one update descends. */
static double objective(const struct mf_pass *pass, const double *p, const double *q)
{
    uint32_t k = pass->k;
    double e = (double)pass->values[0] - (double)pass->mean - p[k] - q[k], l2 = 0;
    for (uint32_t f = 0; f < k; f++) {
        e -= p[f] * q[f];
        l2 += (double)pass->l2_user * p[f] * p[f] + (double)pass->l2_item * q[f] * q[f];
    }
    l2 += (double)pass->l2_user_bias * p[k] * p[k] + (double)pass->l2_item_bias * q[k] * q[k];
    return 0.5 * (e * e + l2);
}

static void one_update_descends_the_gradient_of_the_objective(void **state)
{
    enum { K = 6, DIM = K + 1 };
    (void)state;
    static struct case_data data;
    struct mf_pass pass = make_case(&data, K, false);
    pass.n = 1;
    pass.user_idxs = pass.item_idxs = (const uint32_t[]){0};
    double rows[2][DIM], h = 1e-5;
    for (int f = 0; f < DIM; f++) rows[0][f] = data.users[f], rows[1][f] = data.items[f];
    (void)mf_train(&pass);
    for (int side = 0; side < 2; side++) {
        for (int f = 0; f < DIM; f++) {
            double before = rows[side][f];
            rows[side][f] = before + h;
            double up = objective(&pass, rows[0], rows[1]);
            rows[side][f] = before - h;
            double down = objective(&pass, rows[0], rows[1]);
            rows[side][f] = before;
            double after = side ? data.items[f] : data.users[f];
            double step = (before - after) / (double)pass.lr;
            assert_true(fabs(step - (up - down) / (2 * h)) < 1e-4);
        }
    }
}

static void training_lowers_the_error(void **state)
{
    (void)state;
    static struct case_data data;
    struct mf_pass pass = make_case(&data, 16, false);
    double first = mf_train(&pass), last = first;
    for (int epoch = 0; epoch < 50; epoch++) last = mf_train(&pass);
    assert_true(last < 0.5 * first);
}

static void differences_give_back_the_new_rows(void **state)
{
    (void)state;
    float rows[100], pushes[100], before[100];
    for (int i = 0; i < 100; i++) before[i] = pushes[i] = (float)i, rows[i] = (float)i * 1.5f;
    assert_true(mf_differences(rows, pushes, 100));
    for (int i = 0; i < 100; i++) assert_true(before[i] + pushes[i] == rows[i]);
}

static void differences_tell_of_numbers_that_are_not_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (int at = 0; at < 100; at += 33) {
        for (int b = 0; b < 3; b++) {
            float rows[100] = {0}, pushes[100] = {0};
            rows[at] = bad[b];
            assert_false(mf_differences(rows, pushes, 100));
        }
    }
}

static void keys_of_a_batch_are_ascending_unique_and_found_again(void **state)
{
    enum { N = 3000 };
    (void)state;
    static uint64_t keys[N];
    static uint32_t idxs[N];
    struct unique_keys *unique = unique_keys_create();
    for (uint64_t range = 1; range != 0; range = range < UINT64_MAX / 97 ? range * 97 : 0) {
        struct rng rng;
        rng_init(&rng, 3, range);
        for (int t = 0; t < N; t++) keys[t] = rng_below(&rng, range) + (t % 2 ? UINT64_MAX / 2 : 0);
        struct batch_part part = {.dim = 3};
        unique_keys_find(unique, keys, N, &part, idxs);
        assert_true(part.num_keys >= 1 && part.num_keys <= N);
        for (uint32_t i = 1; i < part.num_keys; i++) assert_true(part.keys[i - 1] < part.keys[i]);
        static uint8_t is_used[N];
        memset(is_used, 0, sizeof is_used);
        for (int t = 0; t < N; t++) {
            assert_true(part.keys[idxs[t]] == keys[t]);
            is_used[idxs[t]] = 1;
        }
        for (uint32_t i = 0; i < part.num_keys; i++) assert_true(is_used[i]);
        batch_part_fini(&part);
    }
    unique_keys_destroy(unique);
}

static struct model *load_model(const struct config *config, const char *json)
{
    void *value;
    struct model *model = NULL;
    assert_int_equal(json_value_parse(json, strlen(json), "state", &value), SOUK_OK);
    assert_int_equal(mf_ops.load(config, value, NULL, &model), SOUK_OK);
    json_value_destroy(value);
    return model;
}

static const char STATE[] = "{\"k\": 2, \"dim\": 3, \"mean\": 3.5, \"min\": 1, \"max\": 5, "
                            "\"clip\": true, \"user_id\": \"integer\", \"item_id\": \"string\"}";

static void unknown_users_and_items_fall_back_to_mean_and_biases(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    struct model *model = load_model(&config, STATE);
    const float user[] = {1, 2, 0.25f}, item[] = {0.5f, -0.25f, -0.5f};
    assert_true(mf_predict(model, NULL, NULL) == 3.5f);
    assert_true(mf_predict(model, user, NULL) == 3.75f);
    assert_true(mf_predict(model, NULL, item) == 3.0f);
    assert_true(mf_predict(model, user, item) == 3.25f);
    mf_ops.destroy(model);
    config_fini(&config);
}

static void predictions_stay_within_the_ratings_seen(void **state)
{
    (void)state;
    struct config config;
    config_init(&config);
    struct model *model = load_model(&config, STATE);
    const float high[] = {0, 0, 9}, low[] = {0, 0, -9};
    assert_true(mf_predict(model, high, NULL) == 5);
    assert_true(mf_predict(model, low, NULL) == 1);
    mf_ops.destroy(model);
    config_fini(&config);
}

static void a_state_that_is_none_is_refused(void **state)
{
    static const char *const states[] = {
        "{}", "{\"k\": 2, \"dim\": 2, \"mean\": 3}", "{\"k\": 0, \"dim\": 1, \"mean\": 3}",
        "{\"k\": 2, \"dim\": 3}", "{\"k\": 2, \"dim\": 99999, \"mean\": 3}"};
    (void)state;
    struct config config;
    config_init(&config);
    capture_log_begin();
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        void *value;
        struct model *model = NULL;
        assert_int_equal(json_value_parse(states[i], strlen(states[i]), "state", &value), SOUK_OK);
        assert_int_equal(mf_ops.load(&config, value, NULL, &model), SOUK_EDATA);
        json_value_destroy(value);
    }
    capture_log_end();
    config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_agrees_with_its_naive_twin),
        cmocka_unit_test(one_update_descends_the_gradient_of_the_objective),
        cmocka_unit_test(training_lowers_the_error),
        cmocka_unit_test(differences_give_back_the_new_rows),
        cmocka_unit_test(differences_tell_of_numbers_that_are_not_finite),
        cmocka_unit_test(keys_of_a_batch_are_ascending_unique_and_found_again),
        cmocka_unit_test(unknown_users_and_items_fall_back_to_mean_and_biases),
        cmocka_unit_test(predictions_stay_within_the_ratings_seen),
        cmocka_unit_test(a_state_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
