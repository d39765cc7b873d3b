/* sample_stream.c - see sample_stream.h.
 *
 * The first epoch begins by reading into the cache. When the end comes before the cache is full,
 * every epoch is a permutation of it. Else the first epoch goes through two halves that are fed
 * from what was read so far and then from the files; later ones read the files again.
 */
#include "worker/data/sample_stream.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/data/row_reader.h"
#include "worker/data/sample_store.h"

enum { BLOCK_SAMPLES = 1024, PREFETCH_SAMPLES = 8, SKIP_SAMPLES = 256 };

// Samples in memory in a shuffled order.
struct deck {
    struct sample_store store;
    uint32_t *order; // (store.num_samples) by place: sample in store
    size_t order_capacity;
    uint64_t next; // place of the next one to give
};

struct sample_stream {
    struct sample_stream_options options; // files, format, names: borrowed
    struct sample_reader *reader;         // NULL when nothing is left to read
    bool has_begun;                       // some epoch
    bool is_cached;                       // cache holds all samples of this part
    uint64_t num_bad, num_cut;            // of the first reading

    struct deck cache;
    uint64_t next_fed; // sample of cache that feeds the halves next
    struct deck halves[2];
    uint32_t giving; // which half gives; the other one is being filled
    struct rng rng;  // of the halves

    bool has_read;             // the files to their end, or has begun anew
    struct sample_batch block; // as read, without samples that are held out
    struct sample_batch kept;  // block in the making
    uint32_t block_next;       // sample of block that was not looked at yet
    struct sample_batch one;   // on its way from the cache to a half
};

bool sample_is_held_out(uint64_t seed, double share, const struct sample_format *format,
                        const struct sample_batch *batch, uint32_t b)
{
    if (share <= 0) return false;
    uint64_t mixed = hash_key(seed + 1);
    if (format->user >= 0)
        mixed = hash_key(mixed ^ batch->ids[format->user][b]);
    else
        for (uint32_t i = 0; i < batch->num_ids; i++)
            mixed = hash_key(hash_key(mixed ^ batch->ids[i][b]) + 1);
    return (double)(hash_key(mixed + 1) >> 11) * 0x1p-53 < share;
}

static void deck_init(struct deck *deck, const struct sample_format *format)
{
    sample_store_init(&deck->store, format->num_ids, format->num_histories);
}

static void deck_fini(struct deck *deck)
{
    sample_store_fini(&deck->store);
    mem_free(deck->order);
    *deck = (struct deck){.next = 0};
}

static void deck_clear(struct deck *deck)
{
    sample_store_clear(&deck->store);
    deck->next = 0;
}

static void deck_shuffle(struct deck *deck, struct rng *rng)
{
    uint64_t n = deck->store.num_samples;
    mem_reserve(&deck->order, &deck->order_capacity, n, sizeof(*deck->order), "shuffled order");
    for (uint64_t i = 0; i < n; i++) deck->order[i] = (uint32_t)i;
    rng_shuffle(rng, deck->order, n, sizeof(*deck->order));
    deck->next = 0;
}

static void deck_give(struct deck *deck, struct sample_batch *batch)
{
    if (deck->next + PREFETCH_SAMPLES < deck->store.num_samples)
        sample_store_prefetch(&deck->store, deck->order[deck->next + PREFETCH_SAMPLES]);
    sample_store_give(&deck->store, deck->order[deck->next++], batch);
}

souk_status sample_stream_open(const struct sample_stream_options *options,
                               struct sample_stream **stream_out)
{
    const struct sample_format *format = options->reader.format;
    struct sample_stream *stream = mem_calloc(1, sizeof(*stream), "sample stream");
    stream->options = *options;
    // Positions in a deck have 32 bits.
    if (stream->options.cache_rows > UINT32_MAX - 1) stream->options.cache_rows = UINT32_MAX - 1;
    if (stream->options.shuffle_rows > UINT32_MAX) stream->options.shuffle_rows = UINT32_MAX;
    deck_init(&stream->cache, format);
    for (int i = 0; i < 2; i++) deck_init(&stream->halves[i], format);
    sample_format_init_batch(format, &stream->block);
    sample_format_init_batch(format, &stream->kept);
    sample_format_init_batch(format, &stream->one);
    souk_status status = sample_reader_open(&options->reader, &stream->reader);
    if (status)
        sample_stream_close(stream);
    else
        *stream_out = stream;
    return status;
}

