/* names.c - see names.h. Open addressing with linear probing over mixed keys (integer-like keys may
 * come too); texts lie one behind the other in one block. */
#include "worker/data/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/cursor.h"

enum { FIRST_SLOTS = 1024, ENTRY_HEAD_BYTES = 12 };

struct name {
    uint64_t key;
    uint64_t offset; // of the text in texts
    uint32_t length; // of the text
    bool is_used;
};

struct names {
    struct name *slots;
    uint64_t num_slots; // a power of two, at most 3/4 used
    uint64_t count;
    char *texts;
    size_t texts_length, texts_capacity;
};

struct names *names_create(void)
{
    struct names *names = mem_calloc(1, sizeof(*names), "names");
    names->num_slots = FIRST_SLOTS;
    names->slots = mem_calloc(names->num_slots, sizeof(*names->slots), "names");
    return names;
}

void names_destroy(struct names *names)
{
    if (!names) return;
    mem_free(names->slots);
    mem_free(names->texts);
    mem_free(names);
}

// The slot of a key, or the free one where it belongs.
static struct name *find(const struct names *names, uint64_t key)
{
    uint64_t mask = names->num_slots - 1, i = hash_key(key) & mask;
    while (names->slots[i].is_used && names->slots[i].key != key) i = (i + 1) & mask;
    return &names->slots[i];
}

static void grow(struct names *names)
{
    struct name *old = names->slots;
    uint64_t num_old = names->num_slots;
    names->num_slots *= 2;
    names->slots = mem_calloc(names->num_slots, sizeof(*names->slots), "names");
    for (uint64_t i = 0; i < num_old; i++)
        if (old[i].is_used) *find(names, old[i].key) = old[i];
    mem_free(old);
}

static souk_status clash(uint64_t key, const char *a, size_t a_length, const char *b,
                         size_t b_length)
{
    return log_fail(
        SOUK_EDATA,
        "the ids \"%.*s\" and \"%.*s\" have the same key %016llx, so they would share a "
        "row; rename one of them",
        (int)(a_length < 100 ? a_length : 100), a, (int)(b_length < 100 ? b_length : 100), b,
        (unsigned long long)key);
}

souk_status names_learn(struct names *names, uint64_t key, const char *text, size_t length)
{
    struct name *name = find(names, key);
    if (name->is_used) {
        const char *known = names->texts + name->offset;
        if (name->length == length && memcmp(known, text, length) == 0) return SOUK_OK;
        return clash(key, known, name->length, text, length);
    }
    if (length > UINT32_MAX) return log_fail(SOUK_EDATA, "an id of %zu bytes is too long", length);
    if ((names->count + 1) * 4 > names->num_slots * 3) {
        grow(names);
        name = find(names, key);
    }
    mem_reserve(&names->texts, &names->texts_capacity, names->texts_length + length + 1, 1,
                "names");
    memcpy(names->texts + names->texts_length, text, length);
    *name = (struct name){key, names->texts_length, (uint32_t)length, true};
    names->texts_length += length;
    names->count++;
    return SOUK_OK;
}

const char *names_get(const struct names *names, uint64_t key, size_t *length_out)
{
    const struct name *name = find(names, key);
    if (!name->is_used) return NULL;
    *length_out = name->length;
    return names->texts + name->offset;
}

uint64_t names_count(const struct names *names)
{
    return names->count;
}

static int by_key(const void *a, const void *b)
{
    const struct name *x = *(const struct name *const *)a, *y = *(const struct name *const *)b;
    return (x->key > y->key) - (x->key < y->key);
}

void names_pack(const struct names *names, void **bytes_out, size_t *length_out)
{
    // By key, so that the bytes do not depend on the order in which names were learnt.
    const struct name **sorted = mem_calloc(names->count, sizeof(*sorted), "packed names");
    uint64_t n = 0;
    for (uint64_t i = 0; i < names->num_slots; i++)
        if (names->slots[i].is_used) sorted[n++] = &names->slots[i];
    qsort(sorted, n, sizeof(*sorted), by_key);

    size_t size = names->count * ENTRY_HEAD_BYTES + names->texts_length;
    void *bytes = mem_alloc(size, "packed names");
    struct cursor cursor = cursor_writer(bytes, size);
    for (uint64_t i = 0; i < n; i++) {
        cursor_put_u64(&cursor, sorted[i]->key);
        cursor_put_u32(&cursor, sorted[i]->length);
        cursor_put_bytes(&cursor, names->texts + sorted[i]->offset, sorted[i]->length);
    }
    mem_free(sorted);
    *bytes_out = bytes;
    *length_out = size;
}

souk_status names_unpack(struct names *names, const void *bytes, size_t length)
{
    struct cursor cursor = cursor_reader(bytes, length);
    while (cursor.position < length) {
        uint64_t key = cursor_get_u64(&cursor);
        uint32_t text_length = cursor_get_u32(&cursor);
        const char *text = cursor_get_bytes(&cursor, text_length);
        if (cursor.failed) return log_fail(SOUK_EDATA, "the names of ids are damaged");
        souk_status status = names_learn(names, key, text, text_length);
        if (status) return status;
    }
    return SOUK_OK;
}
