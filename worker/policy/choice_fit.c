/* choice_fit.c - see choice_fit.h. */
#include "worker/policy/choice_fit.h"

#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/ope/newton.h"

static const double EXPONENT_MAX = 30; // of a score, so that sums of them stay floats

struct fit {
    const struct slate_turns *turns;
    uint32_t size;    // of f
    bool has_product; // f has products with the user
};

static uint32_t put_features(const struct fit *fit, uint64_t turn, uint32_t candidate, double *f)
{
    const struct env_shape *shape = &fit->turns->shape;
    uint32_t dim = shape->item_dim, at = 0;
    const float *item =
        fit->turns->items + (turn * shape->num_candidates + candidate) * shape->item_dim;
    const float *user = fit->turns->users + turn * shape->user_dim;
    f[at++] = 1;
    for (uint32_t e = 0; e < dim; e++) f[at++] = (double)item[e];
    for (uint32_t e = 0; fit->has_product && e < dim; e++)
        f[at++] = (double)item[e] * (double)user[e];
    return at;
}

static double score(const struct fit *fit, const double *w, const double *f)
{
    double sum = 0;
    for (uint32_t i = 0; i < fit->size; i++) sum += w[i] * f[i];
    return exp(fmin(fmax(sum, -EXPONENT_MAX), EXPONENT_MAX));
}

/* features (K, size) and v (K) of a turn's slate. Returns 1 + sum of v. */
static double look_at(const struct fit *fit, const double *w, uint64_t turn, double *features,
                      double *v)
{
    uint32_t num = fit->turns->shape.slate_size;
    double sum = 1;
    for (uint32_t k = 0; k < num; k++) {
        double *f = features + (size_t)k * fit->size;
        put_features(fit, turn, fit->turns->slates[turn * num + k], f);
        sum += v[k] = score(fit, w, f);
    }
    return sum;
}

static double objective(const void *ctx, const double *w)
{
    const struct fit *fit = ctx;
    double features[ENV_SLATE_MAX * CHOICE_FEATURES_MAX], v[ENV_SLATE_MAX], sum = 0;
    for (uint32_t i = 0; i < fit->size; i++) sum += w[i] * w[i] / 2;
    for (uint64_t t = 0; t < fit->turns->num_turns; t++) {
        int32_t choice = fit->turns->outcomes[t].choice;
        sum += log(look_at(fit, w, t, features, v));
        if (choice >= 0) sum -= log(v[choice]);
    }
    return sum;
}

/* Of log(1 + sum v) - log v_choice: the mean feature under P, less the chosen one's, and their
 * covariance. */
static void add_turn(const struct fit *fit, uint64_t turn, const double *w, double *gradient,
                     double *curvature)
{
    uint32_t n = fit->size, num = fit->turns->shape.slate_size;
    double features[ENV_SLATE_MAX * CHOICE_FEATURES_MAX], v[ENV_SLATE_MAX];
    double mean[CHOICE_FEATURES_MAX] = {0};
    double sum = look_at(fit, w, turn, features, v);
    int32_t choice = fit->turns->outcomes[turn].choice;
    for (uint32_t k = 0; k < num; k++) {
        const double *f = features + (size_t)k * n;
        double p = v[k] / sum;
        for (uint32_t i = 0; i < n; i++) {
            if (f[i] == 0) continue;
            mean[i] += p * f[i];
            for (uint32_t j = 0; j <= i; j++) curvature[(size_t)i * n + j] += p * f[i] * f[j];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        gradient[i] += mean[i] - (choice >= 0 ? features[(size_t)choice * n + i] : 0);
        for (uint32_t j = 0; j <= i && mean[i] != 0; j++)
            curvature[(size_t)i * n + j] -= mean[i] * mean[j];
    }
}

static void differentiate(const void *ctx, const double *w, double *gradient, double *curvature)
{
    const struct fit *fit = ctx;
    for (uint64_t t = 0; t < fit->turns->num_turns; t++) add_turn(fit, t, w, gradient, curvature);
    for (uint32_t i = 0; i < fit->size; i++) {
        gradient[i] += w[i];
        curvature[(size_t)i * fit->size + i] += 1;
    }
}

static void put_scores(const struct fit *fit, const double *w, struct slate_turns *turns)
{
    double f[CHOICE_FEATURES_MAX];
    uint32_t num = turns->shape.num_candidates;
    for (uint64_t t = 0; t < turns->num_turns; t++) {
        turns->null_scores[t] = 1;
        for (uint32_t c = 0; c < num; c++) {
            put_features(fit, t, c, f);
            turns->scores[t * num + c] = (float)score(fit, w, f);
        }
    }
}

souk_status choice_fit(struct slate_turns *turns, double *loss_out)
{
    const struct env_shape *shape = &turns->shape;
    struct fit fit = {.turns = turns, .has_product = shape->user_dim >= shape->item_dim};
    fit.size = 1 + shape->item_dim * (fit.has_product ? 2 : 1);
    if (fit.size > CHOICE_FEATURES_MAX)
        return log_fail(SOUK_EDATA,
                        "choices by %u features of items are more than can be fitted; give the "
                        "columns null_score and c0_score, c1_score, ...",
                        shape->item_dim);
    double w[CHOICE_FEATURES_MAX] = {0};
    const struct newton newton = {fit.size, &fit, objective, differentiate};
    if (!newton_minimise(&newton, w))
        return log_fail(SOUK_EDATA,
                        "the choices of the log could not be fitted; give the columns null_score "
                        "and c0_score, c1_score, ..., or scale the features to about 1");
    *loss_out = objective(&fit, w) / (double)turns->num_turns;
    put_scores(&fit, w, turns);
    return SOUK_OK;
}
