/* observed.h - who rated what, kept beside a model so that `recommend` can leave seen items out and
 * `heatmap` can outline them, without the training data.
 *
 * A file of blocks; each holds up to OBSERVED_BLOCK ratings sorted by (user, item), both columns
 * delta-coded and LZ4-compressed, values as fp32, with a CRC32C. Looking up a user reads all
 * blocks. Every rank writes its own file while it reads its first epoch, in bounded memory.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_DATA_OBSERVED_H
#define SOUK_WORKER_DATA_OBSERVED_H

#include <stdint.h>

#include "worker/data/rating_reader.h"

enum { OBSERVED_BLOCK = 1 << 20 };

struct observed_writer;
SOUK_MUST_CHECK souk_status observed_writer_open(const char *path,
                                                 struct observed_writer **writer_out);
SOUK_MUST_CHECK souk_status observed_writer_add(struct observed_writer *writer,
                                                const struct rating *ratings, uint32_t num_ratings);
/* Writes what is left and syncs the file. The writer is gone afterwards, also on failure. */
SOUK_MUST_CHECK souk_status observed_writer_close(struct observed_writer *writer);
void observed_writer_drop(struct observed_writer *writer); // closes and unlinks; NULL is fine

/* Calls fn for every rating of the users given (ascending, unique). SOUK_EDATA: damaged, logged. */
typedef void (*observed_fn)(void *ctx, const struct rating *rating);
SOUK_MUST_CHECK souk_status observed_read(const char *path, const uint64_t *users,
                                          uint32_t num_users, observed_fn fn, void *ctx);

#endif
