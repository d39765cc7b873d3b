/* labels.h - ids as people write them: texts to keys, keys to texts, items to titles.
 *
 * Threads: one owner.
 */
#ifndef SOUK_WORKER_CLI_LABELS_H
#define SOUK_WORKER_CLI_LABELS_H

#include "common/text/buf.h"
#include "common/text/config.h"
#include "worker/cli/loaded.h"
#include "worker/data/names.h"

/* The users, or the items. */
struct id_texts {
    const char *what;          // "user", "item"
    enum config_id_kind kind;  // of the ids
    const struct names *names; // of string ids, borrowed; NULL for integers
    struct names *asked;       // texts of string ids that were parsed, owned; NULL for integers
};

/* Of a loaded model; *names are loaded from the folder. SOUK_EUSAGE, logged: a model of clicks that
 * was trained without knowing which column this is. */
SOUK_MUST_CHECK souk_status id_texts_users(struct loaded *loaded, struct id_texts *texts_out);
SOUK_MUST_CHECK souk_status id_texts_items(struct loaded *loaded, struct id_texts *texts_out);

void id_texts_fini(struct id_texts *texts); // a zeroed one is fine

/* The id's own bytes; "#" and the key in hexadecimal for a string id whose text nobody kept. */
void id_texts_add(const struct id_texts *texts, uint64_t key, struct buf *out);

/* Keys of the ids that an option lists, in its order; a second one of the same is left out. An
 * entry "@FILE" is a file with an id a line. *keys_out (heap) and its length. SOUK_EUSAGE for text
 * that is no id, logged. */
SOUK_MUST_CHECK souk_status id_texts_parse_list(struct id_texts *texts,
                                                const struct config_list *list, uint64_t **keys_out,
                                                uint32_t *num_keys_out);

/* --titles or data.titles; *titles_out NULL (heap, the caller's) where neither is given. A file of
 * the configuration that is not there is only warned of: models travel without it. */
SOUK_MUST_CHECK souk_status labels_titles(const struct loaded *loaded, const struct args *args,
                                          const struct id_texts *items, struct names **titles_out);
/* The title, or "" without one. Adds UTF-8. */
void labels_add_title(const struct names *titles, uint64_t key, struct buf *out);

#endif
