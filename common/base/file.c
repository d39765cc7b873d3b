/* file.c - see file.h. */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"

// Reads until the end or until more than max_bytes are there.
static souk_status read_all(int fd, const char *path, size_t max_bytes, char **bytes,
                            size_t *length)
{
    size_t capacity = 0;
    for (;;) {
        mem_reserve(bytes, &capacity, *length + 65536 + 1, 1, "file");
        ssize_t n = read(fd, *bytes + *length, 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return log_fail_errno(errno, "%s: cannot be read", path);
        if (n == 0) break;
        *length += (size_t)n;
        if (*length > max_bytes)
            return log_fail(SOUK_EDATA, "%s: larger than the %zu bytes that are allowed here", path,
                            max_bytes);
    }
    (*bytes)[*length] = '\0';
    return SOUK_OK;
}

souk_status file_read(const char *path, size_t max_bytes, char **bytes_out, size_t *length_out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        souk_status status = log_fail_errno(error, "%s: cannot be opened", path);
        return error == ENOENT ? SOUK_ENOTFOUND : status;
    }
    char *bytes = NULL;
    size_t length = 0;
    souk_status status = read_all(fd, path, max_bytes, &bytes, &length);
    close(fd);
    if (status != SOUK_OK) {
        mem_free(bytes);
        return status;
    }
    *bytes_out = bytes;
    *length_out = length;
    return SOUK_OK;
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

// Writes and syncs; returns errno or 0. The file is left behind on failure.
static int write_synced(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    int error = write_all(fd, bytes, length);
    if (!error && fsync(fd) != 0) error = errno;
    if (close(fd) != 0 && !error) error = errno;
    return error;
}

static souk_status sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash) return file_sync_dir(".");
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof(dir)) return log_fail(SOUK_EINVAL, "%s: path is too long", path);
    memcpy(dir, path, length);
    dir[length] = '\0';
    return file_sync_dir(dir);
}

souk_status file_write_atomic(const char *path, const void *bytes, size_t length)
{
    char tmp[PATH_MAX];
    if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
        return log_fail(SOUK_EINVAL, "%s: path is too long", path);
    int error = write_synced(tmp, bytes, length);
    if (!error && rename(tmp, path) != 0) error = errno;
    if (error) {
        unlink(tmp);
        return log_fail_errno(error, "%s: cannot be written", path);
    }
    return sync_parent(path);
}

souk_status file_make_dirs(const char *path)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part))
        return log_fail(SOUK_EINVAL, "\"%s\": not a path of a folder", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return log_fail_errno(errno, "%s: folder cannot be made", part);
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return log_fail(SOUK_EIO, "%s: is not a folder", path);
    return SOUK_OK;
}

souk_status file_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return log_fail_errno(errno, "%s: folder cannot be opened", path);
    int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno; // some file systems cannot
    close(fd);
    return error ? log_fail_errno(error, "%s: folder cannot be synced", path) : SOUK_OK;
}

souk_status file_lock_dir(const char *path, bool is_shared, int *fd_out)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, is_shared ? LOCK_SH : LOCK_EX | LOCK_NB) != 0 &&
        errno == EWOULDBLOCK) {
        close(fd);
        return SOUK_EAGAIN;
    }
    *fd_out = fd;
    return SOUK_OK;
}

bool file_is_pipe(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
