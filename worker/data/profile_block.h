/* profile_block.h - blocks of files of profiles. profiles.h says what they mean.
 *
 * File, little-endian:
 *   offset size
 *        0    8  "SOUKPRF1"
 *        8    8  hash of the format's columns
 *       16    4  CRC32C of the 16 bytes above
 *       20       blocks, one end record
 * A block:
 *        0    4  "PBLK"
 *        4    4  number of users, 8: of their behaviours, 12: of (user, item) pairs, 16: of items
 *       20    4  bytes of the cells as stored
 *       24    4  CRC32C of the 24 bytes above and the cells
 *       28       cells
 * The end record is "PEND", u64 users in all blocks, CRC32C of those 12 bytes: a file that was cut
 * between blocks is noticed too.
 *
 * Cells are the arrays of struct profile_block, end to end; users, items and the pairs of a user as
 * differences to the one before. They are stored as byte planes (all lowest bytes, then all second
 * ones ...), by LZ4, or as they are when that is not smaller.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_PROFILE_BLOCK_H
#define SOUK_WORKER_DATA_PROFILE_BLOCK_H

#include "common/text/buf.h"
#include "worker/data/sample_format.h"

/* A block is written when it has as many cells; one sample may add some more. */
enum { PROFILE_BLOCK_CELLS = 1 << 21 };

struct profile_counts {
    uint32_t users; // U
    uint32_t rows;  // R, behaviours of all users
    uint32_t pairs; // P
    uint32_t items; // I
};

struct profile_block {
    struct profile_counts num;
    uint64_t *cells;                           // all of the below, owned
    size_t capacity;                           // of cells
    uint64_t *users;                           // (U) ascending
    uint64_t *is_click;                        // (U) see profile_record
    uint64_t *num_rows;                        // (U) their sum is R
    uint64_t *num_pairs;                       // (U) their sum is P
    uint64_t *ids[SAMPLE_IDS_MAX];             // (U) each
    uint64_t *histories[SAMPLE_HISTORIES_MAX]; // (R) each
    uint64_t *pairs;                           // (P) places in items, ascending for each user
    uint64_t *items;                           // (I) ascending
    uint64_t *known;                           // (I) bit i: fields[i] is known
    uint64_t *differing;                       // (I) bit i: it has had several values
    uint64_t *fields[SAMPLE_IDS_MAX];          // (I) each: ids of the newest sample
};

void profile_block_fini(struct profile_block *block); // a zeroed one is fine
/* Makes room and sets the arrays; the cells are the caller's to fill. */
void profile_block_reserve(struct profile_block *block, const struct sample_format *format,
                           const struct profile_counts *num);
uint64_t profile_block_num_cells(const struct sample_format *format,
                                 const struct profile_counts *num);

/* The beginning of a file, a block, the end of a file: as bytes, behind those of out. Packing
 * leaves differences in the block. */
void profile_block_pack_begin(const struct sample_format *format, struct buf *out);
void profile_block_pack(struct profile_block *block, const struct sample_format *format,
                        struct buf *out);
void profile_block_pack_end(uint64_t num_users, struct buf *out);

struct profile_reader;

/* SOUK_EDATA: damaged, or of another format; SOUK_EIO; logged. path and format are borrowed. */
SOUK_MUST_CHECK souk_status profile_reader_open(const char *path,
                                                const struct sample_format *format,
                                                struct profile_reader **reader_out);
/* The next block, borrowed until the next call; all of it is as the comments above say. SOUK_EEND
 * behind the last. SOUK_EDATA, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status profile_reader_next(struct profile_reader *reader,
                                                const struct profile_block **block_out);
void profile_reader_close(struct profile_reader *reader); // NULL is fine

#endif
