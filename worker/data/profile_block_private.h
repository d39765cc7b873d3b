/* profile_block_private.h - what profile_block.c and profile_block_read.c share. */
#ifndef SOUK_WORKER_DATA_PROFILE_BLOCK_PRIVATE_H
#define SOUK_WORKER_DATA_PROFILE_BLOCK_PRIVATE_H

#include "worker/data/profile_block.h"

enum {
    PROFILE_MAGIC_BYTES = 8,
    PROFILE_BEGIN_BYTES = 20,
    PROFILE_HEAD_BYTES = 28, // of a block
    PROFILE_END_BYTES = 16,
    PROFILE_TAG_BYTES = 4,
    PROFILE_CRC_BYTES = 4,
    PROFILE_CELL_BYTES = 8,
};
#define PROFILE_MAGIC     "SOUKPRF1"
#define PROFILE_BLOCK_TAG "PBLK"
#define PROFILE_END_TAG   "PEND"

/* Tells formats apart: names, tables and kinds of columns, and which of them are user, item and
 * targets. */
uint64_t profile_format_hash(const struct sample_format *format);

#endif
