/* config.c - finding and setting options, and where their values came from. See config.h. */
#include "common/text/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/config_option.h"

enum { FILE_BYTES_MAX = 1 << 20, CANDIDATES_MAX = 256 };

struct origin {
    char *key;   // "model.k"; owned
    char *where; // "conf/mf.yaml:7"; owned
};

// A few dozen entries: scanning them costs less than anything cleverer would in lines.
struct config_origins {
    struct origin *items;
    size_t num_items;
    size_t capacity;
};

static void *field_of(void *base, const struct option *option)
{
    return (char *)base + option->offset;
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    config->origins = mem_calloc(1, sizeof(*config->origins), "origins of a configuration");
    for (unsigned i = 0; i < config_num_options; i++)
        option_reset(&config_options[i], field_of(config, &config_options[i]));
}

void config_fini(struct config *config)
{
    for (unsigned i = 0; i < config_num_options; i++)
        option_free(&config_options[i], field_of(config, &config_options[i]));
    struct config_origins *origins = config->origins;
    for (size_t i = 0; origins && i < origins->num_items; i++) {
        mem_free(origins->items[i].key);
        mem_free(origins->items[i].where);
    }
    if (origins) mem_free(origins->items);
    mem_free(origins);
    *config = (struct config){0};
}

static struct origin *find_origin(const struct config *config, const char *key)
{
    struct config_origins *origins = config->origins;
    for (size_t i = 0; origins && i < origins->num_items; i++)
        if (strcmp(origins->items[i].key, key) == 0) return &origins->items[i];
    return NULL;
}

static void set_origin(struct config *config, const char *key, const struct config_source *source)
{
    struct config_origins *origins = config->origins;
    struct origin *origin = find_origin(config, key);
    if (!origin) {
        mem_reserve(&origins->items, &origins->capacity, origins->num_items + 1, sizeof(*origin),
                    "origins of a configuration");
        origin = &origins->items[origins->num_items++];
        *origin = (struct origin){.key = mem_strdup(key)};
    }
    struct buf where = {0};
    buf_add_text(&where, source->name);
    if (source->line > 0) buf_printf(&where, ":%u", source->line);
    mem_free(origin->where);
    origin->where = mem_strdup(buf_text(&where));
    buf_fini(&where);
}

const char *config_origin(const struct config *config, const char *key)
{
    const struct origin *origin = find_origin(config, key);
    return origin && origin->where ? origin->where : "default";
}

void config_reset(struct config *config, const char *section)
{
    size_t length = strlen(section);
    for (unsigned i = 0; i < config_num_options; i++) {
        const struct option *option = &config_options[i];
        if (strncmp(option->key, section, length) != 0 || option->key[length] != '.') continue;
        option_reset(option, field_of(config, option));
        struct origin *origin = find_origin(config, option->key);
        if (!origin) continue;
        mem_free(origin->where);
        origin->where = NULL;
    }
}

souk_status config_fail(const struct config_source *source, const char *key, const char *format,
                        ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (source->line == 0) return log_fail(SOUK_ECONFIG, "%s %s: %s", source->name, key, message);
    return log_fail(SOUK_ECONFIG, "%s:%u: %s: %s", source->name, source->line, key, message);
}

static const struct option *find_option(const struct option *options, unsigned num_options,
                                        const char *key)
{
    for (unsigned i = 0; i < num_options; i++)
        if (strcmp(options[i].key, key) == 0) return &options[i];
    return NULL;
}

bool config_is_option(const char *key)
{
    return find_option(config_options, config_num_options, key) != NULL;
}

// Reads "tables.NAME" or "tables.NAME.OPTION"; *rest_out is NULL or points at OPTION.
static bool split_table_key(const char *key, char name_out[SOUK_NAME_MAX], const char **rest_out)
{
    static const char prefix[] = "tables.", allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (strncmp(key, prefix, sizeof(prefix) - 1) != 0) return false;
    const char *name = key + sizeof(prefix) - 1;
    size_t length = strspn(name, allowed);
    if (length == 0 || length >= SOUK_NAME_MAX) return false;
    if (name[length] != '.' && name[length] != '\0') return false;
    memcpy(name_out, name, length);
    name_out[length] = '\0';
    *rest_out = name[length] == '.' ? name + length + 1 : NULL;
    return true;
}

