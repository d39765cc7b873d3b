/* profiles_write.c - the writing half of profiles.h.
 *
 * A block in the making knows each of its users by the newest sample, the (user, item) pairs that
 * were chosen, and the fields of the items. Rows of a user usually come one after the other, each
 * with the history of the row before and perhaps one behaviour more: only what is more is looked
 * at, so that n rows cost n behaviours, not n * n / 2. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/key_index.h"
#include "worker/data/profile_block.h"
#include "worker/data/profile_record.h"
#include "worker/data/profiles.h"

// What the samples of a block say of an item.
struct item_about {
    uint64_t known;     // bit i: the field of ids[i] is known
    uint64_t differing; // bit i: it has had several values
};

struct profile_writer {
    char *path;
    FILE *file;
    const struct sample_format *format; // borrowed
    uint64_t num_written;               // users in finished blocks

    // The block in the making, by the numbers that the indices give.
    struct key_index *users, *items, *pairs; // a pair's key: number of user << 32 | of item
    struct profile_record *records;          // by user
    size_t records_capacity;                 // all beyond the users' count are zeroed
    struct item_about *abouts;               // by item
    uint64_t *fields;                        // (items, num_ids)
    size_t abouts_capacity, fields_capacity;
    uint64_t num_rows;            // behaviours of all records
    struct profile_record sample; // in hand
    struct profile_block block;   // on its way to the file
    struct buf packed;
};

static void start_block(struct profile_writer *writer)
{
    writer->users = key_index_create();
    writer->items = key_index_create();
    writer->pairs = key_index_create();
    writer->num_rows = 0;
}

static void drop_indices(struct profile_writer *writer)
{
    key_index_destroy(writer->users);
    key_index_destroy(writer->items);
    key_index_destroy(writer->pairs);
    writer->users = writer->items = writer->pairs = NULL;
}

static souk_status write_packed(struct profile_writer *writer)
{
    size_t length = writer->packed.length;
    bool is_written = fwrite(buf_text(&writer->packed), 1, length, writer->file) == length;
    buf_clear(&writer->packed);
    return is_written ? SOUK_OK : log_fail_errno(errno, "cannot write %s", writer->path);
}

souk_status profile_writer_open(const char *path, const struct sample_format *format,
                                struct profile_writer **writer_out)
{
    assert(format->user >= 0 && format->item >= 0);
    FILE *file = fopen(path, "wbe");
    if (!file) return log_fail_errno(errno, "cannot create %s", path);
    struct profile_writer *writer = mem_calloc(1, sizeof(*writer), "profiles");
    writer->path = mem_strdup(path);
    writer->file = file;
    writer->format = format;
    start_block(writer);
    profile_block_pack_begin(format, &writer->packed);
    souk_status status = write_packed(writer);
    if (status)
        profile_writer_drop(writer);
    else
        *writer_out = writer;
    return status;
}

// ---- items ----

static uint32_t number_item(struct profile_writer *writer, uint64_t item)
{
    uint32_t count = key_index_count(writer->items);
    uint32_t number = key_index_add(writer->items, item), num_ids = writer->format->num_ids;
    if (number < count) return number;
    mem_reserve(&writer->abouts, &writer->abouts_capacity, (size_t)count + 1,
                sizeof(*writer->abouts), "profiles");
    mem_reserve(&writer->fields, &writer->fields_capacity, ((size_t)count + 1) * num_ids,
                sizeof(*writer->fields), "profiles");
    uint64_t *fields = writer->fields + (size_t)number * num_ids;
    memset(fields, 0, num_ids * sizeof(*fields));
    fields[writer->format->item] = item;
    writer->abouts[number] = (struct item_about){.known = UINT64_C(1) << writer->format->item};
    return number;
}

static void note_pair(struct profile_writer *writer, uint32_t user, uint32_t item)
{
    key_index_add(writer->pairs, (uint64_t)user << 32 | item);
}

// A candidate's fields: those of the latest sample stay.
static uint32_t note_candidate(struct profile_writer *writer, const struct sample_batch *batch,
                               uint32_t b)
{
    const struct sample_format *format = writer->format;
    uint32_t number = number_item(writer, batch->ids[format->item][b]);
    struct item_about *about = &writer->abouts[number];
    uint64_t *fields = writer->fields + (size_t)number * format->num_ids;
    for (uint32_t i = 0; i < format->num_ids; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((about->known & bit) && fields[i] != batch->ids[i][b]) about->differing |= bit;
        about->known |= bit;
        fields[i] = batch->ids[i][b];
    }
    return number;
}

// What the other histories hold of an item that is in one; samples know better.
static void note_fields(struct profile_writer *writer, const uint64_t *row, uint32_t item)
{
    const struct sample_format *format = writer->format;
    struct item_about *about = &writer->abouts[item];
    uint64_t *fields = writer->fields + (size_t)item * format->num_ids;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        uint64_t bit = format->targets[h] >= 0 ? UINT64_C(1) << format->targets[h] : 0;
        if ((about->known & bit) == bit) continue;
        about->known |= bit;
        fields[format->targets[h]] = row[h];
    }
}

// ---- users ----

// One behaviour. The other histories are about the item of the first one with items.
static void note_row(struct profile_writer *writer, uint32_t user, const uint64_t *row)
{
    const struct sample_format *format = writer->format;
    bool is_first = true;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        if (format->histories[h].table != format->ids[format->item].table) continue;
        uint32_t item = number_item(writer, row[h]);
        note_pair(writer, user, item);
        if (is_first) note_fields(writer, row, item);
        is_first = false;
    }
}

static void note_rows(struct profile_writer *writer, uint32_t user, uint32_t first)
{
    for (uint32_t r = first; r < writer->sample.num_rows; r++)
        note_row(writer, user, profile_record_row(&writer->sample, writer->format, r));
}

// Behaviours that the record has no room for, since the click came behind them.
static void note_dropped(struct profile_writer *writer, uint32_t user,
                         const struct sample_batch *batch, uint32_t b)
{
    const struct sample_format *format = writer->format;
    for (uint32_t r = 0; r < writer->sample.num_dropped; r++) {
        uint64_t row[SAMPLE_HISTORIES_MAX];
        for (uint32_t h = 0; h < format->num_histories; h++)
            row[h] = batch->histories[h][batch->row_start[b] + r];
        note_row(writer, user, row);
    }
}

static uint32_t number_user(struct profile_writer *writer, uint64_t user, bool *is_new_out)
{
    uint32_t count = key_index_count(writer->users);
    uint32_t number = key_index_add(writer->users, user);
    *is_new_out = number == count;
    size_t capacity = writer->records_capacity;
    mem_reserve(&writer->records, &writer->records_capacity, (size_t)number + 1,
                sizeof(*writer->records), "profiles");
    if (writer->records_capacity > capacity)
        memset(writer->records + capacity, 0,
               (writer->records_capacity - capacity) * sizeof(*writer->records));
    return number;
}

static void keep_record(struct profile_writer *writer, struct profile_record *record)
{
    struct profile_record old = *record;
    writer->num_rows += writer->sample.num_rows;
    writer->num_rows -= old.num_rows;
    *record = writer->sample;
    writer->sample = old; // its cells are used again
}

static void add_sample(struct profile_writer *writer, const struct sample_batch *batch, uint32_t b)
{
    const struct sample_format *format = writer->format;
    struct profile_record *sample = &writer->sample;
    bool is_new = false;
    uint32_t item = note_candidate(writer, batch, b), first = 0, none;
    uint32_t user = number_user(writer, batch->ids[format->user][b], &is_new);
    struct profile_record *record = &writer->records[user];
    profile_record_take(sample, format, batch, b);
    if (sample->is_click) note_pair(writer, user, item);
    note_dropped(writer, user, batch, b);
    if (is_new || !profile_record_goes_on(format, sample, record, &first)) first = 0;
    bool is_behind = !is_new && profile_record_goes_on(format, record, sample, &none) &&
                     none == sample->num_rows;
    if (!is_behind) note_rows(writer, user, first);
    if (is_new || profile_record_is_newer(format, sample, record)) keep_record(writer, record);
}

// ---- blocks ----

static struct profile_counts counts(const struct profile_writer *writer)
{
    return (struct profile_counts){.users = key_index_count(writer->users),
                                   .rows = (uint32_t)writer->num_rows,
                                   .pairs = key_index_count(writer->pairs),
                                   .items = key_index_count(writer->items)};
}

struct numbered {
    uint64_t key;
    uint32_t number; // in an index
};

static int by_key(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

// Keys of an index in ascending order (heap, the caller's).
static struct numbered *sort_keys(const struct key_index *index)
{
    uint32_t n = key_index_count(index);
    struct numbered *sorted = mem_calloc(n, sizeof(*sorted), "profiles");
    for (uint32_t i = 0; i < n; i++) sorted[i] = (struct numbered){key_index_key(index, i), i};
    qsort(sorted, n, sizeof(*sorted), by_key);
    return sorted;
}

// places_out: of items, by their number, in the block.
static void fill_items(struct profile_writer *writer, struct profile_block *block,
                       uint32_t *places_out)
{
    uint32_t num_ids = writer->format->num_ids;
    struct numbered *items = sort_keys(writer->items);
    for (uint32_t i = 0; i < block->num.items; i++) {
        const struct item_about *about = &writer->abouts[items[i].number];
        const uint64_t *fields = writer->fields + (size_t)items[i].number * num_ids;
        places_out[items[i].number] = i;
        block->items[i] = items[i].key;
        block->known[i] = about->known;
        block->differing[i] = about->differing;
        for (uint32_t f = 0; f < num_ids; f++) block->fields[f][i] = fields[f];
    }
    mem_free(items);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Pairs as place of user << 32 | place of item, so that sorting puts them as the block wants them.
static void fill_pairs(struct profile_writer *writer, struct profile_block *block,
                       const uint32_t *user_places, const uint32_t *item_places)
{
    for (uint32_t i = 0; i < block->num.pairs; i++) {
        uint64_t pair = key_index_key(writer->pairs, i);
        block->pairs[i] = (uint64_t)user_places[pair >> 32] << 32 | item_places[(uint32_t)pair];
    }
    qsort(block->pairs, block->num.pairs, sizeof(*block->pairs), by_number);
    for (uint32_t i = 0; i < block->num.pairs; i++) {
        block->num_pairs[block->pairs[i] >> 32]++;
        block->pairs[i] = (uint32_t)block->pairs[i];
    }
}

static void fill_users(struct profile_writer *writer, struct profile_block *block,
                       uint32_t *places_out)
{
    const struct sample_format *format = writer->format;
    struct numbered *users = sort_keys(writer->users);
    uint64_t row = 0;
    for (uint32_t u = 0; u < block->num.users; u++) {
        struct profile_record *record = &writer->records[users[u].number];
        places_out[users[u].number] = u;
        block->users[u] = users[u].key;
        block->is_click[u] = record->is_click;
        block->num_rows[u] = record->num_rows;
        block->num_pairs[u] = 0;
        for (uint32_t i = 0; i < format->num_ids; i++) block->ids[i][u] = record->cells[i];
        for (uint32_t r = 0; r < record->num_rows; r++, row++)
            for (uint32_t h = 0; h < format->num_histories; h++)
                block->histories[h][row] = profile_record_row(record, format, r)[h];
        profile_record_fini(record);
    }
    mem_free(users);
}

static souk_status write_block(struct profile_writer *writer)
{
    struct profile_counts num = counts(writer);
    if (num.users == 0) return SOUK_OK;
    struct profile_block *block = &writer->block;
    profile_block_reserve(block, writer->format, &num);
    uint32_t *item_places = mem_calloc(num.items, sizeof(*item_places), "profiles");
    uint32_t *user_places = mem_calloc(num.users, sizeof(*user_places), "profiles");
    fill_items(writer, block, item_places);
    fill_users(writer, block, user_places);
    fill_pairs(writer, block, user_places, item_places);
    mem_free(item_places);
    mem_free(user_places);
    profile_block_pack(block, writer->format, &writer->packed);
    writer->num_written += num.users;
    drop_indices(writer);
    start_block(writer);
    return write_packed(writer);
}

souk_status profile_writer_add(struct profile_writer *writer, const struct sample_batch *samples)
{
    for (uint32_t b = 0; b < samples->num_samples; b++) {
        add_sample(writer, samples, b);
        struct profile_counts num = counts(writer);
        if (profile_block_num_cells(writer->format, &num) < PROFILE_BLOCK_CELLS) continue;
        souk_status status = write_block(writer);
        if (status) return status;
    }
    return SOUK_OK;
}

// ---- the end ----

static souk_status write_end(struct profile_writer *writer)
{
    profile_block_pack_end(writer->num_written, &writer->packed);
    souk_status status = write_packed(writer);
    if (status) return status;
    if (fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0) return SOUK_OK;
    return log_fail_errno(errno, "cannot write %s", writer->path);
}

static void free_writer(struct profile_writer *writer)
{
    drop_indices(writer);
    for (size_t i = 0; i < writer->records_capacity; i++) profile_record_fini(&writer->records[i]);
    profile_record_fini(&writer->sample);
    profile_block_fini(&writer->block);
    buf_fini(&writer->packed);
    mem_free(writer->records);
    mem_free(writer->abouts);
    mem_free(writer->fields);
    mem_free(writer->path);
    mem_free(writer);
}

souk_status profile_writer_close(struct profile_writer *writer)
{
    souk_status status = write_block(writer);
    if (!status) status = write_end(writer);
    if (fclose(writer->file) != 0 && !status)
        status = log_fail_errno(errno, "cannot write %s", writer->path);
    if (status) unlink(writer->path); // half a file is of no use to anybody
    free_writer(writer);
    return status;
}

void profile_writer_drop(struct profile_writer *writer)
{
    if (!writer) return;
    fclose(writer->file);
    unlink(writer->path);
    free_writer(writer);
}
