/* wire.c - headers, see wire.h. The one module that knows msgpack.
 *
 * msgpack's own reader believes the lengths that it reads and allocates for them, so it sees only
 * bytes that wire_scan_header() has walked through: one array of numbers with one array of numbers
 * at its end.
 */
#include "common/bytes/wire.h"

#include <assert.h>
#include <msgpack.h>
#include <string.h>

#include "common/bytes/codec.h"

enum {
    STATUS_IDX = 2,
    REQUEST_IDX = 5,
    SECTIONS_IDX = 10,
    SECTION_NUMBERS_MAX = WIRE_SECTION_FIELDS * SOUK_TABLES_MAX,
    KNOWN_FLAGS = WIRE_HAS_FOUND | WIRE_HAS_STATES | WIRE_EXACT | 3 << WIRE_MODE_SHIFT,
};

/* ---- packing ---- */

struct sink {
    uint8_t *bytes; // WIRE_HEADER_MAX of them
    size_t length;
};

static int write_to_sink(void *ctx, const char *bytes, size_t length)
{
    struct sink *sink = ctx;
    assert(sink->length + length <= WIRE_HEADER_MAX);
    memcpy(sink->bytes + sink->length, bytes, length);
    sink->length += length;
    return 0;
}

static void pack_section(msgpack_packer *packer, const struct wire_section *section)
{
    msgpack_pack_uint32(packer, section->table);
    msgpack_pack_uint32(packer, section->flags);
    msgpack_pack_uint32(packer, section->key_codec);
    msgpack_pack_uint32(packer, section->row_codec);
    msgpack_pack_uint32(packer, section->num_keys);
    msgpack_pack_uint32(packer, section->key_bytes);
    msgpack_pack_uint32(packer, section->row_bytes);
    msgpack_pack_uint32(packer, section->state_bytes);
    msgpack_pack_uint32(packer, section->lr_bits);
    msgpack_pack_uint64(packer, section->digest);
}

size_t wire_pack_header(const struct wire_header *header, uint8_t out[WIRE_HEADER_MAX])
{
    assert(header->num_sections <= SOUK_TABLES_MAX);
    struct sink sink = {.bytes = out};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &sink, write_to_sink);
    msgpack_pack_array(&packer, WIRE_NUM_FIELDS);
    msgpack_pack_uint32(&packer, header->version);
    msgpack_pack_uint32(&packer, header->type);
    msgpack_pack_int32(&packer, header->status);
    msgpack_pack_uint64(&packer, header->job_epoch);
    msgpack_pack_uint32(&packer, header->client);
    msgpack_pack_uint64(&packer, header->request);
    msgpack_pack_uint64(&packer, header->sequence);
    msgpack_pack_uint64(&packer, header->clock);
    msgpack_pack_uint64(&packer, header->incarnation);
    msgpack_pack_uint32(&packer, header->body_crc);
    msgpack_pack_array(&packer, (size_t)header->num_sections * WIRE_SECTION_FIELDS);
    for (uint32_t i = 0; i < header->num_sections; i++) pack_section(&packer, &header->sections[i]);
    return sink.length;
}

/* ---- the look before msgpack ---- */

struct scan {
    const uint8_t *at;
    size_t left; // bytes from there on
};

/* The next `width` bytes, highest first. */
static bool scan_big_endian(struct scan *scan, size_t width, uint64_t *value_out)
{
    if (scan->left < width) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) value = value << 8 | scan->at[i];
    scan->at += width;
    scan->left -= width;
    *value_out = value;
    return true;
}

static bool scan_tag(struct scan *scan, uint8_t *tag_out)
{
    if (scan->left == 0) return false;
    *tag_out = *scan->at++;
    scan->left--;
    return true;
}

/* An unsigned number of any width: fixint, or 0xcc..0xcf and 1, 2, 4 or 8 bytes. */
static bool scan_uint(struct scan *scan, uint64_t *value_out)
{
    uint8_t tag;
    if (!scan_tag(scan, &tag)) return false;
    if (tag <= 0x7f) {
        *value_out = tag;
        return true;
    }
    return tag >= 0xcc && tag <= 0xcf &&
           scan_big_endian(scan, (size_t)1 << (tag - 0xcc), value_out);
}

/* A number of either sign: scan_uint(), or negative fixint, or 0xd0..0xd3 and its bytes. */
static bool scan_int(struct scan *scan)
{
    uint64_t ignored;
    uint8_t tag;
    if (scan->left == 0 || *scan->at < 0xd0) return scan_uint(scan, &ignored);
    if (!scan_tag(scan, &tag)) return false;
    if (tag >= 0xe0) return true;
    return tag <= 0xd3 && scan_big_endian(scan, (size_t)1 << (tag - 0xd0), &ignored);
}

/* The head of an array: fixarray, or 0xdc..0xdd and 2 or 4 bytes. */
static bool scan_array(struct scan *scan, uint64_t *num_elements_out)
{
    uint8_t tag;
    if (!scan_tag(scan, &tag)) return false;
    if (tag >= 0x90 && tag <= 0x9f) {
        *num_elements_out = tag & 0x0f;
        return true;
    }
    return (tag == 0xdc || tag == 0xdd) &&
           scan_big_endian(scan, tag == 0xdc ? 2 : 4, num_elements_out);
}

static bool scan_sections(struct scan *scan)
{
    uint64_t num_numbers, ignored;
    if (!scan_array(scan, &num_numbers)) return false;
    if (num_numbers > SECTION_NUMBERS_MAX || num_numbers % WIRE_SECTION_FIELDS != 0) return false;
    for (uint64_t i = 0; i < num_numbers; i++)
        if (!scan_uint(scan, &ignored)) return false;
    return true;
}