bool config_is_section(const char *key)
{
    char name[SOUK_NAME_MAX];
    const char *rest;
    for (unsigned i = 0; i < config_num_sections; i++)
        if (strcmp(config_sections[i].name, key) == 0) return true;
    return split_table_key(key, name, &rest) && !rest;
}

// The table's options, which are made when they are not there; NULL when there is no more room.
static struct config_table *get_table(struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->num_tables; i++)
        if (strcmp(config->tables[i].name, name) == 0) return &config->tables[i];
    if (config->num_tables == SOUK_TABLES_MAX) return NULL;
    struct config_table *table = &config->tables[config->num_tables++];
    *table = (struct config_table){0};
    memcpy(table->name, name, strlen(name) + 1);
    for (unsigned i = 0; i < config_num_table_options; i++)
        option_reset(&config_table_options[i], field_of(table, &config_table_options[i]));
    return table;
}

static const char *leaf_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

// The only option whose last word is this one, or NULL.
static const char *key_with_leaf(const char *leaf)
{
    const char *found = NULL;
    for (unsigned i = 0; i < config_num_options; i++) {
        if (strcmp(leaf_of(config_options[i].key), leaf) != 0) continue;
        if (found) return NULL;
        found = config_options[i].key;
    }
    return found;
}

// An option of the section of `key` whose last word is like that of `key`.
static const char *nearest_in_section(const char *key)
{
    const char *candidates[CANDIDATES_MAX] = {NULL}, *dot = strchr(key, '.');
    size_t n = 0, length = dot ? (size_t)(dot - key) + 1 : 0;
    for (unsigned i = 0; length > 0 && i < config_num_options; i++)
        if (strncmp(config_options[i].key, key, length) == 0)
            candidates[n++] = config_options[i].key + length;
    const char *word = text_nearest(key + length, candidates, n);
    return word ? word - length : NULL;
}

// An option of any section whose last word is like that of `key`, the first of several; short words
// are like too many.
static const char *nearest_leaf(const char *key)
{
    const char *candidates[CANDIDATES_MAX] = {NULL}, *leaf = leaf_of(key);
    for (unsigned i = 0; i < config_num_options; i++)
        candidates[i] = leaf_of(config_options[i].key);
    const char *word = strlen(leaf) < 4 ? NULL : text_nearest(leaf, candidates, config_num_options);
    for (unsigned i = 0; word && i < config_num_options; i++)
        if (candidates[i] == word) return config_options[i].key;
    return NULL;
}

// A section or an option whose whole name is like `key`.
static const char *nearest_anywhere(const char *key)
{
    const char *candidates[CANDIDATES_MAX] = {NULL};
    size_t n = 0;
    for (unsigned i = 0; i < config_num_sections; i++) candidates[n++] = config_sections[i].name;
    for (unsigned i = 0; i < config_num_options; i++) candidates[n++] = config_options[i].key;
    return text_nearest(key, candidates, n);
}

// Whether the first word of a key is a section.
static bool has_section(const char *key)
{
    size_t length = strcspn(key, ".");
    for (unsigned i = 0; i < config_num_sections; i++) {
        const char *name = config_sections[i].name;
        if (strlen(name) == length && memcmp(name, key, length) == 0) return true;
    }
    return false;
}

// What the user may have meant by an unknown key; an empty buf when nothing comes near.
static void suggest(const char *key, struct buf *out)
{
    char name[SOUK_NAME_MAX];
    const char *rest, *candidates[CANDIDATES_MAX] = {NULL};
    if (split_table_key(key, name, &rest) && rest) {
        size_t n = 0;
        for (; n < config_num_table_options; n++) candidates[n] = config_table_options[n].key;
        const char *word = text_nearest(rest, candidates, n);
        if (word) buf_printf(out, "tables.%s.%s", name, word);
        return;
    }
    const char *nearest = key_with_leaf(leaf_of(key)); // right word, wrong section
    if (!nearest) nearest = has_section(key) ? nearest_in_section(key) : nearest_anywhere(key);
    if (!nearest) nearest = nearest_leaf(key);
    if (nearest) buf_add_text(out, nearest);
}

