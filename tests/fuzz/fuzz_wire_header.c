/* fuzz_wire_header.c - any bytes as a header: refused, or a header that packs to one that unpacks
 * to the same. */
#include <stdlib.h>

#include "common/bytes/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct wire_header header = {0}, again = {0};
    uint8_t first[WIRE_HEADER_MAX], second[WIRE_HEADER_MAX];
    bool is_shape = wire_scan_header(bytes, length);
    souk_status status = wire_unpack_header(bytes, length, &header);
    if (status == SOUK_EVERSION) must(header.version != WIRE_VERSION);
    if (status != SOUK_OK) return 0;

    must(is_shape && header.version == WIRE_VERSION && header.num_sections <= SOUK_TABLES_MAX);
    size_t first_length = wire_pack_header(&header, first);
    must(first_length <= length); // ours are the shortest
    must(wire_unpack_header(first, first_length, &again) == SOUK_OK);
    size_t second_length = wire_pack_header(&again, second);
    must(second_length == first_length);
    for (size_t i = 0; i < first_length; i++) must(first[i] == second[i]);
    return 0;
}
