/* wire_body.c - the bodies that are not rows, see wire.h. */
#include <string.h>

#include "common/bytes/cursor.h"
#include "common/bytes/wire.h"

enum { PORTS_MAX = sizeof(((struct wire_hello *)0)->ports) / sizeof(uint16_t) };

size_t wire_pack_hello(const struct wire_hello *hello, uint8_t out[WIRE_HELLO_MAX])
{
    struct cursor cursor = cursor_writer(out, WIRE_HELLO_MAX);
    cursor_put_u16(&cursor, hello->num_shards);
    cursor_put_u16(&cursor, hello->shard_idx);
    for (uint16_t i = 0; i < hello->num_shards; i++) cursor_put_u16(&cursor, hello->ports[i]);
    return cursor.position;
}

souk_status wire_unpack_hello(const uint8_t *bytes, size_t length, struct wire_hello *hello_out)
{
    struct cursor cursor = cursor_reader(bytes, length);
    struct wire_hello hello = {0};
    hello.num_shards = cursor_get_u16(&cursor);
    hello.shard_idx = cursor_get_u16(&cursor);
    if (hello.num_shards > PORTS_MAX || hello.shard_idx >= hello.num_shards) return SOUK_EPROTO;
    for (uint16_t i = 0; i < hello.num_shards; i++) hello.ports[i] = cursor_get_u16(&cursor);
    if (!cursor_is_done(&cursor)) return SOUK_EPROTO;
    *hello_out = hello;
    return SOUK_OK;
}

size_t wire_pack_spec(const struct souk_table_spec *spec, uint8_t out[WIRE_SPEC_MAX])
{
    struct cursor cursor = cursor_writer(out, WIRE_SPEC_MAX);
    size_t name_length = strnlen(spec->name, SOUK_NAME_MAX);
    cursor_put_u8(&cursor, (uint8_t)name_length);
    cursor_put_bytes(&cursor, spec->name, name_length);
    cursor_put_u32(&cursor, spec->dim);
    cursor_put_u64(&cursor, spec->seed);
    cursor_put_u32(&cursor, spec->init);
    cursor_put_f32(&cursor, spec->init_scale);
    cursor_put_u32(&cursor, spec->init_columns);
    cursor_put_u32(&cursor, spec->optimizer);
    cursor_put_f32(&cursor, spec->lr);
    cursor_put_f32(&cursor, spec->momentum);
    cursor_put_f32(&cursor, spec->beta1);
    cursor_put_f32(&cursor, spec->beta2);
    cursor_put_f32(&cursor, spec->epsilon);
    cursor_put_f32(&cursor, spec->initial_accumulator);
    cursor_put_f32(&cursor, spec->ftrl_alpha);
    cursor_put_f32(&cursor, spec->ftrl_beta);
    cursor_put_f32(&cursor, spec->l1);
    cursor_put_f32(&cursor, spec->l2);
    cursor_put_u32(&cursor, spec->pull_codec);
    cursor_put_u32(&cursor, spec->push_codec);
    return cursor.position;
}

static void get_name(struct cursor *cursor, char name[SOUK_NAME_MAX])
{
    uint8_t length = cursor_get_u8(cursor);
    const void *bytes = cursor_get_bytes(cursor, length);
    // One that does not fit, or has a zero inside, stays empty: souk_table_spec_check() refuses it.
    if (!bytes || length >= SOUK_NAME_MAX || memchr(bytes, 0, length)) return;
    memcpy(name, bytes, length);
}

/* Enumerations are read as the numbers they are; souk_table_spec_check() looks at their range. */
static void get_spec(struct cursor *cursor, struct souk_table_spec *spec)
{
    get_name(cursor, spec->name);
    spec->dim = cursor_get_u32(cursor);
    spec->seed = cursor_get_u64(cursor);
    spec->init = (enum souk_init)cursor_get_u32(cursor);
    spec->init_scale = cursor_get_f32(cursor);
    spec->init_columns = cursor_get_u32(cursor);
    spec->optimizer = (enum souk_optimizer)cursor_get_u32(cursor);
    spec->lr = cursor_get_f32(cursor);
    spec->momentum = cursor_get_f32(cursor);
    spec->beta1 = cursor_get_f32(cursor);
    spec->beta2 = cursor_get_f32(cursor);
    spec->epsilon = cursor_get_f32(cursor);
    spec->initial_accumulator = cursor_get_f32(cursor);
    spec->ftrl_alpha = cursor_get_f32(cursor);
    spec->ftrl_beta = cursor_get_f32(cursor);
    spec->l1 = cursor_get_f32(cursor);
    spec->l2 = cursor_get_f32(cursor);
    spec->pull_codec = (enum souk_codec)cursor_get_u32(cursor);
    spec->push_codec = (enum souk_codec)cursor_get_u32(cursor);
}

souk_status wire_unpack_spec(const uint8_t *bytes, size_t length, struct souk_table_spec *spec_out)
{
    struct cursor cursor = cursor_reader(bytes, length);
    struct souk_table_spec spec = {0};
    const char *why;
    get_spec(&cursor, &spec);
    if (!cursor_is_done(&cursor)) return SOUK_EPROTO;
    if (souk_table_spec_check(&spec, &why) != SOUK_OK) return SOUK_EPROTO;
    *spec_out = spec;
    return SOUK_OK;
}

void wire_pack_info(const struct wire_info *info, uint8_t out[WIRE_INFO_BYTES])
{
    struct cursor cursor = cursor_writer(out, WIRE_INFO_BYTES);
    cursor_put_u64(&cursor, info->num_rows);
    cursor_put_u64(&cursor, info->memory_bytes);
    cursor_put_u64(&cursor, info->bad_messages);
    cursor_put_u64(&cursor, info->requests);
}

souk_status wire_unpack_info(const uint8_t *bytes, size_t length, struct wire_info *info_out)
{
    struct cursor cursor = cursor_reader(bytes, length);
    struct wire_info info;
    info.num_rows = cursor_get_u64(&cursor);
    info.memory_bytes = cursor_get_u64(&cursor);
    info.bad_messages = cursor_get_u64(&cursor);
    info.requests = cursor_get_u64(&cursor);
    if (!cursor_is_done(&cursor)) return SOUK_EPROTO;
    *info_out = info;
    return SOUK_OK;
}
