/* title_file.c - see title_file.h. The first lines are kept, the layout is inferred from them, and
 * then they and the rest are learnt in one walk, so that a pipe will do too. */
#include "worker/data/title_file.h"

#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"
#include "worker/data/rating_reader.h"
#include "worker/data/split.h"

enum { FIRST_LINES = 100, FIELDS_MAX = 256 };

struct line {
    char *text; // owned
    size_t length;
};

struct layout {
    const char *delimiter;
    bool has_header;
    uint32_t item_column, title_column; // from 0
};

struct loading {
    const struct config *config;
    const char *path;
    enum config_id_kind item_id;
    struct line first[FIRST_LINES];
    uint32_t num_first;
    struct layout layout;
    struct names *titles;
    uint64_t num_skipped; // lines without an id or a title
    char *scratch;        // of split_line
    size_t scratch_capacity;
    const char *fields[FIELDS_MAX]; // of the line in hand
    size_t lengths[FIELDS_MAX];
};

static uint32_t split(struct loading *loading, const char *delimiter, const char *line,
                      size_t length)
{
    mem_reserve(&loading->scratch, &loading->scratch_capacity, length + 1, 1, "line of titles");
    uint32_t num = split_line(delimiter, line, length, loading->fields, loading->lengths,
                              FIELDS_MAX, loading->scratch);
    if (num > FIELDS_MAX) num = FIELDS_MAX;
    for (uint32_t i = 0; i < num; i++) field_trim(&loading->fields[i], &loading->lengths[i]);
    return num;
}

// How many of the first lines have the most frequent number of columns, which is at least two.
static uint32_t count_agreeing(struct loading *loading, const char *delimiter)
{
    uint32_t counts[FIELDS_MAX + 1] = {0}, best = 0;
    for (uint32_t i = 0; i < loading->num_first; i++) {
        const struct line *line = &loading->first[i];
        uint32_t num = split(loading, delimiter, line->text, line->length);
        if (num >= 2 && ++counts[num] > best) best = counts[num];
    }
    return best;
}

static souk_status find_delimiter(struct loading *loading)
{
    static const char *const words[][2] = {{"tab", "\t"}, {"comma", ","}, {"space", " "}};
    static const char *const candidates[] = {"\t", "::", "|", ";", ","};
    const char *told = loading->config->data.titles_delimiter;
    if (told && *told && strcmp(told, "auto") != 0) {
        loading->layout.delimiter = told;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (strcmp(told, words[i][0]) == 0) loading->layout.delimiter = words[i][1];
        return SOUK_OK;
    }
    uint32_t best = 0;
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        uint32_t agreeing = count_agreeing(loading, candidates[i]);
        if (agreeing <= best) continue;
        best = agreeing;
        loading->layout.delimiter = candidates[i];
    }
    if (best * 2 > loading->num_first) return SOUK_OK;
    return log_fail(SOUK_EDATA,
                    "%s: cannot tell what separates id and title; set data.titles_delimiter",
                    loading->path);
}

static bool is_field(const struct loading *loading, uint32_t idx, const char *word)
{
    return strlen(word) == loading->lengths[idx] &&
           strncasecmp(word, loading->fields[idx], loading->lengths[idx]) == 0;
}

// Position of the first word that a column of the line in hand is called by, -1: none.
static int find_word(const struct loading *loading, uint32_t num_columns, const char *const *words)
{
    for (; *words; words++)
        for (uint32_t i = 0; i < num_columns; i++)
            if (is_field(loading, i, *words)) return (int)i;
    return -1;
}

static const char *const item_words[] = {
    "item",      "itemid", "item_id", "movieid", "movie_id",    "id", "asin",
    "productid", "isbn",   "book_id", "bookid",  "parent_asin", NULL};
static const char *const title_words[] = {"title",       "name",       "item_title",
                                          "movie_title", "book_title", NULL};

static bool is_told(const char *text)
{
    return text && *text && strcmp(text, "auto") != 0;
}

static bool is_position(const char *text)
{
    uint64_t position;
    return field_parse_u64(text, strlen(text), &position);
}

// Whether the first line, which is in hand, names columns.
static bool find_header(const struct loading *loading, uint32_t num_columns)
{
    const struct config *config = loading->config;
    if (config->data.titles_header != CONFIG_HEADER_AUTO)
        return config->data.titles_header == CONFIG_HEADER_YES;
    if (is_told(config->data.titles_item) && !is_position(config->data.titles_item)) return true;
    if (is_told(config->data.titles_title) && !is_position(config->data.titles_title)) return true;
    if (find_word(loading, num_columns, title_words) >= 0 &&
        find_word(loading, num_columns, item_words) >= 0)
        return true;
    uint64_t key, position = 1;
    if (is_told(config->data.titles_item))
        field_parse_u64(config->data.titles_item, strlen(config->data.titles_item), &position);
    if (position < 1 || position > num_columns) return false; // find_column() says so
    return loading->item_id == CONFIG_ID_INTEGER &&
           !field_parse_u64(loading->fields[position - 1], loading->lengths[position - 1], &key);
}

static souk_status no_column(const struct loading *loading, const char *key, const char *told)
{
    return log_fail(SOUK_ECONFIG, "%s: %s is \"%s\", which is no column of %s; it has: %.*s",
                    config_origin(loading->config, key), key, told, loading->path,
                    (int)loading->first[0].length, loading->first[0].text);
}

