/* rating_stream.c - see rating_stream.h.
 *
 * The first epoch begins by reading into the cache. When the end comes before the cache is full,
 * every epoch is a permutation of it. Else the first epoch goes through a window that is fed from
 * what was read so far and then from the files; later ones read the files again.
 */
#include "worker/data/rating_stream.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "worker/data/row_reader.h"

enum { BLOCK_ROWS = 4096, PREFETCH_ROWS = 16, DRAWN_AHEAD = 128 };

struct rating_stream {
    struct rating_stream_options options; // files, format, names: borrowed
    struct rating_reader *reader;         // NULL when nothing is left to read
    bool has_begun;                       // some epoch
    bool is_cached;                       // cache holds all rows of this part
    uint64_t num_bad;                     // of the first reading

    struct rating *cache;
    size_t cache_capacity;
    uint64_t num_cached;
    uint64_t next_cached; // of cache[order[]] in an epoch, or of cache[] while it feeds the window
    uint32_t *order;      // by position in the epoch: row in cache

    struct rating *window; // shuffle_rows
    size_t window_capacity;
    uint64_t num_window;
    struct rng rng; // of the window

    struct rating block[BLOCK_ROWS]; // as read
    uint32_t block_next, block_end;  // rows of it that were not looked at yet
};

bool rating_is_held_out(uint64_t seed, double share, const struct rating *rating)
{
    if (share <= 0) return false;
    uint64_t mixed = hash_key(hash_key(hash_key(seed + 1) ^ rating->user) + rating->item);
    return (double)(mixed >> 11) * 0x1p-53 < share;
}

souk_status rating_stream_open(const struct rating_stream_options *options,
                               struct rating_stream **stream_out)
{
    struct rating_stream *stream = mem_calloc(1, sizeof(*stream), "rating stream");
    stream->options = *options;
    // Positions in the cache have 32 bits.
    if (stream->options.cache_rows > UINT32_MAX) stream->options.cache_rows = UINT32_MAX;
    if (stream->options.shuffle_rows < 1) stream->options.shuffle_rows = 1;
    souk_status status = rating_reader_open(&options->reader, &stream->reader);
    if (status)
        rating_stream_close(stream);
    else
        *stream_out = stream;
    return status;
}

void rating_stream_close(struct rating_stream *stream)
{
    if (!stream) return;
    rating_reader_close(stream->reader);
    mem_free(stream->cache);
    mem_free(stream->order);
    mem_free(stream->window);
    mem_free(stream);
}

static void close_reader(struct rating_stream *stream)
{
    rating_reader_close(stream->reader);
    stream->reader = NULL;
}

// The next training row out of the files; *got_out false at the end.
static souk_status read_row(struct rating_stream *stream, struct rating *out, bool *got_out)
{
    const struct rating_stream_options *options = &stream->options;
    *got_out = false;
    while (stream->reader && !*got_out) {
        if (stream->block_next == stream->block_end) {
            uint32_t n = 0;
            souk_status status = rating_reader_next(stream->reader, stream->block, BLOCK_ROWS, &n);
            if (status) return status;
            uint64_t num_bad = rating_reader_num_bad(stream->reader);
            if (num_bad > stream->num_bad) stream->num_bad = num_bad;
            stream->block_next = 0;
            stream->block_end = n;
            if (n == 0) close_reader(stream);
            continue;
        }
        *out = stream->block[stream->block_next++];
        *got_out = !rating_is_held_out(options->seed, options->valid_share, out);
    }
    return SOUK_OK;
}

static souk_status fill_cache(struct rating_stream *stream)
{
    bool got = true;
    while (got &&
           stream->num_cached <= stream->options.cache_rows) { // one more tells that it is full
        mem_reserve(&stream->cache, &stream->cache_capacity, stream->num_cached + 1,
                    sizeof(*stream->cache), "cached ratings");
        souk_status status = read_row(stream, &stream->cache[stream->num_cached], &got);
        if (status) return status;
        stream->num_cached += got;
    }
    stream->is_cached = !got;
    return SOUK_OK;
}

static void drop_cache(struct rating_stream *stream)
{
    mem_free(stream->cache);
    stream->cache = NULL;
    stream->cache_capacity = 0;
    stream->num_cached = stream->next_cached = 0;
}

