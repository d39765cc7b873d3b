/* Logs of slates: read back as simulated users wrote them, refused with the line, choices fitted to
 * what was planted. */
#include "worker/policy/slate_turns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/policy/choice_fit.h"
#include "worker/policy/sim_log.h"

/* ---- back from a file ---- */

static void log_of_simulated_users_comes_back(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    const char *path = temp_path(dir, "log.csv");
    const struct env_shape shape = {2, 3, 2, 1, 2, 0, 10};
    const float users[] = {0.1f, -0.7f}, null_scores[] = {1.5f, 2};
    float items[12], scores[6];
    for (int i = 0; i < 12; i++) items[i] = (float)i / 7;
    for (int i = 0; i < 6; i++) scores[i] = (float)i / 3;
    const struct env_view view = {
        .users = users, .items = items, .scores = scores, .null_score = null_scores};
    const uint32_t slates[] = {2, 0, 1, 2};
    // User 4 at place 0 leaves; user 9 at place 1 stays for two steps and is cut off.
    const struct env_outcome left = {1, 0.25f, NAN, true, false},
                             stays = {-1, 0, NAN, false, false}, cut = {0, 3, NAN, true, true};
    struct sim_log *log = NULL;
    struct slate_turns turns;
    assert_int_equal(sim_log_open(path, &shape, &log), SOUK_OK);
    for (uint32_t n = 0; n < 2; n++) sim_log_show(log, n, &view, slates + n * 2);
    sim_log_add(log, 1, &(struct sim_log_row){9, 0, 0.5}, &stays);
    sim_log_add(log, 0, &(struct sim_log_row){4, 0, 1 / 6.0}, &left);
    sim_log_add(log, 1, &(struct sim_log_row){9, 1, 0.5}, &cut);
    assert_int_equal(sim_log_close(log), SOUK_OK);

    assert_int_equal(slate_turns_read(path, &turns), SOUK_OK);
    assert_int_equal(turns.num_turns, 3);
    assert_int_equal(turns.num_users, 2);
    assert_int_equal(turns.shape.num_users, 1);
    assert_int_equal(turns.shape.num_candidates, 3);
    assert_int_equal(turns.shape.slate_size, 2);
    assert_int_equal(turns.shape.user_dim, 1);
    assert_int_equal(turns.shape.item_dim, 2);
    assert_int_equal(turns.shape.max_steps, 2);
    assert_true(turns.has_scores && turns.has_propensities);
    for (uint64_t i = 0; i < 3; i++) {
        uint32_t place = i > 0;
        const struct env_view seen = slate_turns_view(&turns, i);
        assert_memory_equal(seen.users, users + place, sizeof(float));
        assert_memory_equal(seen.items, items + place * 6, 6 * sizeof(float));
        assert_memory_equal(seen.scores, scores + place * 3, 3 * sizeof(float));
        assert_memory_equal(seen.null_score, null_scores + place, sizeof(float));
        assert_memory_equal(turns.slates + i * 2, slates + place * 2, 2 * sizeof(uint32_t));
    }
    assert_true(turns.outcomes[0].is_over && !turns.outcomes[0].is_cut);
    assert_true(turns.outcomes[0].choice == 1 && turns.outcomes[0].reward == 0.25f);
    assert_true(!turns.outcomes[1].is_over && turns.outcomes[1].choice == -1);
    assert_true(turns.outcomes[2].is_over && turns.outcomes[2].is_cut);
    slate_turns_fini(&turns);
    temp_dir_remove(dir);
}

static void without_done_users_leave_with_their_last_step(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct slate_turns turns;
    const char *path = temp_file(dir, "log.csv",
                                 "session,t,c0_x0,c1_x0,action0,choice,reward\n"
                                 "1,1,5,6,1,-1,0\n1,0,3,4,0,0,2\n");
    assert_int_equal(slate_turns_read(path, &turns), SOUK_OK);
    assert_false(turns.has_scores || turns.has_propensities);
    assert_true(turns.items[0] == 3 && turns.items[3] == 6);
    assert_false(turns.outcomes[0].is_over);
    assert_true(turns.outcomes[1].is_over && !turns.outcomes[1].is_cut);
    slate_turns_fini(&turns);
    temp_dir_remove(dir);
}

