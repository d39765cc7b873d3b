/* shard_probe.h - one shard of server/shard.h and a peer that talks to it in messages packed by
 * hand, sound ones and others. Threads: owned by the test.
 */
#ifndef SOUK_TESTS_SUPPORT_SHARD_PROBE_H
#define SOUK_TESTS_SUPPORT_SHARD_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/wire.h"
#include "common/net/net.h"
#include "server/shard.h"

enum { PROBE_BODY_MAX = 1 << 20, PROBE_INCARNATION = 77 };

/* A request under construction; tests change any field before it is sent. */
struct probe_message {
    struct wire_header header; // body_crc is set when it is sent, unless is_crc_kept
    uint8_t body[PROBE_BODY_MAX];
    size_t length;
    int is_crc_kept;
};

struct probe {
    struct net *net;
    struct shard *shard;
    struct net_dialer *dialer;
    struct probe_message message; // the next to be sent
    struct net_message raw;       // last reply
    struct wire_header reply;     // its header
    const uint8_t *body;          // of the last reply
    size_t body_length;
    uint64_t request; // number of the last request
};

void probe_start(struct probe *probe, uint64_t max_memory_bytes);
void probe_stop(struct probe *probe);

/* Begins a message of this type: epoch 1, client 3. Returns &probe->message. */
struct probe_message *probe_begin(struct probe *probe, enum wire_type type);
/* Appends a section of plain keys and fp32 rows and states (all may be NULL). Returns it. */
struct wire_section *probe_add(struct probe *probe, uint32_t table, const uint64_t *keys,
                               uint32_t num_keys, const float *rows, uint32_t row_floats,
                               const float *states, uint32_t state_floats);
/* Sends the message without waiting. */
void probe_send(struct probe *probe);
/* Sends it and takes the reply to it; fails after ten seconds. Returns the status in it. */
int probe_ask(struct probe *probe);
/* Sends two frames as they are. */
void probe_send_raw(struct probe *probe, const void *header, size_t header_length, const void *body,
                    size_t body_length);
/* The message of the last reply as text. */
const char *probe_text(const struct probe *probe);

/* Opens a table and returns its number. */
uint32_t probe_open(struct probe *probe, const struct souk_table_spec *spec);
/* Pushes one section in this mode with this sequence; returns the status. */
int probe_push(struct probe *probe, uint32_t table, enum souk_push_mode mode, uint64_t sequence,
               const uint64_t *keys, uint32_t num_keys, const float *rows, uint32_t dim);
/* Pulls fp32 rows. */
void probe_pull(struct probe *probe, uint32_t table, const uint64_t *keys, uint32_t num_keys,
                float *rows, uint32_t dim);

#endif