static void ignore_bad_row(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

// The files once more: bad rows and names are known by now.
static souk_status read_again(struct rating_stream *stream)
{
    souk_status status =
        row_files_check_repeat(stream->options.reader.files, "ratings", stream->options.cache_rows);
    if (status) return status;
    close_reader(stream);
    stream->block_next = stream->block_end = 0;
    struct rating_reader_options options = stream->options.reader;
    options.users = options.items = NULL;
    options.on_bad_row = ignore_bad_row;
    return rating_reader_open(&options, &stream->reader);
}

static uint64_t epoch_stream(const struct rating_stream *stream, uint32_t epoch)
{
    return rng_stream("shuffle", epoch, stream->options.reader.part);
}

// A number below limit without bias (Lemire 2019), from 32 random bits nearly always.
static uint32_t draw_below(struct rng *rng, uint32_t limit)
{
    uint64_t product = (uint64_t)rng_next_u32(rng) * limit;
    if ((uint32_t)product < limit) {
        uint32_t threshold = -limit % limit;
        while ((uint32_t)product < threshold) product = (uint64_t)rng_next_u32(rng) * limit;
    }
    return (uint32_t)(product >> 32);
}

// Fisher-Yates from the end. Where to swap to does not depend on what stands there: places are
// drawn ahead, so that they are in the cache when their turn comes.
static void shuffle_order(uint32_t *order, uint32_t n, struct rng *rng)
{
    uint32_t picks[DRAWN_AHEAD];
    while (n > 1) {
        uint32_t count = n - 1 < DRAWN_AHEAD ? n - 1 : DRAWN_AHEAD;
        for (uint32_t i = 0; i < count; i++) {
            picks[i] = draw_below(rng, n - i);
            __builtin_prefetch(&order[picks[i]], 1);
        }
        for (uint32_t i = 0; i < count; i++, n--) {
            uint32_t held = order[n - 1];
            order[n - 1] = order[picks[i]];
            order[picks[i]] = held;
        }
    }
}

static void shuffle_cache(struct rating_stream *stream, uint32_t epoch)
{
    if (!stream->order)
        stream->order = mem_calloc(stream->num_cached, sizeof(*stream->order), "shuffled order");
    for (uint32_t i = 0; i < stream->num_cached; i++) stream->order[i] = i;
    struct rng rng;
    rng_init(&rng, stream->options.seed, epoch_stream(stream, epoch));
    shuffle_order(stream->order, (uint32_t)stream->num_cached, &rng);
    stream->next_cached = 0;
}

// A row for the window: out of the first reading's cache, then out of the files.
static souk_status feed_row(struct rating_stream *stream, struct rating *out, bool *got_out)
{
    if (stream->next_cached == stream->num_cached) {
        if (stream->num_cached > 0) drop_cache(stream);
        return read_row(stream, out, got_out);
    }
    *out = stream->cache[stream->next_cached++];
    *got_out = true;
    return SOUK_OK;
}

static souk_status fill_window(struct rating_stream *stream)
{
    bool got = true;
    stream->num_window = 0;
    while (got && stream->num_window < stream->options.shuffle_rows) {
        mem_reserve(&stream->window, &stream->window_capacity, stream->num_window + 1,
                    sizeof(*stream->window), "shuffled ratings");
        souk_status status = feed_row(stream, &stream->window[stream->num_window], &got);
        if (status) return status;
        stream->num_window += got;
    }
    return SOUK_OK;
}

static souk_status begin_window(struct rating_stream *stream, uint32_t epoch, bool is_first)
{
    if (!is_first) {
        drop_cache(stream);
        souk_status status = read_again(stream);
        if (status) return status;
    }
    rng_init(&stream->rng, stream->options.seed, epoch_stream(stream, epoch));
    return fill_window(stream);
}

// Gives rows of the window in random order, each replaced by one that is fed.
static souk_status next_of_window(struct rating_stream *stream, struct rating *ratings,
                                  uint32_t max, uint32_t *num_out)
{
    uint32_t count = 0;
    while (count < max && stream->num_window > 0) {
        uint64_t pick = rng_below(&stream->rng, stream->num_window);
        bool got = false;
        ratings[count++] = stream->window[pick];
        souk_status status = feed_row(stream, &stream->window[pick], &got);
        if (status) return status;
        if (!got) stream->window[pick] = stream->window[--stream->num_window];
    }
    *num_out = count;
    return SOUK_OK;
}

static uint32_t next_of_cache(struct rating_stream *stream, struct rating *ratings, uint32_t max)
{
    uint64_t left = stream->num_cached - stream->next_cached;
    uint32_t count = left < max ? (uint32_t)left : max;
    const uint32_t *order = stream->order + stream->next_cached;
    for (uint32_t i = 0; i < count; i++) {
        if (i + PREFETCH_ROWS < left) __builtin_prefetch(&stream->cache[order[i + PREFETCH_ROWS]]);
        ratings[i] = stream->cache[order[i]];
    }
    stream->next_cached += count;
    return count;
}

static souk_status skip_rows(struct rating_stream *stream, uint64_t num_skip)
{
    struct rating rows[256];
    while (num_skip > 0) {
        uint32_t n = 0;
        souk_status status =
            next_of_window(stream, rows, num_skip < 256 ? (uint32_t)num_skip : 256, &n);
        if (status) return status;
        if (n == 0) break;
        num_skip -= n;
    }
    return SOUK_OK;
}

souk_status rating_stream_begin(struct rating_stream *stream, uint32_t epoch, uint64_t num_skip)
{
    bool is_first = !stream->has_begun;
    souk_status status = is_first ? fill_cache(stream) : SOUK_OK;
    if (status) return status;
    stream->has_begun = true;
    if (stream->is_cached) {
        shuffle_cache(stream, epoch);
        stream->next_cached = num_skip < stream->num_cached ? num_skip : stream->num_cached;
        return SOUK_OK;
    }
    status = begin_window(stream, epoch, is_first);
    return status ? status : skip_rows(stream, num_skip);
}

souk_status rating_stream_next(struct rating_stream *stream, struct rating *ratings, uint32_t max,
                               uint32_t *num_out)
{
    if (!stream->is_cached) return next_of_window(stream, ratings, max, num_out);
    *num_out = next_of_cache(stream, ratings, max);
    return SOUK_OK;
}

double rating_stream_share(const struct rating_stream *stream)
{
    if (stream->is_cached)
        return stream->num_cached ? (double)stream->next_cached / (double)stream->num_cached : 1;
    return stream->reader ? rating_reader_share(stream->reader) : 1;
}

uint64_t rating_stream_num_bad(const struct rating_stream *stream)
{
    return stream->num_bad;
}
