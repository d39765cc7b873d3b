/* mf.h - biased matrix factorisation: rating = mean + b_u + b_i + p_u . q_i, squared loss.
 *
 * Two tables, "user" and "item". A row is k factors, then the bias, and with train.optimizer
 * adagrad a sum of squared gradients behind it. A worker trains on the copies that it pulled, one
 * rating after another (plain SGD, or Adagrad with one step size a row), and pushes what its
 * copies have gained; with two copies under way their gains add up.
 *
 * Whoever is not known is left out of the sum: an unknown user rates mean + b_i. A row is known
 * when a push has made it.
 *
 * State in a manifest: {"k": 64, "dim": 65, "mean": 3.5, "min": 1, "max": 5, "clip": true,
 * "user_id": "integer", "item_id": "string"}.
 *
 * The mean and the range of the ratings are those of the first MF_HEAD_ROWS training ratings of
 * every rank: what a stream brings later is taken up by the biases.
 *
 * Threads: as model.h; the functions below are pure.
 */
#ifndef SOUK_WORKER_MODEL_MF_H
#define SOUK_WORKER_MODEL_MF_H

#include "worker/data/rating_reader.h"
#include "worker/model/model.h"

enum { MF_USER, MF_ITEM, MF_NUM_TABLES };
enum { MF_HEAD_ROWS = 1 << 20 };

extern const struct model_ops mf_ops;

/* What one pass over a batch needs. Indices point into the rows. */
struct mf_pass {
    float *users;              // (U, dim) rows, updated in place
    float *items;              // (I, dim)
    const uint32_t *user_idxs; // (n) row of each rating's user
    const uint32_t *item_idxs; // (n)
    const float *values;       // (n) ratings
    uint32_t n, k, dim;        // dim >= k + 1, or k + 2 with Adagrad
    bool is_adagrad;
    float mean, lr;
    float l2_user, l2_item, l2_user_bias, l2_item_bias;
};

/* Trains on the ratings in order; returns the sum of their squared errors before the update. */
double mf_train(const struct mf_pass *pass);
/* The same without vectors, rating by rating, in the order of the formulas: for tests. */
double mf_train_naive(const struct mf_pass *pass);

/* pushes = rows - pushes over n floats, for pushes that began as a copy of the rows. False when
 * one of them is not finite. */
bool mf_differences(const float *rows, float *pushes, uint64_t n);

float mf_dot(const float *a, const float *b, uint32_t k);

/* What a trained model predicts. A NULL row is somebody unknown. */
float mf_predict(const struct model *model, const float *user_row, const float *item_row);
uint32_t mf_k(const struct model *model);
enum config_id_kind mf_user_id(const struct model *model); // as the training data had them
enum config_id_kind mf_item_id(const struct model *model);

#endif
