/* interaction_log.h - who did something with which item, and when, in memory: users, items and
 * categories are numbered as they appear, and rows stand by user and time.
 *
 * A row takes 8 bytes, 16 with a time, and as much again while rows are being ordered.
 *
 * Threads: one owner; immutable once it is read.
 */
#ifndef SOUK_WORKER_DATA_INTERACTION_LOG_H
#define SOUK_WORKER_DATA_INTERACTION_LOG_H

#include "common/text/buf.h"
#include "worker/data/key_index.h"
#include "worker/data/names.h"
#include "worker/data/row_layout.h"

struct interaction_log_options {
    const struct config_list *files; // read as one; "-" is standard input
    const char *delimiter;           // as data.delimiter
    /* Columns: a name of the header, a position from 1, or auto; category and time may be "none",
     * and auto leaves out what the header does not name. */
    const char *user, *item, *category, *time;
    uint64_t max_bad_rows;
};

/* One kind of id: what it is called, and its number. */
struct id_set {
    enum config_id_kind kind;
    struct key_index *index; // number by key
    struct names *names;     // texts of string ids; NULL: ids are integers
};

struct interaction_log {
    struct id_set users, items, categories;
    bool has_categories, has_times;
    uint64_t num_rows;
    uint64_t *user_start;   // (users + 1) rows of a user
    uint32_t *item;         // (num_rows) by user, then by time, then as in the files
    double *time;           // (num_rows) likewise; NULL without times
    uint32_t *category_of;  // (items) of the first row of an item; NULL without categories
    uint64_t num_conflicts; // rows whose item had another category before
    uint64_t num_bad;       // rows that were left out
};

/* SOUK_EDATA, SOUK_EIO, SOUK_ECONFIG: logged. interaction_log_fini always. */
SOUK_MUST_CHECK souk_status interaction_log_read(const struct interaction_log_options *options,
                                                 struct interaction_log *log);
void interaction_log_fini(struct interaction_log *log); // a zeroed one is fine
/* Appends an id as it is written in the files. */
void id_set_print(const struct id_set *ids, uint32_t number, struct buf *out);

#endif
