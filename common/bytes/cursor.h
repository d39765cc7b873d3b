/* cursor.h - bounded reading and writing of little-endian bytes, for small bodies and files.
 *
 * A cursor that was asked for more than it has stays where it is, is marked `failed`, and gives
 * zeros from then on: callers check once, at the end. Threads: one owner.
 */
#ifndef SOUK_COMMON_BYTES_CURSOR_H
#define SOUK_COMMON_BYTES_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    uint8_t *bytes; // borrowed; only read from by cursor_get_*
    size_t size;
    size_t position;
    bool failed;
};

struct cursor cursor_reader(const void *bytes, size_t size);
struct cursor cursor_writer(void *bytes, size_t size);
bool cursor_is_done(const struct cursor *cursor); // nothing failed, nothing is left

uint8_t cursor_get_u8(struct cursor *cursor);
uint16_t cursor_get_u16(struct cursor *cursor);
uint32_t cursor_get_u32(struct cursor *cursor);
uint64_t cursor_get_u64(struct cursor *cursor);
float cursor_get_f32(struct cursor *cursor);
/* Points into the bytes; NULL on failure. */
const void *cursor_get_bytes(struct cursor *cursor, size_t length);

void cursor_put_u8(struct cursor *cursor, uint8_t value);
void cursor_put_u16(struct cursor *cursor, uint16_t value);
void cursor_put_u32(struct cursor *cursor, uint32_t value);
void cursor_put_u64(struct cursor *cursor, uint64_t value);
void cursor_put_f32(struct cursor *cursor, float value);
void cursor_put_bytes(struct cursor *cursor, const void *bytes, size_t length);

#endif
