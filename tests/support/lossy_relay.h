/* lossy_relay.h - a bad network between clients and one shard: passes messages on, and loses or
 * doubles some. It listens on an address of its own, inproc, and dials the shard's.
 *
 * Threads: start and stop belong to the test; the rest runs in the relay's thread.
 */
#ifndef SOUK_TESTS_SUPPORT_LOSSY_RELAY_H
#define SOUK_TESTS_SUPPORT_LOSSY_RELAY_H

#include <stdint.h>

#include "common/net/net.h"

struct lossy_relay;

/* Of 256 messages in each direction, `num_lost` are lost and as many arrive twice. */
struct lossy_relay *lossy_relay_start(struct net *net, const char *address, const char *shard,
                                      uint32_t num_lost, uint32_t seed);
void lossy_relay_stop(struct lossy_relay *relay); // NULL is fine

#endif
