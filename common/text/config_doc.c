/* config_doc.c - the configuration and its options as text: show, doc, help. See config.h. */
#include <string.h>

#include "common/text/config.h"
#include "common/text/config_option.h"

enum { HELP_COLUMNS = 80 };

static const void *field_of(const void *base, const struct option *option)
{
    return (const char *)base + option->offset;
}

static bool is_in_section(const struct option *option, const char *section)
{
    size_t length = strlen(section);
    return strncmp(option->key, section, length) == 0 && option->key[length] == '.';
}

static bool is_default(const struct config *config, const struct config *defaults,
                       const struct option *option)
{
    struct buf value = {0}, fallback = {0};
    option_print(option, field_of(config, option), &value);
    option_print(option, field_of(defaults, option), &fallback);
    bool is_same = strcmp(buf_text(&value), buf_text(&fallback)) == 0;
    buf_fini(&value);
    buf_fini(&fallback);
    return is_same;
}

// What is shown of a configuration.
struct view {
    const struct config *config;
    const struct config *defaults; // what equals these is left out; NULL: nothing is
    bool has_origins;
    struct buf *out;
};

static void show_option(const struct view *view, const struct option *option, const void *base,
                        const char *prefix, const char *name)
{
    buf_printf(view->out, "%s: ", name);
    option_print(option, field_of(base, option), view->out);
    if (view->has_origins) {
        struct buf key = {0};
        buf_printf(&key, "%s%s", prefix, option->key);
        const char *origin = config_origin(view->config, buf_text(&key));
        buf_add_text(view->out, "  # ");
        option_quote(origin, strlen(origin), view->out);
        buf_fini(&key);
    }
    buf_add_char(view->out, '\n');
}

static void show_section(const struct view *view, const char *section)
{
    bool has_head = false;
    for (unsigned i = 0; i < config_num_options; i++) {
        const struct option *option = &config_options[i];
        if (!is_in_section(option, section)) continue;
        if (view->defaults && is_default(view->config, view->defaults, option)) continue;
        if (!has_head) buf_printf(view->out, "%s:\n", section);
        has_head = true;
        buf_add_text(view->out, "  ");
        show_option(view, option, view->config, "", option->key + strlen(section) + 1);
    }
}

static void show_table(const struct view *view, const struct config_table *table)
{
    struct buf prefix = {0};
    buf_printf(&prefix, "tables.%s.", table->name);
    buf_printf(view->out, "  %s:\n", table->name);
    for (unsigned i = 0; i < config_num_table_options; i++) {
        const struct option *option = &config_table_options[i];
        if (!option_is_set(option, field_of(table, option))) continue;
        buf_add_text(view->out, "    ");
        show_option(view, option, table, buf_text(&prefix), option->key);
    }
    buf_fini(&prefix);
}

static void show(const struct config *config, bool only_changed, bool has_origins, struct buf *out)
{
    struct config defaults;
    config_init(&defaults);
    struct view view = {config, only_changed ? &defaults : NULL, has_origins, out};
    for (unsigned i = 0; i < config_num_sections; i++) show_section(&view, config_sections[i].name);
    if (config->num_tables > 0) buf_add_text(out, "tables:\n");
    for (uint32_t i = 0; i < config->num_tables; i++) show_table(&view, &config->tables[i]);
    config_fini(&defaults);
}

void config_show(const struct config *config, bool only_changed, struct buf *out)
{
    show(config, only_changed, false, out);
}

void config_show_origins(const struct config *config, bool only_changed, struct buf *out)
{
    show(config, only_changed, true, out);
}

// A cell of a Markdown table, where a bar would end it.
static void add_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|') buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

static void doc_option(const struct option *option, const char *prefix, struct buf *out)
{
    struct buf type = {0};
    option_print_type(option, &type);
    buf_printf(out, "| `%s%s` | ", prefix, option->key);
    add_cell(buf_text(&type), out);
    if (!option->fallback)
        buf_add_text(out, " | | ");
    else if (option->fallback[0])
        buf_printf(out, " | `%s` | ", option->fallback);
    else
        buf_add_text(out, " | none | ");
    add_cell(option->help, out);
    buf_add_text(out, " |\n");
    buf_fini(&type);
}

static void doc_section(const struct option_section *section, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n%c%s.\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
               section->name, section->help[0] - 'a' + 'A', section->help + 1);
    for (unsigned i = 0; i < config_num_options; i++)
        if (is_in_section(&config_options[i], section->name))
            doc_option(&config_options[i], "", out);
    if (strcmp(section->name, "tables") != 0) return;
    for (unsigned i = 0; i < config_num_table_options; i++)
        doc_option(&config_table_options[i], "tables.<name>.", out);
}

void config_doc(struct buf *out)
{
    buf_add_text(
        out,
        "# Options\n\n"
        "Written by `souk config doc > conf/REFERENCE.md` from the table in\n"
        "`common/text/config_table.c`; a test compares the two.\n\n"
        "A configuration is a YAML file of sections (`-c FILE`). `--set section.key=value` comes "
        "on top of\nit, as often as needed; lists take commas. `souk config show` prints what "
        "results, `souk config check`\nsays what is wrong with it. Unknown keys, values of a wrong "
        "type and values out of range are errors.\n\n"
        "```yaml\nmodel: {type: mf, k: 64}\ntables:\n  user: {pull: fp16, push: int8}\n```\n");
    for (unsigned i = 0; i < config_num_sections; i++) doc_section(&config_sections[i], out);
}

// Adds a text in lines of at most HELP_COLUMNS, each behind four blanks.
static void add_wrapped(const char *text, struct buf *out)
{
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column > 0 && column + 1 + length > HELP_COLUMNS) {
            buf_add_char(out, '\n');
            column = 0;
        }
        buf_add_text(out, column == 0 ? "    " : " ");
        buf_add(out, text, length);
        column += (column == 0 ? 4 : 1) + length;
        text += length + (text[length] == ' ');
    }
    buf_add_char(out, '\n');
}

static bool help_option(const struct option *option, const char *before, const char *prefix,
                        struct buf *out)
{
    struct buf key = {0};
    buf_printf(&key, "%s%s", before, option->key);
    bool is_asked_for = strncmp(buf_text(&key), prefix, strlen(prefix)) == 0;
    if (is_asked_for) {
        buf_printf(out, "%s: ", buf_text(&key));
        option_print_type(option, out);
        if (option->fallback && option->fallback[0])
            buf_printf(out, " (default %s)", option->fallback);
        buf_add_char(out, '\n');
        add_wrapped(option->help, out);
    }
    buf_fini(&key);
    return is_asked_for;
}

bool config_help(const char *prefix, struct buf *out)
{
    bool has_any = false;
    for (unsigned i = 0; i < config_num_options; i++)
        has_any |= help_option(&config_options[i], "", prefix, out);
    for (unsigned i = 0; i < config_num_table_options; i++)
        has_any |= help_option(&config_table_options[i], "tables.<name>.", prefix, out);
    return has_any;
}
