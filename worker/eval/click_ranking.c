/* click_ranking.c - see click_ranking.h. */
#include "worker/eval/click_ranking.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"

enum {
    PIECE_MAX = 4096,    // candidates at once
    PIECE_ROWS = 1 << 18 // behaviours at once, unless one history alone is longer
};

struct click_ranking {
    struct click_scorer *scorer;        // borrowed
    const struct catalogue *candidates; // borrowed
    struct sample_batch samples;        // the user's, once a candidate
};

struct click_ranking *click_ranking_create(struct click_scorer *scorer,
                                           const struct sample_format *format,
                                           const struct catalogue *candidates)
{
    struct click_ranking *ranking = mem_calloc(1, sizeof *ranking, "ranking");
    ranking->scorer = scorer;
    ranking->candidates = candidates;
    sample_batch_init(&ranking->samples, format->num_ids, format->num_histories);
    return ranking;
}

void click_ranking_destroy(struct click_ranking *ranking)
{
    if (!ranking) return;
    sample_batch_fini(&ranking->samples);
    mem_free(ranking);
}

static uint32_t piece_size(uint64_t num_left, uint32_t num_behaviours)
{
    uint32_t most = num_behaviours > 0 ? PIECE_ROWS / num_behaviours : PIECE_MAX;
    if (most > PIECE_MAX) most = PIECE_MAX;
    if (most < 1) most = 1;
    return num_left < most ? (uint32_t)num_left : most;
}

/* n times sample b. */
static void repeat(const struct sample_batch *from, uint32_t b, uint32_t n, struct sample_batch *to)
{
    uint32_t row = from->row_start[b], length = from->row_start[b + 1] - row;
    sample_batch_clear(to);
    sample_batch_reserve(to, n, n * length);
    for (uint32_t i = 0; i < n; i++) {
        to->labels[i] = 0;
        to->row_start[i + 1] = (i + 1) * length;
        for (uint32_t f = 0; f < to->num_ids; f++) to->ids[f][i] = from->ids[f][b];
        for (uint32_t h = 0; h < to->num_histories && length > 0; h++)
            memcpy(to->histories[h] + (size_t)i * length, from->histories[h] + row,
                   length * sizeof *to->histories[h]);
    }
    to->num_samples = n;
    to->num_rows = n * length;
}

static void put_candidates(const struct catalogue *candidates, uint64_t first,
                           struct sample_batch *samples)
{
    uint32_t num_fields = candidates->num_fields;
    for (uint32_t i = 0; i < samples->num_samples; i++) {
        const uint64_t *ids = candidates->ids + (first + i) * num_fields;
        for (uint32_t f = 0; f < num_fields; f++) samples->ids[candidates->fields[f]][i] = ids[f];
    }
}

souk_status click_ranking_score(struct click_ranking *ranking, const struct sample_batch *users,
                                uint32_t b, uint64_t first, struct ranking_piece *piece_out)
{
    struct click_scores scores;
    assert(first < ranking->candidates->num_items);
    uint32_t length = users->row_start[b + 1] - users->row_start[b];
    uint32_t n = piece_size(ranking->candidates->num_items - first, length);
    repeat(users, b, n, &ranking->samples);
    put_candidates(ranking->candidates, first, &ranking->samples);
    souk_status status = click_scorer_run(ranking->scorer, &ranking->samples, &scores);
    if (status != SOUK_OK) return status;
    *piece_out =
        (struct ranking_piece){.num = n, .logits = scores.logits, .is_cold = scores.is_cold};
    return SOUK_OK;
}