static void bad_logs_are_refused_with_the_line(void **state)
{
    (void)state;
    static const char good[] =
        "user,step,c0_x0,c1_x0,null_score,c0_score,c1_score,action0,action1,choice,reward,pscore,"
        "done\n";
    const struct {
        const char *header, *rows, *message;
    } cases[] = {
        {good, "0,0,1,2,1,1,1,0,2,0,1,0.5,0\n", "log.csv:2: action1 2 is not a whole number 0..1"},
        {good, "0,0,1,2,1,1,1,1,1,0,1,0.5,0\n", "candidate 1 is on the slate twice"},
        {good, "0,0,1,2,1,1,1,0,1,2,1,0.5,0\n", "log.csv:2: choice 2 is not"},
        {good, "0,0,1,2,1,1,1,0,1,-2,1,0.5,0\n", "choice -2 is not"},
        {good, "0,0,1,2,1,1,1,0,1,0,nan,0.5,0\n", "reward is no finite number"},
        {good, "0,0,1,2,1,1,1,0,1,0,1e300,0.5,0\n", "reward is no finite number"},
        {good, "0,0,1,x,1,1,1,0,1,0,1,0.5,0\n", "c1_x0 is no finite number"},
        {good, "0,0,1,2,1,-1,1,0,1,0,1,0.5,0\n", "c0_score -1 is below 0"},
        {good, "0,0,1,2,1,1,1,0,1,0,1,0,0\n", "propensity 0 is not in (0, 1]"},
        {good, "0,0,1,2,1,1,1,0,1,0,1,1.5,0\n", "propensity 1.5 is not in"},
        {good, "0,0,1,2,1,1,1,0,1,0,1,0.5,2\n", "done 2 is not a whole number 0..1"},
        {good, "0,1,1,2,1,1,1,0,1,0,1,0.5,0\n", "step 1 of its user where step 0"},
        {good, "0,0,1,2,1,1,1,0,1,0,1,0.5,1\n0,1,1,2,1,1,1,0,1,0,1,0.5,0\n",
         "log.csv:3: the user was done"},
        {good, "", "there is no row of numbers"},
        {"user,step,action0,choice,reward\n", "0,0,0,0,1\n", "no column \"c0_x0\""},
        {"user,step,c0_x0,choice,reward\n", "0,0,0,0,1\n", "no column \"action0\""},
        {"user,step,c0_x0,action0,reward\n", "0,0,0,0,1\n", "no column \"choice\""},
        {"user,step,c0_x0,c0_key,action0,choice,reward\n", "0,0,0,7,0,0,1\n", "items have keys"},
        {"user,step,c0_x0,c0_score,action0,choice,reward\n", "0,0,0,7,0,0,1\n",
         "there is only one"},
        {"user,step,c0_x0,c0_x1,c1_x0,action0,choice,reward\n", "0,0,1,1,1,0,0,1\n",
         "candidate 1 has 1 features, but candidate 0 has 2"},
        {"user,step,c0_x0,action0,action1,choice,reward\n", "0,0,1,0,0,0,1\n",
         "have more places than the 1 candidates"},
    };
    char *dir = temp_dir_create();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf text = {0};
        struct slate_turns turns;
        buf_printf(&text, "%s%s", cases[i].header, cases[i].rows);
        capture_log_begin();
        souk_status status = slate_turns_read(temp_file(dir, "log.csv", buf_text(&text)), &turns);
        if (status != SOUK_EDATA || !strstr(capture_log_text(), cases[i].message))
            fail_msg("case %zu: %s instead of %s", i, capture_log_text(), cases[i].message);
        capture_log_end();
        slate_turns_fini(&turns);
        buf_fini(&text);
    }
    temp_dir_remove(dir);
}

/* ---- choices ---- */

/* Slates of 2 of 3 items with 2 features; v = exp(-0.5 + x0 - x1 + 2 u0 x0), drawn by it. */
static double planted(const float *user, const float *item)
{
    return exp(-0.5 + (double)(item[0] - item[1] + 2 * user[0] * item[0]));
}

static const char *write_choices(const char *dir, uint32_t num)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 4, 0);
    buf_add_text(&text, "user,step,x0,x1,c0_x0,c0_x1,c1_x0,c1_x1,c2_x0,c2_x1,action0,action1,"
                        "choice,reward\n");
    for (uint32_t i = 0; i < num; i++) {
        float x[8];
        for (int d = 0; d < 8; d++) x[d] = 2 * rng_uniform(&rng) - 1;
        uint32_t a = (uint32_t)rng_below(&rng, 3), b = (a + 1) % 3;
        double first = planted(x, x + 2 + 2 * a), second = planted(x, x + 2 + 2 * b);
        double draw = rng_uniform_double(&rng) * (1 + first + second);
        buf_printf(&text, "%u,0", i);
        for (int d = 0; d < 8; d++) buf_printf(&text, ",%.9g", (double)x[d]);
        buf_printf(&text, ",%u,%u,%d,1\n", a, b, draw < first ? 0 : draw < first + second ? 1 : -1);
    }
    const char *path = temp_file(dir, "choices.csv", buf_text(&text));
    buf_fini(&text);
    return path;
}

static void fitted_choices_are_those_that_were_planted(void **state)
{
    (void)state;
    char *dir = temp_dir_create();
    struct slate_turns turns;
    double loss = 0, worst = 0;
    assert_int_equal(slate_turns_read(write_choices(dir, 20000), &turns), SOUK_OK);
    assert_int_equal(choice_fit(&turns, &loss), SOUK_OK);
    for (uint64_t i = 0; i < turns.num_turns; i++)
        for (uint32_t c = 0; c < 3; c++) {
            double v = planted(turns.users + i * 2, turns.items + (i * 3 + c) * 2);
            worst = fmax(worst, fabs(log((double)turns.scores[i * 3 + c] / v)));
        }
    assert_true(worst < 0.3); // standard errors of the weights are some 0.04
    assert_true(loss > 0.5 && loss < log(3));
    assert_true(turns.null_scores[7] == 1);
    slate_turns_fini(&turns);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_of_simulated_users_comes_back),
        cmocka_unit_test(without_done_users_leave_with_their_last_step),
        cmocka_unit_test(bad_logs_are_refused_with_the_line),
        cmocka_unit_test(fitted_choices_are_those_that_were_planted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
