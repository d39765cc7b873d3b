/* crc32c.h - CRC-32C (Castagnoli, RFC 3720), by SSE4.2 where there is one, else by a table.
 * Threads: pure functions. */
#ifndef SOUK_COMMON_BYTES_CRC32C_H
#define SOUK_COMMON_BYTES_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, which is 0 at the start: crc32c(crc32c(0, a), b) is that of a and b together.
 */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same by the table, a byte at a time: for other processors, and to test the fast one. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t length);

#endif
