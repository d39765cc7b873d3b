/* profile_block_read.c - the reading half of profile_block.h. Nothing in a file is believed: memory
 * is taken only for what is there, and what a checksum has passed is still looked at, since places
 * and counts are used as they are afterwards. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"
#include "worker/data/profile_block_private.h"

enum { LZ4_RATIO_MAX = 256 }; // what LZ4 makes out of a byte, and some more

struct profile_reader {
    const char *path;                   // borrowed
    const struct sample_format *format; // borrowed
    FILE *file;
    uint64_t num_left;          // bytes behind what was read
    uint64_t num_users;         // of all blocks so far
    struct profile_block block; // that was read last
    uint8_t *packed;            // its cells as stored
    uint8_t *plain;             // and as planes
    size_t packed_capacity, plain_capacity;
};

static souk_status damaged(const struct profile_reader *reader)
{
    return log_fail(SOUK_EDATA, "%s is damaged near byte %ld; the model has to be saved again",
                    reader->path, ftell(reader->file));
}

static souk_status read_bytes(struct profile_reader *reader, void *bytes, size_t length)
{
    if (length > reader->num_left) return damaged(reader);
    if (length == 0 || fread(bytes, 1, length, reader->file) == length) {
        reader->num_left -= length;
        return SOUK_OK;
    }
    if (ferror(reader->file)) return log_fail_errno(errno, "cannot read %s", reader->path);
    return damaged(reader);
}

static souk_status read_begin(struct profile_reader *reader)
{
    uint8_t begin[PROFILE_BEGIN_BYTES];
    souk_status status = read_bytes(reader, begin, sizeof(begin));
    if (status) return status;
    struct cursor cursor = cursor_reader(begin, sizeof(begin));
    if (memcmp(cursor_get_bytes(&cursor, PROFILE_MAGIC_BYTES), PROFILE_MAGIC,
               PROFILE_MAGIC_BYTES) != 0)
        return log_fail(SOUK_EDATA, "%s is not a file of profiles", reader->path);
    uint64_t hash = cursor_get_u64(&cursor);
    if (cursor_get_u32(&cursor) != crc32c(0, begin, sizeof(begin) - PROFILE_CRC_BYTES))
        return damaged(reader);
    if (hash == profile_format_hash(reader->format)) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: its columns are not those of the model, so it belongs to another; copy "
                    "the model again, or train it again",
                    reader->path);
}

souk_status profile_reader_open(const char *path, const struct sample_format *format,
                                struct profile_reader **reader_out)
{
    FILE *file = fopen(path, "rbe");
    if (!file) return log_fail_errno(errno, "cannot open %s", path);
    struct profile_reader *reader = mem_calloc(1, sizeof(*reader), "profiles");
    *reader = (struct profile_reader){.path = path, .format = format, .file = file};
    struct stat st;
    souk_status status =
        fstat(fileno(file), &st) == 0 ? SOUK_OK : log_fail_errno(errno, "cannot read %s", path);
    if (!status) reader->num_left = (uint64_t)st.st_size;
    if (!status) status = read_begin(reader);
    if (status)
        profile_reader_close(reader);
    else
        *reader_out = reader;
    return status;
}

void profile_reader_close(struct profile_reader *reader)
{
    if (!reader) return;
    fclose(reader->file);
    profile_block_fini(&reader->block);
    mem_free(reader->packed);
    mem_free(reader->plain);
    mem_free(reader);
}

// ---- cells ----

// Sums up differences; false when numbers do not ascend strictly below the limit.
static bool add_differences(uint64_t *numbers, uint64_t n, uint64_t limit)
{
    for (uint64_t i = 1; i < n; i++)
        if (numbers[i] == 0 || __builtin_add_overflow(numbers[i - 1], numbers[i], &numbers[i]))
            return false;
    return n == 0 || numbers[n - 1] <= limit;
}

static bool check_users(struct profile_block *block, uint32_t max_history)
{
    const struct profile_counts *num = &block->num;
    uint64_t num_rows = 0, num_pairs = 0;
    for (uint32_t u = 0; u < num->users; u++) {
        if (block->is_click[u] > 1 || block->num_rows[u] > max_history) return false;
        if (block->num_pairs[u] > num->pairs - num_pairs) return false;
        num_rows += block->num_rows[u];
        if (!add_differences(block->pairs + num_pairs, block->num_pairs[u],
                             (uint64_t)num->items - 1))
            return false;
        num_pairs += block->num_pairs[u];
    }
    return num_rows == num->rows && num_pairs == num->pairs &&
           add_differences(block->users, num->users, UINT64_MAX);
}

static bool check_block(struct profile_block *block, const struct sample_format *format)
{
    uint32_t max_history = format->max_history > 0 ? format->max_history : 1;
    return check_users(block, max_history) &&
           add_differences(block->items, block->num.items, UINT64_MAX);
}

static void join_planes(const uint8_t *planes, uint64_t *cells, size_t n)
{
    memset(cells, 0, n * sizeof(*cells));
    for (unsigned plane = 0; plane < PROFILE_CELL_BYTES; plane++)
        for (size_t i = 0; i < n; i++) cells[i] |= (uint64_t)*planes++ << (8 * plane);
}

static souk_status unpack(struct profile_reader *reader, const struct profile_counts *num,
                          size_t num_packed)
{
    uint64_t n = profile_block_num_cells(reader->format, num);
    if (n > (uint64_t)num_packed * LZ4_RATIO_MAX) return damaged(reader);
    size_t length = n * PROFILE_CELL_BYTES;
    const uint8_t *plain = reader->packed;
    if (num_packed != length) {
        mem_reserve(&reader->plain, &reader->plain_capacity, length, 1, "profiles");
        if (codec_lz4_decompress(reader->packed, num_packed, reader->plain, length))
            return damaged(reader);
        plain = reader->plain;
    }
    profile_block_reserve(&reader->block, reader->format, num);
    join_planes(plain, reader->block.cells, n);
    return check_block(&reader->block, reader->format) ? SOUK_OK : damaged(reader);
}

// ---- blocks ----

static souk_status read_block(struct profile_reader *reader, const uint8_t *head)
{
    struct cursor cursor = cursor_reader(head + PROFILE_TAG_BYTES, //
                                         PROFILE_HEAD_BYTES - PROFILE_TAG_BYTES);
    struct profile_counts num;
    num.users = cursor_get_u32(&cursor);
    num.rows = cursor_get_u32(&cursor);
    num.pairs = cursor_get_u32(&cursor);
    num.items = cursor_get_u32(&cursor);
    uint32_t length = cursor_get_u32(&cursor);
    if (num.users == 0 || num.items == 0) return damaged(reader);
    if (length > reader->num_left) return damaged(reader);
    mem_reserve(&reader->packed, &reader->packed_capacity, length, 1, "profiles");
    souk_status status = read_bytes(reader, reader->packed, length);
    if (status) return status;
    uint32_t crc = crc32c(0, head, PROFILE_HEAD_BYTES - PROFILE_CRC_BYTES);
    if (cursor_get_u32(&cursor) != crc32c(crc, reader->packed, length)) return damaged(reader);
    status = unpack(reader, &num, length);
    if (!status) reader->num_users += num.users;
    return status;
}

static souk_status check_end(struct profile_reader *reader, const uint8_t *end)
{
    struct cursor cursor = cursor_reader(end + PROFILE_TAG_BYTES, //
                                         PROFILE_END_BYTES - PROFILE_TAG_BYTES);
    uint64_t num_users = cursor_get_u64(&cursor);
    uint32_t crc = crc32c(0, end, PROFILE_END_BYTES - PROFILE_CRC_BYTES);
    bool is_good =
        cursor_get_u32(&cursor) == crc && num_users == reader->num_users && reader->num_left == 0;
    return is_good ? SOUK_EEND : damaged(reader);
}

souk_status profile_reader_next(struct profile_reader *reader,
                                const struct profile_block **block_out)
{
    uint8_t head[PROFILE_HEAD_BYTES];
    souk_status status = read_bytes(reader, head, PROFILE_END_BYTES);
    if (status) return status;
    if (memcmp(head, PROFILE_END_TAG, PROFILE_TAG_BYTES) == 0) return check_end(reader, head);
    if (memcmp(head, PROFILE_BLOCK_TAG, PROFILE_TAG_BYTES) != 0) return damaged(reader);
    status = read_bytes(reader, head + PROFILE_END_BYTES, PROFILE_HEAD_BYTES - PROFILE_END_BYTES);
    if (!status) status = read_block(reader, head);
    if (!status) *block_out = &reader->block;
    return status;
}
