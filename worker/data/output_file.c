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
    struct buf path = {0};
    buf_printf(&path, "%s/%s", dir, name);
    FILE *file = fopen(buf_text(&path), "wbe");
    souk_status status = SOUK_OK;
    if (file)
        *out = (struct output_file){mem_strdup(buf_text(&path)), file};
    else
        status = log_fail_errno(errno, "cannot create %s", buf_text(&path));
    buf_fini(&path);
    return status;
}

souk_status output_file_write(struct output_file *out, const void *bytes, size_t length)
{
    errno = 0;
    if (fwrite(bytes, 1, length, out->file) == length) return SOUK_OK;
    return log_fail_errno(errno ? errno : EIO, "cannot write %s", out->path);
}

souk_status output_file_close(struct output_file *out)
{
    if (!out->path) return SOUK_OK;
    bool had_error = ferror(out->file); // was logged
    souk_status status = SOUK_OK;
    errno = 0;
    if (fclose(out->file) != 0 && !had_error)
        status = log_fail_errno(errno ? errno : EIO, "cannot write %s", out->path);
    if (had_error || status) unlink(out->path); // half a file is of no use to anybody
    mem_free(out->path);
    *out = (struct output_file){NULL, NULL};
    return status;
}
