/* full_ranking.c - see full_ranking.h. */
#include "worker/eval/full_ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/line_reader.h"
#include "worker/data/sample_reader.h"
#include "worker/eval/click_ranking.h"
#include "worker/eval/full_ranking_users.h"

enum {
    ROWS_A_STEP = 1024,
    PROGRESS_ROWS = 10, // of training's rows of progress in the time of one line: it may take hours
};

// Sums over clicks, in the order in which ranks add them up.
enum { SUM_CLICKS, SUM_UNKNOWN, SUM_CANDIDATES, SUM_HITS, SUM_NDCG, SUM_MRR, NUM_SUMS };

struct full_run {
    const struct full_ranking_options *options;
    struct sample_format format; // of the files
    struct ranked_users users;
    struct profiles profiles; // of users.keys
    struct catalogue items;
    struct click_ranking *ranking;
    struct sample_batch one; // the click in hand
    uint64_t *history;       // items of its history, ascending
    size_t history_capacity;
    uint32_t num_history;
    double sums[NUM_SUMS];
    uint64_t started_ns, shown_ns;
};

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool has_key(const uint64_t *keys, uint64_t num, uint64_t key)
{
    return num > 0 && bsearch(&key, keys, num, sizeof key, compare_keys) != NULL;
}

/* ---- progress ---- */

static void announce(const struct full_run *run)
{
    char drawn[32], all[32], clicks[32], items[32];
    double num_clicks = (double)run->users.num_clicks;
    comm_sum(run->options->comm, &num_clicks, 1);
    if (comm_rank(run->options->comm) != 0) return;
    log_info(
        "ranking %s clicks of %s users (of %s; eval.max_users) among %s items: %.3g scores",
        text_group_digits((unsigned long long)num_clicks, clicks),
        text_group_digits(run->users.num_drawn, drawn), text_group_digits(run->users.num_all, all),
        text_group_digits(run->items.num_items, items), num_clicks * (double)run->items.num_items);
}

/* Rank 0's own share stands for the others'. */
static void show_progress(struct full_run *run)
{
    uint64_t now = clock_now_ns();
    if (comm_rank(run->options->comm) != 0) return;
    double every_ns = PROGRESS_ROWS * run->options->config->run.progress_s * 1e9;
    if ((double)(now - run->shown_ns) < every_ns) return;
    run->shown_ns = now;
    double share = run->sums[SUM_CLICKS] / (double)run->users.num_clicks;
    double left_s = (double)(now - run->started_ns) / 1e9 * (1 - share) / share;
    log_info("ranked %.1f %% of the clicks; %.0f s left", 100 * share, left_s);
}

static souk_status check_signal(const struct full_run *run)
{
    const volatile sig_atomic_t *signal = run->options->stop_signal;
    if (!signal || !*signal) return SOUK_OK;
    return log_fail(SOUK_ESTOPPED, "stopped before all clicks were ranked; eval.max_users limits "
                                   "their number");
}

/* ---- one click ---- */

// Sorts the items of the click's history.
static void take_history(struct full_run *run)
{
    const struct sample_format *model = run->options->model;
    const struct sample_batch *one = &run->one;
    run->num_history = 0;
    for (uint32_t h = 0; h < model->num_histories; h++) {
        if (model->targets[h] != model->item) continue;
        mem_reserve(&run->history, &run->history_capacity, run->num_history + one->num_rows + 1,
                    sizeof *run->history, "history");
        for (uint32_t r = 0; r < one->num_rows; r++)
            run->history[run->num_history++] = one->histories[h][r];
    }
    if (run->num_history > 0)
        qsort(run->history, run->num_history, sizeof *run->history, compare_keys);
}

// Candidates other than the click itself.
struct others {
    uint64_t num, num_above, num_equal;
};

static void compare_piece(const struct full_run *run, uint32_t user, float own, uint64_t first,
                          const struct ranking_piece *piece, struct others *others)
{
    const struct profiles *profiles = &run->profiles;
    const uint64_t *seen = profiles->seen + profiles->seen_start[user];
    uint64_t num_seen = profiles->seen_start[user + 1] - profiles->seen_start[user];
    uint64_t clicked = run->one.ids[run->options->model->item][0];
    for (uint32_t i = 0; i < piece->num; i++) {
        uint64_t key = run->items.items[first + i];
        if (key == clicked || has_key(seen, num_seen, key) ||
            has_key(run->history, run->num_history, key))
            continue;
        others->num++;
        others->num_above += piece->logits[i] > own;
        others->num_equal += piece->logits[i] == own;
    }
}

/* The click stands at each of the places above .. above + equal with the same probability. */
static void add_rank(struct full_run *run, const struct others *others)
{
    double *sums = run->sums, num_places = (double)(others->num_equal + 1);
    uint64_t k = run->options->k, above = others->num_above, end = above + others->num_equal + 1;
    for (uint64_t place = above; place < end; place++) {
        sums[SUM_MRR] += 1 / (double)(place + 1) / num_places;
        if (place >= k) continue;
        sums[SUM_HITS] += 1 / num_places;
        sums[SUM_NDCG] += 1 / log2((double)place + 2) / num_places;
    }
    sums[SUM_CLICKS]++;
    sums[SUM_CANDIDATES] += (double)others->num + 1;
    sums[SUM_UNKNOWN] += !has_key(run->items.items, run->items.num_items,
                                  run->one.ids[run->options->model->item][0]);
}

