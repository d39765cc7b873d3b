/* recommend_clicks.c - see recommend_clicks.h. For each user all candidates are scored, piece by
 * piece, with the user's kept profile (or the newest row of a file) around them. A policy chooses
 * its slate among the best. */
#include "worker/cli/recommend_clicks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/candidates.h"
#include "worker/cli/item_list.h"
#include "worker/cli/output.h"
#include "worker/cli/policy_slate.h"
#include "worker/data/sample_profiles.h"
#include "worker/eval/click_ranking.h"
#include "worker/model/din.h"
#include "worker/nn/vmath.h"

struct click_recommending {
    struct loaded *loaded;
    const struct args *args;
    const struct sample_format *format; // of the model
    uint32_t top;
    struct id_texts users, items;
    struct names *titles; // owned; NULL: none
    uint64_t *keys;       // (num_keys) users asked for, in the order of the command line
    uint64_t *sorted;     // (num_keys) the same, ascending
    uint32_t num_keys;
    struct memory_files files;
    struct profiles profiles; // of sorted
    struct catalogue candidates;
    struct click_scorer *scorer;
    struct click_ranking *ranking;
    struct policy_slate *policy;  // who chooses among the top; NULL: nobody does
    struct sample_batch stranger; // one sample: of a user that nothing is known of
    struct top_list list;         // of the user in hand
    struct buf text;
    struct json json;
};

// The user in hand.
struct click_user {
    uint64_t key;
    const struct sample_batch *samples;
    uint32_t sample; // in samples: the profile
    bool is_known;   // there is one
    bool is_trained; // the model has a row of the user, or does without
    uint32_t num_behaviours;
    const uint64_t *seen; // (num_seen) ascending
    uint64_t num_seen;
};

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* ---- whom ---- */

// An empty history, and ids that nobody has: their rows are zero vectors.
static void make_stranger(struct click_recommending *run, uint64_t key)
{
    struct sample_batch *stranger = &run->stranger;
    sample_batch_clear(stranger);
    sample_batch_reserve(stranger, 1, 1);
    stranger->labels[0] = 0;
    for (uint32_t i = 0; i < stranger->num_ids; i++) stranger->ids[i][0] = PROFILE_UNKNOWN_ID;
    stranger->ids[run->format->user][0] = key;
    stranger->row_start[1] = 0;
    stranger->num_samples = 1;
}

static void find_user(struct click_recommending *run, uint64_t key, struct click_user *user)
{
    const struct profiles *profiles = &run->profiles;
    const uint64_t *found = bsearch(&key, run->sorted, run->num_keys, sizeof key, compare_keys);
    size_t u = (size_t)(found - run->sorted); // all that are asked for are there
    *user = (struct click_user){.key = key,
                                .is_known = profiles->sample[u] != UINT32_MAX,
                                .is_trained = true,
                                .seen = profiles->seen + profiles->seen_start[u],
                                .num_seen = profiles->seen_start[u + 1] - profiles->seen_start[u]};
    if (user->is_known) {
        user->samples = &profiles->samples;
        user->sample = profiles->sample[u];
    } else {
        make_stranger(run, key);
        user->samples = &run->stranger;
    }
    const uint32_t *row_start = user->samples->row_start + user->sample;
    user->num_behaviours = row_start[1] - row_start[0];
}

static souk_status read_profiles(struct click_recommending *run)
{
    const struct args *args = run->args;
    struct sample_profiles_options options = {.config = &run->loaded->config,
                                              .files = &args->data,
                                              .model = run->format,
                                              .users = run->sorted,
                                              .num_users = run->num_keys};
    if (args->data.num_items > 0) return sample_profiles_read(&options, &run->profiles);
    return profiles_read(run->files.paths, run->files.num, run->format, run->sorted, run->num_keys,
                         &run->profiles);
}

/* ---- what ---- */

