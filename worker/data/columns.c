/* columns.c - see columns.h. */
#include "worker/data/columns.h"

#include <ctype.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"

enum { ROLE_USER, ROLE_ITEM, ROLE_RATING, NUM_ROLES, SPELLINGS_MAX = 24 };

// What a column may be called when nobody says it: lower case, without marks, likeliest first.
static const struct {
    const char *key; // of the option that tells the column
    const char *what;
    const char *spellings[SPELLINGS_MAX];
} roles[NUM_ROLES] = {
    {"data.user",
     "user",
     {"user", "userid", "uid", "users", "userkey", "userno", "username", "reviewerid", "reviewer",
      "customerid", "customer", "memberid", "visitorid", "accountid"}},
    {"data.item", "item", {"item",      "itemid",  "iid",        "items",    "movieid", "movie",
                           "productid", "product", "parentasin", "asin",     "bookid",  "book",
                           "isbn",      "songid",  "trackid",    "artistid", "animeid", "gameid",
                           "sku",       "itemno",  "businessid"}},
    {"data.rating",
     "rating",
     {"rating", "ratings", "score", "stars", "star", "overall", "userrating", "bookrating", "value",
      "preference"}},
};

static const char *told(const struct config *config, int role)
{
    const char *const texts[NUM_ROLES] = {config->data.user, config->data.item,
                                          config->data.rating};
    return texts[role] && *texts[role] ? texts[role] : "auto";
}

static bool is_auto(const char *text)
{
    return strcmp(text, "auto") == 0;
}

static bool is_position(const char *text)
{
    uint64_t unused;
    return field_parse_u64(text, strlen(text), &unused);
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

static int find_usual(const struct column_names *names, int role)
{
    int found = -1;
    for (int i = 0; found < 0 && i < SPELLINGS_MAX && roles[role].spellings[i]; i++)
        found = find_simple(names, roles[role].spellings[i]);
    return found;
}

// As it is written, else as it is meant.
static int find_told(const struct column_names *names, const char *name)
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

bool columns_want_names(const struct config *config)
{
    for (int role = 0; role < NUM_ROLES; role++)
        if (!is_auto(told(config, role)) && !is_position(told(config, role))) return true;
    return false;
}

bool columns_are_named(const struct config *config, const struct column_names *names)
{
    for (int role = 0; role < NUM_ROLES; role++) {
        const char *name = told(config, role);
        if (!is_auto(name) && !is_position(name) && find_told(names, name) >= 0) return true;
    }
    return find_usual(names, ROLE_USER) >= 0 && find_usual(names, ROLE_ITEM) >= 0;
}

static void list_names(const struct column_names *names, struct buf *out)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (i > 0) buf_add_text(out, ", ");
        text_add_utf8(out, names->names[i], strlen(names->names[i]));
    }
}

static souk_status no_such_name(const struct config *config, const char *path,
                                const struct column_names *header, int role)
{
    const char *key = roles[role].key, *name = told(config, role);
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

static souk_status not_found(const char *path, const struct column_names *header, int role)
{
    struct buf list = {0};
    list_names(header, &list);
    souk_status status =
        log_fail(SOUK_ECONFIG, "%s: cannot tell which column is the %s; set %s to one of: %s", path,
                 roles[role].what, roles[role].key, buf_text(&list));
    buf_fini(&list);
    return status;
}

// A column that the configuration tells: by position or by name.
static souk_status find_told_column(const struct config *config, const char *path,
                                    const struct column_names *header, int role,
                                    uint32_t num_columns, int *column_out)
{
    const char *name = told(config, role);
    int found = header ? find_told(header, name) : -1; // a header may call a column "1"
    uint64_t position = 0;
    if (found < 0 && field_parse_u64(name, strlen(name), &position)) {
        if (position < 1 || position > num_columns)
            return config_fail_at(config, roles[role].key,
                                  "%s has columns 1 to %u, no column %s; set data.delimiter if "
                                  "they are cut in the wrong places",
                                  path, num_columns, name);
        found = (int)position - 1;
    }
    if (found < 0) return no_such_name(config, path, header, role);
    *column_out = found;
    return SOUK_OK;
}

// Usual names where the header has some, else the first, second and third column.
static void find_auto_columns(const struct config *config, const struct column_names *header,
                              uint32_t num_columns, int columns[NUM_ROLES])
{
    bool has_usual = false;
    for (int role = 0; header && role < NUM_ROLES; role++) {
        if (!is_auto(told(config, role))) continue;
        columns[role] = find_usual(header, role);
        if (columns[role] >= 0) has_usual = true;
    }
    for (int role = 0; !has_usual && role < NUM_ROLES; role++)
        if (is_auto(told(config, role)) && (uint32_t)role < num_columns) columns[role] = role;
}

static souk_status check_columns(const char *path, const struct column_names *header,
                                 bool needs_rating, uint32_t num_columns,
                                 const int columns[NUM_ROLES])
{
    for (int role = 0; role < NUM_ROLES; role++) {
        if (columns[role] >= 0 || (role == ROLE_RATING && !needs_rating)) continue;
        if (header) return not_found(path, header, role);
        return log_fail(SOUK_ECONFIG, "%s has %u columns; a user, an item%s are needed", path,
                        num_columns, needs_rating ? " and a rating" : "");
    }
    for (int a = 0; a < NUM_ROLES; a++)
        for (int b = a + 1; b < NUM_ROLES; b++)
            if (columns[a] == columns[b] && columns[a] >= 0)
                return log_fail(
                    SOUK_ECONFIG, "%s: column %d would be both the %s and the %s; set %s and %s",
                    path, columns[a] + 1, roles[a].what, roles[b].what, roles[a].key, roles[b].key);
    return SOUK_OK;
}

souk_status columns_find(const struct config *config, const char *path,
                         const struct column_names *header, bool needs_rating,
                         struct rating_format *format)
{
    int columns[NUM_ROLES] = {-1, -1, -1};
    find_auto_columns(config, header, format->num_columns, columns);
    for (int role = 0; role < NUM_ROLES; role++) {
        if (is_auto(told(config, role))) continue;
        souk_status status =
            find_told_column(config, path, header, role, format->num_columns, &columns[role]);
        if (status) return status;
    }
    // A rating that nobody needs or mentions gives way.
    int rating = columns[ROLE_RATING];
    if (!needs_rating && is_auto(told(config, ROLE_RATING)) &&
        (rating == columns[ROLE_USER] || rating == columns[ROLE_ITEM]))
        columns[ROLE_RATING] = -1;
    souk_status status = check_columns(path, header, needs_rating, format->num_columns, columns);
    if (status) return status;
    format->user_column = (uint32_t)columns[ROLE_USER];
    format->item_column = (uint32_t)columns[ROLE_ITEM];
    format->has_rating = columns[ROLE_RATING] >= 0;
    format->rating_column = format->has_rating ? (uint32_t)columns[ROLE_RATING] : 0;
    return SOUK_OK;
}
