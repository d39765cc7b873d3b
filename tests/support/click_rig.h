/* click_rig.h - an untrained click model on two servers of the test process, rows that look
 * trained, and samples of a file. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_CLICK_RIG_H
#define SOUK_TESTS_SUPPORT_CLICK_RIG_H

#include "tests/support/model_cluster.h"
#include "worker/data/sample_format.h"
#include "worker/model/click_scorer.h"
#include "worker/model/exchange.h"

enum {
    CLICK_RIG_SAMPLES = 137,
    CLICK_RIG_IDS = 26,   // users, items, categories: 0..25
    CLICK_RIG_KNOWN = 20, // of each, the first ones have rows
};

struct click_rig {
    char *dir;
    struct config config;
    struct comm *comm;
    struct model_cluster cluster;
    const struct model_ops *ops;
    struct model *model;
    struct tables tables;
    struct sample_format format; // user, item, category, hist_item, hist_category
    struct sample_batch samples; // of the file
    struct click_scorer *scorer;
};

/* type: of the model; batch_size: as text. Failures end the test. */
struct click_rig *click_rig_start(const char *type, const char *batch_size);
void click_rig_stop(struct click_rig *rig);

#endif