static bool is_seen(const struct click_user *user, uint64_t item)
{
    return user->num_seen > 0 &&
           bsearch(&item, user->seen, user->num_seen, sizeof item, compare_keys) != NULL;
}

static void take_piece(struct click_recommending *run, const struct click_user *user,
                       uint64_t first, const struct ranking_piece *piece)
{
    for (uint32_t i = 0; i < piece->num; i++) {
        uint64_t key = run->candidates.items[first + i];
        if (!top_list_takes(&run->list, piece->logits[i], key)) continue;
        if (!run->args->with_seen && is_seen(user, key)) continue;
        struct top_entry entry = {
            .rank = piece->logits[i], .value = vmath_sigmoid1(piece->logits[i]), .key = key};
        top_list_add(&run->list, &entry);
    }
}

static souk_status rank_candidates(struct click_recommending *run, struct click_user *user)
{
    struct ranking_piece piece;
    for (uint64_t at = 0; at < run->candidates.num_items; at += piece.num) {
        souk_status status = loaded_check_signal(run->loaded);
        if (status == SOUK_OK)
            status = click_ranking_score(run->ranking, user->samples, user->sample, at, &piece);
        if (status != SOUK_OK) return status;
        user->is_trained = !(piece.is_cold[0] & CLICK_COLD_USER);
        take_piece(run, user, at, &piece);
    }
    top_list_sort(&run->list);
    return SOUK_OK;
}

/* ---- output ---- */

static void warn_of_stranger(const struct click_recommending *run, const struct click_user *user)
{
    struct buf id = {0}, shown = {0};
    id_texts_add(&run->users, user->key, &id);
    text_add_shown(&shown, buf_text(&id), id.length);
    if (!user->is_known && run->args->data.num_items > 0)
        log_warning("user %s has no row in %s: scored with an empty history", buf_text(&shown),
                    run->args->data.items[0]);
    else if (!user->is_known)
        log_warning("user %s is not in the model: scored with an empty history", buf_text(&shown));
    else if (!user->is_trained)
        log_warning("user %s was never trained on: scored by the history alone", buf_text(&shown));
    buf_fini(&id);
    buf_fini(&shown);
}

static struct item_list item_list_of(const struct click_recommending *run)
{
    return (struct item_list){.items = &run->items,
                              .titles = run->titles,
                              .figure = "probability",
                              .key = "probability",
                              .digits = 4};
}

static void add_head_of_user(struct click_recommending *run, const struct click_user *user)
{
    struct buf id = {0}, *out = &run->text;
    char behaviours[32], seen[32], scored[32];
    id_texts_add(&run->users, user->key, &id);
    buf_add_text(out, "user ");
    text_add_shown(out, buf_text(&id), id.length);
    if (user->is_known)
        buf_printf(out, " (%s behaviours, %s items seen%s; ",
                   text_group_digits(user->num_behaviours, behaviours),
                   text_group_digits(user->num_seen, seen),
                   run->args->with_seen || user->num_seen == 0 ? "" : ", left out below");
    else
        buf_add_text(out, " (not in the model, empty history; ");
    buf_printf(out, "%s candidates scored)\n",
               text_group_digits(run->candidates.num_items, scored));
    if (run->list.num_entries == 0) buf_add_text(out, "(the user has seen all of them)\n");
    buf_fini(&id);
}

static void add_text(struct click_recommending *run, const struct click_user *user)
{
    struct item_list list = item_list_of(run);
    add_head_of_user(run, user);
    item_list_text(&list, &run->list, &run->text);
}

/* The object stays open. */
static void open_json_user(struct click_recommending *run, const struct click_user *user)
{
    struct json *json = &run->json;
    struct buf id = {0};
    id_texts_add(&run->users, user->key, &id);
    json_open(json, '{');
    json_key(json, "user"), json_string_n(json, buf_text(&id), id.length);
    json_key(json, "is_known"), json_bool(json, user->is_known);
    json_key(json, "is_trained"), json_bool(json, user->is_trained);
    json_key(json, "num_behaviours"), json_uint(json, user->num_behaviours);
    json_key(json, "num_seen"), json_uint(json, user->num_seen);
    json_key(json, "num_scored"), json_uint(json, run->candidates.num_items);
    buf_fini(&id);
}

