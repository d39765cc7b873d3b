/* fuzz_wire_body.c - any bytes as a body: refused, or what its contract promises; and any bytes as
 * keys or rows, which must come back from their coded form. The first byte chooses what they are,
 * the next three are codec, number of keys or rows, and width. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/codec.h"
#include "common/bytes/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { KEYS_MAX = 255 * 8, FLOATS_MAX = 255 * 70, HEAD = 4 };

static void must(bool holds)
{
    if (!holds) abort();
}

static void check_keys_come_back(const uint64_t *keys, uint32_t n)
{
    static uint64_t back[KEYS_MAX];
    struct codec_scratch scratch = {0};
    uint8_t *out = malloc(codec_keys_bound(n));
    enum codec_keys codec;
    size_t length = codec_encode_keys(keys, n, out, &scratch, &codec);
    must(length <= (size_t)n * 8);
    must(codec_decode_keys(codec, out, length, back, n, &scratch) == SOUK_OK);
    must(n == 0 || memcmp(keys, back, (size_t)n * 8) == 0);
    free(out);
    codec_scratch_fini(&scratch);
}

static void decode_keys(const uint8_t head[HEAD], const uint8_t *bytes, size_t length)
{
    static uint64_t keys[KEYS_MAX];
    struct codec_scratch scratch = {0};
    uint32_t n = head[2] * (1 + head[3] % 8u);
    if (codec_decode_keys(head[1], bytes, length, keys, n, &scratch) == SOUK_OK) {
        for (uint32_t i = 1; i < n; i++) must(keys[i] > keys[i - 1]);
        check_keys_come_back(keys, n);
    }
    codec_scratch_fini(&scratch);
}

/* Bytes as steps from key to key, as far as they go. */
static void encode_keys(const uint8_t head[HEAD], const uint8_t *bytes, size_t length)
{
    static uint64_t keys[KEYS_MAX];
    size_t width = 1 + head[1] % 8u;
    uint64_t key = 0;
    uint32_t n = 0;
    for (; length >= width && n < KEYS_MAX; bytes += width, length -= width) {
        uint64_t step = 0;
        memcpy(&step, bytes, width);
        if (n > 0 && key + step + 1 <= key) break;
        keys[n] = key = n > 0 ? key + step + 1 : step;
        n++;
    }
    check_keys_come_back(keys, n);
}

static void decode_rows(const uint8_t head[HEAD], const uint8_t *bytes, size_t length)
{
    static float rows[FLOATS_MAX];
    struct codec_scratch scratch = {0};
    uint32_t n = head[2], dim = 1 + head[3] % 70u;
    if (codec_decode_rows(head[1], bytes, length, rows, n, dim, &scratch) == SOUK_OK)
        must(codec_is_finite(rows, (size_t)n * dim));
    codec_scratch_fini(&scratch);
}

/* Bytes as fp32 rows: what comes back is finite, of the right size, and near. */
static void encode_rows(const uint8_t head[HEAD], const uint8_t *bytes, size_t length)
{
    static float rows[FLOATS_MAX], back[FLOATS_MAX];
    uint32_t dim = 1 + head[3] % 70u, n = (uint32_t)(length / sizeof(float) / dim), wire_codec;
    enum souk_codec codec = head[1] % SOUK_NUM_CODECS;
    if (n > FLOATS_MAX / dim) n = FLOATS_MAX / dim;
    size_t num_floats = (size_t)n * dim;
    memcpy(rows, bytes, num_floats * sizeof(float));
    if (!codec_is_finite(rows, num_floats)) return;

    struct codec_scratch scratch = {0};
    struct codec_rounding rounding = {head[2] & 1, head[2], head[3]};
    uint8_t *out = malloc(codec_rows_bound(codec, n, dim) + 1);
    size_t coded =
        codec_encode_rows(codec, rows, n, dim, &rounding, head[2] & 2, out, &scratch, &wire_codec);
    must(coded <= codec_rows_bound(codec, n, dim));
    must(codec_decode_rows(wire_codec, out, coded, back, n, dim, &scratch) == SOUK_OK);
    must(codec_is_finite(back, num_floats));
    for (size_t i = 0; i < num_floats; i++) {
        must(back[i] == 0.0f || (back[i] < 0.0f) == (rows[i] < 0.0f));
        must(codec != SOUK_CODEC_FP32 || back[i] == rows[i]);
        must(codec != SOUK_CODEC_BF16 || fabsf(back[i] - rows[i]) <= fabsf(rows[i]) / 128 + 1e-38f);
    }
    free(out);
    codec_scratch_fini(&scratch);
}

static void unpack_bodies(const uint8_t *bytes, size_t length)
{
    struct wire_hello hello;
    struct souk_table_spec spec;
    struct wire_info info;
    uint8_t out[WIRE_SPEC_MAX];
    if (wire_unpack_hello(bytes, length, &hello) == SOUK_OK)
        must(wire_pack_hello(&hello, out) == length && memcmp(out, bytes, length) == 0);
    if (wire_unpack_spec(bytes, length, &spec) == SOUK_OK)
        must(wire_pack_spec(&spec, out) == length && memcmp(out, bytes, length) == 0);
    if (wire_unpack_info(bytes, length, &info) == SOUK_OK) {
        wire_pack_info(&info, out);
        must(memcmp(out, bytes, length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < HEAD) return 0;
    const uint8_t *rest = bytes + HEAD;
    switch (bytes[0] % 5) {
    case 0: decode_keys(bytes, rest, length - HEAD); break;
    case 1: encode_keys(bytes, rest, length - HEAD); break;
    case 2: decode_rows(bytes, rest, length - HEAD); break;
    case 3: encode_rows(bytes, rest, length - HEAD); break;
    case 4: unpack_bodies(rest, length - HEAD); break;
    }
    return 0;
}
