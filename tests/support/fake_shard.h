/* fake_shard.h - a small shard for tests of the client: it speaks the protocol of server/shard.h on
 * one thread, and does what a test tells it to each request and each reply on the way.
 *
 * Rows begin as fake_initial() says and take gradients by plain SGD. A table with the Adagrad
 * optimizer has `dim` floats of state, which only assignments and scans touch.
 *
 * Threads: start and stop belong to the test's thread; the hooks run in the shard's.
 */
#ifndef SOUK_TESTS_SUPPORT_FAKE_SHARD_H
#define SOUK_TESTS_SUPPORT_FAKE_SHARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/wire.h"
#include "common/net/net.h"

enum fake_action {
    FAKE_PASS,
    FAKE_DROP,    // lost on the way
    FAKE_TWICE,   // arrives twice
    FAKE_HOLD,    // requests: arrives behind the next one that passes
    FAKE_GARBAGE, // replies: the header frame is noise
};

/* What a test does to messages; all may be NULL. A reply may be changed: its header is packed
 * after the hook, and its checksum was taken before it. */
struct fake_hooks {
    enum fake_action (*on_request)(void *ctx, const struct wire_header *request);
    enum fake_action (*on_reply)(void *ctx, struct wire_header *reply, struct frame *body);
    void *ctx;
};

struct fake_options {
    struct net *net;
    const char *address;
    uint64_t incarnation;
    uint16_t shard_idx, num_shards;
    bool applies_twice; // the switch that breaks the promise: pushes are not recognised
    uint32_t scan_rows; // rows in a block of a scan; 0: 7
    struct fake_hooks hooks;
};

struct fake_counts {
    _Atomic uint32_t num_requests;
    _Atomic uint32_t num_applied;    // pushes
    _Atomic uint32_t num_duplicates; // pushes that were there already
    _Atomic uint32_t num_gaps;       // pushes that came too early
};

struct fake_shard;
struct fake_shard *fake_start(const struct fake_options *options);
void fake_stop(struct fake_shard *shard); // NULL is fine
struct fake_counts *fake_counts(struct fake_shard *shard);

/* The value of column `column` of a row that no push has made. */
float fake_initial(uint64_t key, uint32_t column);

#endif