static void add_json(struct click_recommending *run, const struct click_user *user)
{
    struct item_list list = item_list_of(run);
    open_json_user(run, user);
    json_key(&run->json, "items"), item_list_json(&list, &run->list, &run->json);
    json_close(&run->json);
}

static void add_head(struct click_recommending *run)
{
    if (!run->args->is_json) return;
    json_init(&run->json, &run->text);
    json_open(&run->json, '{');
    json_key(&run->json, "model");
    json_string(&run->json, model_dir_path(run->loaded->dir));
    if (run->policy) {
        json_key(&run->json, "policy");
        json_string(&run->json, policy_slate_path(run->policy));
    }
    json_key(&run->json, "users"), json_open(&run->json, '[');
}

static void add_foot(struct click_recommending *run)
{
    if (!run->args->is_json) return;
    json_close(&run->json);
    json_close(&run->json);
    buf_add_char(&run->text, '\n');
}

/* ---- a policy's choice ---- */

static void add_policy_text(struct click_recommending *run, const struct policy_choice *choices,
                            uint32_t num)
{
    struct buf *out = &run->text;
    buf_printf(out, "%8s  %10s  %11s  %s\n", "position", "propensity", "probability", "item");
    for (uint32_t k = 0; k < num; k++) {
        struct buf id = {0};
        buf_printf(out, "%8u  %10.6f  %11.4f  ", k + 1, choices[k].propensity,
                   choices[k].probability);
        id_texts_add(&run->items, choices[k].item, &id);
        text_add_shown(out, buf_text(&id), id.length);
        buf_clear(&id);
        labels_add_title(run->titles, choices[k].item, &id);
        if (id.length > 0) buf_add_text(out, "  ");
        text_add_shown(out, buf_text(&id), id.length);
        buf_add_char(out, '\n');
        buf_fini(&id);
    }
}

static void add_policy_json(struct click_recommending *run, const struct policy_choice *choices,
                            uint32_t num)
{
    struct json *json = &run->json;
    json_key(json, "slate"), json_open(json, '[');
    for (uint32_t k = 0; k < num; k++) {
        struct buf id = {0};
        id_texts_add(&run->items, choices[k].item, &id);
        json_open(json, '{');
        json_key(json, "position"), json_uint(json, k + 1);
        json_key(json, "item"), json_string_n(json, buf_text(&id), id.length);
        json_key(json, "probability"), json_double(json, choices[k].probability);
        json_key(json, "propensity"), json_double(json, choices[k].propensity);
        json_key(json, "marginal"), json_double(json, choices[k].marginal);
        json_close(json);
        buf_fini(&id);
    }
    json_close(json);
}

static souk_status choose_slate(struct click_recommending *run, const struct click_user *user)
{
    const struct policy_choice *choices;
    uint32_t num;
    souk_status status = policy_slate_choose(run->policy, user->key, user->samples, user->sample,
                                             &run->list, &choices, &num);
    if (status != SOUK_OK) return status;
    if (!run->args->is_json) {
        add_head_of_user(run, user);
        add_policy_text(run, choices, num);
        return SOUK_OK;
    }
    open_json_user(run, user);
    json_key(&run->json, "num_candidates"), json_uint(&run->json, run->list.num_entries);
    add_policy_json(run, choices, num);
    json_close(&run->json);
    return SOUK_OK;
}

/* ---- the whole ---- */