void sample_stream_close(struct sample_stream *stream)
{
    if (!stream) return;
    sample_reader_close(stream->reader);
    deck_fini(&stream->cache);
    for (int i = 0; i < 2; i++) deck_fini(&stream->halves[i]);
    sample_batch_fini(&stream->block);
    sample_batch_fini(&stream->kept);
    sample_batch_fini(&stream->one);
    mem_free(stream);
}

static void close_reader(struct sample_stream *stream)
{
    sample_reader_close(stream->reader);
    stream->reader = NULL;
}

// Leaves in the block what is for training.
static void drop_held_out(struct sample_stream *stream)
{
    const struct sample_stream_options *options = &stream->options;
    if (options->valid_share <= 0) return;
    sample_batch_clear(&stream->kept);
    for (uint32_t b = 0; b < stream->block.num_samples; b++)
        if (!sample_is_held_out(options->seed, options->valid_share, options->reader.format,
                                &stream->block, b))
            sample_batch_append(&stream->kept, &stream->block, b);
    struct sample_batch read = stream->block;
    stream->block = stream->kept;
    stream->kept = read;
}

static souk_status tell_block(struct sample_stream *stream, bool is_end)
{
    const struct sample_stream_options *options = &stream->options;
    if (stream->has_read || !options->on_read) return SOUK_OK;
    stream->has_read = is_end;
    bool is_empty = stream->block.num_samples == 0;
    return is_empty && !is_end ? SOUK_OK : options->on_read(options->ctx, &stream->block);
}

static souk_status read_block(struct sample_stream *stream)
{
    souk_status status = sample_reader_next(stream->reader, BLOCK_SAMPLES, &stream->block);
    if (status) return status;
    uint64_t num_bad = sample_reader_num_bad(stream->reader);
    uint64_t num_cut = sample_reader_num_cut(stream->reader);
    if (num_bad > stream->num_bad) stream->num_bad = num_bad;
    if (num_cut > stream->num_cut) stream->num_cut = num_cut;
    stream->block_next = 0;
    bool is_end = stream->block.num_samples == 0;
    if (is_end) close_reader(stream);
    drop_held_out(stream);
    return tell_block(stream, is_end);
}

// Puts the next training sample of the files into the store; *got_out false at the end.
static souk_status read_sample(struct sample_stream *stream, struct sample_store *store,
                               bool *got_out)
{
    *got_out = false;
    while (stream->reader && !*got_out) {
        if (stream->block_next == stream->block.num_samples) {
            souk_status status = read_block(stream);
            if (status) return status;
            continue;
        }
        sample_store_add(store, &stream->block, stream->block_next++);
        *got_out = true;
    }
    return SOUK_OK;
}

static souk_status fill_cache(struct sample_stream *stream)
{
    struct sample_store *store = &stream->cache.store;
    bool got = true;
    while (got && store->num_samples <= stream->options.cache_rows) { // one more: it is full
        souk_status status = read_sample(stream, store, &got);
        if (status) return status;
    }
    stream->is_cached = !got;
    return SOUK_OK;
}

static void drop_cache(struct sample_stream *stream)
{
    deck_fini(&stream->cache);
    stream->next_fed = 0;
}

