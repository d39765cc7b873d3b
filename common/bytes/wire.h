/* wire.h - the messages between clients and shards.
 *
 * A message is two frames: a header of at most WIRE_HEADER_MAX bytes and a body. The header is a
 * msgpack array of WIRE_NUM_FIELDS elements. Frames from the network pass wire_scan_header(), our
 * own look at every byte of it, before msgpack sees them.
 *
 *   idx  element      type    meaning
 *     0  version      uint    WIRE_VERSION; another one is answered with an error that names ours
 *     1  type         uint    enum wire_type
 *     2  status       int     souk_status of a reply; 0 in requests
 *     3  job_epoch    uint    of the client; requests of an epoch older than known are refused
 *     4  client       uint    id of the client in its job
 *     5  request      uint    chosen by the client, unique in its connection; a reply repeats it
 *     6  sequence     uint    pushes: contiguous from 1 for (epoch, client, shard); else 0
 *                             in a reply: the last sequence that is applied
 *     7  clock        uint    step of the client, for bounded staleness; 0 while nobody asks
 *     8  incarnation  uint    of the server, chosen at random when it starts; 0 in requests
 *     9  body_crc     uint    CRC32C of the body frame
 *    10  sections     array   of 10 * n uints, n <= SOUK_TABLES_MAX: one run a table
 *
 *   section: table, flags, key_codec, row_codec, num_keys, key_bytes, row_bytes, state_bytes,
 *            lr_bits, digest
 *
 * The body of a pull, push or scan is its sections end to end, each its keys (key_bytes), then its
 * rows (row_bytes), then its states (state_bytes, fp32, only with WIRE_HAS_STATES). In a reply the
 * keys are not repeated; where WIRE_HAS_FOUND is set the key bytes are a bitmap, bit i of byte i/8
 * for key i. Bodies of other types: see the packers below. Key caching will send the digest of a
 * key list that both sides remember; it is 0 today.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_COMMON_BYTES_WIRE_H
#define SOUK_COMMON_BYTES_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/types.h"

enum {
    WIRE_VERSION = 1,
    WIRE_HEADER_MAX = 4096,           // bytes
    WIRE_BODY_MAX = 64 * 1024 * 1024, // bytes
    WIRE_NUM_FIELDS = 11,
    WIRE_SECTION_FIELDS = 10,
    WIRE_KEYS_MAX = 1 << 20,      // keys in one section
    WIRE_SCAN_ROWS_MAX = 1 << 16, // rows in one scan reply
    WIRE_SHARDS_MAX = 64,         // of one server
};

enum wire_type {
    WIRE_HELLO = 1,      // request: no body; reply: struct wire_hello
    WIRE_OPEN_TABLE = 2, // request: struct souk_table_spec, one section, of which nothing is read;
                         // reply: section 0 = number of the table, bytes of a row's state
    WIRE_PULL = 3,
    WIRE_PUSH = 4,
    WIRE_SCAN = 5, // request: section 0 = table, clock = cursor (0 first); reply: rows in
                   // section 0, clock = next cursor or 0 at the end
    WIRE_INFO = 6, // request: no body; reply: struct wire_info
    WIRE_REPLY_BIT = 0x40,
    WIRE_ERROR = 0x7f, // reply with a status other than SOUK_OK; the body is a message (UTF-8)
};

enum wire_section_flag {
    WIRE_HAS_FOUND = 1 << 0,  // pull: wants / reply: has the bitmap
    WIRE_HAS_STATES = 1 << 1, // push, scan: optimizer states follow the rows
    WIRE_EXACT = 1 << 2,      // pull: fp32 whatever the table says
    WIRE_MODE_SHIFT = 4,      // push: two bits, enum souk_push_mode
};

struct wire_section {
    uint32_t table;     // number of the table, as opened
    uint32_t flags;     // enum wire_section_flag
    uint32_t key_codec; // enum codec_keys
    uint32_t row_codec; // enum souk_codec, perhaps with CODEC_ROWS_LZ4
    uint32_t num_keys;  // <= WIRE_KEYS_MAX
    uint32_t key_bytes;
    uint32_t row_bytes;
    uint32_t state_bytes;
    uint32_t lr_bits; // push: bits of the fp32 learning rate, 0: the table's own
    uint64_t digest;  // of a remembered key list; 0: keys are in the body
};

struct wire_header {
    uint32_t version;
    uint32_t type;
    int32_t status;
    uint32_t client;
    uint64_t job_epoch;
    uint64_t request;
    uint64_t sequence;
    uint64_t clock;
    uint64_t incarnation;
    uint32_t body_crc;
    uint32_t num_sections;
    struct wire_section sections[SOUK_TABLES_MAX];
};

/* Packs a header; returns its length, <= WIRE_HEADER_MAX always. */
size_t wire_pack_header(const struct wire_header *header, uint8_t out[WIRE_HEADER_MAX]);
/* Checks the shape, that every number fits its field, that codecs and flags are known, num_keys,
 * and that the sections fit a body of WIRE_BODY_MAX; type, table and what they mean together are
 * the receiver's business. SOUK_EPROTO: not a header. SOUK_EVERSION: of another version; then only
 * header_out->version and ->request are set, the latter to 0 where the shape does not show it. */
SOUK_MUST_CHECK souk_status wire_unpack_header(const uint8_t *bytes, size_t length,
                                               struct wire_header *header_out);
/* The look before msgpack: only the shape above, numbers of any msgpack width, nothing nested,
 * nothing behind the end. */
bool wire_scan_header(const uint8_t *bytes, size_t length);

/* Body of WIRE_HELLO's reply: which shard answers, and where its sisters in the same process are.
 * u16 num_shards, u16 shard_idx, then a u16 port each (0 for endpoints without ports). */
struct wire_hello {
    uint16_t num_shards; // shard threads of this server process
    uint16_t shard_idx;  // of the one that answers
    uint16_t ports[WIRE_SHARDS_MAX];
};
enum { WIRE_HELLO_MAX = 4 + 2 * WIRE_SHARDS_MAX, WIRE_SPEC_MAX = 256, WIRE_INFO_BYTES = 4 * 8 };
size_t wire_pack_hello(const struct wire_hello *hello, uint8_t out[WIRE_HELLO_MAX]);
SOUK_MUST_CHECK souk_status wire_unpack_hello(const uint8_t *bytes, size_t length,
                                              struct wire_hello *hello_out);

/* Body of WIRE_OPEN_TABLE: the fields of the spec in order, little-endian, name as u8 length and
 * bytes, enumerations as u32. Unpacking checks every range (souk_table_spec_check). */
size_t wire_pack_spec(const struct souk_table_spec *spec, uint8_t out[WIRE_SPEC_MAX]);
SOUK_MUST_CHECK souk_status wire_unpack_spec(const uint8_t *bytes, size_t length,
                                             struct souk_table_spec *spec_out);

/* Body of WIRE_INFO's reply: four u64. */
struct wire_info {
    uint64_t num_rows, memory_bytes, bad_messages, requests;
};
void wire_pack_info(const struct wire_info *info, uint8_t out[WIRE_INFO_BYTES]);
SOUK_MUST_CHECK souk_status wire_unpack_info(const uint8_t *bytes, size_t length,
                                             struct wire_info *info_out);

#endif
