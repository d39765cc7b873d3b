/* Tests of worker/model/dense: how parameters begin, and their file, bytes included. */
#include "worker/model/dense.h"

#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { HEAD_BYTES = 32, PART_BYTES = 64, NUM_PARTS = 3, NUM_VALUES = 6 + 2, NUM_STATS = 4 };

/* A linear layer (2, 3), a constant (2) and statistics of 2 columns; one step was taken. */
static void start(struct dense *dense)
{
    *dense = (struct dense){0};
    dense_add_linear(dense, "hidden.0", "weight", 2, 3, 3);
    dense_add_constant(dense, "hidden.0", "alpha", 2, 0.25f);
    dense_add_stats(dense, "hidden.0", "dice.stats", 2);
    dense_allocate(dense);
    dense_initialise(dense, 3);
    for (uint32_t i = 0; i < dense->num_values; i++) dense->grads[i] = (float)i - 2;
    dense_step_adam(dense, 0.01f, 1);
    assert_int_equal(dense->num_values, NUM_VALUES);
    assert_int_equal(dense->num_stats, NUM_STATS);
}

static void linear_layers_begin_as_in_pytorch(void **state)
{
    (void)state;
    struct dense dense = {0};
    uint32_t weight = dense_add_linear(&dense, "a", "weight", 50, 100, 100);
    uint32_t bias = dense_add_linear(&dense, "a", "bias", 1, 50, 100);
    dense_allocate(&dense);
    dense_initialise(&dense, 4);
    double sum = 0, square = 0;
    for (uint32_t i = weight; i < 5000; i++) {
        assert_true(fabsf(dense.values[i]) <= 0.1f);
        sum += (double)dense.values[i];
        square += (double)dense.values[i] * (double)dense.values[i];
    }
    assert_true(fabs(sum / 5000) < 0.004);
    assert_true(fabs(square / 5000 - 0.01 / 3) < 0.0002);
    assert_true(dense.values[bias] != dense.values[weight]);
    float first = dense.values[0];
    dense_initialise(&dense, 5);
    assert_true(dense.values[0] != first);
    dense_fini(&dense);
}

static void parameters_and_state_survive_a_file(void **state)
{
    (void)state;
    struct dense dense, other;
    struct buf file = {0}, again = {0};
    start(&dense);
    start(&other);
    dense_initialise(&other, 77);
    dense_step_adam(&other, 0.5f, 1);
    dense_pack(&dense, true, &file);
    assert_int_equal(dense_unpack(&other, file.text, file.length, "file"), SOUK_OK);
    dense_pack(&other, true, &again);
    assert_int_equal(file.length, again.length);
    assert_memory_equal(file.text, again.text, file.length);
    assert_int_equal(other.num_steps, 1);

    buf_clear(&file);
    dense_pack(&dense, false, &file);
    assert_int_equal(dense_unpack(&other, file.text, file.length, "file"), SOUK_OK);
    assert_memory_equal(other.values, dense.values, NUM_VALUES * sizeof(float));
    for (uint32_t i = 0; i < NUM_VALUES; i++)
        assert_true(other.moments[0][i] == 0 && other.moments[1][i] == 0);
    buf_fini(&file);
    buf_fini(&again);
    dense_fini(&dense);
    dense_fini(&other);
}

/* The table in dense.h. */
static void bytes_of_a_file_are_as_documented(void **state)
{
    (void)state;
    static const unsigned char head[] = {
        'S', 'O', 'U', 'K', 'D', 'N', 'S', '1', 3, 0, 0, 0, 1, 0, 0, 0, // parts, with state
        1,   0,   0,   0,   0,   0,   0,   0,   8, 0, 0, 0, 4, 0, 0, 0, // steps, values, statistics
    };
    static const unsigned char sizes[] = {2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct dense dense;
    struct buf file = {0};
    start(&dense);
    dense_pack(&dense, true, &file);
    assert_int_equal(file.length,
                     HEAD_BYTES + NUM_PARTS * PART_BYTES + (3 * NUM_VALUES + NUM_STATS) * 4);
    assert_memory_equal(file.text, head, sizeof head);
    assert_string_equal(file.text + HEAD_BYTES, "hidden.0.weight");
    assert_memory_equal(file.text + HEAD_BYTES + DENSE_NAME_MAX, sizes, sizeof sizes);
    const char *floats = file.text + HEAD_BYTES + NUM_PARTS * PART_BYTES;
    assert_memory_equal(floats, dense.values, NUM_VALUES * 4);
    assert_memory_equal(floats + NUM_VALUES * 4, dense.stats, NUM_STATS * 4);
    assert_memory_equal(floats + (NUM_VALUES + NUM_STATS) * 4, dense.moments[0], NUM_VALUES * 4);
    buf_fini(&file);
    dense_fini(&dense);
}

/* Writes bytes over a good file at an offset and cuts it by some; parameters stay as they were. */
static void assert_refused(size_t offset, const void *bytes, size_t length, size_t cut,
                           const char *message)
{
    struct dense dense;
    struct buf file = {0};
    float before[NUM_VALUES];
    start(&dense);
    dense_pack(&dense, true, &file);
    memcpy(before, dense.values, sizeof before);
    if (length > 0) memcpy(file.text + offset, bytes, length);
    capture_log_begin();
    assert_int_equal(dense_unpack(&dense, file.text, file.length - cut, "w.bin"), SOUK_EDATA);
    if (!strstr(capture_log_text(), message)) fail_msg("log: %s", capture_log_text());
    assert_non_null(strstr(capture_log_text(), "w.bin"));
    capture_log_end();
    assert_memory_equal(dense.values, before, sizeof before);
    buf_fini(&file);
    dense_fini(&dense);
}

static void damage_is_named_and_changes_nothing(void **state)
{
    (void)state;
    const float nan = NAN, infinite = INFINITY;
    const size_t floats = HEAD_BYTES + NUM_PARTS * PART_BYTES;
    const uint32_t four = 4;
    assert_refused(0, NULL, 0, 4, "its head says");
    assert_refused(0, NULL, 0, floats + NUM_VALUES * 4, "is no file of dense parameters");
    assert_refused(7, "2", 1, 0, "is no file of dense parameters");
    assert_refused(8, &four, sizeof four, 0, "holds 4 parts of 8 values, the model has 3 of 8");
    assert_refused(12, &four, sizeof four, 0, "do not belong together");
    assert_refused(HEAD_BYTES, "other.part", 11, 0, "holds \"other.part\" (2, 3)");
    assert_refused(HEAD_BYTES + DENSE_NAME_MAX, &four, sizeof four, 0, "(4, 3)");
    assert_refused(floats, &nan, sizeof nan, 0, "float 0 of the parameters is not a finite number");
    assert_refused(floats + NUM_VALUES * 4, &infinite, sizeof infinite, 0, "float 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_layers_begin_as_in_pytorch),
        cmocka_unit_test(parameters_and_state_survive_a_file),
        cmocka_unit_test(bytes_of_a_file_are_as_documented),
        cmocka_unit_test(damage_is_named_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
