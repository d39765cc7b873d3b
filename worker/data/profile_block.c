/* profile_block.c - see profile_block.h: the arrays of a block, and its bytes. */
#include "worker/data/profile_block.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"
#include "worker/data/profile_block_private.h"

static void add_column(const struct sample_format *format, const struct sample_column *column,
                       struct buf *out)
{
    bool has_table = column->table != SAMPLE_NO_TABLE;
    buf_printf(out, "%s %s %d\n", column->name, has_table ? format->tables[column->table].name : "",
               column->kind == CONFIG_ID_STRING);
}

uint64_t profile_format_hash(const struct sample_format *format)
{
    struct buf text = {0};
    buf_printf(&text, "%u %u %d %d\n", format->num_ids, format->num_histories, format->user,
               format->item);
    for (uint32_t i = 0; i < format->num_ids; i++) add_column(format, &format->ids[i], &text);
    for (uint32_t h = 0; h < format->num_histories; h++) {
        buf_printf(&text, "%d ", format->targets[h]);
        add_column(format, &format->histories[h], &text);
    }
    uint64_t hash = hash_bytes(buf_text(&text), text.length, 0);
    buf_fini(&text);
    return hash;
}

// ---- arrays ----

uint64_t profile_block_num_cells(const struct sample_format *format,
                                 const struct profile_counts *num)
{
    return (uint64_t)num->users * (4 + format->num_ids) +
           (uint64_t)num->rows * format->num_histories + num->pairs +
           (uint64_t)num->items * (3 + format->num_ids);
}

void profile_block_fini(struct profile_block *block)
{
    mem_free(block->cells);
    *block = (struct profile_block){.cells = NULL};
}

static uint64_t *take(uint64_t **at, uint32_t count)
{
    uint64_t *array = *at;
    *at += count;
    return array;
}

void profile_block_reserve(struct profile_block *block, const struct sample_format *format,
                           const struct profile_counts *num)
{
    block->num = *num;
    mem_reserve(&block->cells, &block->capacity, profile_block_num_cells(format, num),
                sizeof(*block->cells), "profiles");
    uint64_t *at = block->cells;
    block->users = take(&at, num->users);
    block->is_click = take(&at, num->users);
    block->num_rows = take(&at, num->users);
    block->num_pairs = take(&at, num->users);
    for (uint32_t i = 0; i < format->num_ids; i++) block->ids[i] = take(&at, num->users);
    for (uint32_t h = 0; h < format->num_histories; h++) block->histories[h] = take(&at, num->rows);
    block->pairs = take(&at, num->pairs);
    block->items = take(&at, num->items);
    block->known = take(&at, num->items);
    block->differing = take(&at, num->items);
    for (uint32_t i = 0; i < format->num_ids; i++) block->fields[i] = take(&at, num->items);
}

// ---- bytes ----

void profile_block_pack_begin(const struct sample_format *format, struct buf *out)
{
    uint8_t begin[PROFILE_BEGIN_BYTES];
    struct cursor cursor = cursor_writer(begin, sizeof(begin));
    cursor_put_bytes(&cursor, PROFILE_MAGIC, PROFILE_MAGIC_BYTES);
    cursor_put_u64(&cursor, profile_format_hash(format));
    cursor_put_u32(&cursor, crc32c(0, begin, sizeof(begin) - PROFILE_CRC_BYTES));
    buf_add(out, (const char *)begin, sizeof(begin));
}

void profile_block_pack_end(uint64_t num_users, struct buf *out)
{
    uint8_t end[PROFILE_END_BYTES];
    struct cursor cursor = cursor_writer(end, sizeof(end));
    cursor_put_bytes(&cursor, PROFILE_END_TAG, PROFILE_TAG_BYTES);
    cursor_put_u64(&cursor, num_users);
    cursor_put_u32(&cursor, crc32c(0, end, sizeof(end) - PROFILE_CRC_BYTES));
    buf_add(out, (const char *)end, sizeof(end));
}

static void take_differences(uint64_t *numbers, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) numbers[i - 1] -= numbers[i - 2];
}

static void code_differences(struct profile_block *block)
{
    uint64_t *pairs = block->pairs;
    for (uint32_t u = 0; u < block->num.users; u++) {
        take_differences(pairs, (uint32_t)block->num_pairs[u]);
        pairs += block->num_pairs[u];
    }
    take_differences(block->users, block->num.users);
    take_differences(block->items, block->num.items);
}

static void split_planes(const uint64_t *cells, size_t n, uint8_t *planes)
{
    for (unsigned plane = 0; plane < PROFILE_CELL_BYTES; plane++)
        for (size_t i = 0; i < n; i++) *planes++ = (uint8_t)(cells[i] >> (8 * plane));
}

void profile_block_pack(struct profile_block *block, const struct sample_format *format,
                        struct buf *out)
{
    code_differences(block);
    size_t n = profile_block_num_cells(format, &block->num), length = n * PROFILE_CELL_BYTES;
    size_t capacity = codec_lz4_bound(length);
    uint8_t *plain = mem_alloc(length, "profiles"), *packed = mem_alloc(capacity, "profiles");
    split_planes(block->cells, n, plain);
    size_t num_packed = codec_lz4_compress(plain, length, packed, capacity);
    bool is_smaller = num_packed > 0 && num_packed < length;
    const uint8_t *body = is_smaller ? packed : plain;
    if (is_smaller) length = num_packed;

    uint8_t head[PROFILE_HEAD_BYTES];
    struct cursor cursor = cursor_writer(head, sizeof(head));
    cursor_put_bytes(&cursor, PROFILE_BLOCK_TAG, PROFILE_TAG_BYTES);
    cursor_put_u32(&cursor, block->num.users);
    cursor_put_u32(&cursor, block->num.rows);
    cursor_put_u32(&cursor, block->num.pairs);
    cursor_put_u32(&cursor, block->num.items);
    cursor_put_u32(&cursor, (uint32_t)length);
    uint32_t crc = crc32c(0, head, sizeof(head) - PROFILE_CRC_BYTES);
    cursor_put_u32(&cursor, crc32c(crc, body, length));
    buf_add(out, (const char *)head, sizeof(head));
    buf_add(out, (const char *)body, length);
    mem_free(plain);
    mem_free(packed);
}
