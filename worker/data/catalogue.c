/* catalogue.c - see catalogue.h.
 *
 * Which fields are the item's is not told anywhere: those with a history are, since histories hold
 * them; any other one is as long as no item was seen with two values of it. That says something
 * only when items were seen with several users. */
#include "worker/data/catalogue.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "worker/data/key_index.h"
#include "worker/data/profile_block.h"

struct gathering {
    const struct sample_format *format; // borrowed
    struct key_index *items;
    uint64_t *known;    // by number: bit i: fields[i] is known
    uint64_t *fields;   // (items, num_ids)
    uint64_t differing; // bit i: some item has had several values
    size_t known_capacity, fields_capacity;
};

// Item i of the block; what comes later replaces what was known.
static void take_item(struct gathering *gathering, const struct profile_block *block, uint32_t i)
{
    uint32_t num_ids = gathering->format->num_ids, count = key_index_count(gathering->items);
    uint32_t number = key_index_add(gathering->items, block->items[i]);
    mem_reserve(&gathering->known, &gathering->known_capacity, (size_t)number + 1,
                sizeof(*gathering->known), "catalogue");
    mem_reserve(&gathering->fields, &gathering->fields_capacity, ((size_t)number + 1) * num_ids,
                sizeof(*gathering->fields), "catalogue");
    uint64_t *fields = gathering->fields + (size_t)number * num_ids;
    if (number == count) gathering->known[number] = 0;
    for (uint32_t f = 0; f < num_ids; f++) {
        uint64_t bit = UINT64_C(1) << f;
        if (!(block->known[i] & bit)) continue;
        if ((gathering->known[number] & bit) && fields[f] != block->fields[f][i])
            gathering->differing |= bit;
        fields[f] = block->fields[f][i];
    }
    gathering->known[number] |= block->known[i];
    gathering->differing |= block->differing[i];
}

static souk_status read_file(struct gathering *gathering, const char *path)
{
    struct profile_reader *reader = NULL;
    const struct profile_block *block;
    souk_status status = profile_reader_open(path, gathering->format, &reader);
    if (status) return status;
    while (!(status = profile_reader_next(reader, &block)))
        for (uint32_t i = 0; i < block->num.items; i++) take_item(gathering, block, i);
    profile_reader_close(reader);
    return status == SOUK_EEND ? SOUK_OK : status;
}

// ---- what comes out ----

static bool is_field_of_item(const struct gathering *gathering, uint32_t field)
{
    const struct sample_format *format = gathering->format;
    uint64_t user_bit = UINT64_C(1) << format->user;
    if ((int32_t)field == format->item) return true;
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] == (int32_t)field) return true;
    return (int32_t)field != format->user && (gathering->differing & user_bit) &&
           !(gathering->differing >> field & 1);
}

struct numbered {
    uint64_t key;
    uint32_t number; // in the index
};

static int by_key(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static void give(const struct gathering *gathering, struct catalogue *catalogue)
{
    uint32_t num_ids = gathering->format->num_ids, n = key_index_count(gathering->items);
    struct numbered *sorted = mem_calloc(n, sizeof(*sorted), "catalogue");
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = (struct numbered){key_index_key(gathering->items, i), i};
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (uint32_t f = 0; f < gathering->format->num_fields; f++)
        if (is_field_of_item(gathering, f)) catalogue->fields[catalogue->num_fields++] = f;
    catalogue->num_items = n;
    catalogue->items = mem_calloc(n, sizeof(*catalogue->items), "catalogue");
    catalogue->ids =
        mem_calloc((size_t)n * catalogue->num_fields, sizeof(*catalogue->ids), "catalogue");
    uint64_t *ids = catalogue->ids;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t known = gathering->known[sorted[i].number];
        const uint64_t *fields = gathering->fields + (size_t)sorted[i].number * num_ids;
        catalogue->items[i] = sorted[i].key;
        for (uint32_t f = 0; f < catalogue->num_fields; f++) {
            uint32_t field = catalogue->fields[f];
            *ids++ = known >> field & 1 ? fields[field] : PROFILE_UNKNOWN_ID;
        }
    }
    mem_free(sorted);
}

souk_status catalogue_read(const char *const *paths, uint32_t num_paths,
                           const struct sample_format *format, struct catalogue *catalogue_out)
{
    struct gathering gathering = {.format = format, .items = key_index_create()};
    *catalogue_out = (struct catalogue){.num_items = 0};
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; i < num_paths && !status; i++) status = read_file(&gathering, paths[i]);
    if (!status) give(&gathering, catalogue_out);
    key_index_destroy(gathering.items);
    mem_free(gathering.known);
    mem_free(gathering.fields);
    return status;
}

void catalogue_fini(struct catalogue *catalogue)
{
    mem_free(catalogue->items);
    mem_free(catalogue->ids);
    *catalogue = (struct catalogue){.num_items = 0};
}
