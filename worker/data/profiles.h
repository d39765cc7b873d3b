/* profiles.h - what a click model remembers of its training data, so that `recommend` and `explain`
 * need none of it: the newest sample of each user with all that the user was seen to choose, and
 * the fields of each item.
 *
 * Every rank writes its own file beside the model while it reads its first epoch, in bounded
 * memory: blocks with a CRC32C, as observed.h. A history that goes on from another is newer; else
 * the longer one is, else the one that comes later in the files.
 *
 *   profile    a sample of the model's format: the user's fields and histories as of after the last
 *              click that training saw (the item clicked then is the newest behaviour, so far as
 *              max_history allows, and unless a history is compared with no field: then nobody
 *              knows what the click would add to it)
 *   item       the candidate's fields: the item column, and those that have a history or that never
 *              differ between samples of one item, though those are of several users
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_PROFILES_H
#define SOUK_WORKER_DATA_PROFILES_H

#include "worker/data/sample_format.h"

/* What stands for a field of an item that was seen in histories only: an id that nobody has. */
#define PROFILE_UNKNOWN_ID UINT64_MAX

struct profile_writer;

/* The format must know user and item (sample_format.user, item); it must outlive the writer. */
SOUK_MUST_CHECK souk_status profile_writer_open(const char *path,
                                                const struct sample_format *format,
                                                struct profile_writer **writer_out);
/* Samples in the order in which the files have them. */
SOUK_MUST_CHECK souk_status profile_writer_add(struct profile_writer *writer,
                                               const struct sample_batch *samples);
/* Writes what is left and syncs. The writer is gone afterwards, also on failure. */
SOUK_MUST_CHECK souk_status profile_writer_close(struct profile_writer *writer);
void profile_writer_drop(struct profile_writer *writer); // closes and unlinks; NULL is fine

/* Profiles of some users, out of the files of all ranks. */
struct profiles {
    uint32_t num_users;
    const uint64_t *users;       // (num_users) ascending, unique; borrowed
    struct sample_batch samples; // the profiles that were found; item fields: of the newest
                                 // behaviour; labels: 0, they mean nothing
    uint32_t *sample;            // (num_users) in samples; UINT32_MAX: a user that was never seen
    uint64_t *seen_start;        // (num_users + 1)
    uint64_t *seen;              // items that user u was seen to choose, ascending, unique, in
                                 // [seen_start[u], seen_start[u + 1])
};
/* Later paths are newer. SOUK_EDATA: damaged, or of another model; logged. profiles_fini always. */
SOUK_MUST_CHECK souk_status profiles_read(const char *const *paths, uint32_t num_paths,
                                          const struct sample_format *format, const uint64_t *users,
                                          uint32_t num_users, struct profiles *profiles_out);
void profiles_fini(struct profiles *profiles); // a zeroed one is fine

#endif
