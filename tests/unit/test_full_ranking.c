/* test_full_ranking.c - clicks ranked among all items: what chance gives, who is left out, and who
 * is drawn. The order itself is checked by test_click_verbs.sh. */
#include "worker/eval/full_ranking.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/text/buf.h"
#include "tests/support/click_rig.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/data/catalogue.h"
#include "worker/model/din_private.h"

enum { K = 5, STRANGERS = 40 };

struct fixture {
    struct click_rig *rig;
    char memory[512]; // path of what the model remembers
    uint64_t num_items;
};

// A model that scores everything alike, and remembers the rig's samples.
static void start(struct fixture *fixture)
{
    struct profile_writer *writer;
    struct catalogue items;
    struct click_rig *rig = fixture->rig = click_rig_start("base", "32");
    const char *path = temp_path(rig->dir, "memory");
    snprintf(fixture->memory, sizeof fixture->memory, "%s", path);
    memset(rig->model->dense.values, 0, rig->model->dense.num_values * sizeof(float));
    assert_int_equal(profile_writer_open(path, &rig->format, &writer), SOUK_OK);
    assert_int_equal(profile_writer_add(writer, &rig->samples), SOUK_OK);
    assert_int_equal(profile_writer_close(writer), SOUK_OK);
    assert_int_equal(catalogue_read(&path, 1, &rig->format, &items), SOUK_OK);
    fixture->num_items = items.num_items;
    assert_in_range(items.num_items, K + 1, CLICK_RIG_IDS);
    catalogue_fini(&items);
}

static souk_status rank_text(const struct fixture *fixture, const char *rows,
                             const volatile sig_atomic_t *stop, struct full_ranking *out)
{
    struct click_rig *rig = fixture->rig;
    char path[512], *paths[] = {path};
    struct buf text = {0};
    buf_printf(&text, "label\tuser\titem\tcategory\thist_item\thist_category\n%s", rows);
    snprintf(path, sizeof path, "%s", temp_file(rig->dir, "rows.tsv", buf_text(&text)));
    buf_fini(&text);
    struct config_list files = {.items = paths, .num_items = 1};
    const char *memory = fixture->memory;
    struct full_ranking_options options = {.config = &rig->config,
                                           .files = &files,
                                           .model = &rig->format,
                                           .scorer = rig->scorer,
                                           .comm = rig->comm,
                                           .paths = &memory,
                                           .num_paths = 1,
                                           .k = K,
                                           .stop_signal = stop};
    capture_log_begin();
    souk_status status = full_ranking_run(&options, out);
    capture_log_end();
    return status;
}

// Figures of a click that is equal to n - 1 others.
static void check_chance(const struct full_ranking *ranking, uint64_t n)
{
    double ndcg = 0, mrr = 0, count = (double)n;
    for (uint64_t i = 0; i < n; i++) {
        mrr += 1 / (double)(i + 1) / count;
        if (i < K) ndcg += 1 / log2((double)i + 2) / count;
    }
    assert_true(fabs(ranking->hit_rate - K / count) < 1e-12);
    assert_true(fabs(ranking->ndcg - ndcg) < 1e-12);
    assert_true(fabs(ranking->mrr - mrr) < 1e-12);
    assert_true(fabs(ranking->mean_candidates - count) < 1e-12);
}

static void equal_scores_give_what_chance_gives(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    assert_int_equal(rank_text(&fixture, "1\t900\t3\t1\t\t\n0\t901\t3\t1\t\t\n1\t902\t4\t1\t\t\n",
                               NULL, &ranking),
                     SOUK_OK);
    assert_int_equal(ranking.num_clicks, 2);
    assert_int_equal(ranking.num_users_all, 2);
    assert_int_equal(ranking.num_items, fixture.num_items);
    check_chance(&ranking, fixture.num_items);
    click_rig_stop(fixture.rig);
}

static void what_is_in_the_history_is_no_candidate_unless_it_is_clicked(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    assert_int_equal(rank_text(&fixture, "1\t900\t3\t1\t5,6,3,5\t1,1,1,1\n", NULL, &ranking),
                     SOUK_OK);
    check_chance(&ranking, fixture.num_items - 2);
    click_rig_stop(fixture.rig);
}

