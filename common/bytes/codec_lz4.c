/* codec_lz4.c - see codec.h. The one module that knows LZ4. Its functions take int sizes, so
 * every length is checked against LZ4_MAX_INPUT_SIZE before it is cast. LZ4_decompress_fast, which
 * has no bound on its input, must not be used. */
#include <lz4.h>

#include "common/bytes/codec.h"

size_t codec_lz4_bound(size_t length)
{
    return length <= LZ4_MAX_INPUT_SIZE ? (size_t)LZ4_compressBound((int)length) : 0;
}

size_t codec_lz4_compress(const uint8_t *bytes, size_t length, uint8_t *out, size_t capacity)
{
    if (length == 0 || length > LZ4_MAX_INPUT_SIZE) return 0;
    if (capacity >= length) capacity = length - 1; // as large as the input is no use
    int written =
        LZ4_compress_default((const char *)bytes, (char *)out, (int)length, (int)capacity);
    return written > 0 ? (size_t)written : 0;
}

souk_status codec_lz4_decompress(const uint8_t *bytes, size_t length, uint8_t *out,
                                 size_t out_length)
{
    if (length > LZ4_MAX_INPUT_SIZE || out_length > LZ4_MAX_INPUT_SIZE) return SOUK_EPROTO;
    int written =
        LZ4_decompress_safe((const char *)bytes, (char *)out, (int)length, (int)out_length);
    return written >= 0 && (size_t)written == out_length ? SOUK_OK : SOUK_EPROTO;
}
