/* offline.h - a policy out of a log (worker/ope/episode_log.h), without any user to try it on.
 *
 * Numbered states are learnt as a table (offline_table.h), states of features or of the past by a
 * network (offline_net.h). The folder gets
 *   policy.csv     probabilities of actions: a row a state; of a network a row a row of the log, or
 *                  of another log with the same columns
 *   q.csv          Q in the same shape; -inf: never done, so never to be done
 *   manifest.json  and a file of weights: of a network, which so can be asked for other logs
 *                  (offline_policy.h)
 *   result.json    how it was learnt, and the figures of struct offline_result
 * `souk ope --policy` takes the folder.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_H
#define SOUK_WORKER_POLICY_OFFLINE_H

#include "common/text/buf.h"
#include "worker/policy/offline_net.h"

struct offline_options {
    const char *log;     // file
    const char *dir;     // to write to; made when it is not there
    const char *for_log; // a network's policy is written for the rows of this one; NULL: the log
    double discount;     // 0..1
    double conservatism; // alpha of conservative Q learning; 0: fitted Q iteration
    double exploration;  // probability that goes to actions of the log in equal parts, 0..1
    float memory;        // states have the past too, that decays by this a step; 0: they do not
    uint32_t num_states, num_actions; // that there are; 0: as many as the log shows
    struct offline_net_options net;   // but for what is told above
};

struct offline_result {
    bool is_table, has_propensities;
    uint64_t num_episodes, num_steps;
    uint32_t num_states, num_features, num_actions; // states 0: features; features 0: a table
    uint64_t num_seen;   // pairs of state and action in the log; of a table
    uint32_t num_rounds; // of a table
    double loss;         // of a network: mean over the last tenth of updates
    double logged;       // mean discounted return of the log
    double value;        // mean over first states of the largest Q: what it promises itself
    double agreement;    // share of the log's steps whose action it would take
    double untried;      // of a table: share of steps in states where it would do what nobody did
};

void offline_options_init(struct offline_options *options_out); // defaults; no files
/* SOUK_EDATA, SOUK_EDIVERGED, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status offline_run(const struct offline_options *options,
                                        struct offline_result *result_out);
/* policy.csv and q.csv in dir for the rows of a log, by the network of a folder. exploration: NAN:
 * the folder's. As offline_run. */
SOUK_MUST_CHECK souk_status offline_apply(const char *from, const char *log, double exploration,
                                          const char *dir);
/* The result for programs (an object, as in result.json), and for people. */
void offline_print_json(const struct offline_options *options, const struct offline_result *result,
                        struct buf *out);
void offline_print_text(const struct offline_options *options, const struct offline_result *result,
                        struct buf *out);

#endif
