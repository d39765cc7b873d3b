/* explain_sample.c - the sample that souk explain looks at.
 *
 * The user's history comes from what the model remembers of its training data (profiles.h), or from
 * a file of samples; so do the item's other fields, such as its category.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/cli/explain_private.h"
#include "worker/data/catalogue.h"
#include "worker/data/profiles.h"
#include "worker/data/sample_reader.h"
#include "worker/data/sample_search.h"

enum { ROWS_A_STEP = 4096 };

// Where the sample comes from.
struct sources {
    const char **paths; // (num_paths) profiles of the model
    uint32_t num_paths;
    struct catalogue catalogue;  // empty without profiles
    bool has_file;               // --data
    struct sample_format format; // of the file
    struct sample_search search; // of the file
};

/* ---- where the history comes from ---- */

static souk_status search_file(struct explaining *run, struct sources *sources)
{
    struct names *names[SOUK_TABLES_MAX] = {NULL};
    for (uint32_t f = 0; f < run->format->num_fields; f++) { // but those of all users
        const struct sample_column *column = &run->format->ids[f];
        if (f != (uint32_t)run->format->user)
            names[column->table] = explaining_texts(run, column)->asked;
    }
    for (uint32_t h = 0; h < run->format->num_histories; h++) {
        const struct sample_column *column = &run->format->histories[h];
        names[column->table] = explaining_texts(run, column)->asked;
    }
    struct sample_reader_options options = {.files = &run->args->data,
                                            .format = &sources->format,
                                            .num_parts = 1,
                                            .max_bad_rows = run->loaded->config.data.max_bad_rows,
                                            .names = names};
    struct sample_reader *reader;
    struct sample_batch batch;
    souk_status status = sample_reader_open(&options, &reader);
    if (status != SOUK_OK) return status;
    sample_format_init_batch(&sources->format, &batch);
    do {
        status = loaded_check_signal(run->loaded);
        if (status == SOUK_OK) status = sample_reader_next(reader, ROWS_A_STEP, &batch);
        if (status == SOUK_OK) sample_search_add(&sources->search, &batch);
    } while (status == SOUK_OK && batch.num_samples > 0);
    sample_batch_fini(&batch);
    sample_reader_close(reader);
    return status;
}

// Appends the user's profile, if the model remembers one, to the sample.
static souk_status find_profile(struct explaining *run, const struct sources *sources,
                                bool *is_there_out)
{
    struct profiles profiles;
    *is_there_out = false;
    if (sources->num_paths == 0) return SOUK_OK;
    souk_status status =
        profiles_read(sources->paths, sources->num_paths, run->format, &run->user, 1, &profiles);
    if (status == SOUK_OK && profiles.sample[0] != UINT32_MAX) {
        *is_there_out = true;
        sample_batch_append(&run->sample, &profiles.samples, profiles.sample[0]);
    }
    profiles_fini(&profiles);
    return status;
}

// Where the user or the item was looked for in vain: "is not in din/model, nor in all.tsv".
static void add_places(const struct explaining *run, const struct sources *sources,
                       struct buf *text)
{
    const struct config_list *files = &run->args->data;
    buf_printf(text, "is not in %s", model_dir_path(run->loaded->dir));
    if (sources->num_paths == 0)
        buf_add_text(text, " (which does not remember what training saw: data.keep_observed)");
    if (sources->has_file)
        buf_printf(text, ", nor in %s%s", files->items[0],
                   files->num_items > 1 ? " and the others" : "");
}

static souk_status refuse_user(struct explaining *run, const struct sources *sources)
{
    struct buf user = {0}, places = {0};
    explaining_show(&user, &run->users, run->user);
    add_places(run, sources, &places);
    souk_status status = log_fail(SOUK_EUSAGE, "%s %s: give --data FILE with a sample of this user",
                                  buf_text(&user), buf_text(&places));
    buf_fini(&user);
    buf_fini(&places);
    return status;
}

// A file that was given is meant: what the model remembers instead is offered, not taken.
static souk_status refuse_file(struct explaining *run, const struct sources *sources)
{
    bool is_remembered;
    souk_status status = find_profile(run, sources, &is_remembered);
    if (status != SOUK_OK) return status;
    if (!is_remembered) return refuse_user(run, sources);
    struct buf user = {0};
    status =
        log_fail(SOUK_EDATA,
                 "%s%s: there is no sample of %s; leave --data out to take the "
                 "history that training saw",
                 run->args->data.items[0], run->args->data.num_items > 1 ? " and the others" : "",
                 explaining_show(&user, &run->users, run->user));
    buf_fini(&user);
    return status;
}

static souk_status take_from_file(struct explaining *run, struct sources *sources)
{
    struct sample_format_options options = {
        .config = &run->loaded->config, .path = run->args->data.items[0], .model = run->format};
    souk_status status = sample_format_resolve(&options, &sources->format);
    if (status != SOUK_OK) return status;
    sources->has_file = true;
    sample_search_init(&sources->search, &sources->format, run->user, run->item);
    status = search_file(run, sources);
    if (status != SOUK_OK) return status;
    if (sources->search.newest.num_samples == 0) return refuse_file(run, sources);
    sample_batch_append(&run->sample, &sources->search.newest, 0);
    return SOUK_OK;
}