static souk_status recommend_user(struct click_recommending *run, uint64_t key)
{
    struct click_user user;
    find_user(run, key, &user);
    top_list_init(&run->list, run->top);
    souk_status status = rank_candidates(run, &user);
    if (status == SOUK_OK) {
        warn_of_stranger(run, &user);
        if (run->policy)
            status = choose_slate(run, &user);
        else if (run->args->is_json)
            add_json(run, &user);
        else
            add_text(run, &user);
    }
    top_list_fini(&run->list);
    return status;
}

static souk_status recommend_users(struct click_recommending *run, struct output *output)
{
    add_head(run);
    for (uint32_t u = 0; u < run->num_keys; u++) {
        souk_status status = recommend_user(run, run->keys[u]);
        if (status == SOUK_OK) status = output_write(output, &run->text);
        if (status != SOUK_OK) return status;
        if (u + 1 < run->num_keys && !run->args->is_json) buf_add_char(&run->text, '\n');
    }
    add_foot(run);
    return output_write(output, &run->text);
}

static souk_status read_options(struct click_recommending *run)
{
    struct loaded *loaded = run->loaded;
    souk_status status = id_texts_users(loaded, &run->users);
    if (status == SOUK_OK) status = id_texts_items(loaded, &run->items);
    if (status == SOUK_OK)
        status = id_texts_parse_list(&run->users, &run->args->users, &run->keys, &run->num_keys);
    if (status == SOUK_OK) status = labels_titles(loaded, run->args, &run->items, &run->titles);
    if (status != SOUK_OK) return status;
    run->sorted = mem_calloc(run->num_keys, sizeof *run->sorted, "users");
    memcpy(run->sorted, run->keys, run->num_keys * sizeof *run->sorted);
    qsort(run->sorted, run->num_keys, sizeof *run->sorted, compare_keys);
    return SOUK_OK;
}

static souk_status prepare(struct click_recommending *run)
{
    struct loaded *loaded = run->loaded;
    souk_status status = read_options(run);
    if (status == SOUK_OK) status = memory_files_of(loaded, &run->files);
    if (status == SOUK_OK)
        status = candidates_read(loaded, &run->files, &run->items, run->args->candidates,
                                 &run->candidates);
    if (status == SOUK_OK) status = read_profiles(run);
    if (status == SOUK_OK && run->args->policy) {
        status = policy_slate_open(loaded, run->args, &run->policy);
        if (status == SOUK_OK) run->top = policy_slate_num_candidates(run->policy);
    }
    if (status != SOUK_OK) return status;
    sample_batch_init(&run->stranger, run->format->num_ids, run->format->num_histories);
    run->scorer = click_scorer_create(loaded->model, loaded->client, loaded->tables);
    run->ranking = click_ranking_create(run->scorer, run->format, &run->candidates);
    return SOUK_OK;
}

static souk_status write_all(struct click_recommending *run)
{
    struct output *output;
    souk_status status = prepare(run);
    if (status == SOUK_OK) status = output_open(run->args->output, &output);
    if (status != SOUK_OK) return status;
    status = recommend_users(run, output);
    if (status == SOUK_OK) return output_finish(output);
    output_drop(output);
    return status;
}

souk_status recommend_clicks(struct loaded *loaded, const struct args *args, uint32_t top)
{
    struct click_recommending *run = mem_calloc(1, sizeof *run, "recommendations");
    run->loaded = loaded;
    run->args = args;
    run->format = din_format(loaded->model);
    run->top = top;
    souk_status status = write_all(run);
    click_ranking_destroy(run->ranking);
    click_scorer_destroy(run->scorer);
    policy_slate_close(run->policy);
    sample_batch_fini(&run->stranger);
    profiles_fini(&run->profiles);
    catalogue_fini(&run->candidates);
    memory_files_fini(&run->files);
    id_texts_fini(&run->users);
    id_texts_fini(&run->items);
    names_destroy(run->titles);
    buf_fini(&run->text);
    mem_free(run->keys);
    mem_free(run->sorted);
    mem_free(run);
    return status;
}
