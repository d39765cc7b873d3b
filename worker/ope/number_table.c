/* number_table.c - see number_table.h. */
#include "worker/ope/number_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/data/columns.h"
#include "worker/data/field.h"
#include "worker/data/line_reader.h"
#include "worker/data/split.h"

struct reading {
    struct number_table *table;
    struct line_reader *lines;
    const char *what;
    const char *delimiter; // NULL before the first line
    const char **fields;   // (c) of the line in hand
    size_t *lengths;       // (c)
    char *scratch;         // of split_line()
    size_t scratch_capacity, value_capacity, line_capacity;
};

static uint32_t split(struct reading *reading, const char *line, size_t length)
{
    mem_reserve(&reading->scratch, &reading->scratch_capacity, length + 1, 1, "line");
    return split_line(reading->delimiter, line, length, reading->fields, reading->lengths,
                      reading->table->num_columns, reading->scratch);
}

static bool is_header(const struct reading *reading)
{
    double value;
    for (uint32_t c = 0; c < reading->table->num_columns; c++) {
        const char *text = reading->fields[c];
        size_t length = reading->lengths[c];
        field_trim(&text, &length);
        if (length == 0 || field_parse_double(text, length, &value) != FIELD_NO_NUMBER)
            return false;
    }
    return true;
}

static void take_header(struct reading *reading)
{
    struct number_table *table = reading->table;
    table->names = mem_calloc(table->num_columns, sizeof(*table->names), "names of columns");
    for (uint32_t c = 0; c < table->num_columns; c++) {
        const char *text = reading->fields[c];
        size_t length = reading->lengths[c];
        field_trim(&text, &length);
        table->names[c] = mem_calloc(length + 1, 1, "name of a column");
        memcpy(table->names[c], text, length);
    }
}

// The first line tells how many columns there are, and what cuts them.
static void begin(struct reading *reading, const char *line, size_t length)
{
    struct number_table *table = reading->table;
    bool has_tab = memchr(line, '\t', length) && !memchr(line, ',', length);
    reading->delimiter = has_tab ? "\t" : ",";
    table->num_columns = 1;
    for (size_t i = 0; i < length; i++) table->num_columns += line[i] == *reading->delimiter;
    reading->fields = mem_calloc(table->num_columns, sizeof(*reading->fields), "fields");
    reading->lengths = mem_calloc(table->num_columns, sizeof(*reading->lengths), "fields");
    uint32_t num = split(reading, line, length);
    if (num > 0 && num < table->num_columns) table->num_columns = num; // commas within quotes
    table->faults = mem_calloc(table->num_columns, sizeof(*table->faults), "faults");
    for (uint32_t c = 0; c < table->num_columns; c++) table->faults[c].row = UINT64_MAX;
}

static void take_cell(struct reading *reading, uint32_t c, double *out)
{
    struct bad_cell *fault = &reading->table->faults[c];
    *out = NAN;
    if (field_parse_double(reading->fields[c], reading->lengths[c], out) == FIELD_NUMBER) return;
    *out = NAN;
    if (fault->row != UINT64_MAX) return;
    fault->row = reading->table->num_rows;
    row_show_text(reading->fields[c], reading->lengths[c], fault->text);
}

static souk_status take_row(struct reading *reading, uint32_t num_fields)
{
    struct number_table *table = reading->table;
    uint64_t number = line_reader_number(reading->lines);
    if (num_fields != table->num_columns)
        return log_fail(
            SOUK_EDATA, "%s:%llu: the line has %s%u fields where the first one has %u; fix it",
            table->name, (unsigned long long)number,
            num_fields > table->num_columns ? "more than " : "",
            num_fields > table->num_columns ? table->num_columns : num_fields, table->num_columns);
    size_t begin_at = table->num_rows * table->num_columns;
    mem_reserve(&table->values, &reading->value_capacity, begin_at + table->num_columns,
                sizeof(*table->values), "table of numbers");
    mem_reserve(&table->line_numbers, &reading->line_capacity, table->num_rows + 1,
                sizeof(*table->line_numbers), "line numbers");
    for (uint32_t c = 0; c < table->num_columns; c++)
        take_cell(reading, c, &table->values[begin_at + c]);
    table->line_numbers[table->num_rows++] = number;
    return SOUK_OK;
}

static souk_status take_line(struct reading *reading, const char *line, size_t length)
{
    struct number_table *table = reading->table;
    if (length > 0 && line[0] == '#') {
        if (table->comment.length == 0) buf_add(&table->comment, line + 1, length - 1);
        return SOUK_OK;
    }
    field_trim(&line, &length);
    if (length == 0) return SOUK_OK;
    bool is_first = !reading->delimiter;
    if (is_first) begin(reading, line, length);
    uint32_t num_fields = split(reading, line, length);
    if (is_first && num_fields == table->num_columns && is_header(reading)) {
        take_header(reading);
        return SOUK_OK;
    }
    return take_row(reading, num_fields);
}

