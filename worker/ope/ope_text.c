/* ope_text.c - a result as a table for people. */
#include <math.h>
#include <string.h>

#include "worker/ope/ope.h"

// Of a cell in the table; NAN as a dash.
static void add_cell(struct buf *out, double value)
{
    if (isnan(value))
        buf_printf(out, " %13s", "-");
    else
        buf_printf(out, " %13.6g", value);
}

static void add_row(struct buf *out, const char *name, const struct estimate *estimate)
{
    buf_printf(out, "%-18s", name);
    if (estimate->undefined) {
        buf_printf(out, " undefined: %s\n", estimate->undefined);
        return;
    }
    add_cell(out, estimate->value);
    add_cell(out, estimate->std_error);
    add_cell(out, estimate->lower);
    add_cell(out, estimate->upper);
}

static void add_figure(struct buf *out, const struct ope_figure *figure)
{
    add_row(out, figure->estimate.name, &figure->estimate);
    if (figure->estimate.undefined) return;
    if (!isnan(figure->parameter)) buf_printf(out, "  lambda %g", figure->parameter);
    buf_add_char(out, '\n');
}

static void add_head(const struct ope_options *options, const struct ope_result *result,
                     struct buf *out)
{
    char digits[32];
    buf_printf(out, "%-18s %s: %s %s, %llu actions\n", "log", options->log,
               text_group_digits(result->num_rounds, digits), result->kind,
               (unsigned long long)result->num_actions);
    buf_printf(out, "%-18s %.1f: what the log is worth for the new policy\n", "effective rounds",
               result->ess);
    buf_printf(out, "%-18s largest %.6g, mean %.6g\n", "weights", result->max_weight,
               result->mean_weight);
    if (!isnan(result->coverage))
        buf_printf(out, "%-18s %.2f %% of the new policy's probability is on what the log has\n",
                   "coverage", 100 * result->coverage);
}

// Broken at blanks, so that lines stay within 100 columns.
static void add_wrapped(struct buf *out, const char *text, const char *indent)
{
    size_t column = strlen(indent);
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        if (column + length + 1 > 100) {
            buf_printf(out, "\n%s", indent);
            column = strlen(indent);
        } else if (word != text) {
            buf_add_char(out, ' ');
        }
        buf_add(out, word, length);
        word += length + strspn(word + length, " ");
        column += length + 1;
    }
    buf_add_char(out, '\n');
}

void ope_print_text(const struct ope_options *options, const struct ope_result *result,
                    struct buf *out)
{
    add_head(options, result, out);
    buf_printf(out, "\n%-18s %13s %13s   %g %% interval (%s)\n", "estimator", "value", "std. error",
               100 * options->interval.level, interval_name(options->interval.kind));
    add_row(out, "logging policy", &result->logged);
    buf_add_char(out, '\n');
    for (uint32_t f = 0; f < result->num_figures; f++) add_figure(out, &result->figures[f]);
    buf_printf(out, "\n%-18s %s\n%-18s ", "verdict", verdict_name(result->verdict.kind), "");
    add_wrapped(out, result->verdict.reason, "                   ");
    for (uint32_t i = 0; i < result->num_notes; i++) {
        buf_printf(out, "%-18s ", i == 0 ? "notes" : "");
        add_wrapped(out, result->notes[i], "                   ");
    }
}
