/* dense_file.c - dense parameters as bytes; the layout is in dense.h. */
#include <math.h>
#include <string.h>

#include "common/base/log.h"
#include "worker/model/dense.h"

static const char MAGIC[8] = {'S', 'O', 'U', 'K', 'D', 'N', 'S', '1'};

// As in the file; the machines that we build for are little-endian.
struct file_head {
    char magic[8];
    uint32_t num_parts, has_state;
    uint64_t num_steps;
    uint32_t num_values, num_stats;
};
struct file_part {
    char name[DENSE_NAME_MAX];
    uint32_t rows, columns, kind, zero;
};

static struct file_part describe(const struct dense_part *part)
{
    struct file_part described = {.rows = part->rows, .columns = part->columns, .kind = part->kind};
    memcpy(described.name, part->name, strlen(part->name));
    return described;
}

static void add_floats(struct buf *out, const float *floats, uint32_t n)
{
    buf_add(out, (const char *)floats, (size_t)n * sizeof(float));
}

void dense_pack(const struct dense *dense, bool with_state, struct buf *out)
{
    struct file_head head = {.num_parts = dense->num_parts,
                             .has_state = with_state,
                             .num_steps = dense->num_steps,
                             .num_values = dense->num_values,
                             .num_stats = dense->num_stats};
    memcpy(head.magic, MAGIC, sizeof head.magic);
    buf_add(out, (const char *)&head, sizeof head);
    for (uint32_t p = 0; p < dense->num_parts; p++) {
        struct file_part part = describe(&dense->parts[p]);
        buf_add(out, (const char *)&part, sizeof part);
    }
    add_floats(out, dense->values, dense->num_values);
    add_floats(out, dense->stats, dense->num_stats);
    for (int i = 0; i < 2 && with_state; i++) add_floats(out, dense->moments[i], dense->num_values);
}

static souk_status check_parts(const struct dense *dense, const char *bytes, const char *path)
{
    for (uint32_t p = 0; p < dense->num_parts; p++) {
        struct file_part expected = describe(&dense->parts[p]), found;
        memcpy(&found, bytes + p * sizeof found, sizeof found);
        if (memcmp(&expected, &found, sizeof found) == 0) continue;
        found.name[DENSE_NAME_MAX - 1] = 0;
        return log_fail(SOUK_EDATA,
                        "%s: holds \"%s\" (%u, %u) where the model has \"%s\" (%u, %u); the "
                        "folder's files do not belong together, copy the model again",
                        path, found.name, found.rows, found.columns, expected.name, expected.rows,
                        expected.columns);
    }
    return SOUK_OK;
}

static souk_status check_finite(const char *floats, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, floats + i * sizeof value, sizeof value);
        if (!isfinite(value))
            return log_fail(SOUK_EDATA,
                            "%s: float %zu of the parameters is not a finite number; the file is "
                            "damaged or its training diverged, so train the model again",
                            path, i);
    }
    return SOUK_OK;
}

static const char *take(float *floats, const char *bytes, uint32_t n)
{
    memcpy(floats, bytes, (size_t)n * sizeof(float));
    return bytes + (size_t)n * sizeof(float);
}

souk_status dense_unpack(struct dense *dense, const void *bytes, size_t length, const char *path)
{
    struct file_head head;
    size_t parts_bytes = dense->num_parts * sizeof(struct file_part);
    if (length < sizeof head + parts_bytes || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return log_fail(SOUK_EDATA, "%s: is no file of dense parameters; copy the model again",
                        path);
    memcpy(&head, bytes, sizeof head);
    const char *parts = (const char *)bytes + sizeof head, *floats = parts + parts_bytes;
    size_t num_floats = (size_t)dense->num_values * (head.has_state ? 3 : 1) + dense->num_stats;
    bool fits = head.num_parts == dense->num_parts && head.num_values == dense->num_values &&
                head.num_stats == dense->num_stats && head.has_state <= 1;
    if (fits && length != sizeof head + parts_bytes + num_floats * sizeof(float))
        return log_fail(SOUK_EDATA, "%s: has %zu bytes, its head says %zu; copy the model again",
                        path, length, sizeof head + parts_bytes + num_floats * sizeof(float));
    if (!fits)
        return log_fail(SOUK_EDATA,
                        "%s: holds %u parts of %u values, the model has %u of %u; the folder's "
                        "files do not belong together, copy the model again",
                        path, head.num_parts, head.num_values, dense->num_parts, dense->num_values);
    souk_status status = check_parts(dense, parts, path);
    if (status == SOUK_OK) status = check_finite(floats, num_floats, path);
    if (status != SOUK_OK) return status;
    floats = take(dense->values, floats, dense->num_values);
    floats = take(dense->stats, floats, dense->num_stats);
    dense->num_steps = head.num_steps;
    for (int i = 0; i < 2; i++)
        if (head.has_state)
            floats = take(dense->moments[i], floats, dense->num_values);
        else
            memset(dense->moments[i], 0, dense->num_values * sizeof(float));
    return SOUK_OK;
}
