/* click_list.c - see click_list.h. */
#include "worker/eval/click_list.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#define K_TEXTS(X) X(1) X(5) X(10) X(20) X(50) X(100)

// Names are static, because figures are copied about.
static const struct k_names {
    uint32_t k;
    const char *hit_rate, *ndcg;
    const char *too_few; // why hit rate is undefined
} k_names[] = {
#define ROW(k) {k, "hr@" #k, "ndcg@" #k, "no group has more than " #k " candidates"},
    K_TEXTS(ROW)
#undef ROW
};
enum { NUM_KS = sizeof k_names / sizeof *k_names };

const char click_ks[] = "1, 5, 10, 20, 50 or 100";

static const struct k_names *find_names(uint32_t k)
{
    for (unsigned i = 0; i < NUM_KS; i++)
        if (k_names[i].k == k) return &k_names[i];
    return NULL;
}

bool click_k_is_known(uint32_t k)
{
    return find_names(k) != NULL;
}

/* Why the data has no order to judge. */
static const char *one_class(const struct click_figures *figures)
{
    if (figures->num_samples == 0) return "there are no samples";
    if (figures->num_clicks == 0) return "no sample is a click";
    if (figures->num_clicks == figures->num_samples) return "every sample is a click";
    return NULL;
}

static struct model_metric make(const char *name, double value, const char *undefined)
{
    struct model_metric metric = {.value = undefined ? NAN : value, .undefined = undefined};
    snprintf(metric.name, sizeof metric.name, "%s", name);
    return metric;
}

static struct model_metric make_loss(const char *name, double value, const char *undefined)
{
    struct model_metric metric = make(name, value, undefined);
    metric.is_lower_better = true;
    return metric;
}

static struct model_metric make_count(const char *name, uint64_t value)
{
    struct model_metric metric = make(name, (double)value, NULL);
    metric.is_count = true;
    return metric;
}

void click_list(const struct click_figures *f, struct model_metric metrics_out[CLICK_METRICS])
{
    const struct k_names *names = find_names(f->k);
    assert(names);
    const char *none = f->num_samples == 0 ? "there are no samples" : NULL;
    const char *classes = one_class(f), *groups = classes;
    if (!groups && f->num_groups == f->num_groups_one_class)
        groups = "no group has both clicks and others";
    // In a group that is no larger than k, a hit is certain whatever the scores are.
    const char *hits = !groups && f->num_groups_over_k == 0 ? names->too_few : groups;
    double rate = none ? NAN : (double)f->num_clicks / (double)f->num_samples;
    const struct model_metric metrics[CLICK_METRICS] = {
        make("auc", f->auc, classes),
        make("gauc", f->gauc, groups),
        make_loss("log_loss", f->log_loss, none),
        make_loss("normalised_entropy", f->normalised_entropy, classes),
        make("calibration", f->calibration, f->num_clicks == 0 ? classes : NULL),
        make_loss("calibration_error", f->calibration_error, none),
        make(names->hit_rate, f->hit_rate, hits),
        make(names->ndcg, f->ndcg, groups),
        make("mrr", f->mrr, groups),
        make("base_rate", rate, none),
        make_count("clicks", f->num_clicks),
        make_count("groups", f->num_groups),
        make_count("groups_one_class", f->num_groups_one_class),
        make_count("groups_over_k", f->num_groups_over_k)};
    for (unsigned i = 0; i < CLICK_METRICS; i++) metrics_out[i] = metrics[i];
}