static souk_status find_column(const struct loading *loading, uint32_t num_columns, const char *key,
                               const char *told, const char *const *words, uint32_t *column_out)
{
    if (is_told(told) && is_position(told)) {
        uint64_t position = 0;
        if (!field_parse_u64(told, strlen(told), &position) || position < 1 ||
            position > num_columns)
            return no_column(loading, key, told);
        *column_out = (uint32_t)position - 1;
        return SOUK_OK;
    }
    const char *const one_word[] = {told, NULL};
    int found = -1;
    if (loading->layout.has_header)
        found = find_word(loading, num_columns, is_told(told) ? one_word : words);
    if (found < 0 && is_told(told)) return no_column(loading, key, told);
    if (found >= 0) *column_out = (uint32_t)found;
    return SOUK_OK;
}

static souk_status find_layout(struct loading *loading)
{
    const struct config *config = loading->config;
    struct layout *layout = &loading->layout;
    souk_status status = find_delimiter(loading);
    if (status != SOUK_OK) return status;
    uint32_t num_columns =
        split(loading, layout->delimiter, loading->first[0].text, loading->first[0].length);
    if (num_columns < 2)
        return log_fail(SOUK_EDATA,
                        "%s: the first line has one column where id and title are needed; set "
                        "data.titles_delimiter",
                        loading->path);
    layout->has_header = find_header(loading, num_columns);
    layout->item_column = 0;
    layout->title_column = 1;
    status = find_column(loading, num_columns, "data.titles_item", config->data.titles_item,
                         item_words, &layout->item_column);
    if (status != SOUK_OK) return status;
    return find_column(loading, num_columns, "data.titles_title", config->data.titles_title,
                       title_words, &layout->title_column);
}

static souk_status learn_line(struct loading *loading, const char *line, size_t length)
{
    const struct layout *layout = &loading->layout;
    uint32_t num = split(loading, layout->delimiter, line, length);
    uint32_t item = layout->item_column, title = layout->title_column;
    uint64_t key;
    size_t known;
    bool is_good =
        num > item && num > title && loading->lengths[item] > 0 && loading->lengths[title] > 0 &&
        rating_parse_id(loading->item_id, loading->fields[item], loading->lengths[item], &key);
    if (!is_good) {
        loading->num_skipped++;
        return SOUK_OK;
    }
    if (names_get(loading->titles, key, &known)) return SOUK_OK;
    struct buf utf8 = {0};
    text_add_utf8(&utf8, loading->fields[title], loading->lengths[title]);
    souk_status status = names_learn(loading->titles, key, buf_text(&utf8), utf8.length);
    buf_fini(&utf8);
    return status;
}

static souk_status keep_first_lines(struct loading *loading, struct line_reader *reader)
{
    const char *line;
    size_t length;
    souk_status status = SOUK_OK;
    while (loading->num_first < FIRST_LINES &&
           (status = line_reader_next(reader, &line, &length)) == SOUK_OK) {
        if (length == 0) continue;
        struct line *kept = &loading->first[loading->num_first++];
        kept->text = mem_alloc(length + 1, "line of titles");
        memcpy(kept->text, line, length);
        kept->length = length;
    }
    return status == SOUK_EEND ? SOUK_OK : status;
}

static souk_status learn_all(struct loading *loading, struct line_reader *reader)
{
    souk_status status = SOUK_OK;
    for (uint32_t i = loading->layout.has_header; i < loading->num_first && !status; i++)
        status = learn_line(loading, loading->first[i].text, loading->first[i].length);
    const char *line;
    size_t length;
    while (!status && (status = line_reader_next(reader, &line, &length)) == SOUK_OK)
        if (length > 0) status = learn_line(loading, line, length);
    return status == SOUK_EEND ? SOUK_OK : status;
}

static souk_status load(struct loading *loading)
{
    struct line_reader *reader;
    souk_status status = line_reader_open(loading->path, 0, 1, &reader);
    if (status != SOUK_OK) return status;
    status = keep_first_lines(loading, reader);
    if (status == SOUK_OK && loading->num_first == 0)
        status =
            log_fail(SOUK_EDATA, "%s is empty; a line with id and title for each item is needed",
                     loading->path);
    if (status == SOUK_OK) status = find_layout(loading);
    if (status == SOUK_OK) status = learn_all(loading, reader);
    line_reader_close(reader);
    if (status != SOUK_OK) return status;
    if (names_count(loading->titles) == 0)
        return log_fail(SOUK_EDATA,
                        "%s: no line has an id and a title; set data.titles_delimiter, "
                        "data.titles_item and data.titles_title",
                        loading->path);
    if (loading->num_skipped > 0)
        log_warning("%s: %llu lines have no id or no title and were left out", loading->path,
                    (unsigned long long)loading->num_skipped);
    return SOUK_OK;
}

souk_status title_file_load(const struct config *config, const char *path,
                            enum config_id_kind item_id, struct names **titles_out)
{
    struct loading *loading = mem_calloc(1, sizeof(*loading), "loading of titles");
    loading->config = config;
    loading->path = path;
    loading->item_id = item_id;
    loading->titles = names_create();
    souk_status status = load(loading);
    for (uint32_t i = 0; i < loading->num_first; i++) mem_free(loading->first[i].text);
    if (status == SOUK_OK)
        *titles_out = loading->titles;
    else
        names_destroy(loading->titles);
    mem_free(loading->scratch);
    mem_free(loading);
    return status;
}