static souk_status rank_click(struct full_run *run, const struct sample_batch *rows, uint32_t b,
                              uint32_t user)
{
    struct click_scores scores;
    struct ranking_piece piece;
    struct others others = {0};
    sample_batch_clear(&run->one);
    sample_batch_append(&run->one, rows, b);
    take_history(run);
    souk_status status = click_scorer_run(run->options->scorer, &run->one, &scores);
    if (status != SOUK_OK) return status;
    float own = scores.logits[0];
    for (uint64_t at = 0; at < run->items.num_items; at += piece.num) {
        status = check_signal(run);
        if (status == SOUK_OK) status = click_ranking_score(run->ranking, &run->one, 0, at, &piece);
        if (status != SOUK_OK) return status;
        compare_piece(run, user, own, at, &piece, &others);
    }
    add_rank(run, &others);
    show_progress(run);
    return SOUK_OK;
}

/* ---- all clicks ---- */

static souk_status rank_rows(struct full_run *run, const struct sample_batch *rows)
{
    const struct ranked_users *users = &run->users;
    const uint64_t *keys = rows->ids[run->options->model->user];
    for (uint32_t b = 0; b < rows->num_samples; b++) {
        if (rows->labels[b] != 1) continue;
        const uint64_t *found =
            bsearch(&keys[b], users->keys, users->num, sizeof *keys, compare_keys);
        if (!found) continue;
        souk_status status = rank_click(run, rows, b, (uint32_t)(found - users->keys));
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status rank_all(struct full_run *run)
{
    struct sample_reader *reader;
    struct sample_batch rows;
    souk_status status = ranked_rows_open(run->options, &run->format, &reader);
    if (status != SOUK_OK) return status;
    sample_format_init_batch(&run->format, &rows);
    do {
        status = sample_reader_next(reader, ROWS_A_STEP, &rows);
        if (status == SOUK_OK) status = rank_rows(run, &rows);
    } while (status == SOUK_OK && rows.num_samples > 0);
    sample_batch_fini(&rows);
    sample_reader_close(reader);
    return status;
}

static souk_status open_data(struct full_run *run)
{
    const struct full_ranking_options *options = run->options;
    for (uint32_t i = 0; i < options->files->num_items; i++)
        if (!line_reader_can_repeat(options->files->items[i]))
            return log_fail(SOUK_ECONFIG,
                            "%s cannot be read twice, which eval.candidates=all has to; write it "
                            "to a file",
                            options->files->items[i]);
    struct sample_format_options columns = {.config = options->config,
                                            .path = options->files->items[0],
                                            .needs_label = true,
                                            .model = options->model};
    return sample_format_resolve(&columns, &run->format);
}

static souk_status remember(struct full_run *run)
{
    const struct full_ranking_options *options = run->options;
    souk_status status = profiles_read(options->paths, options->num_paths, options->model,
                                       run->users.keys, run->users.num, &run->profiles);
    if (status == SOUK_OK)
        status = catalogue_read(options->paths, options->num_paths, options->model, &run->items);
    return status;
}

static void finish(const struct full_run *run, struct full_ranking *out)
{
    const double *sums = run->sums;
    double n = sums[SUM_CLICKS];
    *out = (struct full_ranking){.k = run->options->k,
                                 .num_items = run->items.num_items,
                                 .num_users = run->users.num_drawn,
                                 .num_users_all = run->users.num_all,
                                 .num_clicks = (uint64_t)n,
                                 .num_unknown = (uint64_t)sums[SUM_UNKNOWN],
                                 .mean_candidates = n > 0 ? sums[SUM_CANDIDATES] / n : NAN,
                                 .hit_rate = n > 0 ? sums[SUM_HITS] / n : NAN,
                                 .ndcg = n > 0 ? sums[SUM_NDCG] / n : NAN,
                                 .mrr = n > 0 ? sums[SUM_MRR] / n : NAN};
}

/* Shares may differ by more than a collective call waits for. */
static void wait_for_others(const struct full_run *run)
{
    double here = 1;
    comm_sum_start(run->options->comm, &here, 1);
    while (!comm_sum_ready(run->options->comm, &here)) clock_sleep_ms(1);
}

static souk_status run_all(struct full_run *run)
{
    const struct full_ranking_options *options = run->options;
    souk_status status = comm_agree(options->comm, open_data(run));
    if (status == SOUK_OK) status = ranked_users_find(options, &run->format, &run->users);
    if (status != SOUK_OK) return status;
    status = comm_agree(options->comm, remember(run));
    if (status != SOUK_OK) return status;
    announce(run);
    sample_batch_init(&run->one, options->model->num_ids, options->model->num_histories);
    run->ranking = click_ranking_create(options->scorer, options->model, &run->items);
    run->started_ns = run->shown_ns = clock_now_ns();
    status = rank_all(run);
    wait_for_others(run);
    status = comm_agree(options->comm, status);
    if (status == SOUK_OK) comm_sum(options->comm, run->sums, NUM_SUMS);
    return status;
}

souk_status full_ranking_run(const struct full_ranking_options *options,
                             struct full_ranking *ranking_out)
{
    struct full_run *run = mem_calloc(1, sizeof *run, "ranking");
    run->options = options;
    souk_status status = run_all(run);
    if (status == SOUK_OK) finish(run, ranking_out);
    click_ranking_destroy(run->ranking);
    sample_batch_fini(&run->one);
    ranked_users_fini(&run->users);
    profiles_fini(&run->profiles);
    catalogue_fini(&run->items);
    mem_free(run->history);
    mem_free(run);
    return status;
}
