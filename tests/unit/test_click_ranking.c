/* test_click_ranking.c - candidates are scored as samples with their fields are, all of them, in
 * whatever pieces. */
#include "worker/eval/click_ranking.h"

#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/click_rig.h"
#include "tests/support/cmocka.h"

enum { MANY = 10000, NUM_FIELDS = 2 };

// Item i of category i % 7, both as far as there are ids.
static void make_catalogue(struct catalogue *catalogue, uint64_t num_items)
{
    *catalogue =
        (struct catalogue){.num_items = num_items, .num_fields = NUM_FIELDS, .fields = {1, 2}};
    catalogue->items = mem_calloc(num_items, sizeof *catalogue->items, "items");
    catalogue->ids = mem_calloc(num_items * NUM_FIELDS, sizeof *catalogue->ids, "fields");
    for (uint64_t i = 0; i < num_items; i++) {
        catalogue->items[i] = i;
        catalogue->ids[NUM_FIELDS * i] = i;
        catalogue->ids[NUM_FIELDS * i + 1] = i % 7;
    }
}

// The logits of all candidates for sample b; returns the number of pieces.
static uint32_t rank_all(struct click_ranking *ranking, const struct catalogue *catalogue,
                         const struct sample_batch *users, uint32_t b, float *logits,
                         uint8_t *is_cold)
{
    struct ranking_piece piece;
    uint32_t num_pieces = 0;
    for (uint64_t at = 0; at < catalogue->num_items; at += piece.num, num_pieces++) {
        assert_int_equal(click_ranking_score(ranking, users, b, at, &piece), SOUK_OK);
        assert_in_range(piece.num, 1, catalogue->num_items - at);
        memcpy(logits + at, piece.logits, piece.num * sizeof *logits);
        memcpy(is_cold + at, piece.is_cold, piece.num);
    }
    return num_pieces;
}

static uint32_t longest(const struct sample_batch *samples)
{
    uint32_t best = 0;
    for (uint32_t b = 0; b < samples->num_samples; b++)
        if (samples->row_start[b + 1] - samples->row_start[b] >
            samples->row_start[best + 1] - samples->row_start[best])
            best = b;
    return best;
}

static void candidates_take_the_place_of_the_users_own(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("din", "32");
    struct catalogue catalogue;
    float logits[CLICK_RIG_IDS];
    uint8_t is_cold[CLICK_RIG_IDS];
    make_catalogue(&catalogue, CLICK_RIG_IDS);
    struct click_ranking *ranking = click_ranking_create(rig->scorer, &rig->format, &catalogue);
    for (uint32_t turn = 0; turn < 2; turn++) { // the longest history, and none
        uint32_t b = turn == 0 ? longest(&rig->samples) : 1;
        rank_all(ranking, &catalogue, &rig->samples, b, logits, is_cold);
        for (uint32_t i = 0; i < CLICK_RIG_IDS; i++) {
            struct sample_batch *samples = &rig->samples;
            struct click_scores scores;
            samples->ids[1][b] = i;
            samples->ids[2][b] = i % 7;
            assert_int_equal(click_scorer_run(rig->scorer, samples, &scores), SOUK_OK);
            assert_true(fabsf(scores.logits[b] - logits[i]) < 1e-5f);
            assert_int_equal(scores.is_cold[b], is_cold[i]);
            assert_int_equal((is_cold[i] & CLICK_COLD_ITEM) != 0, i >= CLICK_RIG_KNOWN);
        }
    }
    click_ranking_destroy(ranking);
    catalogue_fini(&catalogue);
    click_rig_stop(rig);
}

static void many_candidates_come_in_pieces(void **state)
{
    (void)state;
    struct click_rig *rig = click_rig_start("base", "1000");
    struct catalogue catalogue;
    float *logits = mem_calloc(MANY, sizeof *logits, "logits");
    uint8_t *is_cold = mem_calloc(MANY, sizeof *is_cold, "marks");
    make_catalogue(&catalogue, MANY);
    // All behave as one of the first items.
    for (uint64_t i = 0; i < MANY; i++) catalogue.ids[NUM_FIELDS * i] = i % 14;
    struct click_ranking *ranking = click_ranking_create(rig->scorer, &rig->format, &catalogue);
    uint32_t b = longest(&rig->samples);
    assert_true(rank_all(ranking, &catalogue, &rig->samples, b, logits, is_cold) > 1);
    assert_true(fabsf(logits[0] - logits[1]) > 1e-4f);
    for (uint32_t i = 14; i < MANY; i++) assert_true(fabsf(logits[i] - logits[i % 14]) < 1e-5f);
    click_ranking_destroy(ranking);
    catalogue_fini(&catalogue);
    mem_free(logits);
    mem_free(is_cold);
    click_rig_stop(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_take_the_place_of_the_users_own),
        cmocka_unit_test(many_candidates_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