souk_status config_fail_no_help(const char *key)
{
    struct buf quoted = {0}, meant = {0};
    option_quote(key, strlen(key), &quoted);
    suggest(key, &meant);
    souk_status status =
        meant.length > 0
            ? log_fail(SOUK_EUSAGE, "there is no option %s; did you mean \"%s\"?",
                       buf_text(&quoted), meant.text)
            : log_fail(SOUK_EUSAGE, "there is no option %s; souk config doc lists all keys",
                       buf_text(&quoted));
    buf_fini(&quoted);
    buf_fini(&meant);
    return status;
}

souk_status config_fail_unknown(const struct config_source *source, const char *key)
{
    struct buf message = {0}, meant = {0};
    if (source->line > 0)
        buf_printf(&message, "%s:%u: unknown key ", source->name, source->line);
    else
        buf_printf(&message, "%s: unknown key ", source->name);
    option_quote(key, strlen(key), &message);
    suggest(key, &meant);
    if (strncmp(key, "tables.", 7) == 0 && meant.length == 0)
        buf_add_text(&message, "; it must be tables.<name>.<option>, names are of a-z, 0-9 and _");
    else if (meant.length > 0)
        buf_printf(&message, "; did you mean \"%s\"?", meant.text);
    else
        buf_add_text(&message, "; souk config doc lists all keys");
    souk_status status = log_fail(SOUK_ECONFIG, "%s", buf_text(&message));
    buf_fini(&message);
    buf_fini(&meant);
    return status;
}

souk_status config_assign(struct config *config, const struct config_source *source,
                          const char *key, const struct option_value *value)
{
    char name[SOUK_NAME_MAX];
    const char *rest = NULL;
    const struct option *option = find_option(config_options, config_num_options, key);
    void *base = config;
    if (!option && split_table_key(key, name, &rest) && rest)
        option = find_option(config_table_options, config_num_table_options, rest);
    if (!option) return config_fail_unknown(source, key);
    if (rest) base = get_table(config, name);
    if (!base) return config_fail(source, key, "more than %d tables", SOUK_TABLES_MAX);

    struct buf why = {0};
    souk_status status = option_parse(option, value, field_of(base, option), &why);
    if (status == SOUK_OK)
        set_origin(config, key, source);
    else
        status = config_fail(source, key, "%s", buf_text(&why));
    buf_fini(&why);
    return status;
}

souk_status config_read_file(struct config *config, const char *path)
{
    char *text;
    size_t length;
    souk_status status = file_read(path, FILE_BYTES_MAX, &text, &length);
    if (status == SOUK_ENOTFOUND || status == SOUK_EDATA) return SOUK_ECONFIG;
    if (status != SOUK_OK) return status;
    status = config_read_text(config, text, length, path);
    mem_free(text);
    return status;
}

souk_status config_read_text(struct config *config, const char *text, size_t length,
                             const char *name)
{
    return config_read_yaml(config, text, length, name, true);
}

// "a,b" as a list of two, or any text as a scalar.
static souk_status assign_text(struct config *config, const char *key, const char *text,
                               bool is_list)
{
    struct config_source source = {.name = "--set"};
    struct option_item items[CONFIG_LIST_MAX + 1];
    uint32_t num_items = 0;
    char *copy = mem_strdup(text), *at = copy;
    while (num_items <= CONFIG_LIST_MAX) {
        char *comma = is_list ? strchr(at, ',') : NULL;
        if (comma) *comma = '\0';
        items[num_items++] = (struct option_item){.text = at, .length = strlen(at)};
        if (!comma) break;
        at = comma + 1;
    }
    struct option_value value = {items, num_items, is_list && num_items > 1};
    souk_status status = config_assign(config, &source, key, &value);
    mem_free(copy);
    return status;
}

souk_status config_set(struct config *config, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment) {
        struct buf text = {0};
        option_quote(assignment, strlen(assignment), &text);
        souk_status status =
            log_fail(SOUK_ECONFIG, "--set %s: write it as section.key=value", buf_text(&text));
        buf_fini(&text);
        return status;
    }
    struct buf key = {0};
    buf_add(&key, assignment, (size_t)(equals - assignment));
    const struct option *option = find_option(config_options, config_num_options, key.text);
    bool is_list = option && option->type == OPTION_LIST;
    souk_status status;
    if (is_list && equals[1] == '[') { // the YAML form, for entries with commas
        buf_printf(&key, ": %s", equals + 1);
        status = config_read_yaml(config, key.text, key.length, "--set", false);
    } else {
        status = assign_text(config, key.text, equals + 1, is_list);
    }
    buf_fini(&key);
    return status;
}
