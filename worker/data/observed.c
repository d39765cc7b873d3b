/* observed.c - see observed.h.
 *
 * File, little-endian: 8 bytes "SOUKOBS1", blocks, one end record. A block:
 *   offset size
 *        0    4  "OBLK"
 *        4    4  number of ratings, 1..OBSERVED_BLOCK
 *        8    4  bytes of the users' column, 12: items', 16: values'
 *       20    4  CRC32C of the 20 bytes above and the columns
 *       24       columns
 * The end record is "OEND", u64 ratings of the whole file, CRC32C of those 12 bytes: a file that
 * was cut between blocks is noticed too.
 *
 * A column is its numbers as byte planes (all lowest bytes, then all second ones ...), by LZ4, or
 * as it is when that is not smaller. Users are differences to the one before. Items are differences
 * where the user is that of the row before, else themselves.
 */
#include "worker/data/observed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"

enum {
    MAGIC_BYTES = 8,
    BLOCK_HEAD_BYTES = 24,
    BLOCK_CHECKED_BYTES = 20, // of the head, ahead of its CRC32C
    END_BYTES = 16,
    ID_BYTES = 8,
    VALUE_BYTES = 4,
    NUM_COLUMNS = 3,
};
static const char file_magic[] = "SOUKOBS1", block_magic[] = "OBLK", end_magic[] = "OEND";
static const size_t column_widths[NUM_COLUMNS] = {ID_BYTES, ID_BYTES, VALUE_BYTES};

struct observed_writer {
    char *path;
    FILE *file;
    struct rating *rows; // OBSERVED_BLOCK
    uint32_t num_rows;
    uint64_t num_written; // ratings in finished blocks
    uint8_t *plain;       // one column as byte planes
    uint8_t *packed;      // head and columns of a block
    size_t packed_capacity;
};

// ---- writing ----

static souk_status write_bytes(struct observed_writer *writer, const void *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, writer->file) == length) return SOUK_OK;
    return log_fail_errno(errno, "cannot write %s", writer->path);
}

souk_status observed_writer_open(const char *path, struct observed_writer **writer_out)
{
    FILE *file = fopen(path, "wbe");
    if (!file) return log_fail_errno(errno, "cannot create %s", path);
    struct observed_writer *writer = mem_calloc(1, sizeof(*writer), "observed ratings");
    writer->path = mem_strdup(path);
    writer->file = file;
    writer->rows = mem_calloc(OBSERVED_BLOCK, sizeof(*writer->rows), "observed ratings");
    writer->plain = mem_alloc((size_t)OBSERVED_BLOCK * ID_BYTES, "observed ratings");
    writer->packed_capacity = BLOCK_HEAD_BYTES;
    for (int c = 0; c < NUM_COLUMNS; c++)
        writer->packed_capacity += codec_lz4_bound(OBSERVED_BLOCK * column_widths[c]);
    writer->packed = mem_alloc(writer->packed_capacity, "observed ratings");
    souk_status status = write_bytes(writer, file_magic, MAGIC_BYTES);
    if (status)
        observed_writer_drop(writer);
    else
        *writer_out = writer;
    return status;
}

static int by_user_and_item(const void *a, const void *b)
{
    const struct rating *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

// What stands in column c for row i.
static uint64_t coded(const struct rating *rows, uint32_t i, int c)
{
    bool is_new_user = i == 0 || rows[i].user != rows[i - 1].user;
    uint32_t bits;
    switch (c) {
    case 0: return i == 0 ? rows[i].user : rows[i].user - rows[i - 1].user;
    case 1: return is_new_user ? rows[i].item : rows[i].item - rows[i - 1].item;
    default: memcpy(&bits, &rows[i].value, sizeof(bits)); return bits;
    }
}

// Appends column c to packed at offset; returns its bytes.
static size_t pack_column(struct observed_writer *writer, int c, size_t offset)
{
    size_t n = writer->num_rows, length = n * column_widths[c];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t number = coded(writer->rows, i, c);
        for (size_t plane = 0; plane < column_widths[c]; plane++)
            writer->plain[plane * n + i] = (uint8_t)(number >> (8 * plane));
    }
    uint8_t *out = writer->packed + offset;
    size_t packed =
        codec_lz4_compress(writer->plain, length, out, writer->packed_capacity - offset);
    if (packed > 0 && packed < length) return packed;
    memcpy(out, writer->plain, length);
    return length;
}

static souk_status write_block(struct observed_writer *writer)
{
    if (writer->num_rows == 0) return SOUK_OK;
    qsort(writer->rows, writer->num_rows, sizeof(*writer->rows), by_user_and_item);
    struct cursor head = cursor_writer(writer->packed, BLOCK_HEAD_BYTES);
    cursor_put_bytes(&head, block_magic, 4);
    cursor_put_u32(&head, writer->num_rows);
    size_t length = BLOCK_HEAD_BYTES;
    for (int c = 0; c < NUM_COLUMNS; c++) {
        size_t n = pack_column(writer, c, length);
        cursor_put_u32(&head, (uint32_t)n);
        length += n;
    }
    uint32_t crc = crc32c(0, writer->packed, BLOCK_CHECKED_BYTES);
    crc = crc32c(crc, writer->packed + BLOCK_HEAD_BYTES, length - BLOCK_HEAD_BYTES);
    cursor_put_u32(&head, crc);
    writer->num_written += writer->num_rows;
    writer->num_rows = 0;
    return write_bytes(writer, writer->packed, length);
}

