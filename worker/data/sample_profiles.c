/* sample_profiles.c - see sample_profiles.h. Rows that newer ones replace, and items that were seen
 * before, are thrown away whenever they are half of what is kept. */
#include "worker/data/sample_profiles.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/data/sample_reader.h"

enum { ROWS_A_STEP = 4096, SEEN_AT_FIRST = 1 << 16 };

struct seen_item {
    uint32_t user; // in options.users
    uint64_t item;
};

struct profiling {
    const struct sample_profiles_options *options;
    struct profiles *profiles;
    struct seen_item *seen; // (num_seen)
    size_t num_seen, seen_capacity;
    size_t seen_limit; // when they are made unique again
};

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int compare_seen(const void *a, const void *b)
{
    const struct seen_item *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* ---- items that were seen ---- */

static void make_unique(struct profiling *run)
{
    size_t n = 0;
    if (run->num_seen > 0) qsort(run->seen, run->num_seen, sizeof *run->seen, compare_seen);
    for (size_t i = 0; i < run->num_seen; i++)
        if (n == 0 || compare_seen(&run->seen[n - 1], &run->seen[i]) != 0)
            run->seen[n++] = run->seen[i];
    run->num_seen = n;
    run->seen_limit = 2 * n > SEEN_AT_FIRST ? 2 * n : SEEN_AT_FIRST;
}

static void add_seen(struct profiling *run, uint32_t user, uint64_t item)
{
    mem_reserve(&run->seen, &run->seen_capacity, run->num_seen + 1, sizeof *run->seen,
                "items that were seen");
    run->seen[run->num_seen++] = (struct seen_item){user, item};
}

static void add_row_seen(struct profiling *run, const struct sample_batch *samples, uint32_t b,
                         uint32_t user)
{
    const struct sample_format *model = run->options->model;
    if (samples->labels[b] == 1) add_seen(run, user, samples->ids[model->item][b]);
    for (uint32_t h = 0; h < model->num_histories; h++)
        for (uint32_t r = samples->row_start[b];
             model->targets[h] == model->item && r < samples->row_start[b + 1]; r++)
            add_seen(run, user, samples->histories[h][r]);
    if (run->num_seen > run->seen_limit) make_unique(run);
}

// From pairs to a list a user.
static void give_seen(struct profiling *run)
{
    struct profiles *profiles = run->profiles;
    make_unique(run);
    profiles->seen = mem_calloc(run->num_seen + 1, sizeof *profiles->seen, "items that were seen");
    for (size_t i = 0; i < run->num_seen; i++) {
        profiles->seen[i] = run->seen[i].item;
        profiles->seen_start[run->seen[i].user + 1]++;
    }
    for (uint32_t u = 0; u < profiles->num_users; u++)
        profiles->seen_start[u + 1] += profiles->seen_start[u];
}

/* ---- newest rows ---- */

// Keeps the rows that are profiles.
static void drop_replaced(struct profiles *profiles)
{
    struct sample_batch kept;
    sample_batch_init(&kept, profiles->samples.num_ids, profiles->samples.num_histories);
    for (uint32_t u = 0; u < profiles->num_users; u++) {
        if (profiles->sample[u] == UINT32_MAX) continue;
        sample_batch_append(&kept, &profiles->samples, profiles->sample[u]);
        profiles->sample[u] = kept.num_samples - 1;
    }
    sample_batch_fini(&profiles->samples);
    profiles->samples = kept;
}

static void take_row(struct profiling *run, const struct sample_batch *samples, uint32_t b)
{
    struct profiles *profiles = run->profiles;
    const struct sample_profiles_options *options = run->options;
    uint64_t key = samples->ids[options->model->user][b];
    const uint64_t *found =
        bsearch(&key, options->users, options->num_users, sizeof key, compare_keys);
    if (!found) return;
    uint32_t user = (uint32_t)(found - options->users);
    sample_batch_append(&profiles->samples, samples, b);
    profiles->sample[user] = profiles->samples.num_samples - 1;
    add_row_seen(run, samples, b, user);
    if (profiles->samples.num_samples > 2 * profiles->num_users + ROWS_A_STEP ||
        !sample_batch_has_room(&profiles->samples))
        drop_replaced(profiles);
}

/* ---- files ---- */

static souk_status read_rows(struct profiling *run, struct sample_reader *reader,
                             const struct sample_format *format)
{
    struct sample_batch samples;
    souk_status status;
    sample_format_init_batch(format, &samples);
    do {
        status = sample_reader_next(reader, ROWS_A_STEP, &samples);
        for (uint32_t b = 0; status == SOUK_OK && b < samples.num_samples; b++)
            take_row(run, &samples, b);
    } while (status == SOUK_OK && samples.num_samples > 0);
    sample_batch_fini(&samples);
    return status;
}

static souk_status read_files(struct profiling *run)
{
    const struct sample_profiles_options *options = run->options;
    struct sample_format_options columns = {
        .config = options->config, .path = options->files->items[0], .model = options->model};
    struct sample_format format;
    struct sample_reader *reader;
    souk_status status = sample_format_resolve(&columns, &format);
    if (status != SOUK_OK) return status;
    struct sample_reader_options reading = {.files = options->files,
                                            .format = &format,
                                            .num_parts = 1,
                                            .max_bad_rows = options->config->data.max_bad_rows};
    status = sample_reader_open(&reading, &reader);
    if (status != SOUK_OK) return status;
    status = read_rows(run, reader, &format);
    sample_reader_close(reader);
    return status;
}

souk_status sample_profiles_read(const struct sample_profiles_options *options,
                                 struct profiles *profiles_out)
{
    uint32_t num_users = options->num_users;
    struct profiles *profiles = profiles_out;
    *profiles = (struct profiles){.num_users = num_users, .users = options->users};
    sample_batch_init(&profiles->samples, options->model->num_ids, options->model->num_histories);
    profiles->sample = mem_alloc(num_users * sizeof *profiles->sample, "profiles");
    memset(profiles->sample, 0xff, num_users * sizeof *profiles->sample);
    profiles->seen_start = mem_calloc(num_users + 1, sizeof *profiles->seen_start, "profiles");
    struct profiling run = {.options = options, .profiles = profiles, .seen_limit = SEEN_AT_FIRST};
    souk_status status = read_files(&run);
    if (status == SOUK_OK) give_seen(&run);
    mem_free(run.seen);
    return status;
}
