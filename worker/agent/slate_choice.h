/* slate_choice.h - which k of the candidates to show, when the user chooses one of them or nothing.
 *
 * The conditional choice model: item i of slate A is chosen with v_i / (v_0 + sum over A of v), the
 * null item, that is nothing, with v_0 / (the same). An item that is chosen is worth q_i, the null
 * item q_0 (what a session is worth that goes on after a skip; it may be any number). The value of
 * the slate is the mean of that:
 *
 *     (v_0 q_0 + sum v_i q_i) / (v_0 + sum v_i)
 *
 * Three ways to make it large, after Ie et al., "SlateQ", IJCAI'19: the k largest v_i q_i (fast,
 * and blind for q_0), one item after another (nearly always the best slate), and the best one.
 *
 * Nothing allocates: they are called once for every step of every user. Values that are not finite
 * give a slate of distinct candidates all the same, but no good one.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_AGENT_SLATE_CHOICE_H
#define SOUK_WORKER_AGENT_SLATE_CHOICE_H

#include <stdint.h>

struct slate_choice {
    const double *scores;    // (C) v_i > 0
    const double *values;    // (C) q_i
    double null_score;       // v_0 >= 0
    double null_value;       // q_0
    uint32_t num_candidates; // C
    uint32_t slate_size;     // K, 1..min(C, ENV_SLATE_MAX)
};

/* Of K candidates. */
double slate_choice_value(const struct slate_choice *choice, const uint32_t *slate);

/* The K largest v_i q_i, largest first; among equal ones the lower candidate. O(C K). */
void slate_choice_top(const struct slate_choice *choice, uint32_t *slate_out);
/* K times the candidate that makes the value of the slate so far largest, in this order; among
 * equal ones the lower candidate. O(C K). */
void slate_choice_greedy(const struct slate_choice *choice, uint32_t *slate_out);
/* A slate of the largest value: Dinkelbach's method from the greedy slate, mostly one or two rounds
 * of O(C K). The order is that of what an item adds. */
void slate_choice_exact(const struct slate_choice *choice, uint32_t *slate_out);

#endif