souk_status observed_writer_add(struct observed_writer *writer, const struct rating *ratings,
                                uint32_t num_ratings)
{
    while (num_ratings > 0) {
        uint32_t n = OBSERVED_BLOCK - writer->num_rows;
        if (n > num_ratings) n = num_ratings;
        memcpy(writer->rows + writer->num_rows, ratings, n * sizeof(*ratings));
        writer->num_rows += n;
        ratings += n;
        num_ratings -= n;
        souk_status status = writer->num_rows == OBSERVED_BLOCK ? write_block(writer) : SOUK_OK;
        if (status) return status;
    }
    return SOUK_OK;
}

static souk_status write_end(struct observed_writer *writer)
{
    uint8_t end[END_BYTES];
    struct cursor cursor = cursor_writer(end, sizeof(end));
    cursor_put_bytes(&cursor, end_magic, 4);
    cursor_put_u64(&cursor, writer->num_written);
    cursor_put_u32(&cursor, crc32c(0, end, END_BYTES - 4));
    souk_status status = write_bytes(writer, end, sizeof(end));
    if (status) return status;
    if (fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0) return SOUK_OK;
    return log_fail_errno(errno, "cannot write %s", writer->path);
}

static void free_writer(struct observed_writer *writer)
{
    mem_free(writer->path);
    mem_free(writer->rows);
    mem_free(writer->plain);
    mem_free(writer->packed);
    mem_free(writer);
}

souk_status observed_writer_close(struct observed_writer *writer)
{
    souk_status status = write_block(writer);
    if (!status) status = write_end(writer);
    if (fclose(writer->file) != 0 && !status)
        status = log_fail_errno(errno, "cannot write %s", writer->path);
    if (status) unlink(writer->path); // half a file is of no use to anybody
    free_writer(writer);
    return status;
}

void observed_writer_drop(struct observed_writer *writer)
{
    if (!writer) return;
    fclose(writer->file);
    unlink(writer->path);
    free_writer(writer);
}

// ---- reading ----

struct block_reader {
    const char *path; // borrowed
    FILE *file;
    uint32_t num_rows; // of the block that was read last
    uint32_t column_bytes[NUM_COLUMNS];
    uint8_t *packed; // its columns, as stored
    size_t packed_capacity;
    uint8_t *plain;  // one column as byte planes
    uint64_t *users; // OBSERVED_BLOCK each
    uint64_t *items;
    uint64_t *values;  // bits of floats
    uint64_t num_read; // ratings in all blocks so far
};

static souk_status damaged(const struct block_reader *reader)
{
    return log_fail(SOUK_EDATA, "%s is damaged near byte %ld; the model has to be saved again",
                    reader->path, ftell(reader->file));
}

static souk_status read_bytes(struct block_reader *reader, void *bytes, size_t length)
{
    if (fread(bytes, 1, length, reader->file) == length) return SOUK_OK;
    if (ferror(reader->file)) return log_fail_errno(errno, "cannot read %s", reader->path);
    return damaged(reader);
}

// The head of a block is checked before memory is taken for what it promises.
static souk_status read_block_body(struct block_reader *reader, const uint8_t *head)
{
    struct cursor cursor = cursor_reader(head + 4, BLOCK_HEAD_BYTES - 4);
    reader->num_rows = cursor_get_u32(&cursor);
    if (reader->num_rows < 1 || reader->num_rows > OBSERVED_BLOCK) return damaged(reader);
    size_t length = 0;
    for (int c = 0; c < NUM_COLUMNS; c++) {
        reader->column_bytes[c] = cursor_get_u32(&cursor);
        if (reader->column_bytes[c] > reader->num_rows * column_widths[c]) return damaged(reader);
        length += reader->column_bytes[c];
    }
    mem_reserve(&reader->packed, &reader->packed_capacity, length, 1, "observed ratings");
    souk_status status = read_bytes(reader, reader->packed, length);
    if (status) return status;
    uint32_t crc = crc32c(crc32c(0, head, BLOCK_CHECKED_BYTES), reader->packed, length);
    return crc == cursor_get_u32(&cursor) ? SOUK_OK : damaged(reader);
}

static souk_status check_end(struct block_reader *reader, const uint8_t *head)
{
    struct cursor cursor = cursor_reader(head + 4, END_BYTES - 4);
    uint64_t num_ratings = cursor_get_u64(&cursor);
    bool is_good = cursor_get_u32(&cursor) == crc32c(0, head, END_BYTES - 4) &&
                   num_ratings == reader->num_read && fgetc(reader->file) == EOF;
    return is_good ? SOUK_EEND : damaged(reader);
}

