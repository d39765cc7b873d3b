/* config_yaml.c - the subset of YAML that configurations are written in, by libyaml.
 *
 * Sections with scalars and lists of scalars; comments, both styles, every way of quoting. What
 * YAML has beyond that (anchors, aliases, tags, merge keys, several documents) is refused with a
 * message: none of it can say anything that a configuration needs, and all of it can surprise.
 *
 * Events are walked as they come, so a hostile file costs what its bytes cost: nothing is expanded
 * and nesting ends the reading at DEPTH_MAX.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/config_option.h"

enum { DEPTH_MAX = 16, ERRORS_MAX = 30 };

// A key that this file has set, or a section that it has begun.
struct seen {
    char *key; // owned
    uint32_t line;
};

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; // the current one; owned
    struct config *config;
    const char *name; // of the text, for messages
    bool has_lines;   // messages name a line
    const char *text;
    size_t length;
    struct buf path; // "tables.user" while that section is read
    struct seen *seen;
    size_t num_seen;
    size_t seen_capacity;
    unsigned num_errors;
    bool is_over; // the text cannot be read any further
};

static struct config_source source_at(const struct reader *reader, size_t line_idx)
{
    return (struct config_source){reader->name, reader->has_lines ? (uint32_t)line_idx + 1 : 0};
}

static struct config_source source_here(const struct reader *reader)
{
    return source_at(reader, reader->event.start_mark.line);
}

static void count_error(struct reader *reader, souk_status status)
{
    if (status == SOUK_OK) return;
    if (++reader->num_errors < ERRORS_MAX) return;
    if (!reader->is_over) log_error("%s: further errors are not shown", reader->name);
    reader->is_over = true;
}

// An error of the text itself, or of the current key.
__attribute__((format(printf, 3, 4))) static void fail(struct reader *reader, size_t line_idx,
                                                       const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct config_source source = source_at(reader, line_idx);
    if (source.line > 0)
        log_error("%s:%u: %s", source.name, source.line, message);
    else
        log_error("%s: %s", source.name, message);
    count_error(reader, SOUK_ECONFIG);
}

static size_t line_of_offset(const struct reader *reader, size_t offset)
{
    size_t line_idx = 0;
    for (size_t i = 0; i < offset && i < reader->length; i++) line_idx += reader->text[i] == '\n';
    return line_idx;
}

// Whether a tab stands among the blanks that begin a line, which libyaml words obscurely.
static bool is_indented_by_tab(const struct reader *reader, size_t line_idx)
{
    const char *at = reader->text, *end = at + reader->length;
    while (line_idx > 0 && at < end) line_idx -= *at++ == '\n';
    while (at < end && *at == ' ') at++;
    return at < end && *at == '\t';
}

static void fail_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t line_idx = parser->problem_mark.line;
    const char *problem = parser->problem ? parser->problem : "not readable";
    reader->is_over = true;
    if (parser->error == YAML_READER_ERROR) {
        line_idx = line_of_offset(reader, parser->problem_offset);
        fail(reader, line_idx, "not UTF-8 text: %s", problem);
    } else if (is_indented_by_tab(reader, line_idx)) {
        fail(reader, line_idx, "a tab cannot indent YAML; use spaces");
    } else {
        fail(reader, line_idx, "not valid YAML: %s%s%s", problem, parser->context ? " " : "",
             parser->context ? parser->context : "");
    }
}

// Fetches the next event; false when there is none any more.
static bool next(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (reader->is_over) return false;
    if (yaml_parser_parse(&reader->parser, &reader->event)) return true;
    fail_syntax(reader);
    return false;
}

static bool is_start(const struct reader *reader)
{
    return reader->event.type == YAML_MAPPING_START_EVENT ||
           reader->event.type == YAML_SEQUENCE_START_EVENT;
}

static bool is_end(const struct reader *reader)
{
    return reader->event.type == YAML_MAPPING_END_EVENT ||
           reader->event.type == YAML_SEQUENCE_END_EVENT;
}

// Passes over the node that begins with the current event.
static void skip_node(struct reader *reader)
{
    if (!is_start(reader)) return;
    for (unsigned depth = 1; depth > 0 && next(reader);) {
        if (is_start(reader)) depth++;
        if (is_end(reader)) depth--;
        if (depth <= DEPTH_MAX) continue;
        fail(reader, reader->event.start_mark.line, "nested too deeply for a configuration");
        reader->is_over = true;
    }
}

// What makes a node more than a plain value; NULL for nothing.
static const char *find_extra(const yaml_event_t *event)
{
    static const char anchor[] = "anchors (&name) are not supported; write the value out";
    static const char tag[] = "tags (!name) are not supported; leave it out";
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "aliases (*name) are not supported; write the value out";
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor ? anchor : event->data.scalar.tag ? tag : NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor ? anchor
               : event->data.sequence_start.tag  ? tag
                                                 : NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor ? anchor
               : event->data.mapping_start.tag  ? tag
                                                : NULL;
    default: return NULL;
    }
}

// Refuses the current node when it is more than a plain value.
static bool refuse_extra(struct reader *reader)
{
    const char *extra = find_extra(&reader->event);
    if (!extra) return false;
    fail(reader, reader->event.start_mark.line, "%s", extra);
    skip_node(reader);
    return true;
}

// A copy of the current scalar; an unquoted null is an empty text.
static struct option_item copy_scalar(const struct reader *reader)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t length = reader->event.data.scalar.length;
    bool is_quoted = reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool is_null = !is_quoted && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
    if (is_null) length = 0;
    char *copy = mem_alloc(length + 1, "value of a configuration");
    memcpy(copy, text, length);
    copy[length] = '\0';
    return (struct option_item){copy, length, is_quoted};
}

static void free_item(struct option_item *item)
{
    char *text = (char *)(uintptr_t)item->text; // of copy_scalar
    mem_free(text);
}

// Notes a key; an error when this text had it before.
static bool note_key(struct reader *reader, const struct config_source *source)
{
    const char *key = buf_text(&reader->path);
    for (size_t i = 0; i < reader->num_seen; i++) {
        if (strcmp(reader->seen[i].key, key) != 0) continue;
        count_error(reader, config_fail(source, key, "stands here again; line %u has it already",
                                        reader->seen[i].line));
        return false;
    }
    mem_reserve(&reader->seen, &reader->seen_capacity, reader->num_seen + 1,
                sizeof(reader->seen[0]), "keys of a configuration");
    reader->seen[reader->num_seen++] = (struct seen){mem_strdup(key), source->line};
    return true;
}

static void assign(struct reader *reader, const struct config_source *source,
                   const struct option_value *value)
{
    const char *key = buf_text(&reader->path);
    souk_status status = config_assign(reader->config, source, key, value);
    if (status == SOUK_OK) (void)note_key(reader, source);
    count_error(reader, status);
}

static void read_scalar(struct reader *reader, const struct config_source *source)
{
    struct option_item item = copy_scalar(reader);
    const char *key = buf_text(&reader->path);
    if (!config_is_section(key))
        assign(reader, source, &(struct option_value){&item, 1, false});
    else if (item.length > 0)
        count_error(reader, config_fail(source, key, "is a section: it holds keys, not a value"));
    free_item(&item);
}

// Reads the entries of a list; entries that are none are errors and are left out.
static void read_list(struct reader *reader, const struct config_source *source)
{
    struct option_item items[CONFIG_LIST_MAX + 1];
    uint32_t num_items = 0;
    unsigned num_errors = reader->num_errors;
    while (next(reader) && reader->event.type != YAML_SEQUENCE_END_EVENT) {
        if (refuse_extra(reader)) continue;
        if (reader->event.type != YAML_SCALAR_EVENT) {
            fail(reader, reader->event.start_mark.line, "%s: a list holds plain values only",
                 buf_text(&reader->path));
            skip_node(reader);
        } else if (num_items <= CONFIG_LIST_MAX) {
            items[num_items++] = copy_scalar(reader);
        }
    }
    if (!reader->is_over && reader->num_errors == num_errors)
        assign(reader, source, &(struct option_value){items, num_items, true});
    for (uint32_t i = 0; i < num_items; i++) free_item(&items[i]);
}

static void read_section(struct reader *reader);

static void read_value(struct reader *reader, const struct config_source *source)
{
    const char *key = buf_text(&reader->path);
    if (refuse_extra(reader)) return;
    if (reader->event.type == YAML_SCALAR_EVENT) {
        read_scalar(reader, source);
    } else if (reader->event.type == YAML_SEQUENCE_START_EVENT) {
        read_list(reader, source);
    } else if (!config_is_section(key)) {
        count_error(reader, config_is_option(key)
                                ? config_fail(source, key, "takes a value, but holds keys")
                                : config_fail_unknown(source, key));
        skip_node(reader);
    } else if (!note_key(reader, source)) {
        skip_node(reader);
    } else {
        read_section(reader); // at most three deep, as keys are
    }
}

// Appends the key in the current event to the path; false when it is no plain text.
static bool append_key(struct reader *reader)
{
    if (reader->event.type != YAML_SCALAR_EVENT) {
        fail(reader, reader->event.start_mark.line, "a key must be a plain word");
        skip_node(reader);
        return false;
    }
    const char *key = (const char *)reader->event.data.scalar.value;
    size_t length = reader->event.data.scalar.length;
    if (reader->path.length > 0) buf_add_char(&reader->path, '.');
    // A key with a zero byte would compare equal to what stands before that.
    for (size_t i = 0; i < length; i++) buf_add_char(&reader->path, key[i] ? key[i] : '?');
    return true;
}

// Reads the keys of a section, whose start is the current event, up to its end.
static void read_section(struct reader *reader)
{
    size_t path_length = reader->path.length;
    while (next(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
        struct config_source source = source_here(reader);
        bool is_good = !refuse_extra(reader) && append_key(reader);
        if (!next(reader)) break;
        if (is_good)
            read_value(reader, &source);
        else
            skip_node(reader);
        reader->path.length = path_length;
        if (reader->path.text) reader->path.text[path_length] = '\0';
    }
}

// Reads the one document that a text may hold.
static void read_document(struct reader *reader)
{
    if (refuse_extra(reader)) return;
    bool is_empty =
        reader->event.type == YAML_SCALAR_EVENT && reader->event.data.scalar.length == 0;
    if (reader->event.type == YAML_MAPPING_START_EVENT) {
        read_section(reader);
    } else if (!is_empty) {
        fail(reader, reader->event.start_mark.line,
             "a configuration begins with a section, such as \"data:\"");
        skip_node(reader);
    }
}

static void read_stream(struct reader *reader)
{
    unsigned num_documents = 0;
    while (next(reader) && reader->event.type != YAML_STREAM_END_EVENT) {
        if (reader->event.type != YAML_DOCUMENT_START_EVENT) continue;
        if (num_documents++ > 0) {
            fail(reader, reader->event.start_mark.line,
                 "a second document (\"---\") begins; a configuration is one");
            return;
        }
        if (next(reader)) read_document(reader);
    }
}

souk_status config_read_yaml(struct config *config, const char *text, size_t length,
                             const char *name, bool has_lines)
{
    struct reader reader = {
        .config = config, .name = name, .has_lines = has_lines, .text = text, .length = length};
    if (!yaml_parser_initialize(&reader.parser))
        return log_fail(SOUK_ENOMEM, "%s: no memory to read it", name);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    read_stream(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    for (size_t i = 0; i < reader.num_seen; i++) mem_free(reader.seen[i].key);
    mem_free(reader.seen);
    buf_fini(&reader.path);
    return reader.num_errors > 0 ? SOUK_ECONFIG : SOUK_OK;
}
