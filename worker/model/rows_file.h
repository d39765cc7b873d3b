/* rows_file.h - rows of a table in a file: a head, blocks with a CRC32C each, an end.
 *
 *   offset  size  meaning (all numbers little-endian)
 *   head:      0     8  "SOUKROWS"
 *              8     4  format, 1
 *             12     4  dim: floats in a row
 *             16     4  floats of optimizer state a row; 0 in a file without states
 *             20     2  first slot
 *             22     2  last slot; hash_slot() of every key lies in first..last
 *   a block:   0     4  rows, 1..ROWS_BLOCK_MAX
 *              4     4  key codec (codec.h)
 *              8     4  key bytes
 *             12     4  CRC32C of the 12 bytes before and of all that follows in the block
 *             16        keys, ascending within the block; then rows, then states, as fp32
 *   end:       0     4  0, where a block would have its rows
 *              4     4  blocks in the file
 *              8     8  rows in the file
 *             16     4  CRC32C of the head and of the 16 bytes before
 *
 * The CRC32C of the whole file stands in the manifest, so that a file of another model is noticed
 * even if it is sound in itself. A reader checks sizes before it allocates, and gives out blocks
 * that can be pushed without another look: keys ascend, values are finite.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_ROWS_FILE_H
#define SOUK_WORKER_MODEL_ROWS_FILE_H

#include <stdint.h>

#include "souk/status.h"

enum {
    ROWS_FORMAT = 1,
    ROWS_HEAD_BYTES = 24,
    ROWS_BLOCK_HEAD_BYTES = 16,
    ROWS_END_BYTES = 20,
    ROWS_BLOCK_MAX = 65536, // rows
};

struct rows_head {
    uint32_t dim;
    uint32_t state_floats; // a row
    uint16_t first_slot, last_slot;
};

/* What the manifest remembers of a file. */
struct rows_sum {
    uint64_t rows;
    uint64_t bytes;
    uint32_t crc; // CRC32C of all bytes
};

struct rows_block {
    uint32_t num_rows;
    const uint64_t *keys; // (num_rows), ascending, unique
    const float *rows;    // (num_rows, dim)
    const float *states;  // (num_rows, state_floats), NULL when there are none
};

struct rows_writer;

/* Makes the file and writes its head. On SOUK_OK the caller owns *writer_out. SOUK_ENOSPC and
 * SOUK_EIO are logged, here and below. */
SOUK_MUST_CHECK souk_status rows_writer_open(const char *path, const struct rows_head *head,
                                             struct rows_writer **writer_out);
/* Values must be finite: SOUK_EDIVERGED, logged with the key, when they are not. */
SOUK_MUST_CHECK souk_status rows_writer_add(struct rows_writer *writer,
                                            const struct rows_block *block);
/* Writes the end and syncs. */
SOUK_MUST_CHECK souk_status rows_writer_finish(struct rows_writer *writer,
                                               struct rows_sum *sum_out);
void rows_writer_close(struct rows_writer *writer); // the file stays; NULL is fine

struct rows_reader;

/* Opens a file that has to have this head and this size. SOUK_EDATA: logged with path, offset and
 * what to do, here and below. */
SOUK_MUST_CHECK souk_status rows_reader_open(const char *path, const struct rows_head *head,
                                             const struct rows_sum *sum,
                                             struct rows_reader **reader_out);
/* The next block, borrowed until the next call. SOUK_EEND after the last one, when the end and the
 * CRC of the whole file are right too. */
SOUK_MUST_CHECK souk_status rows_reader_next(struct rows_reader *reader,
                                             struct rows_block *block_out);
void rows_reader_close(struct rows_reader *reader); // NULL is fine

#endif
