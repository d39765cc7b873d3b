/* rows_reader.c - the reading half of rows_file.h. A file is read from front to end once; its CRC
 * is taken on the way. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"
#include "worker/model/rows_file.h"

struct rows_reader {
    char *path;
    int fd;
    struct rows_head head;
    struct rows_sum sum;  // what the file has to be
    struct rows_sum seen; // what has been read
    uint32_t num_blocks;
    uint32_t head_crc;
    uint8_t *bytes; // of the block, without its head
    size_t capacity;
    uint64_t *keys;
    size_t keys_capacity;
    float *rows, *states; // copies, since the bytes are not aligned
    size_t rows_capacity, states_capacity;
    struct codec_scratch scratch;
};

#define ADVICE "; copy the model again, or train it again"

static souk_status damaged(const struct rows_reader *reader, uint64_t offset, const char *what)
{
    return log_fail(SOUK_EDATA, "%s: damaged at byte %" PRIu64 ": %s" ADVICE, reader->path, offset,
                    what);
}

// The next `length` bytes; the caller knows that the file has them.
static souk_status read_bytes(struct rows_reader *reader, void *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = read(reader->fd, (uint8_t *)bytes + done, length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return log_fail_errno(errno, "%s: cannot be read", reader->path);
        if (n == 0) return damaged(reader, reader->seen.bytes + done, "the file ends here");
        done += (size_t)n;
    }
    reader->seen.crc = crc32c(reader->seen.crc, bytes, length);
    reader->seen.bytes += length;
    return SOUK_OK;
}

static souk_status check_size(struct rows_reader *reader)
{
    struct stat st;
    if (fstat(reader->fd, &st) != 0)
        return log_fail_errno(errno, "%s: cannot be read", reader->path);
    uint64_t size = (uint64_t)st.st_size;
    if (size != reader->sum.bytes)
        return log_fail(SOUK_EDATA,
                        "%s: has %" PRIu64 " bytes where the manifest says %" PRIu64 ADVICE,
                        reader->path, size, reader->sum.bytes);
    if (size < ROWS_HEAD_BYTES + ROWS_END_BYTES)
        return damaged(reader, size, "too short to be a file of rows");
    return SOUK_OK;
}

static souk_status read_head(struct rows_reader *reader)
{
    uint8_t bytes[ROWS_HEAD_BYTES];
    souk_status status = read_bytes(reader, bytes, sizeof(bytes));
    if (status != SOUK_OK) return status;
    reader->head_crc = crc32c(0, bytes, sizeof(bytes));
    struct cursor cursor = cursor_reader(bytes, sizeof(bytes));
    if (memcmp(cursor_get_bytes(&cursor, 8), "SOUKROWS", 8) != 0)
        return damaged(reader, 0, "not a file of rows");
    uint32_t format = cursor_get_u32(&cursor);
    if (format != ROWS_FORMAT)
        return log_fail(SOUK_EDATA,
                        "%s: format %u, this program reads format %d; use the version of souk "
                        "that wrote it",
                        reader->path, format, ROWS_FORMAT);
    if (cursor_get_u32(&cursor) != reader->head.dim)
        return damaged(reader, 12, "rows have another width than the manifest says");
    if (cursor_get_u32(&cursor) != reader->head.state_floats)
        return damaged(reader, 16, "states have another width than the manifest says");
    if (cursor_get_u16(&cursor) != reader->head.first_slot ||
        cursor_get_u16(&cursor) != reader->head.last_slot)
        return damaged(reader, 20, "other slots than the manifest says");
    return SOUK_OK;
}

souk_status rows_reader_open(const char *path, const struct rows_head *head,
                             const struct rows_sum *sum, struct rows_reader **reader_out)
{
    struct rows_reader *reader = mem_calloc(1, sizeof(*reader), "rows reader");
    reader->path = mem_strdup(path);
    reader->head = *head;
    reader->sum = *sum;
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    souk_status status = SOUK_OK;
    if (reader->fd < 0) {
        int error = errno;
        status = log_fail_errno(error, "%s: the manifest names it, but it cannot be opened", path);
        if (error == ENOENT) status = SOUK_EDATA;
    }
    if (status == SOUK_OK) status = check_size(reader);
    if (status == SOUK_OK) status = read_head(reader);
    if (status != SOUK_OK) {
        rows_reader_close(reader);
        return status;
    }
    *reader_out = reader;
    return SOUK_OK;
}

static souk_status read_end(struct rows_reader *reader, const uint8_t first[4])
{
    uint64_t offset = reader->seen.bytes - 4;
    uint8_t bytes[ROWS_END_BYTES];
    memcpy(bytes, first, 4);
    if (reader->sum.bytes - offset != ROWS_END_BYTES)
        return damaged(reader, offset, "an end before the end of the file");
    souk_status status = read_bytes(reader, bytes + 4, ROWS_END_BYTES - 4);
    if (status != SOUK_OK) return status;
    struct cursor cursor = cursor_reader(bytes + 4, ROWS_END_BYTES - 4);
    uint32_t num_blocks = cursor_get_u32(&cursor);
    uint64_t num_rows = cursor_get_u64(&cursor);
    if (cursor_get_u32(&cursor) != crc32c(reader->head_crc, bytes, 16))
        return damaged(reader, offset, "the checksum of head and end is wrong");
    if (num_blocks != reader->num_blocks || num_rows != reader->seen.rows ||
        num_rows != reader->sum.rows)
        return damaged(reader, offset, "blocks or rows are missing");
    if (reader->seen.crc != reader->sum.crc)
        return log_fail(SOUK_EDATA, "%s: is not the file that the manifest means" ADVICE,
                        reader->path);
    return SOUK_EEND;
}

// Sizes of a block, checked against what is left of the file before anything is allocated.
static souk_status check_block(const struct rows_reader *reader, uint64_t offset, uint32_t num_rows,
                               uint32_t key_bytes)
{
    if (num_rows > ROWS_BLOCK_MAX) return damaged(reader, offset, "a block of too many rows");
    uint64_t floats = (uint64_t)reader->head.dim + reader->head.state_floats;
    uint64_t needed = (uint64_t)key_bytes + num_rows * floats * sizeof(float);
    uint64_t left = reader->sum.bytes - offset - ROWS_BLOCK_HEAD_BYTES;
    if (needed + ROWS_END_BYTES > left)
        return damaged(reader, offset, "a block that is larger than the rest of the file");
    return SOUK_OK;
}

static souk_status decode_block(struct rows_reader *reader, uint64_t offset, uint32_t num_rows,
                                uint32_t key_codec, uint32_t key_bytes)
{
    size_t row_floats = (size_t)num_rows * reader->head.dim;
    size_t state_floats = (size_t)num_rows * reader->head.state_floats;
    mem_reserve(&reader->keys, &reader->keys_capacity, num_rows, sizeof(uint64_t), "keys");
    mem_reserve(&reader->rows, &reader->rows_capacity, row_floats, sizeof(float), "rows");
    mem_reserve(&reader->states, &reader->states_capacity, state_floats + 1, sizeof(float),
                "states");
    if (key_codec >= CODEC_NUM_KEYS ||
        codec_decode_keys((enum codec_keys)key_codec, reader->bytes, key_bytes, reader->keys,
                          num_rows, &reader->scratch) != SOUK_OK)
        return damaged(reader, offset, "keys that are not ascending");
    memcpy(reader->rows, reader->bytes + key_bytes, row_floats * sizeof(float));
    memcpy(reader->states, reader->bytes + key_bytes + row_floats * sizeof(float),
           state_floats * sizeof(float));
    if (!codec_is_finite(reader->rows, row_floats) ||
        !codec_is_finite(reader->states, state_floats))
        return damaged(reader, offset, "a value that is not finite");
    for (uint32_t i = 0; i < num_rows; i++) {
        uint32_t slot = hash_slot(reader->keys[i]);
        if (slot < reader->head.first_slot || slot > reader->head.last_slot)
            return damaged(reader, offset, "a key that belongs into another file");
    }
    return SOUK_OK;
}

souk_status rows_reader_next(struct rows_reader *reader, struct rows_block *block_out)
{
    uint64_t offset = reader->seen.bytes;
    uint8_t head[ROWS_BLOCK_HEAD_BYTES];
    if (reader->sum.bytes - offset < ROWS_END_BYTES)
        return damaged(reader, offset, "the end is missing");
    souk_status status = read_bytes(reader, head, 4);
    if (status != SOUK_OK) return status;
    struct cursor cursor = cursor_reader(head, sizeof(head));
    uint32_t num_rows = cursor_get_u32(&cursor);
    if (num_rows == 0) return read_end(reader, head);

    status = read_bytes(reader, head + 4, sizeof(head) - 4);
    if (status != SOUK_OK) return status;
    uint32_t key_codec = cursor_get_u32(&cursor), key_bytes = cursor_get_u32(&cursor);
    uint32_t crc = cursor_get_u32(&cursor);
    status = check_block(reader, offset, num_rows, key_bytes);
    if (status != SOUK_OK) return status;
    size_t floats = (size_t)num_rows * ((size_t)reader->head.dim + reader->head.state_floats);
    size_t length = key_bytes + floats * sizeof(float);
    mem_reserve(&reader->bytes, &reader->capacity, length, 1, "block of rows");
    status = read_bytes(reader, reader->bytes, length);
    if (status != SOUK_OK) return status;
    if (crc32c(crc32c(0, head, 12), reader->bytes, length) != crc)
        return damaged(reader, offset, "the checksum of the block is wrong");
    status = decode_block(reader, offset, num_rows, key_codec, key_bytes);
    if (status != SOUK_OK) return status;

    reader->num_blocks++;
    reader->seen.rows += num_rows;
    *block_out =
        (struct rows_block){.num_rows = num_rows,
                            .keys = reader->keys,
                            .rows = reader->rows,
                            .states = reader->head.state_floats > 0 ? reader->states : NULL};
    return SOUK_OK;
}

void rows_reader_close(struct rows_reader *reader)
{
    if (!reader) return;
    if (reader->fd >= 0) close(reader->fd);
    codec_scratch_fini(&reader->scratch);
    mem_free(reader->bytes);
    mem_free(reader->keys);
    mem_free(reader->rows);
    mem_free(reader->states);
    mem_free(reader->path);
    mem_free(reader);
}