// SOUK_EEND behind the last block.
static souk_status read_block(struct block_reader *reader)
{
    uint8_t head[BLOCK_HEAD_BYTES];
    souk_status status = read_bytes(reader, head, END_BYTES);
    if (status) return status;
    if (memcmp(head, end_magic, 4) == 0) return check_end(reader, head);
    if (memcmp(head, block_magic, 4) != 0) return damaged(reader);
    status = read_bytes(reader, head + END_BYTES, BLOCK_HEAD_BYTES - END_BYTES);
    if (!status) status = read_block_body(reader, head);
    if (!status) reader->num_read += reader->num_rows;
    return status;
}

static souk_status unpack_column(struct block_reader *reader, int c, uint64_t *out)
{
    size_t n = reader->num_rows, length = n * column_widths[c];
    const uint8_t *stored = reader->packed, *plain = reader->plain;
    for (int before = 0; before < c; before++) stored += reader->column_bytes[before];
    if (reader->column_bytes[c] == length)
        plain = stored;
    else if (codec_lz4_decompress(stored, reader->column_bytes[c], reader->plain, length))
        return damaged(reader);
    memset(out, 0, n * sizeof(*out));
    for (size_t plane = 0; plane < column_widths[c]; plane++)
        for (size_t i = 0; i < n; i++) out[i] |= (uint64_t)plain[plane * n + i] << (8 * plane);
    return SOUK_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_among(const uint64_t *users, uint32_t num_users, uint64_t user)
{
    return num_users > 0 && bsearch(&user, users, num_users, sizeof(*users), by_number) != NULL;
}

// Turns differences into users; *has_any_out: whether one of the users asked for is there.
static souk_status decode_users(struct block_reader *reader, const uint64_t *users,
                                uint32_t num_users, bool *has_any_out)
{
    bool has_any = false;
    souk_status status = unpack_column(reader, 0, reader->users);
    if (status) return status;
    for (uint32_t i = 0; i < reader->num_rows; i++) {
        uint64_t step = reader->users[i], before = i ? reader->users[i - 1] : 0;
        if (__builtin_add_overflow(before, step, &reader->users[i])) return damaged(reader);
        if (i == 0 || step) has_any |= is_among(users, num_users, reader->users[i]);
    }
    *has_any_out = has_any;
    return SOUK_OK;
}

static souk_status give_block(struct block_reader *reader, const uint64_t *users,
                              uint32_t num_users, observed_fn fn, void *ctx)
{
    bool has_any = false, is_wanted = false;
    souk_status status = decode_users(reader, users, num_users, &has_any);
    if (status || !has_any) return status;
    status = unpack_column(reader, 1, reader->items);
    if (!status) status = unpack_column(reader, 2, reader->values);
    if (status) return status;
    for (uint32_t i = 0; i < reader->num_rows; i++) {
        bool is_new_user = i == 0 || reader->users[i] != reader->users[i - 1];
        if (is_new_user)
            is_wanted = is_among(users, num_users, reader->users[i]);
        else
            reader->items[i] += reader->items[i - 1];
        if (!is_wanted) continue;
        struct rating rating = {.user = reader->users[i], .item = reader->items[i]};
        uint32_t bits = (uint32_t)reader->values[i];
        memcpy(&rating.value, &bits, sizeof(bits));
        fn(ctx, &rating);
    }
    return SOUK_OK;
}

static souk_status read_all(struct block_reader *reader, const uint64_t *users, uint32_t num_users,
                            observed_fn fn, void *ctx)
{
    char magic[MAGIC_BYTES];
    souk_status status = read_bytes(reader, magic, sizeof(magic));
    if (status) return status;
    if (memcmp(magic, file_magic, MAGIC_BYTES) != 0)
        return log_fail(SOUK_EDATA, "%s is not a file of observed ratings", reader->path);
    while (!(status = read_block(reader))) {
        status = give_block(reader, users, num_users, fn, ctx);
        if (status) return status;
    }
    return status == SOUK_EEND ? SOUK_OK : status;
}

souk_status observed_read(const char *path, const uint64_t *users, uint32_t num_users,
                          observed_fn fn, void *ctx)
{
    struct block_reader reader = {.path = path};
    reader.file = fopen(path, "rbe");
    if (!reader.file) return log_fail_errno(errno, "cannot open %s", path);
    reader.plain = mem_alloc((size_t)OBSERVED_BLOCK * ID_BYTES, "observed ratings");
    reader.users = mem_calloc(OBSERVED_BLOCK, sizeof(*reader.users), "observed ratings");
    reader.items = mem_calloc(OBSERVED_BLOCK, sizeof(*reader.items), "observed ratings");
    reader.values = mem_calloc(OBSERVED_BLOCK, sizeof(*reader.values), "observed ratings");
    souk_status status = read_all(&reader, users, num_users, fn, ctx);
    fclose(reader.file);
    mem_free(reader.packed);
    mem_free(reader.plain);
    mem_free(reader.users);
    mem_free(reader.items);
    mem_free(reader.values);
    return status;
}
