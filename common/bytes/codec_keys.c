/* codec_keys.c - see codec.h for the format.
 *
 * What makes it fast: keys of one batch are near each other, so that of the eight planes of their
 * differences two or three hold anything; the others cost one bit each. The lowest plane is noise
 * and goes as it is. LZ4 sees only planes in which neighbours are often equal, as it finds nothing
 * elsewhere and takes the longest to find it.
 */
#include <string.h>

#include "common/base/mem.h"
#include "common/bytes/codec.h"

enum {
    HEAD_BYTES = 2 + 8, // the two masks and the first key
    NUM_PLANES = 8,
    BLOCK = 256, // differences that are put together at once, so that they stay in the cache
};

void codec_scratch_fini(struct codec_scratch *scratch)
{
    mem_free(scratch->bytes);
    *scratch = (struct codec_scratch){0};
}

static uint8_t *reserve(struct codec_scratch *scratch, size_t bytes)
{
    mem_reserve(&scratch->bytes, &scratch->capacity, bytes, 1, "codec");
    return scratch->bytes;
}

size_t codec_keys_bound(uint32_t num_keys)
{
    return (size_t)num_keys * 8 + HEAD_BYTES; // planes are tried before their sum is known
}

/* ---- encoding ---- */

/* Differences less one, so that keys in a row give zeros. Returns the OR of all: the planes that
 * hold something. */
static uint64_t subtract_neighbours(const uint64_t *keys, size_t num_deltas, uint64_t *deltas)
{
    uint64_t any = 0;
    for (size_t i = 0; i < num_deltas; i++) {
        uint64_t delta = keys[i + 1] - keys[i] - 1;
        deltas[i] = delta;
        any |= delta;
    }
    return any;
}

static void take_plane(const uint64_t *deltas, size_t num_deltas, unsigned plane, uint8_t *out)
{
    unsigned shift = 8 * plane;
    for (size_t i = 0; i < num_deltas; i++) out[i] = (uint8_t)(deltas[i] >> shift);
}

/* Whether LZ4 will gain: at least a third of the bytes equal the one ahead of them. */
static bool has_runs(const uint8_t *plane, size_t length)
{
    size_t num_equal = 0;
    for (size_t i = 1; i < length; i++) num_equal += plane[i] == plane[i - 1];
    return length >= 32 && num_equal * 3 >= length;
}

static unsigned present_planes(uint64_t any)
{
    unsigned present = 0;
    for (unsigned p = 0; p < NUM_PLANES; p++)
        present |= (unsigned)((any >> (8 * p) & 0xff) != 0) << p;
    return present;
}

struct dealt {
    unsigned packed_mask; // planes that lie in packed, not in out
    size_t raw_bytes;     // written to out
    size_t packed_bytes;
};

/* Writes the raw planes to out and, when LZ4 may be used, those for it to packed. */
static struct dealt deal_planes(const uint64_t *deltas, size_t num_deltas, unsigned present,
                                uint8_t *out, uint8_t *packed)
{
    struct dealt dealt = {0};
    for (unsigned p = 0; p < NUM_PLANES; p++) {
        if (!(present >> p & 1)) continue;
        uint8_t *plane = out + dealt.raw_bytes;
        take_plane(deltas, num_deltas, p, plane);
        if (packed && has_runs(plane, num_deltas)) {
            memcpy(packed + dealt.packed_bytes, plane, num_deltas);
            dealt.packed_bytes += num_deltas;
            dealt.packed_mask |= 1u << p;
        } else {
            dealt.raw_bytes += num_deltas;
        }
    }
    return dealt;
}

/* Writes planes and head; 0 when that takes `limit` bytes or more. */
static size_t encode_planes(const uint64_t *deltas, size_t num_deltas, uint8_t *packed,
                            uint8_t *out, size_t limit, unsigned present)
{
    struct dealt dealt = deal_planes(deltas, num_deltas, present, out + HEAD_BYTES, packed);
    size_t used = HEAD_BYTES + dealt.raw_bytes;
    if (used + (dealt.packed_mask != 0) >= limit) return 0;
    if (dealt.packed_mask) {
        size_t written =
            codec_lz4_compress(packed, dealt.packed_bytes, out + used, limit - used - 1);
        if (written == 0) return encode_planes(deltas, num_deltas, NULL, out, limit, present);
        used += written;
    }
    out[0] = (uint8_t)present;
    out[1] = (uint8_t)dealt.packed_mask;
    return used;
}

