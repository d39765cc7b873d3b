/* predict_clicks.c - see predict_clicks.h. */
#include "worker/cli/predict_clicks.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/output.h"
#include "worker/cli/prediction_row.h"
#include "worker/data/sample_reader.h"
#include "worker/model/click_scorer.h"
#include "worker/model/din.h"
#include "worker/nn/vmath.h"

enum { ROWS_A_STEP = 4096 };

struct click_run {
    struct loaded *loaded;
    const struct args *args;
    struct sample_format format; // of the input
    struct sample_reader *reader;
    struct sample_batch samples;          // of the step in hand
    struct names *names[SOUK_TABLES_MAX]; // texts of this step's string ids of users and items
    struct id_texts users, items;
    struct click_scorer *scorer;
    float probabilities[ROWS_A_STEP];
    struct buf text, id;
    uint64_t num_rows, num_cold_users, num_cold_items, num_cold_others;
};

/* ---- reading ---- */

// The columns of the input: those of the model, and labels are not looked at, so none is wrong.
static souk_status open_reader(struct click_run *run)
{
    const struct config *config = &run->loaded->config;
    struct sample_format_options options = {.config = config,
                                            .path = run->args->data.items[0],
                                            .model = din_format(run->loaded->model)};
    souk_status status = sample_format_resolve(&options, &run->format);
    if (status != SOUK_OK) return status;
    run->format.has_label = false;
    sample_format_init_batch(&run->format, &run->samples);
    struct sample_reader_options reading = {.files = &run->args->data,
                                            .format = &run->format,
                                            .num_parts = 1,
                                            .max_bad_rows = config->data.max_bad_rows,
                                            .names = run->names};
    return sample_reader_open(&reading, &run->reader);
}

static void find_texts(struct click_run *run, const char *what, int32_t id,
                       struct id_texts *texts_out)
{
    *texts_out = (struct id_texts){.what = what};
    if (id < 0) return;
    const struct sample_column *column = &run->format.ids[id];
    texts_out->kind = column->kind;
    if (column->kind != CONFIG_ID_STRING || column->table == SAMPLE_NO_TABLE) return;
    struct names **names = &run->names[column->table]; // users and items may share it
    if (!*names) *names = names_create();
    texts_out->names = *names;
}

static void drop_names(struct click_run *run)
{
    for (uint32_t t = 0; t < SOUK_TABLES_MAX; t++) {
        names_destroy(run->names[t]);
        run->names[t] = NULL;
    }
}

// Texts are kept for one step only: a stream may have any number of them.
static souk_status read_step(struct click_run *run)
{
    drop_names(run);
    find_texts(run, "user", run->format.user, &run->users);
    find_texts(run, "item", run->format.item, &run->items);
    return sample_reader_next(run->reader, ROWS_A_STEP, &run->samples);
}

/* ---- writing ---- */

static void add_rows(struct click_run *run, const struct click_scores *scores)
{
    const struct sample_batch *samples = &run->samples;
    int32_t user = run->format.user, item = run->format.item;
    const uint8_t cold_others = CLICK_COLD_FIELD | CLICK_COLD_BEHAVIOUR;
    vmath_sigmoid(scores->logits, samples->num_samples, run->probabilities);
    struct prediction_row row = {.users = user >= 0 ? &run->users : NULL,
                                 .items = item >= 0 ? &run->items : NULL};
    for (uint32_t b = 0; b < samples->num_samples; b++) {
        if (user >= 0) row.user = samples->ids[user][b];
        if (item >= 0) row.item = samples->ids[item][b];
        row.value = run->probabilities[b];
        run->num_cold_users += (scores->is_cold[b] & CLICK_COLD_USER) != 0;
        run->num_cold_items += (scores->is_cold[b] & CLICK_COLD_ITEM) != 0;
        run->num_cold_others += (scores->is_cold[b] & cold_others) != 0;
        prediction_row_add(&row, run->args->is_json, &run->id, &run->text);
    }
    run->num_rows += samples->num_samples;
}

static souk_status predict_all(struct click_run *run, struct output *output)
{
    struct click_scores scores;
    prediction_row_head(run->args->is_json, &run->text);
    for (;;) {
        souk_status status = output_write(output, &run->text);
        if (status == SOUK_OK) status = loaded_check_signal(run->loaded);
        if (status == SOUK_OK) status = read_step(run);
        if (status != SOUK_OK || run->samples.num_samples == 0) return status;
        status = click_scorer_run(run->scorer, &run->samples, &scores);
        if (status != SOUK_OK) return status;
        add_rows(run, &scores);
    }
}

static void print_counts(const struct click_run *run)
{
    char rows[32], users[32], items[32], others[32];
    text_group_digits(run->num_rows, rows);
    if (run->num_cold_users + run->num_cold_items + run->num_cold_others == 0)
        log_info("%s rows", rows);
    else
        log_info(
            "%s rows; %s with a user and %s with an item that the model has never seen, %s "
            "with such an id in another field or a history: predicted from the rest of the row",
            rows, text_group_digits(run->num_cold_users, users),
            text_group_digits(run->num_cold_items, items),
            text_group_digits(run->num_cold_others, others));
}

/* ---- the whole ---- */

static souk_status write_predictions(struct click_run *run)
{
    struct output *output;
    souk_status status = open_reader(run);
    if (status == SOUK_OK) status = output_open(run->args->output, &output);
    if (status != SOUK_OK) return status;
    status = predict_all(run, output);
    if (status == SOUK_OK)
        status = output_finish(output);
    else
        output_drop(output);
    if (status == SOUK_OK) print_counts(run);
    return status;
}

souk_status predict_clicks(struct loaded *loaded, const struct args *args)
{
    struct click_run *run = mem_calloc(1, sizeof *run, "predictions");
    run->loaded = loaded;
    run->args = args;
    run->scorer = click_scorer_create(loaded->model, loaded->client, loaded->tables);
    souk_status status = write_predictions(run);
    click_scorer_destroy(run->scorer);
    sample_reader_close(run->reader);
    sample_batch_fini(&run->samples);
    drop_names(run);
    buf_fini(&run->text);
    buf_fini(&run->id);
    mem_free(run);
    return status;
}