bool wire_scan_header(const uint8_t *bytes, size_t length)
{
    if (length > WIRE_HEADER_MAX) return false;
    struct scan scan = {.at = bytes, .left = length};
    uint64_t num_elements, ignored;
    if (!scan_array(&scan, &num_elements) || num_elements != WIRE_NUM_FIELDS) return false;
    for (int i = 0; i < SECTIONS_IDX; i++)
        if (!(i == STATUS_IDX ? scan_int(&scan) : scan_uint(&scan, &ignored))) return false;
    return scan_sections(&scan) && scan.left == 0;
}

/* ---- unpacking ---- */

/* Takes what every version keeps in place: the version first and, when there are numbers up to
 * there, the request. False when these bytes do not begin as a header of any version would. */
static bool peek_version(const uint8_t *bytes, size_t length, uint64_t *version_out,
                         uint64_t *request_out)
{
    if (length > WIRE_HEADER_MAX) return false;
    struct scan scan = {.at = bytes, .left = length};
    uint64_t num_elements, request;
    if (!scan_array(&scan, &num_elements) || num_elements < 1) return false;
    if (!scan_uint(&scan, version_out)) return false;
    *request_out = 0;
    if (num_elements <= REQUEST_IDX) return true;
    for (int i = 1; i < REQUEST_IDX; i++)
        if (!scan_int(&scan)) return true;
    if (scan_uint(&scan, &request)) *request_out = request;
    return true;
}

static bool take_u32(const msgpack_object *object, uint32_t *value_out)
{
    if (object->via.u64 > UINT32_MAX) return false;
    *value_out = (uint32_t)object->via.u64;
    return true;
}

static bool take_i32(const msgpack_object *object, int32_t *value_out)
{
    bool is_negative = object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (is_negative ? object->via.i64 < INT32_MIN : object->via.u64 > INT32_MAX) return false;
    *value_out = (int32_t)object->via.i64;
    return true;
}

static bool take_section(const msgpack_object *numbers, struct wire_section *out)
{
    uint32_t *const fields[] = {&out->table,     &out->flags,       &out->key_codec,
                                &out->row_codec, &out->num_keys,    &out->key_bytes,
                                &out->row_bytes, &out->state_bytes, &out->lr_bits};
    enum { NUM_U32 = sizeof(fields) / sizeof(fields[0]) };
    for (int i = 0; i < NUM_U32; i++)
        if (!take_u32(&numbers[i], fields[i])) return false;
    out->digest = numbers[NUM_U32].via.u64;
    return out->num_keys <= WIRE_KEYS_MAX && (out->flags & ~(uint32_t)KNOWN_FLAGS) == 0 &&
           out->key_codec < CODEC_NUM_KEYS &&
           (out->row_codec & ~(uint32_t)CODEC_ROWS_LZ4) < SOUK_NUM_CODECS;
}

static bool take_sections(const msgpack_object *object, struct wire_header *out)
{
    const msgpack_object_array *numbers = &object->via.array;
    uint64_t body_bytes = 0;
    out->num_sections = numbers->size / WIRE_SECTION_FIELDS;
    for (uint32_t i = 0; i < out->num_sections; i++) {
        struct wire_section *section = &out->sections[i];
        if (!take_section(numbers->ptr + (size_t)i * WIRE_SECTION_FIELDS, section)) return false;
        body_bytes += (uint64_t)section->key_bytes + section->row_bytes + section->state_bytes;
    }
    return body_bytes <= WIRE_BODY_MAX;
}

/* object has passed the scan, so its shape is known. */
static bool take_header(const msgpack_object *object, struct wire_header *out)
{
    const msgpack_object *field = object->via.array.ptr;
    out->job_epoch = field[3].via.u64;
    out->request = field[REQUEST_IDX].via.u64;
    out->sequence = field[6].via.u64;
    out->clock = field[7].via.u64;
    out->incarnation = field[8].via.u64;
    return take_u32(&field[0], &out->version) && take_u32(&field[1], &out->type) &&
           take_i32(&field[STATUS_IDX], &out->status) && take_u32(&field[4], &out->client) &&
           take_u32(&field[9], &out->body_crc) && take_sections(&field[SECTIONS_IDX], out);
}

souk_status wire_unpack_header(const uint8_t *bytes, size_t length, struct wire_header *header_out)
{
    uint64_t version, request;
    if (!peek_version(bytes, length, &version, &request)) return SOUK_EPROTO;
    if (version != WIRE_VERSION) {
        header_out->version = version < UINT32_MAX ? (uint32_t)version : UINT32_MAX;
        header_out->request = request;
        return SOUK_EVERSION;
    }
    if (!wire_scan_header(bytes, length)) return SOUK_EPROTO;

    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    souk_status status = SOUK_EPROTO;
    struct wire_header header;
    if (msgpack_unpack_next(&unpacked, (const char *)bytes, length, &offset) ==
            MSGPACK_UNPACK_SUCCESS &&
        offset == length && take_header(&unpacked.data, &header)) {
        // The sections that are not there stay as they were: a header is 700 bytes.
        size_t used = offsetof(struct wire_header, sections) +
                      header.num_sections * sizeof(struct wire_section);
        memcpy(header_out, &header, used);
        status = SOUK_OK;
    }
    msgpack_unpacked_destroy(&unpacked);
    return status;
}