static souk_status read_lines(struct reading *reading)
{
    const char *line;
    size_t length;
    souk_status status;
    while ((status = line_reader_next(reading->lines, &line, &length)) == SOUK_OK) {
        status = take_line(reading, line, length);
        if (status != SOUK_OK) return status;
    }
    if (status != SOUK_EEND) return status;
    if (reading->table->num_rows > 0) return SOUK_OK;
    return log_fail(SOUK_EDATA, "%s: there is no row of numbers in it; is it the %s?",
                    reading->table->name, reading->what);
}

souk_status number_table_read(const char *path, const char *what, struct number_table **table_out)
{
    struct reading reading = {.what = what};
    souk_status status = line_reader_open(path, 0, 1, &reading.lines);
    if (status != SOUK_OK) return status;
    reading.table = mem_calloc(1, sizeof(*reading.table), "table of numbers");
    reading.table->name = mem_strdup(line_reader_name(reading.lines));
    status = read_lines(&reading);
    line_reader_close(reading.lines);
    mem_free(reading.fields);
    mem_free(reading.lengths);
    mem_free(reading.scratch);
    if (status == SOUK_OK)
        *table_out = reading.table;
    else
        number_table_destroy(reading.table);
    return status;
}

void number_table_destroy(struct number_table *table)
{
    if (!table) return;
    for (uint32_t c = 0; table->names && c < table->num_columns; c++) mem_free(table->names[c]);
    mem_free(table->names);
    mem_free(table->name);
    mem_free(table->values);
    mem_free(table->line_numbers);
    mem_free(table->faults);
    buf_fini(&table->comment);
    mem_free(table);
}

int number_table_find(const struct number_table *table, const char *name)
{
    for (uint32_t c = 0; table->names && c < table->num_columns; c++)
        if (column_is_same(table->names[c], name)) return (int)c;
    return -1;
}

souk_status number_table_check_column(const struct number_table *table, uint32_t column,
                                      const char *advice)
{
    const struct bad_cell *fault = &table->faults[column];
    if (fault->row == UINT64_MAX) return SOUK_OK;
    const char *kind = fault->text[0] ? "is no finite number" : "is missing";
    if (table->names)
        return number_table_fail(table, fault->row, "%s \"%s\" %s; %s", table->names[column],
                                 fault->text, kind, advice);
    return number_table_fail(table, fault->row, "\"%s\" in column %u %s; %s", fault->text,
                             column + 1, kind, advice);
}

// The number at the end of a name; false: there is none.
static bool read_last_number(const char *name, unsigned long long *number_out)
{
    size_t length = strlen(name), digits = 0;
    while (digits < length && name[length - digits - 1] >= '0' && name[length - digits - 1] <= '9')
        digits++;
    if (digits == 0 || digits > 18) return false;
    *number_out = strtoull(name + length - digits, NULL, 10);
    return true;
}

souk_status number_table_check_actions(const struct number_table *table)
{
    unsigned long long number;
    uint32_t wrong = table->num_columns;
    for (uint32_t c = table->num_columns; table->names && c-- > 0;) {
        if (!read_last_number(table->names[c], &number)) return SOUK_OK;
        if (number != c) wrong = c;
    }
    if (wrong == table->num_columns) return SOUK_OK;
    struct buf name = {0};
    text_add_shown(&name, table->names[wrong], strlen(table->names[wrong]));
    souk_status status = log_fail(SOUK_EDATA,
                                  "%s: column %u is called \"%s\", but it is that of action %u: "
                                  "columns go by their places, a column an action from 0; put them "
                                  "in that order, or take the header out if they are",
                                  table->name, wrong + 1, buf_text(&name), wrong);
    buf_fini(&name);
    return status;
}

souk_status number_table_index(const struct number_table *table, uint64_t row, uint32_t column,
                               uint32_t limit, uint32_t *index_out)
{
    double number = number_table_at(table, row, column);
    if (!(number >= 0 && number < limit && number == floor(number)))
        return number_table_fail(table, row,
                                 "%s %.15g is not a whole number from 0 to %u; fix the line",
                                 table->names ? table->names[column] : "a cell", number, limit - 1);
    *index_out = (uint32_t)number;
    return SOUK_OK;
}

souk_status number_table_fail(const struct number_table *table, uint64_t row, const char *format,
                              ...)
{
    struct buf text = {0};
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    buf_printf(&text, "%s:%llu: %s", table->name, (unsigned long long)table->line_numbers[row],
               message);
    souk_status status = log_fail(SOUK_EDATA, "%s", buf_text(&text));
    buf_fini(&text);
    return status;
}
