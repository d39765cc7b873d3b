/* model_dir.h - a model or checkpoint on disk: tables by slot range, under one manifest.
 *
 *   model/manifest.json           format, model state, tables, files with size and CRC32C
 *   model/user.0000-0255.g7.rows  rows of the slots 0..255 of table "user", generation 7; a small
 *                                 table is one file of the slots 0..4095
 *   model/dense.g7.weights         weights that are no rows (dense.h)
 *   model/user.g7.names           texts of string ids of table "user"
 *   model/observed.0.g7           who rated what (observed.h), or whom training saw with which
 *                                 history (profiles.h); one file a rank
 *
 * A generation is written beside the old one; the rename of the manifest makes it the model, and
 * then the old files go. So a crash or a full disk leaves the old model as it was. A loader trusts
 * the manifest only and checks every CRC. Rows do not know of servers: any number can load them.
 *
 * Layouts: rows_file.h and manifest.h.
 *
 * Threads: one owner. One rank writes; reading may happen in any process.
 */
#ifndef SOUK_WORKER_MODEL_MODEL_DIR_H
#define SOUK_WORKER_MODEL_MODEL_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/buf.h"
#include "souk/client.h"
#include "worker/data/names.h"

struct model_dir_save {
    const char *dir;            // made if missing; its parent must exist
    struct souk_client *client; // holds the tables
    const struct souk_table_spec *specs;
    const uint32_t *tables; // client's numbers
    uint32_t num_tables;
    bool with_states;       // a checkpoint that training can go on from
    const char *type;       // model.type
    const char *state_json; // of model_ops.save_state: one JSON object, also for positions
    const char *extra_json; // another object, such as the position of training; or NULL
    const void *weights;    // a file of model_ops.pack, or NULL
    size_t weights_bytes;   // of it
    const struct names *const *names; // (num_tables) texts of string ids; each may be NULL, as all
    const char *const *observed;      // finished files of take_observed to be moved in; or NULL
    uint32_t num_observed;            // 0: those of the generation before are kept
    bool drops_observed;              // not even those: they belong to another training
};

/* Makes the folder, and refuses one that cannot be written to or holds something that a save must
 * not replace (SOUK_EEXIST: a manifest of another tool or of a newer souk). To be called before
 * training, so that the refusal costs nothing. */
SOUK_MUST_CHECK souk_status model_dir_prepare(const char *dir);

/* Scans the tables and writes a generation. SOUK_ENOSPC, SOUK_EIO, SOUK_EDIVERGED (a row that is
 * not finite): logged, the old model is as it was and the observed files are back. */
SOUK_MUST_CHECK souk_status model_dir_save(const struct model_dir_save *save);

/* Removes the model of a folder; other files in it stay. *was_there_out: whether there was one.
 * SOUK_EIO, logged: its manifest cannot be removed, so it is all there. */
SOUK_MUST_CHECK souk_status model_dir_drop(const char *dir, bool *was_there_out);

struct model_dir;

/* Reads and checks the manifest. dir may be a run folder (then its model/ is taken) or the folder
 * itself. SOUK_ENOTFOUND: no model there; SOUK_EDATA: damaged, foreign or of a newer format; both
 * logged with what to do. On SOUK_OK the caller owns *model_out. */
SOUK_MUST_CHECK souk_status model_dir_open(const char *dir, struct model_dir **model_out);
void model_dir_close(struct model_dir *model); // NULL is fine

const char *model_dir_path(const struct model_dir *model); // of the folder that holds the manifest
const char *model_dir_type(const struct model_dir *model);
const void *model_dir_state(const struct model_dir *model); // JSON object (json_value.h), borrowed
const void *model_dir_extra(const struct model_dir *model); // the same or NULL
uint32_t model_dir_num_tables(const struct model_dir *model);
const struct souk_table_spec *model_dir_spec(const struct model_dir *model, uint32_t idx);
uint64_t model_dir_num_rows(const struct model_dir *model, uint32_t idx);
/* Names of a table's ids, loaded on first use; NULL when they are integers or there is no such
 * table. SOUK_EDATA: damaged; logged. */
SOUK_MUST_CHECK souk_status model_dir_names(struct model_dir *model, const char *table,
                                            const struct names **names_out);
/* The file of weights, which the caller frees, and its path, which is borrowed from path_out; NULL
 * when there is none. SOUK_EDATA: damaged; logged. */
SOUK_MUST_CHECK souk_status model_dir_weights(const struct model_dir *model, char **bytes_out,
                                              size_t *length_out, struct buf *path_out);
uint32_t model_dir_num_observed(const struct model_dir *model);
const char *model_dir_observed(const struct model_dir *model, uint32_t idx); // path

/* Opens the tables on the client's servers and pushes all rows (part of num_parts of the files).
 * tables_out: the client's numbers, in the order of model_dir_spec. SOUK_EDATA: a file is damaged;
 * logged with its path and the offset. */
SOUK_MUST_CHECK souk_status model_dir_load(struct model_dir *model, struct souk_client *client,
                                           uint32_t part, uint32_t num_parts, uint32_t *tables_out);

#endif