static void what_training_saw_the_user_choose_is_no_candidate(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    const struct sample_batch *samples = &fixture.rig->samples;
    uint64_t seen[2 * CLICK_RIG_IDS] = {0}, num_seen = 0; // by item: of user 7, but item 3
    for (uint32_t b = 0; b < samples->num_samples; b++) {
        if (samples->ids[0][b] != 7) continue;
        if (samples->labels[b] == 1) seen[samples->ids[1][b]] = 1;
        for (uint32_t r = samples->row_start[b]; r < samples->row_start[b + 1]; r++)
            seen[samples->histories[0][r]] = 1;
    }
    for (uint64_t i = 0; i < CLICK_RIG_IDS; i++) num_seen += i != 3 && seen[i];
    assert_in_range(num_seen, 1, CLICK_RIG_IDS - K);
    assert_int_equal(rank_text(&fixture, "1\t7\t3\t1\t\t\n", NULL, &ranking), SOUK_OK);
    check_chance(&ranking, fixture.num_items - num_seen);
    click_rig_stop(fixture.rig);
}

static void an_item_that_nobody_knows_is_ranked_too_and_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    assert_int_equal(rank_text(&fixture, "1\t900\t999\t1\t\t\n", NULL, &ranking), SOUK_OK);
    assert_int_equal(ranking.num_unknown, 1);
    check_chance(&ranking, fixture.num_items + 1);
    click_rig_stop(fixture.rig);
}

static void users_are_drawn_by_the_seed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking, again, other;
    struct buf rows = {0};
    start(&fixture);
    // User u has u % 7 + 1 clicks: their number tells who was drawn.
    for (uint32_t u = 0; u < STRANGERS; u++)
        for (uint32_t i = 0; i <= u % 7; i++) buf_printf(&rows, "1\t%u\t3\t1\t\t\n", 900 + u);
    fixture.rig->config.eval.max_users = 9;
    assert_int_equal(rank_text(&fixture, buf_text(&rows), NULL, &ranking), SOUK_OK);
    assert_int_equal(rank_text(&fixture, buf_text(&rows), NULL, &again), SOUK_OK);
    fixture.rig->config.run.seed += 5;
    assert_int_equal(rank_text(&fixture, buf_text(&rows), NULL, &other), SOUK_OK);
    assert_int_equal(ranking.num_users, 9);
    assert_int_equal(ranking.num_users_all, STRANGERS);
    assert_int_equal(ranking.num_clicks, again.num_clicks);
    assert_in_range(ranking.num_clicks, 9, 9 * 7);
    assert_int_not_equal(ranking.num_clicks, other.num_clicks);
    buf_fini(&rows);
    click_rig_stop(fixture.rig);
}

static void without_clicks_figures_are_undefined(void **state)
{
    (void)state;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    assert_int_equal(rank_text(&fixture, "0\t900\t3\t1\t\t\n", NULL, &ranking), SOUK_OK);
    assert_int_equal(ranking.num_clicks, 0);
    assert_true(isnan(ranking.hit_rate) && isnan(ranking.ndcg) && isnan(ranking.mrr));
    click_rig_stop(fixture.rig);
}

static void a_signal_ends_it(void **state)
{
    (void)state;
    static const volatile sig_atomic_t stop = 1;
    struct fixture fixture;
    struct full_ranking ranking;
    start(&fixture);
    assert_int_equal(rank_text(&fixture, "1\t900\t3\t1\t\t\n", &stop, &ranking), SOUK_ESTOPPED);
    click_rig_stop(fixture.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_scores_give_what_chance_gives),
        cmocka_unit_test(what_is_in_the_history_is_no_candidate_unless_it_is_clicked),
        cmocka_unit_test(what_training_saw_the_user_choose_is_no_candidate),
        cmocka_unit_test(an_item_that_nobody_knows_is_ranked_too_and_counted),
        cmocka_unit_test(users_are_drawn_by_the_seed),
        cmocka_unit_test(without_clicks_figures_are_undefined),
        cmocka_unit_test(a_signal_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
