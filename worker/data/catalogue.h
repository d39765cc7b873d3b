/* catalogue.h - the items that a click model has seen, with their fields, out of its profiles
 * (profiles.h), so that any of them can be put in the place of a sample's own.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_CATALOGUE_H
#define SOUK_WORKER_DATA_CATALOGUE_H

#include "worker/data/profiles.h"

/* All items that training saw, as candidates or in histories, with their fields. */
struct catalogue {
    uint64_t num_items;
    uint64_t *items;                 // (num_items) ascending, unique
    uint32_t num_fields;             // candidate fields, the item column among them
    uint32_t fields[SAMPLE_IDS_MAX]; // in sample_format.ids
    uint64_t *ids;                   // (num_items, num_fields); PROFILE_UNKNOWN_ID
};
/* Out of the files of all ranks; later paths are newer. SOUK_EDATA: damaged, or of another model;
 * SOUK_EIO; logged. catalogue_fini always. */
SOUK_MUST_CHECK souk_status catalogue_read(const char *const *paths, uint32_t num_paths,
                                           const struct sample_format *format,
                                           struct catalogue *catalogue_out);
void catalogue_fini(struct catalogue *catalogue); // a zeroed one is fine

#endif
