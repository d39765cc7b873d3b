/* candidates.h - items that may be recommended: all that the model has seen, or some of them.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_CANDIDATES_H
#define SOUK_WORKER_CLI_CANDIDATES_H

#include "worker/cli/labels.h"
#include "worker/data/catalogue.h"
#include "worker/data/profiles.h"

/* The files of what a model of clicks remembers, for profiles_read and catalogue_read. */
struct memory_files {
    const char **paths; // (num), owned; the paths are the folder's
    uint32_t num;
};
/* SOUK_EUSAGE, logged: the model remembers nothing. memory_files_fini always. */
SOUK_MUST_CHECK souk_status memory_files_of(const struct loaded *loaded,
                                            struct memory_files *files_out);
void memory_files_fini(struct memory_files *files); // a zeroed one is fine

/* path: a file with an item a line, or NULL for all. Those that the model has never seen are warned
 * of and left out. SOUK_EDATA, logged: none is left. catalogue_fini always. */
SOUK_MUST_CHECK souk_status candidates_read(const struct loaded *loaded,
                                            const struct memory_files *files,
                                            struct id_texts *items, const char *path,
                                            struct catalogue *candidates_out);

#endif
