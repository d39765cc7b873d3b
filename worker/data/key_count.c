/* key_count.c - see key_count.h. */
#include "worker/data/key_count.h"

#include <math.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

enum { FIRST_SLOTS = 1024, REGISTER_BITS = 14, NUM_REGISTERS = 1 << REGISTER_BITS };

struct key_count {
    struct key_frequency *slots; // open addressing, count 0: free; NULL: estimating
    uint64_t num_slots;          // a power of two, at most 2/3 used
    uint64_t num_keys;
    uint64_t max_exact;
    uint8_t *registers; // NUM_REGISTERS: longest runs of zeros seen; NULL: counting
};

struct key_count *key_count_create(uint64_t max_exact)
{
    struct key_count *keys = mem_calloc(1, sizeof(*keys), "key counts");
    keys->max_exact = max_exact;
    keys->num_slots = FIRST_SLOTS;
    keys->slots = mem_calloc(keys->num_slots, sizeof(*keys->slots), "key counts");
    return keys;
}

void key_count_destroy(struct key_count *keys)
{
    if (!keys) return;
    mem_free(keys->slots);
    mem_free(keys->registers);
    mem_free(keys);
}

static struct key_frequency *find(const struct key_count *keys, uint64_t key)
{
    uint64_t mask = keys->num_slots - 1, i = hash_key(key) & mask;
    while (keys->slots[i].count > 0 && keys->slots[i].key != key) i = (i + 1) & mask;
    return &keys->slots[i];
}

static void grow(struct key_count *keys)
{
    struct key_frequency *old = keys->slots;
    uint64_t num_old = keys->num_slots;
    keys->num_slots *= 2;
    keys->slots = mem_calloc(keys->num_slots, sizeof(*keys->slots), "key counts");
    for (uint64_t i = 0; i < num_old; i++)
        if (old[i].count > 0) *find(keys, old[i].key) = old[i];
    mem_free(old);
}

static void estimate_key(struct key_count *keys, uint64_t key)
{
    // Mixed once more: small integers differ in few bits after one round.
    uint64_t hash = hash_key(hash_key(key) + 0x9E3779B97F4A7C15ULL);
    uint64_t rest = hash << REGISTER_BITS | 1ull << (REGISTER_BITS - 1);
    uint8_t run = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *reg = &keys->registers[hash >> (64 - REGISTER_BITS)];
    if (run > *reg) *reg = run;
}

static void begin_estimate(struct key_count *keys)
{
    keys->registers = mem_calloc(NUM_REGISTERS, 1, "key counts");
    for (uint64_t i = 0; i < keys->num_slots; i++)
        if (keys->slots[i].count > 0) estimate_key(keys, keys->slots[i].key);
    mem_free(keys->slots);
    keys->slots = NULL;
}

uint64_t key_count_add(struct key_count *keys, uint64_t key)
{
    struct key_frequency *slot = keys->slots ? find(keys, key) : NULL;
    if (slot && slot->count > 0) return ++slot->count;
    if (slot && keys->num_keys == keys->max_exact) begin_estimate(keys);
    if (keys->registers) {
        estimate_key(keys, key);
        return 0;
    }
    if ((keys->num_keys + 1) * 3 > keys->num_slots * 2) {
        grow(keys);
        slot = find(keys, key);
    }
    *slot = (struct key_frequency){key, 1};
    keys->num_keys++;
    return 1;
}

uint64_t key_count_distinct(const struct key_count *keys, bool *is_exact_out)
{
    *is_exact_out = keys->slots != NULL;
    if (keys->slots) return keys->num_keys;
    double sum = 0, m = NUM_REGISTERS;
    uint32_t num_zero = 0;
    for (uint32_t i = 0; i < NUM_REGISTERS; i++) {
        sum += ldexp(1, -keys->registers[i]);
        num_zero += keys->registers[i] == 0;
    }
    double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (estimate < 2.5 * m && num_zero > 0) estimate = m * log(m / num_zero);
    return (uint64_t)llround(estimate);
}

static bool is_before(const struct key_frequency *a, const struct key_frequency *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

uint32_t key_count_top(const struct key_count *keys, struct key_frequency *out, uint32_t n)
{
    uint32_t count = 0;
    for (uint64_t i = 0; keys->slots && i < keys->num_slots; i++) {
        const struct key_frequency *slot = &keys->slots[i];
        if (slot->count == 0 || (count == n && (n == 0 || !is_before(slot, &out[n - 1])))) continue;
        uint32_t place = count < n ? count++ : n - 1;
        for (; place > 0 && is_before(slot, &out[place - 1]); place--) out[place] = out[place - 1];
        out[place] = *slot;
    }
    return count;
}
