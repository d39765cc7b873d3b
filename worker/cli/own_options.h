/* own_options.h - options that belong to one verb alone: a table of rows, each a field of a struct.
 * A verb that takes shared options too (verb.h) names its table in struct verb, calls
 * own_options_take, and then args_parse with what is left.
 *
 * Threads: pure functions.
 */
#ifndef SOUK_WORKER_CLI_OWN_OPTIONS_H
#define SOUK_WORKER_CLI_OWN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

enum own_kind {
    OWN_COUNT,   // uint64_t
    OWN_COUNT32, // uint32_t; larger numbers become UINT32_MAX
    OWN_NUMBER,  // double, finite
    OWN_TEXT,    // const char *, borrowed from argv
    OWN_SWITCH,  // bool: takes no value
    OWN_TSV,     // bool: the value is tsv or csv
};

struct own_option {
    const char *name; // with its dashes
    enum own_kind kind;
    size_t offset; // of the field
};

struct own_options {
    const char *verb; // "data generate", for messages
    const struct own_option *rows;
    unsigned num_rows;
};

/* Sets the fields that the words tell: "--name value" or "--name=value"; words that are no option
 * go to words_out, which has room for argc, and their number to *num_words_out. SOUK_EUSAGE,
 * logged. */
SOUK_MUST_CHECK souk_status own_options_parse(const struct own_options *options, int argc,
                                              char **argv, void *fields, char **words_out,
                                              int *num_words_out);

/* The same for words among which are shared options: takes its own out of argv, which keeps
 * argv[0], and leaves the others in their order; *argc says how many those are. */
SOUK_MUST_CHECK souk_status own_options_take(const struct own_options *options, int *argc,
                                             char **argv, void *fields);

#endif
