/* sample_format.h - how a file of samples is laid out: separators, columns, tables, ids.
 *
 *     label  user  item  category  hist_item  hist_category
 *     1      17    402   8         3,90,11    1,8,2
 *
 * Each column of ids belongs to a table; a history shares the table of the field that it is
 * compared with. What the configuration leaves to us is inferred from the header and the first
 * lines, once, by rank 0, and told to all: the struct has no pointers.
 *
 * Threads: immutable once it is resolved.
 */
#ifndef SOUK_WORKER_DATA_SAMPLE_FORMAT_H
#define SOUK_WORKER_DATA_SAMPLE_FORMAT_H

#include "common/text/json.h"
#include "souk/types.h"
#include "worker/data/row_layout.h"
#include "worker/data/sample.h"

enum { SAMPLE_NAME_MAX = 64, SAMPLE_NO_TABLE = UINT32_MAX };

struct sample_column {
    char name[SAMPLE_NAME_MAX]; // as the header calls it; else its position, "3"
    uint32_t column;            // position from 0
    uint32_t table;             // in tables; SAMPLE_NO_TABLE: of a user that is no feature
    enum config_id_kind kind;   // of ids, as its table: never CONFIG_ID_AUTO
};

struct sample_table {
    char name[SOUK_NAME_MAX];
    enum config_id_kind kind; // never CONFIG_ID_AUTO
};

struct sample_format {
    struct row_layout layout;
    bool has_label; // files to predict on may have none
    uint32_t label_column;
    char label[SAMPLE_NAME_MAX];
    uint32_t num_fields;                      // features: the first ones of ids
    uint32_t num_ids;                         // one more where the user is no feature
    struct sample_column ids[SAMPLE_IDS_MAX]; // as sample_batch.ids
    uint32_t num_histories;
    struct sample_column histories[SAMPLE_HISTORIES_MAX]; // as sample_batch.histories
    /* The field of its table that a history is compared with: the one that it is called after, else
     * the item, else the first; -1: none. */
    int32_t targets[SAMPLE_HISTORIES_MAX];
    int32_t user, item; // in ids; -1: nobody knows
    uint32_t num_tables;
    struct sample_table tables[SOUK_TABLES_MAX]; // in the order of their first use
    char separator;                              // of ids in a list
    uint32_t max_history;
};

struct sample_format_options {
    const struct config *config;
    const char *path; // of the first file, "-" for standard input
    bool needs_label; // whether a file without one is an error
    /* Of a model: fields, histories and tables are these, and so are kinds of ids; only where their
     * columns are is looked up. NULL: whatever the configuration and the file say. */
    const struct sample_format *model;
};

/* On SOUK_OK *format_out is resolved. SOUK_EDATA, SOUK_EIO, SOUK_ECONFIG: logged. */
SOUK_MUST_CHECK souk_status sample_format_resolve(const struct sample_format_options *options,
                                                  struct sample_format *format_out);
/* Whether a file has samples, not ratings: the configuration says so (data.label, features.fields,
 * features.histories), or the first line names a label or a history. SOUK_EDATA, SOUK_EIO, logged.
 */
SOUK_MUST_CHECK souk_status sample_format_look(const struct config *config, const char *path,
                                               bool *are_samples_out);

#endif
