/* manifest.h - manifest.json of a model folder: what the model is, and which files make it up.
 *
 *   {"format": "souk model", "version": 1, "souk": "0.1.0", "generation": 7, "type": "mf",
 *    "state": {...}, "extra": {...},
 *    "tables": [{"spec": {...}, "state_floats": 0, "rows": 943,
 *                "files": [{"name": "user.0000-4095.g7.rows", "first_slot": 0, "last_slot": 4095,
 *                           "rows": 943, "bytes": 250000, "crc32c": 1}],
 *                "names": {"name": "user.g7.names", "count": 943, "bytes": 20000, "crc32c": 1}}],
 *    "weights": {"name": "dense.g7.weights", "count": 50881, "bytes": 210000, "crc32c": 1},
 *    "observed": [{"name": "observed.0.g3", "count": 0, "bytes": 1, "crc32c": 0}],
 *    "manifest_crc32c": 1}
 *
 * state is the model's own; extra is the trainer's; both are missing or objects. weights is missing
 * where a model has none beside its tables, names where ids are integers; older models have names
 * of the tables user and item as "users" and "items" at the top. The last member is the CRC32C of
 * all bytes before its key, so that a changed digit is noticed like any other damage. Of observed
 * files only the size is used. Numbers above 2^53 are texts.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_MODEL_MANIFEST_H
#define SOUK_WORKER_MODEL_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/buf.h"
#include "souk/types.h"
#include "worker/model/rows_file.h"

enum { MANIFEST_VERSION = 1, MANIFEST_NAME_MAX = 96, MANIFEST_FILES_MAX = 4096 };

#define MANIFEST_FILE  "manifest.json"
#define MANIFEST_BEGIN "{\"format\":\"souk model\"," // what tells ours from those of other tools

struct manifest_file {
    char name[MANIFEST_NAME_MAX];   // in the model's folder
    uint16_t first_slot, last_slot; // of a .rows file
    struct rows_sum sum;            // rows (or names), bytes, CRC
};

struct manifest_table {
    struct souk_table_spec spec;
    uint32_t state_floats; // a row; 0 without states
    uint64_t num_rows;
    uint32_t num_files;
    struct manifest_file *files; // (num_files), owned
    bool has_names;
    struct manifest_file names;
};

struct manifest {
    uint64_t generation;
    char type[SOUK_NAME_MAX];
    uint32_t num_tables;
    struct manifest_table tables[SOUK_TABLES_MAX];
    bool has_weights;
    struct manifest_file weights; // rows: not used
    uint32_t num_observed;
    struct manifest_file
        *observed; // (num_observed), owned; the CRC is not used: blocks have theirs
    const char *state_json, *extra_json; // to be written, borrowed; NULL after reading
    void *json;                          // what was read, owned; NULL otherwise
};

void manifest_fini(struct manifest *manifest); // a zeroed one is fine

void manifest_format(const struct manifest *manifest, struct buf *out);

/* Reads and checks dir/manifest.json; *manifest_out needs a fini on SOUK_OK only. SOUK_ENOTFOUND:
 * there is none (not logged: the caller knows what was looked for). SOUK_EEXIST: of another tool or
 * a newer souk, so it must not be replaced. SOUK_EDATA: damaged. Both are logged. */
SOUK_MUST_CHECK souk_status manifest_read(const char *dir, struct manifest *manifest_out);

/* Whether a name is one that a model folder gives to its files; other people's files are never
 * touched. */
bool manifest_owns_name(const char *name);
/* Whether the manifest lists it. */
bool manifest_lists(const struct manifest *manifest, const char *name);

#endif
