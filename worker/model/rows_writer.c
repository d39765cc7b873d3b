/* rows_writer.c - the writing half of rows_file.h. A block is put together in memory and leaves in
 * one write(). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"
#include "worker/model/rows_file.h"

struct rows_writer {
    char *path;
    int fd;
    struct rows_head head;
    struct rows_sum sum; // of what is written so far
    uint32_t num_blocks;
    uint32_t head_crc; // of the head, for the end
    uint8_t *bytes;    // block in the making
    size_t capacity;   // of bytes
    struct codec_scratch scratch;
};

static souk_status write_all(struct rows_writer *writer, const uint8_t *bytes, size_t length)
{
    writer->sum.crc = crc32c(writer->sum.crc, bytes, length);
    writer->sum.bytes += length;
    while (length > 0) {
        ssize_t n = write(writer->fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return log_fail_errno(errno, "%s: cannot be written", writer->path);
        bytes += n;
        length -= (size_t)n;
    }
    return SOUK_OK;
}

static souk_status write_head(struct rows_writer *writer)
{
    uint8_t bytes[ROWS_HEAD_BYTES];
    struct cursor cursor = cursor_writer(bytes, sizeof(bytes));
    cursor_put_bytes(&cursor, "SOUKROWS", 8);
    cursor_put_u32(&cursor, ROWS_FORMAT);
    cursor_put_u32(&cursor, writer->head.dim);
    cursor_put_u32(&cursor, writer->head.state_floats);
    cursor_put_u16(&cursor, writer->head.first_slot);
    cursor_put_u16(&cursor, writer->head.last_slot);
    writer->head_crc = crc32c(0, bytes, sizeof(bytes));
    return write_all(writer, bytes, sizeof(bytes));
}

souk_status rows_writer_open(const char *path, const struct rows_head *head,
                             struct rows_writer **writer_out)
{
    struct rows_writer *writer = mem_calloc(1, sizeof(*writer), "rows writer");
    writer->path = mem_strdup(path);
    writer->head = *head;
    writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    souk_status status =
        writer->fd >= 0 ? write_head(writer) : log_fail_errno(errno, "%s: cannot be made", path);
    if (status != SOUK_OK) {
        rows_writer_close(writer);
        return status;
    }
    *writer_out = writer;
    return SOUK_OK;
}

static souk_status check_finite(const struct rows_writer *writer, const struct rows_block *block)
{
    uint32_t dim = writer->head.dim, state_floats = writer->head.state_floats;
    for (uint32_t i = 0; i < block->num_rows; i++) {
        if (codec_is_finite(block->rows + (size_t)i * dim, dim) &&
            (state_floats == 0 ||
             codec_is_finite(block->states + (size_t)i * state_floats, state_floats)))
            continue;
        return log_fail(SOUK_EDIVERGED,
                        "%s: the row of key %" PRIu64
                        " has a value that is not finite; train with a lower train.lr",
                        writer->path, block->keys[i]);
    }
    return SOUK_OK;
}

souk_status rows_writer_add(struct rows_writer *writer, const struct rows_block *block)
{
    souk_status status = check_finite(writer, block);
    if (status != SOUK_OK) return status;

    uint32_t n = block->num_rows;
    size_t row_bytes = (size_t)n * writer->head.dim * sizeof(float);
    size_t state_bytes = (size_t)n * writer->head.state_floats * sizeof(float);
    size_t bound = ROWS_BLOCK_HEAD_BYTES + codec_keys_bound(n) + row_bytes + state_bytes;
    mem_reserve(&writer->bytes, &writer->capacity, bound, 1, "block of rows");

    uint8_t *body = writer->bytes + ROWS_BLOCK_HEAD_BYTES;
    enum codec_keys key_codec;
    size_t key_bytes = codec_encode_keys(block->keys, n, body, &writer->scratch, &key_codec);
    size_t length = ROWS_BLOCK_HEAD_BYTES + key_bytes + row_bytes + state_bytes;
    memcpy(body + key_bytes, block->rows, row_bytes);
    if (state_bytes > 0) memcpy(body + key_bytes + row_bytes, block->states, state_bytes);

    struct cursor cursor = cursor_writer(writer->bytes, ROWS_BLOCK_HEAD_BYTES);
    cursor_put_u32(&cursor, n);
    cursor_put_u32(&cursor, key_codec);
    cursor_put_u32(&cursor, (uint32_t)key_bytes);
    uint32_t crc = crc32c(0, writer->bytes, 12);
    cursor_put_u32(&cursor, crc32c(crc, body, length - ROWS_BLOCK_HEAD_BYTES));
    writer->sum.rows += n;
    writer->num_blocks++;
    return write_all(writer, writer->bytes, length);
}

souk_status rows_writer_finish(struct rows_writer *writer, struct rows_sum *sum_out)
{
    uint8_t bytes[ROWS_END_BYTES];
    struct cursor cursor = cursor_writer(bytes, sizeof(bytes));
    cursor_put_u32(&cursor, 0);
    cursor_put_u32(&cursor, writer->num_blocks);
    cursor_put_u64(&cursor, writer->sum.rows);
    cursor_put_u32(&cursor, crc32c(writer->head_crc, bytes, 16));
    souk_status status = write_all(writer, bytes, sizeof(bytes));
    if (status != SOUK_OK) return status;
    if (fsync(writer->fd) != 0)
        return log_fail_errno(errno, "%s: cannot be written to the disk", writer->path);
    int fd = writer->fd;
    writer->fd = -1;
    if (close(fd) != 0) return log_fail_errno(errno, "%s: cannot be written", writer->path);
    *sum_out = writer->sum;
    return SOUK_OK;
}

void rows_writer_close(struct rows_writer *writer)
{
    if (!writer) return;
    if (writer->fd >= 0) close(writer->fd);
    codec_scratch_fini(&writer->scratch);
    mem_free(writer->bytes);
    mem_free(writer->path);
    mem_free(writer);
}
