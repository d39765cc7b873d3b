/* output.c - see output.h. */
#include "worker/cli/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"

struct output {
    FILE *file;
    char *path; // NULL: standard output
    char *tmp;  // what is written until it is whole; NULL where renaming makes no sense
};

static const char *name_of(const struct output *output)
{
    return output->path ? output->path : "standard output";
}

// A pipe or a device is written to as it is.
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

souk_status output_open(const char *path, struct output **output_out)
{
    struct output *output = mem_calloc(1, sizeof(*output), "output");
    output->file = stdout;
    if (path && strcmp(path, "-") != 0) {
        struct buf tmp = {0};
        buf_printf(&tmp, "%s.tmp", path);
        output->path = mem_strdup(path);
        output->tmp = is_special(path) ? NULL : mem_strdup(buf_text(&tmp));
        buf_fini(&tmp);
        output->file = fopen(output->tmp ? output->tmp : path, "we");
    }
    if (output->file) {
        *output_out = output;
        return SOUK_OK;
    }
    souk_status status = log_fail_errno(errno, "%s: cannot be written", path);
    output_drop(output);
    return status;
}

souk_status output_write(struct output *output, struct buf *text)
{
    size_t length = text->length;
    size_t written = fwrite(buf_text(text), 1, length, output->file);
    buf_clear(text);
    if (written == length) return SOUK_OK;
    return log_fail_errno(errno, "%s: cannot be written", name_of(output));
}

souk_status output_finish(struct output *output)
{
    souk_status status = SOUK_OK;
    bool is_file = output->file != stdout;
    int error = fflush(output->file) == 0 ? 0 : errno;
    if (is_file && fclose(output->file) != 0 && !error) error = errno;
    output->file = NULL;
    if (!error && output->tmp && rename(output->tmp, output->path) != 0) error = errno;
    if (error) status = log_fail_errno(error, "%s: cannot be written", name_of(output));
    if (error == 0) {
        mem_free(output->tmp); // it is the file now
        output->tmp = NULL;
    }
    output_drop(output);
    return status;
}

void output_drop(struct output *output)
{
    if (!output) return;
    if (output->file && output->file != stdout) fclose(output->file);
    if (output->tmp) unlink(output->tmp);
    mem_free(output->path);
    mem_free(output->tmp);
    mem_free(output);
}

souk_status output_text(const char *path, struct buf *text)
{
    struct output *output;
    souk_status status = output_open(path, &output);
    if (status != SOUK_OK) return status;
    status = output_write(output, text);
    if (status == SOUK_OK) return output_finish(output);
    output_drop(output);
    return status;
}