static void ignore_bad_row(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

// The files once more: bad rows and names are known by now.
static souk_status read_again(struct sample_stream *stream)
{
    souk_status status =
        row_files_check_repeat(stream->options.reader.files, "samples", stream->options.cache_rows);
    if (status) return status;
    close_reader(stream);
    stream->has_read = true;
    sample_batch_clear(&stream->block);
    stream->block_next = 0;
    struct sample_reader_options options = stream->options.reader;
    options.names = NULL;
    options.on_bad_row = ignore_bad_row;
    return sample_reader_open(&options, &stream->reader);
}

static void init_rng(const struct sample_stream *stream, uint32_t epoch, struct rng *rng)
{
    rng_init(rng, stream->options.seed, rng_stream("shuffle", epoch, stream->options.reader.part));
}

// A sample for the half that is being filled: out of the first reading's cache, then of the files.
static souk_status feed_sample(struct sample_stream *stream, bool *got_out)
{
    struct sample_store *filling = &stream->halves[!stream->giving].store;
    if (stream->next_fed == stream->cache.store.num_samples) {
        if (stream->next_fed > 0) drop_cache(stream);
        return read_sample(stream, filling, got_out);
    }
    sample_batch_clear(&stream->one);
    sample_store_give(&stream->cache.store, stream->next_fed++, &stream->one);
    sample_store_add(filling, &stream->one, 0);
    *got_out = true;
    return SOUK_OK;
}

// The half that was filled gives from now on.
static void swap_halves(struct sample_stream *stream)
{
    deck_clear(&stream->halves[stream->giving]);
    stream->giving = !stream->giving;
    deck_shuffle(&stream->halves[stream->giving], &stream->rng);
}

static souk_status begin_halves(struct sample_stream *stream, uint32_t epoch, bool is_first)
{
    uint64_t room = stream->options.shuffle_rows / 2;
    bool got = true;
    if (!is_first) {
        drop_cache(stream);
        souk_status status = read_again(stream);
        if (status) return status;
    }
    init_rng(stream, epoch, &stream->rng);
    for (int i = 0; i < 2; i++) deck_clear(&stream->halves[i]);
    struct sample_store *filling = &stream->halves[!stream->giving].store;
    while (got && filling->num_samples < (room ? room : 1)) {
        souk_status status = feed_sample(stream, &got);
        if (status) return status;
    }
    swap_halves(stream);
    return SOUK_OK;
}

// Gives samples of one half, and for each reads one into the other.
static souk_status next_of_halves(struct sample_stream *stream, uint32_t max,
                                  struct sample_batch *batch)
{
    while (batch->num_samples < max && sample_batch_has_room(batch)) {
        struct deck *giving = &stream->halves[stream->giving];
        if (giving->next == giving->store.num_samples) {
            if (stream->halves[!stream->giving].store.num_samples == 0) break;
            swap_halves(stream);
            continue;
        }
        bool got;
        deck_give(giving, batch);
        souk_status status = feed_sample(stream, &got);
        if (status) return status;
    }
    return SOUK_OK;
}

static souk_status skip_samples(struct sample_stream *stream, uint64_t num_skip)
{
    while (num_skip > 0) {
        uint32_t max = num_skip < SKIP_SAMPLES ? (uint32_t)num_skip : SKIP_SAMPLES;
        struct sample_batch skipped;
        sample_format_init_batch(stream->options.reader.format, &skipped);
        souk_status status = next_of_halves(stream, max, &skipped);
        uint32_t n = skipped.num_samples;
        sample_batch_fini(&skipped);
        if (status) return status;
        if (n == 0) break;
        num_skip -= n;
    }
    return SOUK_OK;
}

souk_status sample_stream_begin(struct sample_stream *stream, uint32_t epoch, uint64_t num_skip)
{
    bool is_first = !stream->has_begun;
    souk_status status = is_first ? fill_cache(stream) : SOUK_OK;
    if (status) return status;
    stream->has_begun = true;
    if (stream->is_cached) {
        struct rng rng;
        uint64_t n = stream->cache.store.num_samples;
        init_rng(stream, epoch, &rng);
        deck_shuffle(&stream->cache, &rng);
        stream->cache.next = num_skip < n ? num_skip : n;
        return SOUK_OK;
    }
    status = begin_halves(stream, epoch, is_first);
    return status ? status : skip_samples(stream, num_skip);
}

souk_status sample_stream_next(struct sample_stream *stream, uint32_t max,
                               struct sample_batch *batch)
{
    sample_batch_clear(batch);
    if (!stream->is_cached) return next_of_halves(stream, max, batch);
    struct deck *cache = &stream->cache;
    while (batch->num_samples < max && cache->next < cache->store.num_samples &&
           sample_batch_has_room(batch))
        deck_give(cache, batch);
    return SOUK_OK;
}

double sample_stream_share(const struct sample_stream *stream)
{
    const struct deck *cache = &stream->cache;
    if (stream->is_cached)
        return cache->store.num_samples ? (double)cache->next / (double)cache->store.num_samples
                                        : 1;
    return stream->reader ? sample_reader_share(stream->reader) : 1;
}

uint64_t sample_stream_num_samples(const struct sample_stream *stream)
{
    return stream->is_cached ? stream->cache.store.num_samples : 0;
}

uint64_t sample_stream_num_bad(const struct sample_stream *stream)
{
    return stream->num_bad;
}

uint64_t sample_stream_num_cut(const struct sample_stream *stream)
{
    return stream->num_cut;
}
