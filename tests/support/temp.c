/* temp.c - see temp.h. */
#include "tests/support/temp.h"

#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/text/buf.h"

static struct buf captured;
static pthread_mutex_t capture_lock = PTHREAD_MUTEX_INITIALIZER;

char *temp_dir_create(void)
{
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/souk-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        abort();
    }
    return mem_strdup(path);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void temp_dir_remove(char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(dir);
}

const char *temp_path(const char *dir, const char *name)
{
    static char ring[16][PATH_MAX];
    static unsigned next;
    char *path = ring[next++ % 16];
    snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return path;
}

const char *temp_file_n(const char *dir, const char *name, const void *bytes, size_t length)
{
    const char *path = temp_path(dir, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        abort();
    }
    return path;
}

const char *temp_file(const char *dir, const char *name, const char *text)
{
    return temp_file_n(dir, name, text, strlen(text));
}

static void capture(void *ctx, enum log_level level, const char *message)
{
    (void)ctx, (void)level;
    pthread_mutex_lock(&capture_lock);
    buf_printf(&captured, "%s\n", message);
    pthread_mutex_unlock(&capture_lock);
}

void capture_log_begin(void)
{
    buf_clear(&captured);
    log_set_sink(capture, NULL);
}

const char *capture_log_text(void)
{
    return buf_text(&captured);
}

void capture_log_end(void)
{
    log_set_sink(NULL, NULL);
    buf_fini(&captured);
}
