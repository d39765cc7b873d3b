/* cursor.c - see cursor.h. */
#include "common/bytes/cursor.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "Souk's formats are little-endian and written from memory as it is");

struct cursor cursor_reader(const void *bytes, size_t size)
{
    union {
        const void *in;
        uint8_t *out;
    } same = {.in = bytes}; // one struct serves both ways; cursor_get_* never write
    return (struct cursor){.bytes = same.out, .size = size};
}

struct cursor cursor_writer(void *bytes, size_t size)
{
    return (struct cursor){.bytes = bytes, .size = size};
}

bool cursor_is_done(const struct cursor *cursor)
{
    return !cursor->failed && cursor->position == cursor->size;
}

/* The place of the next `length` bytes, which are passed; NULL when there are not so many. */
static uint8_t *take(struct cursor *cursor, size_t length)
{
    if (cursor->failed || length > cursor->size - cursor->position) {
        cursor->failed = true;
        return NULL;
    }
    uint8_t *place = cursor->bytes + cursor->position;
    cursor->position += length;
    return place;
}

#define DEFINE_GET_AND_PUT(type, suffix)                        \
    type cursor_get_##suffix(struct cursor *cursor)             \
    {                                                           \
        type value = 0;                                         \
        const uint8_t *place = take(cursor, sizeof(value));     \
        if (place) memcpy(&value, place, sizeof(value));        \
        return value;                                           \
    }                                                           \
    void cursor_put_##suffix(struct cursor *cursor, type value) \
    {                                                           \
        uint8_t *place = take(cursor, sizeof(value));           \
        if (place) memcpy(place, &value, sizeof(value));        \
    }
DEFINE_GET_AND_PUT(uint8_t, u8)
DEFINE_GET_AND_PUT(uint16_t, u16)
DEFINE_GET_AND_PUT(uint32_t, u32)
DEFINE_GET_AND_PUT(uint64_t, u64)
DEFINE_GET_AND_PUT(float, f32)
#undef DEFINE_GET_AND_PUT

const void *cursor_get_bytes(struct cursor *cursor, size_t length)
{
    return take(cursor, length);
}

void cursor_put_bytes(struct cursor *cursor, const void *bytes, size_t length)
{
    uint8_t *place = take(cursor, length);
    if (place && length > 0) memcpy(place, bytes, length);
}
