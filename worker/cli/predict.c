/* predict.c - souk predict: a rating for every user and item of a file, in the order of the file.
 * predict_clicks.h has models of clicks.
 */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/labels.h"
#include "worker/cli/loaded.h"
#include "worker/cli/output.h"
#include "worker/cli/predict_clicks.h"
#include "worker/cli/prediction_row.h"
#include "worker/cli/row_set.h"
#include "worker/data/rating_reader.h"
#include "worker/model/mf.h"

enum { ROWS_A_STEP = 16384 };

struct prediction_run {
    struct loaded *loaded;
    bool is_json;
    struct rating_format format; // of the input
    struct rating_reader *reader;
    struct id_texts users, items; // texts of string ids are learnt from the input
    struct names *user_names, *item_names;
    struct row_set user_rows, item_rows;
    struct rating ratings[ROWS_A_STEP];
    uint64_t keys[ROWS_A_STEP]; // of one side of ratings
    uint64_t num_rows, num_cold_users, num_cold_items;
};

static souk_status open_reader(struct prediction_run *run, const struct config_list *files)
{
    struct loaded *loaded = run->loaded;
    struct config config = loaded->config; // with the ids as the training data had them
    config.data.user_id = mf_user_id(loaded->model);
    config.data.item_id = mf_item_id(loaded->model);
    struct rating_format *format = &run->format;
    souk_status status = rating_format_resolve(&config, files->items[0], false, format);
    if (status != SOUK_OK) return status;
    if (format->user_id == CONFIG_ID_STRING) run->user_names = names_create();
    if (format->item_id == CONFIG_ID_STRING) run->item_names = names_create();
    run->users = (struct id_texts){.what = "user", .kind = format->user_id, run->user_names};
    run->items = (struct id_texts){.what = "item", .kind = format->item_id, run->item_names};
    format->has_rating = false; // what stands there is not looked at, so it cannot be wrong
    struct rating_reader_options options = {.files = files,
                                            .format = format,
                                            .num_parts = 1,
                                            .max_bad_rows = config.data.max_bad_rows,
                                            .users = run->user_names,
                                            .items = run->item_names};
    return rating_reader_open(&options, &run->reader);
}

static souk_status pull_rows(struct prediction_run *run, uint32_t num)
{
    struct loaded *loaded = run->loaded;
    for (uint32_t i = 0; i < num; i++) run->keys[i] = run->ratings[i].user;
    row_set_take(&run->user_rows, model_dir_spec(loaded->dir, MF_USER)->dim, run->keys, num);
    for (uint32_t i = 0; i < num; i++) run->keys[i] = run->ratings[i].item;
    row_set_take(&run->item_rows, model_dir_spec(loaded->dir, MF_ITEM)->dim, run->keys, num);
    souk_status status = row_set_pull(&run->user_rows, loaded->client, loaded->tables[MF_USER]);
    if (status != SOUK_OK) return status;
    return row_set_pull(&run->item_rows, loaded->client, loaded->tables[MF_ITEM]);
}

static void predict_rows(struct prediction_run *run, uint32_t num, struct buf *out)
{
    struct buf id = {0};
    struct prediction_row row = {.users = &run->users, .items = &run->items};
    for (uint32_t i = 0; i < num; i++) {
        const struct rating *rating = &run->ratings[i];
        const float *user = row_set_get(&run->user_rows, rating->user);
        const float *item = row_set_get(&run->item_rows, rating->item);
        run->num_cold_users += !user;
        run->num_cold_items += !item;
        row.user = rating->user;
        row.item = rating->item;
        row.value = mf_predict(run->loaded->model, user, item);
        prediction_row_add(&row, run->is_json, &id, out);
    }
    buf_fini(&id);
    run->num_rows += num;
}

