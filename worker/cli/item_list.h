/* item_list.h - a user's recommendations as a table or as JSON.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_CLI_ITEM_LIST_H
#define SOUK_WORKER_CLI_ITEM_LIST_H

#include "common/text/json.h"
#include "worker/cli/labels.h"
#include "worker/eval/top_list.h"

struct item_list {
    const struct id_texts *items; // borrowed
    const struct names *titles;   // borrowed; NULL: none
    const char *figure;           // what top_entry.value is: the heading of its column
    const char *key;              // and its key in JSON
    int digits;                   // behind the point, in the table
};

/* Lines rank, figure, item, title, under a heading. */
void item_list_text(const struct item_list *list, const struct top_list *top, struct buf *out);
/* The array [{item, title (null: none), <key>}]. */
void item_list_json(const struct item_list *list, const struct top_list *top, struct json *json);

#endif
