/* net_rig.h - a listener and a dialer for tests of the network, and frames to send.
 * Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_NET_RIG_H
#define SOUK_TESTS_SUPPORT_NET_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/net.h"

enum { RIG_DEADLINE_MS = 20000 }; // of anything that must happen

struct net_rig {
    struct net *net;
    struct net_listener *listener;
    struct net_dialer *dialer; // channel 0 is up
    char address[256];         // where the listener is
};

/* Listens at `address` ("inproc://a", "tcp://127.0.0.1:*"), connects, waits until that is done.
 * A failure ends the test. */
void rig_start(struct net_rig *rig, const char *address);
void rig_stop(struct net_rig *rig); // parts that are NULL are left out

/* A frame of `length` bytes that follow from `seed`. */
struct frame *rig_frame(size_t length, uint32_t seed);
bool rig_frame_is(const struct frame *frame, size_t length, uint32_t seed);

/* Waits until the channel is up, or down; false when the deadline passes. Messages that come
 * meanwhile are dropped. */
bool rig_wait_up(struct net_dialer *dialer, uint32_t channel, bool is_up);
/* Sends a header of 8 bytes made of `seed` and a body made of it, again while the queue is full. */
souk_status rig_send(struct net_dialer *dialer, uint32_t channel, size_t body_bytes, uint32_t seed);
/* One message each way, checked. */
bool rig_ping(struct net_dialer *dialer, uint32_t channel, struct net_listener *listener);

#endif