static souk_status predict_all(struct prediction_run *run, struct output *output)
{
    struct buf text = {0};
    prediction_row_head(run->is_json, &text);
    souk_status status = output_write(output, &text);
    while (status == SOUK_OK) {
        uint32_t num = 0;
        status = loaded_check_signal(run->loaded);
        if (status != SOUK_OK) break;
        status = rating_reader_next(run->reader, run->ratings, ROWS_A_STEP, &num);
        if (status != SOUK_OK || num == 0) break;
        status = pull_rows(run, num);
        if (status != SOUK_OK) break;
        predict_rows(run, num, &text);
        status = output_write(output, &text);
    }
    buf_fini(&text);
    return status;
}

static void print_counts(const struct prediction_run *run)
{
    char rows[32], users[32], items[32];
    text_group_digits(run->num_rows, rows);
    if (run->num_cold_users + run->num_cold_items == 0)
        log_info("%s rows", rows);
    else
        log_info("%s rows; %s with a user and %s with an item that the model has never seen: "
                 "predicted from the mean and the known biases",
                 rows, text_group_digits(run->num_cold_users, users),
                 text_group_digits(run->num_cold_items, items));
}

static souk_status write_predictions(struct prediction_run *run, const struct args *args)
{
    struct output *output;
    souk_status status = open_reader(run, &args->data);
    if (status == SOUK_OK) status = output_open(args->output, &output);
    if (status != SOUK_OK) return status;
    status = predict_all(run, output);
    if (status == SOUK_OK)
        status = output_finish(output);
    else
        output_drop(output);
    if (status == SOUK_OK) print_counts(run);
    return status;
}

static souk_status predict(struct loaded *loaded, const struct args *args)
{
    if (args->data.num_items == 0)
        return log_fail(SOUK_EUSAGE, "predict: for whom? Give --data FILE, or --data - for "
                                     "standard input");
    if (!loaded_is_leader(loaded)) return SOUK_OK;
    if (loaded->ops->clicks) return predict_clicks(loaded, args);
    souk_status status = loaded_need(loaded, "mf", "predict");
    if (status != SOUK_OK) return status;
    struct prediction_run *run = mem_calloc(1, sizeof(*run), "predictions");
    run->loaded = loaded;
    run->is_json = args->is_json;
    status = write_predictions(run, args);
    rating_reader_close(run->reader);
    names_destroy(run->user_names);
    names_destroy(run->item_names);
    row_set_fini(&run->user_rows);
    row_set_fini(&run->item_rows);
    mem_free(run);
    return status;
}

static souk_status run_verb(const struct program *program, int argc, char **argv)
{
    struct args args;
    struct loaded loaded = {0};
    const unsigned flags = ARG_CONFIG | ARG_MODEL | ARG_DATA | ARG_OUTPUT | ARG_JSON;
    souk_status status = args_parse(&verb_predict, flags, argc, argv, &args);
    if (status == SOUK_OK) {
        status = loaded_open(program, &args, "predict", &loaded);
        if (status == SOUK_OK) status = loaded_finish(&loaded, predict(&loaded, &args));
    }
    loaded_close(&loaded);
    args_fini(&args);
    return status;
}

const struct verb verb_predict = {
    .name = "predict",
    .summary = "a rating, or the probability of a click, for every row of a file",
    .help =
        "usage: souk predict -m DIR --data FILE [-o OUT] [--json] [--set key=value]\n"
        "\n"
        "Writes CSV with a header, user,item,prediction, a line for each line of the input and in\n"
        "its order. Ratings: unknown users and items are predicted from the mean and the known\n"
        "biases. Clicks: the prediction is a probability; ids that the model has never seen count\n"
        "as zero vectors. How many there were is said on standard error. Files of any length:\n"
        "memory does not grow with them.\n"
        "\n"
        "  -m DIR        run.dir of a training, or a model folder\n"
        "  --data FILE   users and items, or samples with the columns that the model was trained\n"
        "                on; a rating or label may stand there and is not looked at; repeatable;\n"
        "                - is standard input\n"
        "  -o OUT        a file, which appears when it is whole; else standard output\n"
        "  --json        a JSON object a line: user, item (texts; null where the model knows no\n"
        "                such column), prediction\n"
        "  --set KEY=VALUE   such as data.delimiter=tab, data.user=1, data.item=2,\n"
        "                    data.max_bad_rows=10\n",
    .run = run_verb,
};
