/* heatmap.c - souk heatmap: predicted ratings of some users and items as a picture. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/json.h"
#include "worker/cli/heatmap_choice.h"
#include "worker/cli/output.h"
#include "worker/cli/seen.h"
#include "worker/model/mf.h"
#include "worker/report/svg.h"

enum { UNLIMITED_COLUMNS = 1 << 20 };

struct drawing {
    struct loaded *loaded;
    const struct args *args;
    struct heatmap_side sides[2]; // users, items
    struct names *titles;         // owned; NULL: none
    struct seen seen;
    struct heatmap map; // its arrays are owned here
    char **labels[2];   // (num_keys of the side), owned
    float *values, *observed;
    uint8_t *is_observed, *is_unknown;
    char title[96];
};

static char *make_label(const struct drawing *drawing, uint32_t side, uint64_t key)
{
    struct buf label = {0}, id = {0};
    if (side == MF_ITEM) labels_add_title(drawing->titles, key, &label);
    if (label.length == 0) {
        id_texts_add(&drawing->sides[side].texts, key, &id);
        text_add_utf8(&label, buf_text(&id), id.length);
    }
    buf_fini(&id);
    char *text = mem_strdup(buf_text(&label));
    buf_fini(&label);
    return text;
}

static void make_labels(struct drawing *drawing, uint32_t side)
{
    uint32_t num_keys = drawing->sides[side].num_keys;
    drawing->labels[side] = mem_calloc(num_keys, sizeof(char *), "labels");
    for (uint32_t i = 0; i < num_keys; i++)
        drawing->labels[side][i] = make_label(drawing, side, drawing->sides[side].keys[i]);
}

static void fill_cell(struct drawing *drawing, uint32_t r, uint32_t c, size_t idx)
{
    const struct heatmap_side *users = &drawing->sides[MF_USER], *items = &drawing->sides[MF_ITEM];
    const float *user = row_set_get(&users->rows, users->keys[r]);
    const float *item = row_set_get(&items->rows, items->keys[c]);
    const struct rating *rating = seen_find(&drawing->seen, users->keys[r], items->keys[c]);
    drawing->values[idx] = mf_predict(drawing->loaded->model, user, item);
    drawing->is_unknown[idx] = !user || !item;
    drawing->is_observed[idx] = rating != NULL;
    drawing->observed[idx] = rating ? rating->value : NAN;
}

static void fill_map(struct drawing *drawing)
{
    uint32_t num_users = drawing->sides[MF_USER].num_keys;
    uint32_t num_items = drawing->sides[MF_ITEM].num_keys;
    size_t num_cells = (size_t)num_users * num_items;
    drawing->values = mem_calloc(num_cells, sizeof(float), "heat map");
    drawing->observed = mem_calloc(num_cells, sizeof(float), "heat map");
    drawing->is_observed = mem_calloc(num_cells, 1, "heat map");
    drawing->is_unknown = mem_calloc(num_cells, 1, "heat map");
    for (uint32_t r = 0; r < num_users; r++)
        for (uint32_t c = 0; c < num_items; c++)
            fill_cell(drawing, r, c, (size_t)r * num_items + c);
    snprintf(drawing->title, sizeof(drawing->title), "Predicted ratings: %u users, %u items",
             num_users, num_items);
    drawing->map = (struct heatmap){
        .title = drawing->title,
        .row_axis = "user",
        .column_axis = "item",
        .value_name = "predicted rating",
        .num_rows = num_users,
        .num_columns = num_items,
        .row_labels = (const char *const *)drawing->labels[MF_USER],
        .column_labels = (const char *const *)drawing->labels[MF_ITEM],
        .values = drawing->values,
        .is_observed = drawing->is_observed,
        .observed = drawing->observed,
        .is_unknown = drawing->is_unknown,
    };
}

static void warn_unknown(const struct drawing *drawing, uint32_t side)
{
    const struct heatmap_side *about = &drawing->sides[side];
    for (uint32_t i = 0; i < about->num_keys; i++) {
        if (row_set_get(&about->rows, about->keys[i])) continue;
        char digits[32];
        struct buf id = {0};
        id_texts_add(&about->texts, about->keys[i], &id);
        log_warning("%s %s is not in the model (%s %ss)", about->texts.what, buf_text(&id),
                    text_group_digits(model_dir_num_rows(drawing->loaded->dir, side), digits),
                    about->texts.what);
        buf_fini(&id);
    }
}

static void print_json_side(const struct drawing *drawing, uint32_t side, struct json *json)
{
    const struct heatmap_side *about = &drawing->sides[side];
    struct buf text = {0};
    json_key(json, side == MF_USER ? "users" : "items"), json_open(json, '[');
    for (uint32_t i = 0; i < about->num_keys; i++) {
        buf_clear(&text);
        id_texts_add(&about->texts, about->keys[i], &text);
        json_open(json, '{');
        json_key(json, about->texts.what), json_string_n(json, buf_text(&text), text.length);
        if (side == MF_ITEM) {
            buf_clear(&text);
            labels_add_title(drawing->titles, about->keys[i], &text);
            json_key(json, "title");
            if (text.length > 0)
                json_string_n(json, buf_text(&text), text.length);
            else
                json_null(json);
        }
        json_key(json, "is_known");
        json_bool(json, row_set_get(&about->rows, about->keys[i]) != NULL);
        json_close(json);
    }
    json_close(json);
    buf_fini(&text);
}

static void print_json_matrix(const struct heatmap *map, const char *key, const float *values,
                              struct json *json)
{
    json_key(json, key), json_open(json, '[');
    for (uint32_t r = 0; r < map->num_rows; r++) {
        json_open(json, '[');
        for (uint32_t c = 0; c < map->num_columns; c++)
            json_double(json, (double)values[(size_t)r * map->num_columns + c]);
        json_close(json);
    }
    json_close(json);
}

static void print_json(const struct drawing *drawing, struct buf *out)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, '{');
    json_key(&json, "model"), json_string(&json, model_dir_path(drawing->loaded->dir));
    print_json_side(drawing, MF_USER, &json);
    print_json_side(drawing, MF_ITEM, &json);
    print_json_matrix(&drawing->map, "predictions", drawing->values, &json);
    print_json_matrix(&drawing->map, "observed", drawing->observed, &json);
    json_close(&json);
    buf_add_char(out, '\n');
}

static souk_status write_svg(const struct drawing *drawing, const char *path)
{
    struct buf text = {0};
    svg_heatmap(&drawing->map, &text);
    souk_status status = output_text(path, &text);
    buf_fini(&text);
    return status;
}

static souk_status show(const struct drawing *drawing, const struct program *program)
{
    const char *path = drawing->args->output;
    bool is_svg_on_stdout = path && path[0] == '-' && path[1] == '\0';
    souk_status status = path ? write_svg(drawing, path) : SOUK_OK;
    if (status != SOUK_OK || is_svg_on_stdout) return status;
    struct buf text = {0};
    uint32_t columns = program->is_stdout_terminal ? program->terminal_columns : UNLIMITED_COLUMNS;
    if (drawing->args->is_json)
        print_json(drawing, &text);
    else
        terminal_heatmap(&drawing->map, program->has_color, columns, &text);
    status = output_text(NULL, &text);
    buf_fini(&text);
    if (status == SOUK_OK && path) log_info("%s: the picture", path);
    return status;
}

static souk_status prepare(struct drawing *drawing)
{
    struct loaded *loaded = drawing->loaded;
    struct heatmap_side *users = &drawing->sides[MF_USER], *items = &drawing->sides[MF_ITEM];
    souk_status status = id_texts_users(loaded, &users->texts);
    if (status == SOUK_OK) status = id_texts_items(loaded, &items->texts);
    if (status == SOUK_OK)
        status = labels_titles(loaded, drawing->args, &items->texts, &drawing->titles);
    if (status == SOUK_OK) status = heatmap_choose(loaded, drawing->args, drawing->sides);
    if (status != SOUK_OK) return status;
    warn_unknown(drawing, MF_USER);
    warn_unknown(drawing, MF_ITEM);
    make_labels(drawing, MF_USER);
    make_labels(drawing, MF_ITEM);
    return seen_read(loaded->dir, users->rows.keys, users->rows.num_keys, &drawing->seen);
}

static void fini(struct drawing *drawing)
{
    for (uint32_t side = 0; side < 2; side++) {
        for (uint32_t i = 0; drawing->labels[side] && i < drawing->sides[side].num_keys; i++)
            mem_free(drawing->labels[side][i]);
        mem_free(drawing->labels[side]);
        heatmap_side_fini(&drawing->sides[side]);
    }
    seen_fini(&drawing->seen);
    names_destroy(drawing->titles);
    mem_free(drawing->values);
    mem_free(drawing->observed);
    mem_free(drawing->is_observed);
    mem_free(drawing->is_unknown);
}

static souk_status draw(const struct program *program, struct loaded *loaded,
                        const struct args *args)
{
    souk_status status = loaded_need(loaded, "mf", "heatmap");
    if (status != SOUK_OK || !loaded_is_leader(loaded)) return status;
    struct drawing drawing = {.loaded = loaded, .args = args};
    status = prepare(&drawing);
    if (status == SOUK_OK) {
        fill_map(&drawing);
        status = show(&drawing, program);
    }
    fini(&drawing);
    return status;
}

static souk_status run(const struct program *program, int argc, char **argv)
{
    struct args args;
    struct loaded loaded = {0};
    unsigned flags =
        ARG_CONFIG | ARG_MODEL | ARG_USERS | ARG_ITEMS | ARG_TITLES | ARG_JSON | ARG_OUTPUT;
    souk_status status = args_parse(&verb_heatmap, flags, argc, argv, &args);
    if (status == SOUK_OK) {
        status = loaded_open(program, &args, "heatmap", &loaded);
        if (status == SOUK_OK) status = loaded_finish(&loaded, draw(program, &loaded, &args));
    }
    loaded_close(&loaded);
    args_fini(&args);
    return status;
}

const struct verb verb_heatmap = {
    .name = "heatmap",
    .summary = "predicted ratings of users and items as a picture, or in the terminal",
    .help = "usage: souk heatmap -m DIR [--users LIST] [--items LIST] [-o FILE.svg] [--json]\n"
            "\n"
            "Draws what the model predicts for users (rows) and items (columns). Cells that were "
            "rated\n"
            "in the training data are outlined, [4.00] in the terminal; users and items that the "
            "model\n"
            "has never seen are hatched, 3.50? in the terminal.\n"
            "\n"
            "  -m DIR          run.dir of a training, or a model folder\n"
            "  --users LIST    a,b,c in this order; @FILE with an id a line; or top:20, those with "
            "the\n"
            "                  most ratings, ordered by their first factor. Without it: all when "
            "there\n"
            "                  are up to 30, by id, else top:20\n"
            "  --items LIST    the same for items\n"
            "  --titles FILE   ids and titles; else data.titles of the model's configuration\n"
            "  -o FILE.svg     the picture; - is standard output\n"
            "  --json          instead of the terminal's map one JSON object: model,\n"
            "                  users [{user, is_known}], items [{item, title, is_known}],\n"
            "                  predictions [a row for each user], observed [the same, null where\n"
            "                  nothing was rated]; ids are texts, numbers finite or null\n"
            "  --set KEY=VALUE   such as data.titles_delimiter=comma, cluster.servers=3\n",
    .run = run,
};