size_t codec_encode_keys(const uint64_t *keys, uint32_t num_keys, uint8_t *out,
                         struct codec_scratch *scratch, enum codec_keys *codec_out)
{
    size_t plain_bytes = (size_t)num_keys * 8, written = 0;
    if (num_keys >= 2) {
        size_t num_deltas = num_keys - 1;
        uint64_t *deltas = (uint64_t *)(void *)reserve(scratch, num_deltas * 16);
        uint8_t *packed = (uint8_t *)(deltas + num_deltas);
        unsigned present = present_planes(subtract_neighbours(keys, num_deltas, deltas));
        written = encode_planes(deltas, num_deltas, packed, out, plain_bytes, present);
    }
    if (written > 0) {
        memcpy(out + 2, &keys[0], 8);
        *codec_out = CODEC_KEYS_DELTA_LZ4;
        return written;
    }
    if (num_keys > 0) memcpy(out, keys, plain_bytes);
    *codec_out = CODEC_KEYS_PLAIN;
    return plain_bytes;
}

/* ---- decoding ---- */

static souk_status decode_plain(const uint8_t *bytes, size_t length, uint64_t *keys,
                                uint32_t num_keys)
{
    if (length != (size_t)num_keys * 8) return SOUK_EPROTO;
    if (num_keys > 0) memcpy(keys, bytes, length);
    bool ascends = true;
    for (uint32_t i = 1; i < num_keys; i++) ascends &= keys[i] > keys[i - 1];
    return ascends ? SOUK_OK : SOUK_EPROTO;
}

/* Where each plane lies; NULL for one that is all zero. */
struct planes {
    const uint8_t *at[NUM_PLANES];
};

/* Finds the planes in the bytes behind the head, and unpacks those that LZ4 has packed. */
static souk_status find_planes(const uint8_t *bytes, size_t length, size_t num_deltas,
                               struct codec_scratch *scratch, struct planes *planes_out)
{
    unsigned present = bytes[0], mask = bytes[1];
    if (mask & ~present) return SOUK_EPROTO;
    size_t raw_bytes = (size_t)__builtin_popcount(present & ~mask) * num_deltas;
    size_t packed_bytes = (size_t)__builtin_popcount(mask) * num_deltas;
    if (length < HEAD_BYTES + raw_bytes) return SOUK_EPROTO;
    size_t rest = length - HEAD_BYTES - raw_bytes;
    if ((mask == 0) != (rest == 0)) return SOUK_EPROTO;

    const uint8_t *raw = bytes + HEAD_BYTES, *packed = NULL;
    if (mask) {
        uint8_t *room = reserve(scratch, packed_bytes);
        souk_status status = codec_lz4_decompress(raw + raw_bytes, rest, room, packed_bytes);
        if (status != SOUK_OK) return status;
        packed = room;
    }
    for (unsigned p = 0; p < NUM_PLANES; p++) {
        const uint8_t **next = mask >> p & 1 ? &packed : &raw;
        planes_out->at[p] = present >> p & 1 ? *next : NULL;
        if (present >> p & 1) *next += num_deltas;
    }
    return SOUK_OK;
}

static void join_planes(const struct planes *planes, size_t first, size_t count, uint64_t *deltas)
{
    memset(deltas, 0, count * sizeof(deltas[0]));
    for (unsigned p = 0; p < NUM_PLANES; p++) {
        if (!planes->at[p]) continue;
        const uint8_t *plane = planes->at[p] + first;
        for (size_t i = 0; i < count; i++) deltas[i] |= (uint64_t)plane[i] << (8 * p);
    }
}

/* Sums the differences up; false when a key would be past 2^64 - 1. */
static bool add_up(const struct planes *planes, size_t num_deltas, uint64_t *keys)
{
    uint64_t deltas[BLOCK], key = keys[0];
    bool ascends = true;
    for (size_t first = 0; first < num_deltas; first += BLOCK) {
        size_t count = num_deltas - first < BLOCK ? num_deltas - first : BLOCK;
        join_planes(planes, first, count, deltas);
        for (size_t i = 0; i < count; i++) {
            uint64_t next = key + deltas[i] + 1;
            ascends &= next > key;
            keys[1 + first + i] = key = next;
        }
    }
    return ascends;
}

souk_status codec_decode_keys(enum codec_keys codec, const uint8_t *bytes, size_t length,
                              uint64_t *keys, uint32_t num_keys, struct codec_scratch *scratch)
{
    if (codec == CODEC_KEYS_PLAIN) return decode_plain(bytes, length, keys, num_keys);
    if (codec != CODEC_KEYS_DELTA_LZ4 || num_keys < 2 || length < HEAD_BYTES) return SOUK_EPROTO;
    struct planes planes;
    souk_status status = find_planes(bytes, length, num_keys - 1, scratch, &planes);
    if (status != SOUK_OK) return status;
    memcpy(&keys[0], bytes + 2, 8);
    return add_up(&planes, num_keys - 1, keys) ? SOUK_OK : SOUK_EPROTO;
}
