/* explain_show.c - an explanation as text, as JSON and as a picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/text/json.h"
#include "worker/cli/explain_private.h"
#include "worker/data/profiles.h"
#include "worker/report/svg_explain.h"

/* ---- texts of ids ---- */

static void add_id(struct explaining *run, const struct sample_column *column, uint64_t key,
                   struct buf *out)
{
    if (key == PROFILE_UNKNOWN_ID)
        buf_add_char(out, '?');
    else
        id_texts_add(explaining_texts(run, column), key, out);
}

// What a behaviour's column is called: as the field that it is compared with.
static const char *name_history(const struct sample_format *format, uint32_t h)
{
    int32_t target = format->targets[h];
    return target >= 0 ? format->ids[target].name : format->histories[h].name;
}

// The id of behaviour j in a history, as terminals may show it. The caller frees.
static char *show_behaviour(struct explaining *run, uint32_t h, uint32_t j)
{
    struct buf id = {0}, shown = {0};
    add_id(run, &run->format->histories[h], run->sample.histories[h][j], &id);
    text_add_shown(&shown, buf_text(&id), id.length);
    buf_fini(&id);
    char *text = mem_strdup(buf_text(&shown));
    buf_fini(&shown);
    return text;
}

static bool has_titles(const struct explaining *run)
{
    const struct sample_format *format = run->format;
    return run->titles && format->targets[explaining_main_history(format)] == format->item;
}

// The title of behaviour j, or "".
static void add_title(const struct explaining *run, uint32_t j, struct buf *out)
{
    if (!has_titles(run)) return;
    uint32_t h = explaining_main_history(run->format);
    labels_add_title(run->titles, run->sample.histories[h][j], out);
}

/* ---- text ---- */

static void pad(struct buf *out, size_t columns, size_t width)
{
    for (; columns < width; columns++) buf_add_char(out, ' ');
}

// A column of ids: what stands there, and how wide it is.
struct id_column {
    char **cells; // (L)
    size_t width; // in characters of a terminal
};

static struct id_column make_column(struct explaining *run, uint32_t h)
{
    uint32_t n = run->explanation.num_behaviours;
    struct id_column column = {.cells = mem_calloc(n, sizeof *column.cells, "ids")};
    column.width = strlen(name_history(run->format, h));
    for (uint32_t j = 0; j < n; j++) {
        column.cells[j] = show_behaviour(run, h, j);
        size_t columns = text_columns(column.cells[j], strlen(column.cells[j]));
        if (columns > column.width) column.width = columns;
    }
    return column;
}

static void fini_column(struct id_column *column, uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) mem_free(column->cells[j]);
    mem_free(column->cells);
}

struct ranked {
    float size;   // of the change
    uint32_t idx; // in the history
};

static int by_size(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->idx > y->idx ? -1 : x->idx < y->idx; // the newer one first
}

// Places in the history, largest changes first. The caller frees.
static struct ranked *rank_behaviours(const struct click_explanation *explanation)
{
    uint32_t n = explanation->num_behaviours;
    struct ranked *ranked = mem_calloc(n, sizeof *ranked, "order of behaviours");
    for (uint32_t j = 0; j < n; j++)
        ranked[j] = (struct ranked){.size = fabsf(explanation->changes[j]), .idx = j};
    qsort(ranked, n, sizeof *ranked, by_size);
    return ranked;
}

static void print_head(struct explaining *run, const struct id_column *columns, struct buf *out)
{
    const struct sample_format *format = run->format;
    buf_printf(out, "\nplace  %s   change", run->explanation.weights ? "  weight" : "");
    for (uint32_t h = 0; h < format->num_histories; h++) {
        bool is_last = h + 1 == format->num_histories && !has_titles(run);
        const char *name = name_history(format, h);
        buf_printf(out, "  %s", name);
        if (!is_last) pad(out, strlen(name), columns[h].width);
    }
    buf_printf(out, "%s\n", has_titles(run) ? "  title" : "");
}

static void print_row(struct explaining *run, const struct id_column *columns, uint32_t j,
                      struct buf *out)
{
    const struct click_explanation *explanation = &run->explanation;
    struct buf title = {0};
    add_title(run, j, &title);
    buf_printf(out, "%5u  ", j + 1);
    if (explanation->weights) buf_printf(out, "%8.4f", (double)explanation->weights[j]);
    buf_printf(out, " %+8.4f", (double)explanation->changes[j]);
    for (uint32_t h = 0; h < run->format->num_histories; h++) {
        const char *cell = columns[h].cells[j];
        bool is_last = h + 1 == run->format->num_histories && title.length == 0;
        buf_printf(out, "  %s", cell);
        if (!is_last) pad(out, text_columns(cell, strlen(cell)), columns[h].width);
    }
    if (title.length > 0) buf_add_text(out, "  ");
    text_add_shown(out, buf_text(&title), title.length);
    buf_add_char(out, '\n');
    buf_fini(&title);
}

