/* bench_codec.c - what keys, rows, checksums and headers cost: the best of several rounds, of one
 * batch of 4,096 rows that stays in the cache. Prints a table on stderr, BENCH lines on stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "common/bytes/codec.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/wire.h"

enum { NUM_KEYS = 4096, DIM = 16, ROUNDS = 40, REPEATS = 20, CRC_BYTES = 1 << 18 };

struct batch {
    uint64_t keys[NUM_KEYS], keys_back[NUM_KEYS];
    float rows[NUM_KEYS * DIM], rows_back[NUM_KEYS * DIM];
    uint8_t out[NUM_KEYS * DIM * 4 + 64];
    struct codec_scratch scratch;
    struct codec_rounding rounding;
    size_t length;             // of what was coded last
    enum codec_keys codec;     // keys
    enum souk_codec row_codec; // wanted
    uint32_t wire_codec;       // rows, as coded
};

static void report(const char *name, const char *variant, const char *unit, double value)
{
    fprintf(stderr, "%-14s %-12s %10.3f %s\n", variant, name, value, unit);
    printf("BENCH codec_%s_%s_%s %.6g\n", variant, name, unit, value);
}

/* Nanoseconds of one call, the best of all rounds. */
static double measure(void (*call)(struct batch *), struct batch *batch)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_now_ns();
        for (int i = 0; i < REPEATS; i++) call(batch);
        double each = (double)(clock_now_ns() - start) / REPEATS;
        if (each < best) best = each;
    }
    return best;
}

static void must(souk_status status)
{
    if (status == SOUK_OK) return;
    fprintf(stderr, "bench_codec: %s\n", souk_status_text(status));
    abort();
}

static void encode_keys(struct batch *b)
{
    b->length = codec_encode_keys(b->keys, NUM_KEYS, b->out, &b->scratch, &b->codec);
}

static void decode_keys(struct batch *b)
{
    must(codec_decode_keys(b->codec, b->out, b->length, b->keys_back, NUM_KEYS, &b->scratch));
}

static void encode_rows(struct batch *b)
{
    b->length = codec_encode_rows(b->row_codec, b->rows, NUM_KEYS, DIM, &b->rounding, true, b->out,
                                  &b->scratch, &b->wire_codec);
}

static void decode_rows(struct batch *b)
{
    must(codec_decode_rows(b->wire_codec, b->out, b->length, b->rows_back, NUM_KEYS, DIM,
                           &b->scratch));
}

static void check(struct batch *b)
{
    b->length = crc32c(0, b->rows, CRC_BYTES);
}

static void pack_and_unpack(struct batch *b)
{
    struct wire_header header = {.version = WIRE_VERSION, .type = WIRE_PULL, .num_sections = 2};
    must(wire_unpack_header(b->out, wire_pack_header(&header, b->out), &header));
}

/* Ascending keys, NUM_KEYS out of some `limit`, each as likely: gaps are exponential. */
static void bench_keys(struct batch *b, const char *name, uint64_t limit)
{
    struct rng rng;
    uint64_t key = 0;
    rng_init(&rng, 1, rng_stream("bench keys", limit, 0));
    for (int i = 0; i < NUM_KEYS; i++) {
        double gap = -log(1.0 - rng_uniform_double(&rng)) * (double)limit / NUM_KEYS;
        b->keys[i] = key += 1 + (uint64_t)gap;
    }
    report("encode", name, "ns_per_key", measure(encode_keys, b) / NUM_KEYS);
    report("decode", name, "ns_per_key", measure(decode_keys, b) / NUM_KEYS);
    report("size", name, "bytes_per_key", (double)b->length / NUM_KEYS);
}

static void bench_rows(struct batch *b, enum souk_codec codec, bool is_stochastic)
{
    char name[32];
    const double raw_bytes = sizeof(b->rows);
    snprintf(name, sizeof(name), "%s%s", souk_codec_name(codec), is_stochastic ? "_random" : "");
    b->row_codec = codec;
    b->rounding.is_stochastic = is_stochastic;
    double encode_ns = measure(encode_rows, b), decode_ns = measure(decode_rows, b);
    report("encode", name, "ns_per_row", encode_ns / NUM_KEYS);
    report("encode", name, "gb_per_s", raw_bytes / encode_ns);
    report("decode", name, "ns_per_row", decode_ns / NUM_KEYS);
    report("decode", name, "gb_per_s", raw_bytes / decode_ns);
    report("size", name, "bytes_per_row", (double)b->length / NUM_KEYS);
}

int main(void)
{
    struct batch *batch = mem_calloc(1, sizeof(*batch), "batch");
    struct rng rng;
    rng_init(&rng, 1, rng_stream("bench rows", 0, 0));
    for (int i = 0; i < NUM_KEYS * DIM; i++) batch->rows[i] = (float)(0.05 * rng_normal(&rng));

    bench_keys(batch, "keys_1m", 1000000);
    bench_keys(batch, "keys_10m", 10000000);
    bench_keys(batch, "keys_hashed", UINT64_MAX / 2); // of strings
    for (int codec = 0; codec < SOUK_NUM_CODECS; codec++)
        bench_rows(batch, (enum souk_codec)codec, false);
    for (int codec = SOUK_CODEC_FP16; codec < SOUK_NUM_CODECS; codec++)
        bench_rows(batch, (enum souk_codec)codec, true);
    report("of_256k", "crc32c", "gb_per_s", CRC_BYTES / measure(check, batch));
    report("pack_unpack", "header", "ns", measure(pack_and_unpack, batch));
    codec_scratch_fini(&batch->scratch);
    mem_free(batch);
    return 0;
}
