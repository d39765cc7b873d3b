/* profiles_read.c - profiles of some users, see profiles.h. All blocks are read; those with none of
 * the users are passed over. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/data/profile_block.h"
#include "worker/data/profile_record.h"
#include "worker/data/profiles.h"

struct seen_pair {
    uint32_t user; // place in users
    uint64_t item;
};

struct reading {
    const struct sample_format *format; // borrowed
    const uint64_t *users;              // (num_users) borrowed
    uint32_t num_users;
    struct profile_record *records; // (num_users) the newest ones so far
    bool *is_found;                 // (num_users)
    struct profile_record sample;   // in hand
    struct seen_pair *seen;
    size_t num_seen, seen_capacity;
};

static void take_pairs(struct reading *reading, uint32_t user, const struct profile_block *block,
                       uint64_t first, uint64_t n)
{
    mem_reserve(&reading->seen, &reading->seen_capacity, reading->num_seen + n,
                sizeof(*reading->seen), "profiles");
    for (uint64_t i = 0; i < n; i++)
        reading->seen[reading->num_seen++] =
            (struct seen_pair){user, block->items[block->pairs[first + i]]};
}

// User u of the block, whose behaviours begin at `first`.
static void take_record(struct reading *reading, uint32_t user, const struct profile_block *block,
                        uint32_t u, uint64_t first)
{
    const struct sample_format *format = reading->format;
    struct profile_record *sample = &reading->sample, *record = &reading->records[user];
    profile_record_reserve(sample, format, (uint32_t)block->num_rows[u]);
    sample->is_click = block->is_click[u];
    for (uint32_t i = 0; i < format->num_ids; i++) sample->cells[i] = block->ids[i][u];
    uint64_t *row = sample->cells + format->num_ids;
    for (uint32_t r = 0; r < sample->num_rows; r++)
        for (uint32_t h = 0; h < format->num_histories; h++)
            *row++ = block->histories[h][first + r];
    if (reading->is_found[user] && !profile_record_is_newer(format, sample, record)) return;
    struct profile_record old = *record;
    *record = *sample;
    *sample = old;
    reading->is_found[user] = true;
}

static void take_block(struct reading *reading, const struct profile_block *block)
{
    uint64_t first_row = 0, first_pair = 0;
    uint32_t user = 0; // both lists ascend
    for (uint32_t u = 0; u < block->num.users; u++) {
        while (user < reading->num_users && reading->users[user] < block->users[u]) user++;
        if (user < reading->num_users && reading->users[user] == block->users[u]) {
            take_pairs(reading, user, block, first_pair, block->num_pairs[u]);
            take_record(reading, user, block, u, first_row);
        }
        first_row += block->num_rows[u];
        first_pair += block->num_pairs[u];
    }
}

static souk_status read_file(struct reading *reading, const char *path)
{
    struct profile_reader *reader = NULL;
    const struct profile_block *block;
    souk_status status = profile_reader_open(path, reading->format, &reader);
    if (status) return status;
    while (!(status = profile_reader_next(reader, &block))) take_block(reading, block);
    profile_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

// ---- what comes out ----

static int by_user_and_item(const void *a, const void *b)
{
    const struct seen_pair *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static void give_seen(struct reading *reading, struct profiles *profiles)
{
    struct seen_pair *seen = reading->seen;
    if (reading->num_seen > 0) qsort(seen, reading->num_seen, sizeof(*seen), by_user_and_item);
    profiles->seen_start =
        mem_calloc((size_t)reading->num_users + 1, sizeof(*profiles->seen_start), "profiles");
    profiles->seen = mem_calloc(reading->num_seen, sizeof(*profiles->seen), "profiles");
    uint64_t n = 0;
    size_t i = 0;
    for (uint32_t user = 0; user < reading->num_users; user++) {
        for (; i < reading->num_seen && seen[i].user == user; i++)
            if (i == 0 || by_user_and_item(&seen[i - 1], &seen[i]) != 0)
                profiles->seen[n++] = seen[i].item;
        profiles->seen_start[user + 1] = n;
    }
}

static void give_sample(const struct sample_format *format, const struct profile_record *record,
                        struct sample_batch *batch)
{
    uint32_t b = batch->num_samples, n = record->num_rows;
    sample_batch_reserve(batch, 1, n);
    batch->labels[b] = 0;
    for (uint32_t i = 0; i < format->num_ids; i++) batch->ids[i][b] = record->cells[i];
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t h = 0; h < format->num_histories; h++)
            batch->histories[h][batch->num_rows + r] = profile_record_row(record, format, r)[h];
    batch->num_rows += n;
    batch->row_start[++batch->num_samples] = batch->num_rows;
}

static void give(struct reading *reading, struct profiles *profiles)
{
    const struct sample_format *format = reading->format;
    sample_batch_init(&profiles->samples, format->num_ids, format->num_histories);
    profiles->sample = mem_calloc(reading->num_users, sizeof(*profiles->sample), "profiles");
    for (uint32_t user = 0; user < reading->num_users; user++) {
        profiles->sample[user] = UINT32_MAX;
        if (!reading->is_found[user]) continue;
        profiles->sample[user] = profiles->samples.num_samples;
        give_sample(format, &reading->records[user], &profiles->samples);
    }
    give_seen(reading, profiles);
    profiles->num_users = reading->num_users;
    profiles->users = reading->users;
}

souk_status profiles_read(const char *const *paths, uint32_t num_paths,
                          const struct sample_format *format, const uint64_t *users,
                          uint32_t num_users, struct profiles *profiles_out)
{
    struct reading reading = {.format = format, .users = users, .num_users = num_users};
    reading.records = mem_calloc(num_users, sizeof(*reading.records), "profiles");
    reading.is_found = mem_calloc(num_users, sizeof(*reading.is_found), "profiles");
    *profiles_out = (struct profiles){.num_users = 0};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < num_paths && !status; i++) status = read_file(&reading, paths[i]);
    if (!status) give(&reading, profiles_out);
    for (uint32_t user = 0; user < num_users; user++) profile_record_fini(&reading.records[user]);
    profile_record_fini(&reading.sample);
    mem_free(reading.records);
    mem_free(reading.is_found);
    mem_free(reading.seen);
    return status;
}

void profiles_fini(struct profiles *profiles)
{
    sample_batch_fini(&profiles->samples);
    mem_free(profiles->sample);
    mem_free(profiles->seen_start);
    mem_free(profiles->seen);
    *profiles = (struct profiles){.num_users = 0};
}
