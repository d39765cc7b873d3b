/* config_option.h - what the files of the configuration share. Private to common/text/config*.c.
 *
 *   config_table.c   the options: one row each
 *   config_value.c   texts to fields, with ranges
 *   config_print.c   fields to texts
 *   config_yaml.c    YAML files, by libyaml
 *   config.c         finding options, setting them, where they came from
 *   config_check.c   what no single option can say; options of tables applied
 *   config_doc.c     show, doc, help
 *
 * Threads: as config.h; the tables are constant.
 */
#ifndef SOUK_COMMON_TEXT_CONFIG_OPTION_H
#define SOUK_COMMON_TEXT_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/config.h"

enum option_type {
    OPTION_BOOL,
    OPTION_U32,
    OPTION_U64,
    OPTION_F32,
    OPTION_F64,
    OPTION_TEXT,
    OPTION_ENUM,
    OPTION_LIST,
};

enum { OPTION_CHOICES_MAX = 32 };

struct option_range {
    double min, max; // of numbers; +-INFINITY where only the type limits them
    bool is_min_open, is_max_open;
};

struct option {
    const char *key; // "model.k"; in config_table_options "pull", for tables.<name>.pull
    enum option_type type;
    size_t offset;        // in struct config; or in struct config_table
    const char *fallback; // the default as a user would write it; NULL: not set, model chooses
    struct option_range range;
    const char *(*name_of)(unsigned value); // enums and texts with choices; NULL past the last
    const char *help;                       // a sentence or two, no full stop
};

struct option_section {
    const char *name; // "model", also the first word of its keys
    const char *help;
};

extern const struct option config_options[];
extern const unsigned config_num_options;
extern const struct option config_table_options[];
extern const unsigned config_num_table_options;
extern const struct option_section config_sections[]; // in the order of the options
extern const unsigned config_num_sections;

/* A value as it was written. */
struct option_item {
    const char *text; // length bytes and a zero; may hold zeros itself
    size_t length;
    bool is_quoted; // in YAML: certainly meant as a text
};
struct option_value {
    const struct option_item *items;
    uint32_t num_items; // 1 for a scalar
    bool is_list;
};

/* Sets a field; on SOUK_ECONFIG it is unchanged and *why says what is wrong with the value. */
SOUK_MUST_CHECK souk_status option_parse(const struct option *option,
                                         const struct option_value *value, void *field,
                                         struct buf *why);
/* Sets the field to the default, freeing what it held. */
void option_reset(const struct option *option, void *field);
void option_free(const struct option *option, void *field);
/* Whether the field has a value; options of a table may have none. */
bool option_is_set(const struct option *option, const void *field);
/* The value as YAML that reads back to the same. */
void option_print(const struct option *option, const void *field, struct buf *out);
/* "whole number, 1..4095" or "auto, yes or no". */
void option_print_type(const struct option *option, struct buf *out);
void option_print_range(const struct option_range *range, struct buf *out);
/* Names of a choice, borrowed; returns their number. */
size_t option_choices(const struct option *option, const char *choices[OPTION_CHOICES_MAX]);
void option_print_choices(const char *const *choices, size_t num_choices, struct buf *out);
/* Up to 60 bytes of user text in quotes, fit for a message: no control characters. */
void option_quote(const char *text, size_t length, struct buf *out);

/* Where a value stands. */
struct config_source {
    const char *name; // file, or "--set"
    uint32_t line;    // 0: not from a file
};

/* Whether keys may begin with "key." */
bool config_is_section(const char *key);
/* Whether it is an option of a section; those of tables are not looked at. */
bool config_is_option(const char *key);
/* Of config_yaml.c. Without has_lines messages name no line, for a text that is none of a file. */
SOUK_MUST_CHECK souk_status config_read_yaml(struct config *config, const char *text, size_t length,
                                             const char *name, bool has_lines);
/* Logs an error of a key and returns SOUK_ECONFIG. */
SOUK_MUST_CHECK souk_status config_fail(const struct config_source *source, const char *key,
                                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));
SOUK_MUST_CHECK souk_status config_fail_unknown(const struct config_source *source,
                                                const char *key);
/* Finds, parses and sets one option; errors are logged. */
SOUK_MUST_CHECK souk_status config_assign(struct config *config, const struct config_source *source,
                                          const char *key, const struct option_value *value);

#endif
