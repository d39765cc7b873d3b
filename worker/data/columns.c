/* columns.c - see columns.h. */
#include "worker/data/columns.h"

#include <ctype.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"

const struct column_role column_user = {"data.user",
                                        "user",
                                        {"user", "userid", "uid", "users", "userkey", "userno",
                                         "username", "reviewerid", "reviewer", "customerid",
                                         "customer", "memberid", "visitorid", "accountid"}};
const struct column_role column_item = {
    "data.item", "item", {"item",      "itemid",  "iid",        "items",    "movieid", "movie",
                          "productid", "product", "parentasin", "asin",     "bookid",  "book",
                          "isbn",      "songid",  "trackid",    "artistid", "animeid", "gameid",
                          "sku",       "itemno",  "businessid"}};
const struct column_role column_rating = {"data.rating",
                                          "rating",
                                          {"rating", "ratings", "score", "stars", "star", "overall",
                                           "userrating", "bookrating", "value", "preference"}};

const struct column_role column_label = {
    "data.label",
    "label",
    {"label", "labels", "click", "clicked", "clk", "isclick", "isclicked", "target", "y"}};
const struct column_role column_time = {
    "--time",
    "time",
    {"time", "timestamp", "ts", "unixtime", "unixreviewtime", "date", "datetime", "timestep"}};
const struct column_role column_category = {
    "--category",
    "category",
    {"category", "categoryid", "cate", "cateid", "cat", "catid", "genre", "genreid", "shop"}};

bool column_is_auto(const char *told)
{
    return !told || !*told || strcmp(told, "auto") == 0;
}

bool column_is_position(const char *told)
{
    uint64_t unused;
    return field_parse_u64(told, strlen(told), &unused);
}

// "User-ID" and "user_id" are both "userid"; what is longer than any spelling is cut.
static void simplify(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n + 1 < size; name++)
        if (isalnum((unsigned char)*name)) out[n++] = (char)tolower((unsigned char)*name);
    out[n] = 0;
}

// Position of the first name that simplifies to word; -1: none.
static int find_simple(const struct column_names *names, const char *word)
{
    for (uint32_t i = 0; i < names->count; i++) {
        char simple[64];
        simplify(names->names[i], simple, sizeof(simple));
        if (strcmp(simple, word) == 0) return (int)i;
    }
    return -1;
}

int column_find_usual(const struct column_names *names, const struct column_role *role)
{
    int found = -1;
    for (int i = 0; found < 0 && i < COLUMN_SPELLINGS_MAX && role->spellings[i]; i++)
        found = find_simple(names, role->spellings[i]);
    return found;
}

bool column_is_usual(const char *name, const struct column_role *role)
{
    char simple[64];
    simplify(name, simple, sizeof(simple));
    for (int i = 0; i < COLUMN_SPELLINGS_MAX && role->spellings[i]; i++)
        if (strcmp(simple, role->spellings[i]) == 0) return true;
    return false;
}

bool column_is_same(const char *a, const char *b)
{
    char simple_a[64], simple_b[64];
    simplify(a, simple_a, sizeof(simple_a));
    simplify(b, simple_b, sizeof(simple_b));
    return *simple_a && strcmp(simple_a, simple_b) == 0;
}

int column_find_name(const struct column_names *names, const char *name)
{
    char simple[64];
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0) return (int)i;
    simplify(name, simple, sizeof(simple));
    return *simple ? find_simple(names, simple) : -1;
}

void column_names_fini(struct column_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) mem_free(names->names[i]);
    names->count = 0;
}

static void list_names(const struct column_names *names, struct buf *out)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (i > 0) buf_add_text(out, ", ");
        text_add_utf8(out, names->names[i], strlen(names->names[i]));
    }
}

static souk_status no_such_name(const struct config *config, const char *path,
                                const struct column_names *header, const char *key,
                                const char *name)
{
    if (!header)
        return config_fail_at(config, key,
                              "%s is read without a header; give the position of the column, from "
                              "1, instead of \"%s\", or set data.header=yes",
                              path, name);
    struct buf list = {0};
    list_names(header, &list);
    const char *near =
        text_nearest(name, (const char *const *)(const void *)header->names, header->count);
    souk_status status = config_fail_at(
        config, key, "\"%s\" is no column of %s; it has: %s%s%s%s", name, path, buf_text(&list),
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    buf_fini(&list);
    return status;
}

souk_status column_not_found(const char *path, const struct column_names *header,
                             const struct column_role *role)
{
    struct buf list = {0};
    list_names(header, &list);
    souk_status status =
        log_fail(SOUK_ECONFIG, "%s: cannot tell which column is the %s; set %s to one of: %s", path,
                 role->what, role->key, buf_text(&list));
    buf_fini(&list);
    return status;
}

souk_status column_find_told(const struct config *config, const char *path,
                             const struct column_names *header, const char *key, const char *told,
                             uint32_t num_columns, int *column_out)
{
    int found = header ? column_find_name(header, told) : -1; // a header may call a column "1"
    uint64_t position = 0;
    if (found < 0 && field_parse_u64(told, strlen(told), &position)) {
        if (position < 1 || position > num_columns)
            return config_fail_at(config, key,
                                  "%s has columns 1 to %u, no column %s; set data.delimiter if "
                                  "they are cut in the wrong places",
                                  path, num_columns, told);
        found = (int)position - 1;
    }
    if (found < 0) return no_such_name(config, path, header, key, told);
    *column_out = found;
    return SOUK_OK;
}
