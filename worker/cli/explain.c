/* explain.c - souk explain: why a click model gives an item its score for a user. */
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/explain_private.h"
#include "worker/cli/output.h"
#include "worker/data/sample_reader.h"
#include "worker/model/din.h"

struct id_texts *explaining_texts(struct explaining *run, const struct sample_column *column)
{
    const struct sample_format *format = run->format;
    uint32_t table = column->table;
    if (table == format->ids[format->item].table) return &run->items;
    if (table == format->ids[format->user].table) return &run->users;
    return &run->others[table];
}

uint32_t explaining_main_history(const struct sample_format *format)
{
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] == format->item) return h;
    return 0;
}

const char *explaining_show(struct buf *out, const struct id_texts *texts, uint64_t key)
{
    struct buf id = {0};
    id_texts_add(texts, key, &id);
    buf_clear(out);
    buf_printf(out, "%s ", texts->what);
    text_add_shown(out, buf_text(&id), id.length);
    buf_fini(&id);
    return buf_text(out);
}

/* ---- what was asked for ---- */

static souk_status parse_one(struct id_texts *texts, const struct config_list *list,
                             uint64_t *key_out)
{
    uint64_t *keys = NULL;
    uint32_t num_keys = 0;
    souk_status status = id_texts_parse_list(texts, list, &keys, &num_keys);
    if (status == SOUK_OK && num_keys != 1)
        status =
            log_fail(SOUK_EUSAGE, "explain: one %s at a time; these are %u", texts->what, num_keys);
    if (status == SOUK_OK) *key_out = keys[0];
    mem_free(keys);
    return status;
}

static souk_status check_model(const struct loaded *loaded)
{
    if (loaded->ops->clicks && loaded->ops != &ncf_ops) return SOUK_OK;
    return log_fail(SOUK_EUSAGE,
                    "explain works on models that look at histories, din and base; %s is of type "
                    "%s, which has none",
                    model_dir_path(loaded->dir), loaded->ops->name);
}

// Of a table that is neither the user's nor the item's.
static souk_status make_texts(struct explaining *run, uint32_t table)
{
    const struct sample_table *about = &run->format->tables[table];
    struct id_texts *texts = &run->others[table];
    *texts = (struct id_texts){.what = about->name, .kind = about->kind};
    if (about->kind == CONFIG_ID_STRING) texts->asked = names_create();
    return model_dir_names(run->loaded->dir, about->name, &texts->names);
}

static souk_status prepare(struct explaining *run)
{
    const struct sample_format *format = run->format;
    if (format->num_histories == 0)
        return log_fail(SOUK_EUSAGE,
                        "%s was trained without histories: there is nothing to explain",
                        model_dir_path(run->loaded->dir));
    souk_status status = id_texts_users(run->loaded, &run->users);
    if (status == SOUK_OK) status = id_texts_items(run->loaded, &run->items);
    for (uint32_t t = 0; t < format->num_tables && status == SOUK_OK; t++)
        status = make_texts(run, t);
    if (status == SOUK_OK) status = parse_one(&run->users, &run->args->users, &run->user);
    if (status == SOUK_OK) status = parse_one(&run->items, &run->args->items, &run->item);
    if (status == SOUK_OK)
        status = labels_titles(run->loaded, run->args, &run->items, &run->titles);
    return status;
}

/* ---- the verb ---- */

static void warn_cold(const struct explaining *run)
{
    struct buf text = {0};
    if (run->explanation.is_cold & CLICK_COLD_USER)
        log_warning("%s was never trained on: its vector is zero",
                    explaining_show(&text, &run->users, run->user));
    if (run->explanation.is_cold & CLICK_COLD_ITEM)
        log_warning("%s was never trained on: its vector is zero",
                    explaining_show(&text, &run->items, run->item));
    buf_fini(&text);
}

static souk_status score(struct explaining *run)
{
    struct loaded *loaded = run->loaded;
    if (run->sample.num_rows == 0) {
        struct buf user = {0};
        souk_status status = log_fail(SOUK_EDATA, "%s has no history: there is nothing to explain",
                                      explaining_show(&user, &run->users, run->user));
        buf_fini(&user);
        return status;
    }
    struct click_scorer *scorer =
        click_scorer_create(loaded->model, loaded->client, loaded->tables);
    souk_status status = click_explain(scorer, &run->sample, 0, &run->explanation);
    click_scorer_destroy(scorer);
    if (status == SOUK_OK) warn_cold(run);
    return status;
}