// "item 402: A Title, category 8"
static void add_item(struct explaining *run, struct buf *out)
{
    const struct sample_format *format = run->format;
    struct buf text = {0};
    buf_add_text(&text, "item ");
    id_texts_add(&run->items, run->item, &text);
    size_t length = text.length;
    buf_add_text(&text, ": ");
    labels_add_title(run->titles, run->item, &text);
    if (text.length == length + 2) text.length = length; // no title
    for (uint32_t h = 0; h < format->num_histories; h++) {
        int32_t target = format->targets[h];
        if (target < 0 || target == format->item) continue;
        buf_printf(&text, ", %s ", format->ids[target].name);
        add_id(run, &format->ids[target], run->sample.ids[target][0], &text);
    }
    text_add_shown(out, buf_text(&text), text.length);
    buf_fini(&text);
}

static void add_user(const struct explaining *run, struct buf *out)
{
    struct buf id = {0};
    id_texts_add(&run->users, run->user, &id);
    text_add_shown(out, buf_text(&id), id.length);
    buf_fini(&id);
}

static void print_summary(struct explaining *run, struct buf *out)
{
    const struct click_explanation *explanation = &run->explanation;
    uint32_t n = explanation->num_behaviours;
    add_item(run, out);
    buf_add_text(out, "\nuser ");
    add_user(run, out);
    buf_printf(out, ", %u behaviour%s\n", n, n == 1 ? "" : "s");
    buf_printf(out, "probability %.4f, logit %.4f\n", explanation->probability, explanation->logit);
    if (!explanation->weights) {
        buf_printf(out, "no attention weights: a model of type %s has none\n",
                   run->loaded->ops->name);
        return;
    }
    buf_add_text(out, "rank correlation of weight with change ");
    rank_correlation_add(&explanation->with_changes, out);
    buf_add_text(out, ", with its size ");
    rank_correlation_add(&explanation->with_sizes, out);
    buf_add_char(out, '\n');
}

void explain_print_text(struct explaining *run, struct buf *out)
{
    const struct click_explanation *explanation = &run->explanation;
    uint32_t num_histories = run->format->num_histories, n = explanation->num_behaviours;
    struct id_column columns[SAMPLE_HISTORIES_MAX];
    for (uint32_t h = 0; h < num_histories; h++) columns[h] = make_column(run, h);
    struct ranked *ranked = rank_behaviours(explanation);
    print_summary(run, out);
    print_head(run, columns, out);
    for (uint32_t i = 0; i < n; i++) print_row(run, columns, ranked[i].idx, out);
    buf_add_text(out,
                 "\nplace 1 is the oldest; change of the logit when the behaviour is left out, "
                 "largest first:\nbelow 0 it spoke for the item\n");
    mem_free(ranked);
    for (uint32_t h = 0; h < num_histories; h++) fini_column(&columns[h], n);
}

/* ---- JSON ---- */

static void json_id(struct explaining *run, const struct sample_column *column, uint64_t key,
                    struct json *json)
{
    struct buf id = {0};
    add_id(run, column, key, &id);
    if (key == PROFILE_UNKNOWN_ID)
        json_null(json);
    else
        json_string_n(json, buf_text(&id), id.length);
    buf_fini(&id);
}

static void json_title(const struct buf *title, struct json *json)
{
    json_key(json, "title");
    if (title->length > 0)
        json_string_n(json, buf_text(title), title->length);
    else
        json_null(json);
}

static void json_behaviour(struct explaining *run, uint32_t j, struct json *json)
{
    const struct sample_format *format = run->format;
    uint32_t main_history = explaining_main_history(format);
    struct buf title = {0};
    add_title(run, j, &title);
    json_open(json, '{');
    json_key(json, "place"), json_uint(json, j + 1);
    json_key(json, "item");
    json_id(run, &format->histories[main_history], run->sample.histories[main_history][j], json);
    json_title(&title, json);
    json_key(json, "ids"), json_open(json, '{');
    for (uint32_t h = 0; h < format->num_histories; h++) {
        json_key(json, format->histories[h].name);
        json_id(run, &format->histories[h], run->sample.histories[h][j], json);
    }
    json_close(json);
    json_key(json, "weight");
    if (run->explanation.weights)
        json_double(json, (double)run->explanation.weights[j]);
    else
        json_null(json);
    json_key(json, "change"), json_double(json, (double)run->explanation.changes[j]);
    json_close(json);
    buf_fini(&title);
}

