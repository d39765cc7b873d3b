/* xml.c - see xml.h. */
#include "tests/support/xml.h"

#include <stdbool.h>
#include <string.h>

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 64 };

struct parser {
    const char *at;
    char names[DEPTH_MAX][NAME_MAX_BYTES]; // of the open elements
    unsigned depth;
    bool is_root_done;
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ':';
}

static bool read_name(struct parser *parser, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    while (is_name_byte(*parser->at) && n + 1 < NAME_MAX_BYTES) out[n++] = *parser->at++;
    out[n] = '\0';
    return n > 0;
}

// A character of text or of an attribute's value; false when it may not stand there.
static bool skip_character(struct parser *parser)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    unsigned char c = (unsigned char)*parser->at;
    if (c == '<' || (c < 0x20 && c != '\n' && c != '\t' && c != '\r')) return false;
    if (c != '&') {
        parser->at++;
        return true;
    }
    if (parser->at[1] == '#') {
        parser->at += 2;
        size_t digits = strspn(parser->at, "0123456789");
        parser->at += digits;
        return digits > 0 && *parser->at++ == ';';
    }
    for (unsigned i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (strncmp(parser->at, entities[i], strlen(entities[i])) != 0) continue;
        parser->at += strlen(entities[i]);
        return true;
    }
    return false;
}

static const char *read_attributes(struct parser *parser)
{
    char name[NAME_MAX_BYTES];
    while (*parser->at == ' ' || *parser->at == '\n') {
        parser->at++;
        if (*parser->at == '/' || *parser->at == '>') break;
        if (!read_name(parser, name)) return "an attribute without a name";
        if (*parser->at++ != '=') return "an attribute without a value";
        if (*parser->at++ != '"') return "a value without quotes";
        while (*parser->at != '"')
            if (!skip_character(parser)) return "a value with a forbidden character";
        parser->at++;
    }
    return NULL;
}

static const char *read_tag(struct parser *parser)
{
    char name[NAME_MAX_BYTES];
    parser->at++;
    bool is_end = *parser->at == '/';
    if (is_end) parser->at++;
    if (!read_name(parser, name)) return "a tag without a name";
    if (is_end) {
        if (*parser->at++ != '>') return "an end tag with something in it";
        if (parser->depth == 0 || strcmp(parser->names[parser->depth - 1], name) != 0)
            return "an end tag of another element";
        parser->is_root_done = --parser->depth == 0;
        return NULL;
    }
    if (parser->is_root_done) return "two roots";
    const char *fault = read_attributes(parser);
    if (fault) return fault;
    bool is_empty = *parser->at == '/';
    if (is_empty) parser->at++;
    if (*parser->at++ != '>') return "a tag that does not end";
    if (is_empty) return NULL;
    if (parser->depth == DEPTH_MAX) return "too deep";
    strcpy(parser->names[parser->depth++], name);
    return NULL;
}

const char *xml_fault(const char *text)
{
    struct parser parser = {.at = text};
    while (*parser.at) {
        if (*parser.at == '<') {
            const char *fault = read_tag(&parser);
            if (fault) return fault;
        } else if (parser.depth == 0 && *parser.at != '\n') {
            return "text outside of the root";
        } else if (!skip_character(&parser)) {
            return "text with a forbidden character";
        }
    }
    return parser.is_root_done ? NULL : "an element that is not closed";
}

unsigned count_text(const char *text, const char *needle)
{
    unsigned num = 0;
    for (; (text = strstr(text, needle)) != NULL; text += strlen(needle)) num++;
    return num;
}