static souk_status print(struct explaining *run)
{
    const char *path = run->args->svg;
    struct buf text = {0};
    souk_status status = SOUK_OK;
    if (path) {
        explain_draw(run, &text);
        status = output_text(path, &text);
        buf_clear(&text);
    }
    bool is_svg_on_stdout = path && strcmp(path, "-") == 0;
    if (status == SOUK_OK && !is_svg_on_stdout) {
        if (run->args->is_json)
            explain_print_json(run, &text);
        else
            explain_print_text(run, &text);
        status = output_text(NULL, &text);
        if (status == SOUK_OK && path) log_info("%s: the picture", path);
    }
    buf_fini(&text);
    return status;
}

static souk_status explain(struct loaded *loaded, const struct args *args)
{
    souk_status status = check_model(loaded);
    if (status != SOUK_OK || !loaded_is_leader(loaded)) return status;
    struct explaining run = {.loaded = loaded, .args = args, .format = din_format(loaded->model)};
    status = prepare(&run);
    if (status == SOUK_OK) status = explaining_find_sample(&run);
    if (status == SOUK_OK) status = score(&run);
    if (status == SOUK_OK) status = print(&run);
    click_explanation_fini(&run.explanation);
    sample_batch_fini(&run.sample);
    names_destroy(run.titles);
    id_texts_fini(&run.users);
    id_texts_fini(&run.items);
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) id_texts_fini(&run.others[t]);
    return status;
}

static souk_status check_args(const struct args *args)
{
    if (args->users.num_items == 0 || args->items.num_items == 0)
        return log_fail(SOUK_EUSAGE, "explain: %s? Give --user ID and --item ID",
                        args->users.num_items == 0 ? "for whom" : "which item");
    return SOUK_OK;
}

static souk_status run_verb(const struct program *program, int argc, char **argv)
{
    struct args args;
    struct loaded loaded = {0};
    unsigned flags =
        ARG_CONFIG | ARG_MODEL | ARG_DATA | ARG_USERS | ARG_ITEMS | ARG_TITLES | ARG_JSON | ARG_SVG;
    souk_status status = args_parse(&verb_explain, flags, argc, argv, &args);
    if (status == SOUK_OK) {
        status = check_args(&args);
        if (status == SOUK_OK) status = loaded_open(program, &args, "explain", &loaded);
        if (status == SOUK_OK) status = loaded_finish(&loaded, explain(&loaded, &args));
    }
    loaded_close(&loaded);
    args_fini(&args);
    return status;
}

const struct verb verb_explain = {
    .name = "explain",
    .summary = "why a click model gives an item its score for a user",
    .help =
        "usage: souk explain -m DIR --user ID --item ID [--data FILE] [--titles FILE] [--json]\n"
        "                    [--svg FILE]\n"
        "\n"
        "Prints the logit and the probability of a click, and for each behaviour of the user's\n"
        "history\n"
        "\n"
        "  weight    of the attention: what the model looks at; base has none\n"
        "  change    of the logit when the behaviour is left out: below 0 it spoke for the item\n"
        "\n"
        "and the rank correlation (Spearman's, equal values share the mean of their ranks) of\n"
        "weights with changes, and with the sizes of changes. Text has all behaviours, those with\n"
        "the largest changes first, and their places in the history, 1 is the oldest; JSON and "
        "the\n"
        "picture have them from the oldest to the newest.\n"
        "\n"
        "  -m DIR          run.dir of a training, or a model folder; of type din or base\n"
        "  --user ID       one user, with the history as of after the last click that training "
        "saw\n"
        "  --item ID       one item, with the other fields, such as the category, that training "
        "saw\n"
        "  --data FILE     samples: the user's last one gives the history, the item's last one "
        "its\n"
        "                  fields, if there is one; labels are not looked at; repeatable; - is\n"
        "                  standard input\n"
        "  --titles FILE   ids and titles; else data.titles of the model's configuration\n"
        "  --svg FILE      a picture; - is standard output, and nothing else is printed there\n"
        "  --json          one JSON object: model, type, user, item, title, fields {name: id},\n"
        "                  probability, logit, rank_correlation, rank_correlation_size,\n"
        "                  undefined (why these are null), behaviours [{place, item, title,\n"
        "                  ids {column: id}, weight, change}]; ids are texts, numbers finite or "
        "null\n"
        "  --set KEY=VALUE   such as data.delimiter=comma, cluster.servers=3\n",
    .run = run_verb,
};
