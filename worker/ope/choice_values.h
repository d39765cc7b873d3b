/* choice_values.h - a number for every choice: the probabilities of a policy, or expected rewards.
 *
 * A file has a row a round with a column an action, or, when nothing depends on the round, a row an
 * action with a column a position (one column: the same at all positions). The number of rows tells
 * which; a first line "# pos0,pos1,..." says that rows are actions.
 *
 * Threads: immutable once it is read.
 */
#ifndef SOUK_WORKER_OPE_CHOICE_VALUES_H
#define SOUK_WORKER_OPE_CHOICE_VALUES_H

#include "worker/ope/bandit_log.h"

struct choice_values {
    struct number_table *table; // owned
    bool is_by_action;          // rows are actions, not rounds
    uint32_t num_actions;       // A
};

/* what: "policy". SOUK_EDATA: not of a shape that fits the log, a logged action that it does not
 * have, a cell that is no number; logged. choice_values_fini in any case. */
SOUK_MUST_CHECK souk_status choice_values_read(const char *path, const char *what,
                                               const struct bandit_log *log,
                                               struct choice_values *values_out);
void choice_values_fini(struct choice_values *values);
/* Whether they are probabilities: none negative, and of sum 1 but for rounding, which is divided
 * away (table->sum_error says how much). SOUK_EDATA, logged. */
SOUK_MUST_CHECK souk_status choice_values_check_policy(const struct choice_values *values);
/* Those of all actions (A) in a round of the log. */
void choice_values_row(const struct choice_values *values, const struct bandit_log *log,
                       uint64_t round, double *row_out);

#endif
