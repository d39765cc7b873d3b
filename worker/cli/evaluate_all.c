/* evaluate_all.c - see evaluate_all.h. */
#include "worker/cli/evaluate_all.h"

#include <math.h>
#include <stdio.h>

#include "worker/cli/candidates.h"
#include "worker/model/din.h"

souk_status evaluate_all(struct loaded *loaded, uint32_t k, struct full_ranking *ranking_out)
{
    struct memory_files files = {0};
    struct id_texts users = {0}, items = {0}; // whether the model knows these columns
    souk_status status = id_texts_users(loaded, &users);
    if (status == SOUK_OK) status = id_texts_items(loaded, &items);
    id_texts_fini(&users);
    id_texts_fini(&items);
    if (status == SOUK_OK) status = memory_files_of(loaded, &files);
    status = comm_agree(loaded->comm, status); // each rank has looked into the folder by itself
    if (status != SOUK_OK) {
        memory_files_fini(&files);
        return status;
    }
    struct click_scorer *scorer =
        click_scorer_create(loaded->model, loaded->client, loaded->tables);
    struct full_ranking_options options = {.config = &loaded->config,
                                           .files = &loaded->config.data.test,
                                           .model = din_format(loaded->model),
                                           .scorer = scorer,
                                           .comm = loaded->comm,
                                           .paths = files.paths,
                                           .num_paths = files.num,
                                           .k = k,
                                           .stop_signal = loaded->stop_signal};
    status = full_ranking_run(&options, ranking_out);
    click_scorer_destroy(scorer);
    memory_files_fini(&files);
    return status;
}

/* ---- words ---- */

static void add_protocol(const struct full_ranking *ranking, const char *separator, struct buf *out)
{
    buf_printf(out, "each click among all items that training saw%s", separator);
    buf_printf(out,
               "left out: what training saw the user choose, and the row's own history; the "
               "clicked item stays%s",
               separator);
    buf_printf(out, "equal scores: mean over their orders%s", separator);
    buf_printf(out, "hr@%u, ndcg@%u, mrr: means over clicks%s", ranking->k, ranking->k, separator);
    if (ranking->num_users < ranking->num_users_all)
        buf_add_text(out, "users drawn at random by run.seed (eval.max_users)");
    else
        buf_add_text(out, "all users with clicks");
}

static void add_figure(const char *name, uint32_t k, double value, int width, struct buf *out)
{
    char label[32];
    if (k > 0)
        snprintf(label, sizeof label, "%s@%u", name, k);
    else
        snprintf(label, sizeof label, "%s", name);
    if (isnan(value))
        buf_printf(out, "%-*sundefined: no sample is a click\n", width, label);
    else
        buf_printf(out, "%-*s%.6f\n", width, label, value);
}

void evaluate_all_text(const struct full_ranking *ranking, int width, struct buf *out)
{
    char separator[64], a[32], b[32];
    buf_add_text(out, "\nagainst all items\n");
    add_figure("hr", ranking->k, ranking->hit_rate, width, out);
    add_figure("ndcg", ranking->k, ranking->ndcg, width, out);
    add_figure("mrr", 0, ranking->mrr, width, out);
    buf_printf(out, "%-*s%s, of %s items that training never saw\n", width, "clicks",
               text_group_digits(ranking->num_clicks, a),
               text_group_digits(ranking->num_unknown, b));
    buf_printf(out, "%-*s%s of %s\n", width, "users", text_group_digits(ranking->num_users, a),
               text_group_digits(ranking->num_users_all, b));
    buf_printf(out, "%-*s%.1f a click, of %s items\n", width, "candidates",
               ranking->num_clicks > 0 ? ranking->mean_candidates : 0,
               text_group_digits(ranking->num_items, a));
    snprintf(separator, sizeof separator, "\n%*s", width, "");
    buf_printf(out, "%-*s", width, "protocol");
    add_protocol(ranking, separator, out);
    buf_add_char(out, '\n');
}

void evaluate_all_json(const struct full_ranking *ranking, struct json *json)
{
    struct buf text = {0};
    json_open(json, '{');
    buf_printf(&text, "hr@%u", ranking->k);
    json_key(json, buf_text(&text)), json_double(json, ranking->hit_rate);
    buf_clear(&text);
    buf_printf(&text, "ndcg@%u", ranking->k);
    json_key(json, buf_text(&text)), json_double(json, ranking->ndcg);
    json_key(json, "mrr"), json_double(json, ranking->mrr);
    json_key(json, "clicks"), json_uint(json, ranking->num_clicks);
    json_key(json, "clicks_unknown"), json_uint(json, ranking->num_unknown);
    json_key(json, "users"), json_uint(json, ranking->num_users);
    json_key(json, "users_all"), json_uint(json, ranking->num_users_all);
    json_key(json, "items"), json_uint(json, ranking->num_items);
    json_key(json, "mean_candidates"), json_double(json, ranking->mean_candidates);
    buf_clear(&text);
    add_protocol(ranking, "; ", &text);
    json_key(json, "protocol"), json_string(json, buf_text(&text));
    json_close(json);
    buf_fini(&text);
}