static void json_who(struct explaining *run, struct json *json)
{
    const struct sample_format *format = run->format;
    struct buf text = {0};
    json_key(json, "model"), json_string(json, model_dir_path(run->loaded->dir));
    json_key(json, "type"), json_string(json, run->loaded->ops->name);
    id_texts_add(&run->users, run->user, &text);
    json_key(json, "user"), json_string_n(json, buf_text(&text), text.length);
    buf_clear(&text);
    id_texts_add(&run->items, run->item, &text);
    json_key(json, "item"), json_string_n(json, buf_text(&text), text.length);
    buf_clear(&text);
    labels_add_title(run->titles, run->item, &text);
    json_title(&text, json);
    json_key(json, "fields"), json_open(json, '{');
    for (uint32_t f = 0; f < format->num_fields; f++) {
        json_key(json, format->ids[f].name);
        json_id(run, &format->ids[f], run->sample.ids[f][0], json);
    }
    json_close(json);
    buf_fini(&text);
}

void explain_print_json(struct explaining *run, struct buf *out)
{
    const struct click_explanation *explanation = &run->explanation;
    const char *undefined = explanation->with_changes.undefined;
    if (!undefined) undefined = explanation->with_sizes.undefined;
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_who(run, &json);
    json_key(&json, "probability"), json_double(&json, explanation->probability);
    json_key(&json, "logit"), json_double(&json, explanation->logit);
    json_key(&json, "rank_correlation"), json_double(&json, explanation->with_changes.value);
    json_key(&json, "rank_correlation_size"), json_double(&json, explanation->with_sizes.value);
    json_key(&json, "undefined");
    if (undefined)
        json_string(&json, undefined);
    else
        json_null(&json);
    json_key(&json, "behaviours"), json_open(&json, '[');
    for (uint32_t j = 0; j < explanation->num_behaviours; j++) json_behaviour(run, j, &json);
    json_close(&json);
    json_close(&json);
    buf_add_char(out, '\n');
}

/* ---- the picture ---- */

// The title of behaviour j, else its id. The caller frees.
static char *make_label(struct explaining *run, uint32_t j)
{
    struct buf title = {0};
    add_title(run, j, &title);
    char *label = title.length > 0 ? mem_strdup(buf_text(&title))
                                   : show_behaviour(run, explaining_main_history(run->format), j);
    buf_fini(&title);
    return label;
}

// The ids of behaviour j in the other histories. The caller frees.
static char *make_detail(struct explaining *run, uint32_t j)
{
    struct buf text = {0};
    for (uint32_t h = 0; h < run->format->num_histories; h++) {
        if (h == explaining_main_history(run->format)) continue;
        char *id = show_behaviour(run, h, j);
        buf_printf(&text, "%s%s", text.length > 0 ? ", " : "", id);
        mem_free(id);
    }
    char *detail = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return detail;
}

static void name_details(const struct explaining *run, struct buf *out)
{
    for (uint32_t h = 0; h < run->format->num_histories; h++)
        if (h != explaining_main_history(run->format))
            buf_printf(out, "%s%s", out->length > 0 ? ", " : "", name_history(run->format, h));
}

void explain_draw(struct explaining *run, struct buf *out)
{
    uint32_t n = run->explanation.num_behaviours;
    struct buf item = {0}, user = {0}, name = {0};
    char **labels = mem_calloc(n, sizeof *labels, "labels");
    char **details = mem_calloc(n, sizeof *details, "labels");
    for (uint32_t j = 0; j < n; j++) labels[j] = make_label(run, j);
    for (uint32_t j = 0; j < n; j++) details[j] = make_detail(run, j);
    add_item(run, &item);
    add_user(run, &user);
    name_details(run, &name);
    struct explained explained = {
        .user = buf_text(&user),
        .item = buf_text(&item),
        .labels = (const char *const *)labels,
        .details = run->format->num_histories > 1 ? (const char *const *)details : NULL,
        .detail_name = buf_text(&name),
        .explanation = &run->explanation};
    svg_explain(&explained, out);
    for (uint32_t j = 0; j < n; j++) mem_free(labels[j]);
    for (uint32_t j = 0; j < n; j++) mem_free(details[j]);
    mem_free(labels);
    mem_free(details);
    buf_fini(&item);
    buf_fini(&user);
    buf_fini(&name);
}
