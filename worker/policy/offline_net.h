/* offline_net.h - Q of states with features, learnt from a log and from nothing else.
 *
 * Double DQN on transitions drawn from the log, y = r + g Q'(s', argmax Q(s', a)) with a target
 * copy Q', Huber's loss, and for alpha > 0 discrete CQL's alpha (log sum_a' exp Q(s,a') - Q(s,a))
 * which holds down what the log does not do. alpha 0 is fitted Q iteration with a network. Actions
 * are the network's items, each known by its place.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_NET_H
#define SOUK_WORKER_POLICY_OFFLINE_NET_H

#include <signal.h>

#include "worker/ope/episode_log.h"
#include "worker/policy/q_net.h"

enum { OFFLINE_ACTIONS_MAX = 256 };

struct offline_net_options {
    uint32_t num_features, num_actions; // D, A
    uint32_t num_layers;
    uint32_t widths[Q_NET_LAYERS_MAX];
    double discount;
    float conservatism; // alpha
    float huber;        // errors beyond it count linearly
    float lr;           // of Adam at the start; falls to a tenth
    uint32_t batch_size;
    uint64_t num_updates;
    uint64_t target_sync; // updates between copies
    uint64_t seed;
    volatile sig_atomic_t *stop_signal; // not 0: stop; NULL: nobody does
};

struct offline_net;

struct offline_net *offline_net_create(const struct offline_net_options *options);
void offline_net_destroy(struct offline_net *net); // NULL is fine

/* states (num_steps, D) of the log. *loss_out: mean of the last tenth of updates. SOUK_EDATA: no
 * step can be learnt from; SOUK_EDIVERGED, SOUK_ESTOPPED; logged. */
SOUK_MUST_CHECK souk_status offline_net_learn(struct offline_net *net,
                                              const struct episode_log *log, const float *states,
                                              double *loss_out);
/* states (num, D) -> q_out (num, A). */
void offline_net_score(struct offline_net *net, const float *states, uint64_t num, float *q_out);

#endif