static souk_status take_from_profiles(struct explaining *run, const struct sources *sources)
{
    bool is_there;
    souk_status status = find_profile(run, sources, &is_there);
    return status == SOUK_OK && !is_there ? refuse_user(run, sources) : status;
}

/* ---- the item ---- */

// The item's row, or UINT64_MAX.
static uint64_t find_item(const struct catalogue *catalogue, uint64_t item)
{
    uint64_t low = 0, high = catalogue->num_items;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (catalogue->items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < catalogue->num_items && catalogue->items[low] == item;
    return is_there ? low : UINT64_MAX;
}

// Fields of a candidate, by the catalogue, else those that histories are compared with.
static uint32_t list_fields(const struct explaining *run, const struct catalogue *catalogue,
                            uint32_t *fields_out)
{
    const struct sample_format *format = run->format;
    uint32_t num = catalogue->num_fields;
    memcpy(fields_out, catalogue->fields, num * sizeof *fields_out);
    for (uint32_t f = 0; f < format->num_fields && catalogue->num_fields == 0; f++) {
        bool is_target = f == (uint32_t)format->item;
        for (uint32_t h = 0; h < format->num_histories; h++)
            is_target |= format->targets[h] == (int32_t)f;
        if (is_target) fields_out[num++] = f;
    }
    return num;
}

// A field of the item: from the file, else from the catalogue.
static uint64_t find_field(const struct explaining *run, const struct sources *sources,
                           uint64_t row, uint32_t field)
{
    uint64_t id = PROFILE_UNKNOWN_ID;
    if (sources->has_file && sample_search_field(&sources->search, field, &id)) return id;
    const struct catalogue *catalogue = &sources->catalogue;
    for (uint32_t f = 0; f < catalogue->num_fields && row != UINT64_MAX; f++)
        if (catalogue->fields[f] == field) return catalogue->ids[row * catalogue->num_fields + f];
    return field == (uint32_t)run->format->item ? run->item : id;
}

static souk_status refuse_item(struct explaining *run, const struct sources *sources)
{
    struct buf item = {0}, user = {0}, places = {0};
    explaining_show(&item, &run->items, run->item);
    add_places(run, sources, &places);
    if (sources->num_paths > 0)
        buf_printf(&places, ": it is none of the %llu items that training saw",
                   (unsigned long long)sources->catalogue.num_items);
    explaining_show(&user, &run->users, run->user);
    souk_status status = log_fail(
        SOUK_EUSAGE, "%s %s; give --data FILE with samples of %s and, of anybody, with this item",
        buf_text(&item), buf_text(&places), buf_text(&user));
    buf_fini(&user);
    buf_fini(&item);
    buf_fini(&places);
    return status;
}

static souk_status set_item(struct explaining *run, const struct sources *sources)
{
    uint32_t fields[SAMPLE_IDS_MAX];
    uint32_t num_fields = list_fields(run, &sources->catalogue, fields);
    uint64_t row = find_item(&sources->catalogue, run->item);
    bool is_in_file =
        sources->has_file && (sources->search.is_candidate || sources->search.is_behaviour);
    struct buf item = {0};
    souk_status status = SOUK_OK;
    explaining_show(&item, &run->items, run->item);
    if (row == UINT64_MAX && !is_in_file) status = refuse_item(run, sources);
    for (uint32_t i = 0; i < num_fields && status == SOUK_OK; i++) {
        uint64_t id = find_field(run, sources, row, fields[i]);
        run->sample.ids[fields[i]][0] = id;
        if (id == PROFILE_UNKNOWN_ID)
            log_warning("nobody knows the %s of %s: scored as one that was never seen",
                        run->format->ids[fields[i]].name, buf_text(&item));
    }
    buf_fini(&item);
    return status;
}

souk_status explaining_find_sample(struct explaining *run)
{
    const struct model_dir *dir = run->loaded->dir;
    struct sources sources = {.num_paths = model_dir_num_observed(dir)};
    sources.paths = mem_calloc(sources.num_paths, sizeof *sources.paths, "paths");
    for (uint32_t i = 0; i < sources.num_paths; i++) sources.paths[i] = model_dir_observed(dir, i);
    sample_format_init_batch(run->format, &run->sample);
    souk_status status = SOUK_OK;
    if (sources.num_paths > 0)
        status = catalogue_read(sources.paths, sources.num_paths, run->format, &sources.catalogue);
    if (status == SOUK_OK && run->args->data.num_items > 0)
        status = take_from_file(run, &sources);
    else if (status == SOUK_OK)
        status = take_from_profiles(run, &sources);
    if (status == SOUK_OK) status = set_item(run, &sources);
    catalogue_fini(&sources.catalogue);
    if (sources.has_file) sample_search_fini(&sources.search);
    mem_free(sources.paths);
    return status;
}
