/* profile_record.c - see profile_record.h. */
#include "worker/data/profile_record.h"

#include <string.h>

#include "common/base/mem.h"

void profile_record_fini(struct profile_record *record)
{
    mem_free(record->cells);
    *record = (struct profile_record){.num_rows = 0};
}

void profile_record_reserve(struct profile_record *record, const struct sample_format *format,
                            uint32_t num_rows)
{
    size_t num_cells = format->num_ids + (size_t)num_rows * format->num_histories;
    mem_reserve(&record->cells, &record->capacity, num_cells, sizeof(*record->cells), "profiles");
    record->num_rows = num_rows;
}

static bool knows_all_targets(const struct sample_format *format)
{
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] < 0) return false;
    return format->num_histories > 0;
}

// The item fields become those of the newest behaviour.
static void take_newest(struct profile_record *record, const struct sample_format *format)
{
    const uint64_t *row = profile_record_row(record, format, record->num_rows - 1);
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] >= 0) record->cells[format->targets[h]] = row[h];
}

void profile_record_take(struct profile_record *record, const struct sample_format *format,
                         const struct sample_batch *batch, uint32_t b)
{
    uint32_t begin = batch->row_start[b], n = batch->row_start[b + 1] - begin;
    uint32_t num_histories = format->num_histories;
    record->is_click = batch->labels[b] > 0.5f;
    bool is_longer = record->is_click && knows_all_targets(format);
    uint32_t total = n + is_longer, max = format->max_history > 0 ? format->max_history : 1;
    uint32_t num_dropped = total > max ? total - max : 0;
    profile_record_reserve(record, format, total - num_dropped);
    record->num_dropped = num_dropped;
    for (uint32_t i = 0; i < format->num_ids; i++) record->cells[i] = batch->ids[i][b];
    uint64_t *row = record->cells + format->num_ids;
    for (uint32_t r = num_dropped; r < n; r++, row += num_histories)
        for (uint32_t h = 0; h < num_histories; h++) row[h] = batch->histories[h][begin + r];
    for (uint32_t h = 0; is_longer && h < num_histories; h++)
        row[h] = batch->ids[format->targets[h]][b];
    if (!record->is_click && record->num_rows > 0) take_newest(record, format);
}

const uint64_t *profile_record_row(const struct profile_record *record,
                                   const struct sample_format *format, uint32_t row)
{
    return record->cells + format->num_ids + (size_t)row * format->num_histories;
}

// Whether a begins with b's behaviours but the first k.
static bool goes_on_at(const struct sample_format *format, const struct profile_record *a,
                       const struct profile_record *b, uint32_t k)
{
    uint32_t num_common = b->num_rows - k;
    if (num_common > a->num_rows) return false;
    size_t bytes = (size_t)num_common * format->num_histories * sizeof(uint64_t);
    return bytes == 0 ||
           memcmp(profile_record_row(a, format, 0), profile_record_row(b, format, k), bytes) == 0;
}

bool profile_record_goes_on(const struct sample_format *format, const struct profile_record *a,
                            const struct profile_record *b, uint32_t *first_out)
{
    for (uint32_t k = 0; k <= b->num_rows / 2; k++) {
        if (!goes_on_at(format, a, b, k)) continue;
        *first_out = b->num_rows - k;
        return true;
    }
    return false;
}

bool profile_record_is_newer(const struct sample_format *format, const struct profile_record *a,
                             const struct profile_record *b)
{
    uint32_t num_rows = a->num_rows > b->num_rows ? a->num_rows : b->num_rows;
    if (a->num_rows == b->num_rows && goes_on_at(format, a, b, 0))
        return a->is_click || !b->is_click;
    for (uint32_t k = 0; k <= num_rows / 2; k++) {
        if (k <= b->num_rows / 2 && goes_on_at(format, a, b, k)) return true;
        if (k <= a->num_rows / 2 && goes_on_at(format, b, a, k)) return false;
    }
    return a->num_rows >= b->num_rows;
}
