/* offline_policy.h - a policy that is a network over the states of a log, at work and on disk.
 *
 * Its folder is a model folder (model_dir.h) of type "policy:offline": what states look like and
 * the layers as its state; weights, and by what features are shifted and scaled, in dense.h's file.
 * States are columns of a log, so that its policy can be asked for the rows of any log with the
 * same columns, but simulated users, who show other things, cannot be led by it.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_POLICY_OFFLINE_POLICY_H
#define SOUK_WORKER_POLICY_OFFLINE_POLICY_H

#include "worker/agent/agent_dir.h"
#include "worker/policy/offline_net.h"

struct offline_policy;

struct offline_policy_options {
    struct offline_net_options net; // but for num_features and num_actions
    float memory;                   // as offline_states.h
    double exploration;             // as offline_rows.h
};

/* On SOUK_OK the caller owns *policy_out. name: of the log. SOUK_EDATA, SOUK_EDIVERGED,
 * SOUK_ESTOPPED: logged. */
SOUK_MUST_CHECK souk_status offline_policy_learn(const struct offline_policy_options *options,
                                                 const struct episode_log *log, const char *name,
                                                 double *loss_out,
                                                 struct offline_policy **policy_out);
void offline_policy_destroy(struct offline_policy *policy); // NULL is fine

/* SOUK_EIO, SOUK_ENOSPC: logged. */
SOUK_MUST_CHECK souk_status offline_policy_save(const struct offline_policy *policy,
                                                const char *dir);
/* On SOUK_OK the caller owns *policy_out. SOUK_EDATA: none, damaged, or of another kind; logged. */
SOUK_MUST_CHECK souk_status offline_policy_load(const char *dir,
                                                struct offline_policy **policy_out);
/* Whether a folder has one, damaged or not. */
bool offline_policy_is_in(const char *dir);

uint32_t offline_policy_num_features(const struct offline_policy *policy);
uint32_t offline_policy_num_actions(const struct offline_policy *policy);
void offline_policy_set_exploration(struct offline_policy *policy, double exploration);
double offline_policy_exploration(const struct offline_policy *policy);

/* What a log has to be read with, so that its states and actions are the policy's. */
struct episode_log_options offline_policy_log_options(const struct offline_policy *policy);
/* Q (num_steps, A) in the order of the log's steps, or of its file's rows; the caller frees it.
 * SOUK_EDATA: the log has other columns; logged. */
SOUK_MUST_CHECK souk_status offline_policy_score(struct offline_policy *policy,
                                                 const struct episode_log *log, const char *name,
                                                 bool by_row, double **q_out);

#endif
