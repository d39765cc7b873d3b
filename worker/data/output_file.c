/* output_file.c - see output_file.h. */
#include "worker/data/output_file.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/buf.h"

souk_status output_file_open(struct output_file *out, const char *dir, const char *name)
{
    struct buf path = {0}, part = {0};
    buf_printf(&path, "%s/%s", dir, name);
    buf_printf(&part, "%s.part", buf_text(&path));
    FILE *file = fopen(buf_text(&part), "wbe");
    souk_status status = SOUK_OK;
    if (file)
        *out = (struct output_file){mem_strdup(buf_text(&path)), mem_strdup(buf_text(&part)), file};
    else
        status = log_fail_errno(errno, "cannot create %s", buf_text(&part));
    buf_fini(&path);
    buf_fini(&part);
    return status;
}

souk_status output_file_write(struct output_file *out, const void *bytes, size_t length)
{
    errno = 0;
    if (fwrite(bytes, 1, length, out->file) == length) return SOUK_OK;
    return log_fail_errno(errno ? errno : EIO, "cannot write %s", out->path);
}

void output_file_drop(struct output_file *out)
{
    if (!out->path) return;
    if (out->file) fclose(out->file);
    unlink(out->part);
    mem_free(out->path);
    mem_free(out->part);
    *out = (struct output_file){NULL, NULL, NULL};
}

souk_status output_file_close(struct output_file *out)
{
    if (!out->path) return SOUK_OK;
    bool had_error = ferror(out->file); // was logged
    souk_status status = had_error ? SOUK_EIO : SOUK_OK;
    errno = 0;
    bool is_closed = fclose(out->file) == 0;
    out->file = NULL;
    if (!had_error && (!is_closed || rename(out->part, out->path) != 0))
        status = log_fail_errno(errno ? errno : EIO, "cannot write %s", out->path);
    if (status) {
        output_file_drop(out); // half a file is of no use to anybody
        return status;
    }
    mem_free(out->path);
    mem_free(out->part);
    *out = (struct output_file){NULL, NULL, NULL};
    return SOUK_OK;
}
