/* offline_rows.c - see offline_rows.h. */
#include "worker/policy/offline_rows.h"

#include <math.h>
#include <stdio.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/text/buf.h"
#include "worker/policy/offline_table.h"

static void add_numbers(const double *numbers, uint32_t num, struct buf *out)
{
    for (uint32_t a = 0; a < num; a++) {
        if (isinf(numbers[a]))
            buf_printf(out, "%s%sinf", a ? "," : "", numbers[a] < 0 ? "-" : "");
        else
            buf_printf(out, "%s%.9g", a ? "," : "", numbers[a]);
    }
    buf_add_char(out, '\n');
}

void offline_rows_policy(const struct offline_rows *rows, uint64_t i, double *row_out)
{
    uint32_t num = rows->num_actions, num_tried = 0;
    const uint8_t *is_tried = rows->is_tried ? rows->is_tried + i * num : NULL;
    for (uint32_t a = 0; a < num; a++) num_tried += !is_tried || is_tried[a];
    for (uint32_t a = 0; a < num; a++)
        row_out[a] = !is_tried || is_tried[a] || num_tried == 0
                         ? rows->exploration / (num_tried > 0 ? num_tried : num)
                         : 0;
    row_out[offline_best_action(rows->q + i * num, num)] += 1 - rows->exploration;
}

static souk_status write_file(const char *dir, const char *name, const struct buf *text)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", dir, name);
    souk_status status = file_write_atomic(buf_text(&path), text->text, text->length);
    buf_fini(&path);
    return status;
}

souk_status offline_rows_write(const struct offline_rows *rows, const char *dir)
{
    struct buf values = {0}, policy = {0};
    uint32_t num = rows->num_actions;
    double *row = mem_calloc(num, sizeof(*row), "policy");
    for (uint64_t i = 0; i < rows->num; i++) {
        add_numbers(rows->q + i * num, num, &values);
        offline_rows_policy(rows, i, row);
        add_numbers(row, num, &policy);
    }
    mem_free(row);
    souk_status status = file_make_dirs(dir);
    if (!status) status = write_file(dir, "policy.csv", &policy);
    if (!status) status = write_file(dir, "q.csv", &values);
    buf_fini(&values);
    buf_fini(&policy);
    return status;
}
