/* recommend.c - souk recommend: the n items that a user would rate best.
 *
 * Users go through in groups; for each group the item table is scanned once, and every user keeps a
 * heap of n. What a user has rated stays out (observed files of the model). Items are ranked by
 * what of the prediction depends on them, b_i + p_u . q_i: with model.clip many predictions end at
 * the same highest rating, and this still tells them apart. recommend_clicks.h has models of
 * clicks.
 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/item_list.h"
#include "worker/cli/loaded.h"
#include "worker/cli/output.h"
#include "worker/cli/recommend_clicks.h"
#include "worker/cli/row_set.h"
#include "worker/cli/seen.h"
#include "worker/model/mf.h"

enum { USERS_A_SCAN = 256, TOP_DEFAULT = 10, TOP_MAX = 1000000 };

struct recommending {
    struct loaded *loaded;
    const struct args *args;
    uint32_t top;
    struct id_texts users, items;
    struct names *titles; // owned; NULL: none
    uint64_t *keys;       // (num_keys) users asked for, in the order of the command line
    uint32_t num_keys;
    struct row_set rows;                  // of the group in hand
    struct seen seen;                     // of the group in hand
    const float *user_rows[USERS_A_SCAN]; // NULL: not in the model
    struct top_list lists[USERS_A_SCAN];  // of the group in hand
    uint64_t *group;                      // users of the group
    uint32_t num_group;
    struct buf text;
    struct json json;
};

static void rate_item(struct recommending *run, uint64_t key, const float *row)
{
    const struct model *model = run->loaded->model;
    uint32_t k = mf_k(model);
    for (uint32_t u = 0; u < run->num_group; u++) {
        const float *user = run->user_rows[u];
        float rank = row[k] + (user ? mf_dot(user, row, k) : 0.0f);
        if (!top_list_takes(&run->lists[u], rank, key)) continue;
        if (!run->args->with_seen && seen_find(&run->seen, run->group[u], key)) continue;
        struct top_entry entry = {.rank = rank, .value = mf_predict(model, user, row), .key = key};
        top_list_add(&run->lists[u], &entry);
    }
}

static souk_status rate_block(void *ctx, const struct souk_scan_block *block)
{
    struct recommending *run = ctx;
    souk_status status = loaded_check_signal(run->loaded);
    if (status != SOUK_OK) return status;
    uint32_t dim = model_dir_spec(run->loaded->dir, MF_ITEM)->dim;
    for (uint32_t i = 0; i < block->num_rows; i++)
        rate_item(run, block->keys[i], block->rows + (size_t)i * dim);
    return SOUK_OK;
}

static souk_status find_users(struct recommending *run)
{
    struct loaded *loaded = run->loaded;
    row_set_take(&run->rows, model_dir_spec(loaded->dir, MF_USER)->dim, run->group, run->num_group);
    souk_status status = row_set_pull(&run->rows, loaded->client, loaded->tables[MF_USER]);
    if (status != SOUK_OK) return status;
    for (uint32_t u = 0; u < run->num_group; u++) {
        run->user_rows[u] = row_set_get(&run->rows, run->group[u]);
        if (run->user_rows[u]) continue;
        struct buf id = {0}, shown = {0};
        char digits[32];
        id_texts_add(&run->users, run->group[u], &id);
        text_add_shown(&shown, buf_text(&id), id.length);
        log_warning("user %s is not in the model (%s users): showing what is liked most in general",
                    buf_text(&shown),
                    text_group_digits(model_dir_num_rows(loaded->dir, MF_USER), digits));
        buf_fini(&id);
        buf_fini(&shown);
    }
    seen_fini(&run->seen);
    return seen_read(loaded->dir, run->rows.keys, run->rows.num_keys, &run->seen);
}

static struct item_list item_list_of(const struct recommending *run)
{
    return (struct item_list){.items = &run->items,
                              .titles = run->titles,
                              .figure = "predicted",
                              .key = "prediction",
                              .digits = 3};
}

static void print_json_user(struct recommending *run, uint32_t u)
{
    struct json *json = &run->json;
    struct buf text = {0};
    struct item_list list = item_list_of(run);
    id_texts_add(&run->users, run->group[u], &text);
    json_open(json, '{');
    json_key(json, "user"), json_string_n(json, buf_text(&text), text.length);
    json_key(json, "is_known"), json_bool(json, run->user_rows[u] != NULL);
    json_key(json, "num_rated"), json_uint(json, seen_count(&run->seen, run->group[u]));
    json_key(json, "items"), item_list_json(&list, &run->lists[u], json);
    json_close(json);
    buf_fini(&text);
}

static void print_user_line(struct recommending *run, uint32_t u)
{
    struct buf id = {0};
    char digits[32];
    id_texts_add(&run->users, run->group[u], &id);
    buf_add_text(&run->text, "user ");
    text_add_shown(&run->text, buf_text(&id), id.length);
    size_t num_rated = seen_count(&run->seen, run->group[u]);
    if (!run->user_rows[u])
        buf_add_text(&run->text, " (not in the model: liked most in general)");
    else if (num_rated > 0)
        buf_printf(&run->text, " (%s ratings%s)", text_group_digits(num_rated, digits),
                   run->args->with_seen ? "" : ", left out below");
    buf_add_char(&run->text, '\n');
    buf_fini(&id);
}

static souk_status recommend_group(struct recommending *run)
{
    struct item_list list = item_list_of(run);
    souk_status status = find_users(run);
    if (status != SOUK_OK) return status;
    for (uint32_t u = 0; u < run->num_group; u++) top_list_init(&run->lists[u], run->top);
    status =
        souk_client_scan(run->loaded->client, run->loaded->tables[MF_ITEM], false, rate_block, run);
    for (uint32_t u = 0; u < run->num_group; u++) {
        top_list_sort(&run->lists[u]);
        if (status == SOUK_OK && run->args->is_json) print_json_user(run, u);
        if (status == SOUK_OK && !run->args->is_json) {
            if (run->text.length > 0) buf_add_char(&run->text, '\n');
            print_user_line(run, u);
            item_list_text(&list, &run->lists[u], &run->text);
        }
        top_list_fini(&run->lists[u]);
    }
    return status;
}

static souk_status recommend_all(struct recommending *run)
{
    if (run->args->is_json) {
        json_init(&run->json, &run->text);
        json_open(&run->json, '{');
        json_key(&run->json, "model");
        json_string(&run->json, model_dir_path(run->loaded->dir));
        json_key(&run->json, "users"), json_open(&run->json, '[');
    }
    for (uint32_t first = 0; first < run->num_keys; first += run->num_group) {
        uint32_t left = run->num_keys - first;
        run->group = run->keys + first;
        run->num_group = left < USERS_A_SCAN ? left : USERS_A_SCAN;
        souk_status status = recommend_group(run);
        if (status != SOUK_OK) return status;
    }
    if (run->args->is_json) {
        json_close(&run->json);
        json_close(&run->json);
        buf_add_char(&run->text, '\n');
    }
    return output_text(run->args->output, &run->text);
}

static souk_status prepare(struct recommending *run)
{
    souk_status status = id_texts_users(run->loaded, &run->users);
    if (status == SOUK_OK) status = id_texts_items(run->loaded, &run->items);
    if (status == SOUK_OK)
        status = id_texts_parse_list(&run->users, &run->args->users, &run->keys, &run->num_keys);
    if (status == SOUK_OK)
        status = labels_titles(run->loaded, run->args, &run->items, &run->titles);
    if (status == SOUK_OK && !run->args->with_seen && model_dir_num_observed(run->loaded->dir) == 0)
        log_warning("%s does not remember who rated what (data.keep_observed): items that a user "
                    "has rated may be among these",
                    model_dir_path(run->loaded->dir));
    return status;
}

static souk_status refuse_clicks_options(const struct loaded *loaded, const struct args *args)
{
    const char *option = args->candidates           ? "--candidates"
                         : args->policy             ? "--policy"
                         : args->data.num_items > 0 ? "--data"
                                                    : NULL;
    if (!option) return SOUK_OK;
    return log_fail(SOUK_EUSAGE,
                    "recommend: %s is for models of clicks, and this is one of type %s; leave it "
                    "out",
                    option, loaded->ops->name);
}

static souk_status recommend(struct loaded *loaded, const struct args *args)
{
    uint32_t top = args->top > 0 ? args->top : TOP_DEFAULT;
    if (!loaded_is_leader(loaded)) return SOUK_OK;
    if (loaded->ops->clicks) return recommend_clicks(loaded, args, top);
    souk_status status = refuse_clicks_options(loaded, args);
    if (status == SOUK_OK) status = loaded_need(loaded, "mf", "recommend");
    if (status != SOUK_OK) return status;
    struct recommending *run = mem_calloc(1, sizeof(*run), "recommendations");
    run->loaded = loaded;
    run->args = args;
    run->top = top;
    status = prepare(run);
    if (status == SOUK_OK) status = recommend_all(run);
    buf_fini(&run->text);
    row_set_fini(&run->rows);
    seen_fini(&run->seen);
    id_texts_fini(&run->users);
    id_texts_fini(&run->items);
    names_destroy(run->titles);
    mem_free(run->keys);
    mem_free(run);
    return status;
}

static souk_status check_args(const struct args *args)
{
    if (args->users.num_items == 0)
        return log_fail(SOUK_EUSAGE, "recommend: for whom? Give --user ID, or --users a,b,c, or "
                                     "--users @FILE with an id a line");
    if (args->top > TOP_MAX)
        return log_fail(SOUK_EUSAGE, "recommend: -n %u is more than %d", args->top, TOP_MAX);
    if (args->policy && args->top > 0)
        return log_fail(SOUK_EUSAGE, "recommend: -n goes with no --policy: a slate is as long as "
                                     "the policy learnt it");
    return SOUK_OK;
}

static souk_status run_verb(const struct program *program, int argc, char **argv)
{
    struct args args;
    struct loaded loaded = {0};
    unsigned flags = ARG_CONFIG | ARG_MODEL | ARG_USERS | ARG_TOP | ARG_SEEN | ARG_TITLES |
                     ARG_JSON | ARG_OUTPUT | ARG_DATA | ARG_CANDIDATES | ARG_POLICY;
    souk_status status = args_parse(&verb_recommend, flags, argc, argv, &args);
    if (status == SOUK_OK) {
        status = check_args(&args);
        if (status == SOUK_OK) status = loaded_open(program, &args, "recommend", &loaded);
        if (status == SOUK_OK) status = loaded_finish(&loaded, recommend(&loaded, &args));
    }
    loaded_close(&loaded);
    args_fini(&args);
    return status;
}

const struct verb verb_recommend = {
    .name = "recommend",
    .summary = "the n items that a user would like best",
    .help =
        "usage: souk recommend -m DIR --user ID [-n 10] [--with-seen] [--titles FILE] [--json]\n"
        "                      [--data FILE] [--candidates FILE] [--policy DIR]\n"
        "\n"
        "Ranks all items of the model for each user, by predicted rating or by the probability of\n"
        "a click; ties go to the smaller key. Items that the user rated or chose in the training\n"
        "data are left out. A user that the model has never seen gets the items that are liked\n"
        "most in general, or those that an empty history leads to, and standard error says so.\n"
        "\n"
        "  -m DIR          run.dir of a training, or a model folder\n"
        "  --user ID       repeatable; --users takes a list a,b,c, or @FILE with an id a line\n"
        "  -n N            items a user (10)\n"
        "  --with-seen     items that the user has seen too\n"
        "  --titles FILE   ids and titles; else data.titles of the model's configuration\n"
        "  --data FILE     clicks: samples, of which the last one of a user is taken for what is\n"
        "                  known of the user; histories and clicked items of any row count as\n"
        "                  seen; repeatable; - is standard input; else what the model remembers\n"
        "  --candidates FILE   clicks: an item a line; only these are ranked; - is standard input\n"
        "  --policy DIR    clicks: run.dir of souk learn-policy with env.type=learned: it chooses "
        "a\n"
        "                  slate among the items of the highest probabilities, exploring as much\n"
        "                  as policy.epsilon_end says (--set policy.epsilon_end=0: not at all), "
        "by\n"
        "                  run.seed; propensity is that of the slate up to the position\n"
        "  -o OUT          a file, which appears when it is whole; else standard output\n"
        "  --json          one JSON object: model, users [{user, is_known, items [{item, title\n"
        "                  (null: none), prediction}]}]; ratings: num_rated beside is_known;\n"
        "                  clicks: is_trained, num_behaviours, num_seen, num_scored, and in place\n"
        "                  of prediction probability; --policy: num_candidates, and for items\n"
        "                  slate [{position, item, probability, propensity, marginal}]; ids are "
        "texts, numbers finite or null\n"
        "  --set KEY=VALUE   such as data.titles_delimiter=comma, cluster.servers=3\n",
    .run = run_verb,
};
