/* rating_columns.c - see rating_columns.h. */
#include "worker/data/rating_columns.h"

#include "common/base/log.h"

enum { ROLE_USER, ROLE_ITEM, ROLE_RATING, NUM_ROLES };

static const struct column_role *const roles[NUM_ROLES] = {&column_user, &column_item,
                                                           &column_rating};

static const char *told(const struct config *config, int role)
{
    const char *const texts[NUM_ROLES] = {config->data.user, config->data.item,
                                          config->data.rating};
    return column_is_auto(texts[role]) ? "auto" : texts[role];
}

bool rating_columns_are_named(const struct config *config, const struct column_names *fields)
{
    for (int role = 0; role < NUM_ROLES; role++) {
        const char *name = told(config, role);
        if (!column_is_auto(name) && !column_is_position(name)) return true;
    }
    return column_find_usual(fields, &column_user) >= 0 &&
           column_find_usual(fields, &column_item) >= 0;
}

// Usual names where the header has some, else the first, second and third column.
static void find_auto_columns(const struct config *config, const struct column_names *header,
                              uint32_t num_columns, int columns[NUM_ROLES])
{
    bool has_usual = false;
    for (int role = 0; header && role < NUM_ROLES; role++) {
        if (!column_is_auto(told(config, role))) continue;
        columns[role] = column_find_usual(header, roles[role]);
        if (columns[role] >= 0) has_usual = true;
    }
    for (int role = 0; !has_usual && role < NUM_ROLES; role++)
        if (column_is_auto(told(config, role)) && (uint32_t)role < num_columns)
            columns[role] = role;
}

static souk_status check_columns(const char *path, const struct column_names *header,
                                 bool needs_rating, uint32_t num_columns,
                                 const int columns[NUM_ROLES])
{
    for (int role = 0; role < NUM_ROLES; role++) {
        if (columns[role] >= 0 || (role == ROLE_RATING && !needs_rating)) continue;
        if (header) return column_not_found(path, header, roles[role]);
        return log_fail(SOUK_ECONFIG, "%s has %u columns; a user, an item%s are needed", path,
                        num_columns, needs_rating ? " and a rating" : "");
    }
    for (int a = 0; a < NUM_ROLES; a++)
        for (int b = a + 1; b < NUM_ROLES; b++)
            if (columns[a] == columns[b] && columns[a] >= 0)
                return log_fail(SOUK_ECONFIG,
                                "%s: column %d would be both the %s and the %s; set %s and %s",
                                path, columns[a] + 1, roles[a]->what, roles[b]->what, roles[a]->key,
                                roles[b]->key);
    return SOUK_OK;
}

souk_status rating_columns_find(const struct config *config, const char *path,
                                const struct column_names *header, bool needs_rating,
                                struct rating_format *format)
{
    int columns[NUM_ROLES] = {-1, -1, -1};
    find_auto_columns(config, header, format->layout.num_columns, columns);
    for (int role = 0; role < NUM_ROLES; role++) {
        if (column_is_auto(told(config, role))) continue;
        souk_status status =
            column_find_told(config, path, header, roles[role]->key, told(config, role),
                             format->layout.num_columns, &columns[role]);
        if (status) return status;
    }
    // A rating that nobody needs or mentions gives way.
    int rating = columns[ROLE_RATING];
    if (!needs_rating && column_is_auto(told(config, ROLE_RATING)) &&
        (rating == columns[ROLE_USER] || rating == columns[ROLE_ITEM]))
        columns[ROLE_RATING] = -1;
    souk_status status =
        check_columns(path, header, needs_rating, format->layout.num_columns, columns);
    if (status) return status;
    format->user_column = (uint32_t)columns[ROLE_USER];
    format->item_column = (uint32_t)columns[ROLE_ITEM];
    format->has_rating = columns[ROLE_RATING] >= 0;
    format->rating_column = format->has_rating ? (uint32_t)columns[ROLE_RATING] : 0;
    return SOUK_OK;
}
