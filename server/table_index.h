/* table_index.h - from the hash of a key to the number of its record.
 *
 * Open addressing in buckets of one cache line: 12 one-byte tags and 12 record numbers, so that a
 * lookup costs one miss here and one at the record. A full bucket passes records on to the next one
 * and notes that it did. (The layout is that of Facebook's F14; tags as in Google's SwissTable.)
 *
 * The index is divided into parts by the upper bits of the hash, and each grows by itself, by a
 * quarter, when 10 of 12 slots are used: growth copies 1/64 of the index at a time, so there is
 * neither a long pause nor a moment with two whole indices, and 6.4 to 8 bytes a record are used.
 *
 *   bits of the hash   63..58 part, 57..26 bucket, 19..12 tag
 *
 * The lowest 12 bits say which shard a key belongs to: within a shard they are nearly constant.
 *
 * Threads: owned by the shard loop.
 */
#ifndef SOUK_SERVER_TABLE_INDEX_H
#define SOUK_SERVER_TABLE_INDEX_H

#include <stdint.h>

#include "server/table_slab.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    INDEX_NUM_PARTS = 64,
    INDEX_SLOTS = 12,    // of a bucket
    INDEX_USED_MAX = 10, // of INDEX_SLOTS, on average over a part
};

struct index_bucket {
    uint8_t tags[INDEX_SLOTS];     // of each slot; 0: the slot is empty
    uint8_t has_overflowed;        // a record that belongs here lies further on
    uint8_t unused[3];             // 0
    uint32_t records[INDEX_SLOTS]; // of each slot
};
_Static_assert(sizeof(struct index_bucket) == 64, "a bucket is a cache line");

struct index_part {
    struct index_bucket *buckets; // (num_buckets), mapped; owned
    uint32_t num_buckets;
    uint32_t num_records;
};

struct table_index {
    struct index_part parts[INDEX_NUM_PARTS];
    uint64_t bytes;              // of all buckets, charged to the budget
    struct table_budget *budget; // borrowed
};

SOUK_MUST_CHECK souk_status index_init(struct table_index *index, struct table_budget *budget);
void index_fini(struct table_index *index); // a zeroed one is fine

/* Makes room for num_new[p] more records in each part p; keys are read from the slab. SOUK_ENOMEM:
 * some part could not grow; nothing is lost. */
SOUK_MUST_CHECK souk_status index_reserve(struct table_index *index, const struct slab *slab,
                                          const uint32_t num_new[INDEX_NUM_PARTS]);
/* Adds a record that is not there yet. After index_reserve() only. */
void index_insert(struct table_index *index, uint64_t hash, uint32_t record_idx);

static inline uint32_t index_part_of(uint64_t hash)
{
    return (uint32_t)(hash >> 58);
}

static inline uint8_t index_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 12);
    return tag ? tag : 1;
}

static inline struct index_bucket *index_home(const struct index_part *part, uint64_t hash)
{
    uint64_t fraction = (uint32_t)(hash >> 26);
    return part->buckets + ((fraction * part->num_buckets) >> 32);
}

static inline struct index_bucket *index_next(const struct index_part *part,
                                              struct index_bucket *bucket)
{
    bucket++;
    return bucket == part->buckets + part->num_buckets ? part->buckets : bucket;
}

/* A bit for each slot whose tag is `tag`. */
static inline uint32_t index_match(const struct index_bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket);
    __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));
    return (uint32_t)_mm_movemask_epi8(equal) & ((1u << INDEX_SLOTS) - 1);
#else
    uint32_t matches = 0;
    for (uint32_t i = 0; i < INDEX_SLOTS; i++) matches |= (uint32_t)(bucket->tags[i] == tag) << i;
    return matches;
#endif
}

#endif
