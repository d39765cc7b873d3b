/* offline_net.h - Q of states with features, learnt from a log and from nothing else.
 *
 * Double DQN on transitions drawn from the log, y = r + g Q'(s', argmax Q(s', a)) with a target
 * copy Q', Huber's loss, and for alpha > 0 discrete CQL's alpha (log sum_a' exp Q(s,a') - Q(s,a))
 * which holds down what the log does not do. alpha 0 is fitted Q iteration with a network. Actions
 * are the network's items, each known by its place. With a policy p the target is
 * y = r + g sum_a p(a|s') Q'(s', a): fitted Q evaluation.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_NET_H
#define SOUK_WORKER_POLICY_OFFLINE_NET_H

#include <signal.h>

#include "worker/agent/q_net.h"
#include "worker/ope/episode_log.h"

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
    /* Of evaluation (ope_networks.h); both NULL: the policy is the best action, and learns from all
     * steps. */
    const double *policy;       // (num_steps, A) by step: of what follows
    const uint8_t *is_left_out; // (num_steps) 1: nothing is learnt from the step
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
/* The same by the target copy that learning ended with: a round of iteration earlier. */
void offline_net_score_target(struct offline_net *net, const float *states, uint64_t num,
                              float *q_out);

/* (2 D) what raw features are shifted by, then what they are multiplied with: kept with the weights
 * for the caller, who has done so before states come here. 0 and 1 at first. */
float *offline_net_scaling(struct offline_net *net);
/* Weights and scaling, as a file of dense.h. unpack: SOUK_EDATA, logged with path. */
void offline_net_pack(const struct offline_net *net, struct buf *out);
SOUK_MUST_CHECK souk_status offline_net_unpack(struct offline_net *net, const void *bytes,
                                               size_t length, const char *path);

#endif
