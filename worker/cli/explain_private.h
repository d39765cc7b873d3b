/* explain_private.h - what the files of souk explain share. */
#ifndef SOUK_WORKER_CLI_EXPLAIN_PRIVATE_H
#define SOUK_WORKER_CLI_EXPLAIN_PRIVATE_H

#include "worker/cli/labels.h"
#include "worker/cli/loaded.h"
#include "worker/data/sample_format.h"
#include "worker/eval/click_explain.h"

// One `souk explain`.
struct explaining {
    struct loaded *loaded;              // borrowed
    const struct args *args;            // borrowed
    const struct sample_format *format; // of the model, borrowed
    struct id_texts users, items;
    struct id_texts others[SOUK_TABLES_MAX]; // of tables that are neither the user's nor the item's
    struct names *titles;                    // owned; NULL: none
    uint64_t user, item;
    struct sample_batch sample; // one: the user's fields and history, the item's fields
    struct click_explanation explanation;
};

/* The texts of a column of format->ids or format->histories. */
struct id_texts *explaining_texts(struct explaining *run, const struct sample_column *column);
/* The history of items, else the first one: its behaviours have titles. */
uint32_t explaining_main_history(const struct sample_format *format);
/* "user 17", as terminals may show it; returns the text of out. */
const char *explaining_show(struct buf *out, const struct id_texts *texts, uint64_t key);

/* Fills in sample. SOUK_EUSAGE, SOUK_EDATA: nobody knows the user or the item; logged. */
SOUK_MUST_CHECK souk_status explaining_find_sample(struct explaining *run);

void explain_print_text(struct explaining *run, struct buf *out);
void explain_print_json(struct explaining *run, struct buf *out);
void explain_draw(struct explaining *run, struct buf *out);

#endif
