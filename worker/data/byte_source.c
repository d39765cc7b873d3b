/* byte_source.c - see byte_source.h. All kinds of input go through raw_read(), which gives the
 * bytes as they are stored; the first of them decide whether zlib stands in between. */
#include "worker/data/byte_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { INPUT_BYTES = 1 << 17, MAGIC_BYTES = 2 };

struct byte_source {
    char *name;             // for messages
    int fd;                 // 0 for standard input, which is not closed
    bool is_stdin, is_peek; // see byte_source.h
    bool is_regular;
    bool is_gzip;
    bool has_inflate;      // inflater was set up
    bool is_between;       // .gz: at the end of a member, or before the first
    bool at_end;           // .gz: all members are read
    uint64_t size_bytes;   // as stored, 0 unknown
    uint64_t raw_position; // bytes that raw_read gave, less those still in input
    size_t kept_position;  // bytes of `kept` that this source gave
    z_stream inflater;     // next_in points into input
    uint8_t *input;        // INPUT_BYTES: what was read ahead of the caller
    size_t input_start, input_end;
};

// What peeks have read from standard input and nobody has consumed yet. As global as descriptor 0
// itself: there is one standard input in a process, and its bytes come once.
static struct {
    uint8_t *bytes;
    size_t length, capacity;
} kept;

static void drop_kept(void)
{
    mem_free(kept.bytes);
    memset(&kept, 0, sizeof(kept));
}

static souk_status read_fd(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    ssize_t n;
    do n = read(source->fd, out, max);
    while (n < 0 && errno == EINTR);
    if (n < 0) return log_fail_errno(errno, "cannot read %s", source->name);
    *num_out = (size_t)n;
    return SOUK_OK;
}

static souk_status read_kept(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    size_t n = kept.length - source->kept_position;
    if (n > max) n = max;
    memcpy(out, kept.bytes + source->kept_position, n);
    source->kept_position += n;
    if (!source->is_peek && source->kept_position == kept.length) {
        drop_kept();
        source->kept_position = 0;
    }
    *num_out = n;
    return SOUK_OK;
}

// Bytes as they are stored; *num_out 0 at the end.
static souk_status raw_read(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    if (source->is_stdin && source->kept_position < kept.length)
        return read_kept(source, out, max, num_out);
    size_t n = 0;
    souk_status status = read_fd(source, out, max, &n);
    if (status) return status;
    if (source->is_peek && n > 0) {
        mem_reserve(&kept.bytes, &kept.capacity, kept.length + n, 1, "standard input");
        memcpy(kept.bytes + kept.length, out, n);
        kept.length += n;
        source->kept_position = kept.length;
    }
    *num_out = n;
    return SOUK_OK;
}

// Reads until input holds at least `wanted` bytes or the end comes.
static souk_status fill_input(struct byte_source *source, size_t wanted)
{
    size_t have = source->input_end - source->input_start;
    memmove(source->input, source->input + source->input_start, have);
    source->input_start = 0;
    source->input_end = have;
    while (source->input_end < wanted) {
        size_t n = 0;
        souk_status status = raw_read(source, source->input + source->input_end,
                                      INPUT_BYTES - source->input_end, &n);
        if (status) return status;
        if (n == 0) break;
        source->input_end += n;
    }
    return SOUK_OK;
}

static souk_status no_such_file(const char *path)
{
    char folder[1024];
    if (strpbrk(path, "*?["))
        return log_fail(SOUK_EDATA,
                        "cannot open %s: there is no such file, and patterns are not expanded; "
                        "name the files, with commas between them, as in data.train=\"$(ls %s | "
                        "paste -sd,)\"",
                        path, path);
    if (path[0] == '/' || !getcwd(folder, sizeof(folder)))
        return log_fail(SOUK_EDATA, "cannot open %s: there is no such file", path);
    return log_fail(SOUK_EDATA,
                    "cannot open %s: there is no such file; paths are taken from the current "
                    "folder, %s",
                    path, folder);
}

static souk_status open_file(const char *path, struct byte_source *source)
{
    struct stat st;
    // Without O_NONBLOCK a pipe that nobody writes to would hang here instead of being refused.
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->fd < 0 && errno == ENOENT) return no_such_file(path);
    if (source->fd < 0 || fstat(source->fd, &st) < 0)
        return log_fail(SOUK_EDATA, "cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return log_fail(SOUK_EDATA, "%s is a folder; name the file in it", path);
    if (!S_ISREG(st.st_mode))
        return log_fail(SOUK_EDATA,
                        "%s is not a plain file, and has to be read more than once; give it as "
                        "standard input, which is called \"-\"",
                        path);
    source->is_regular = true;
    source->size_bytes = (uint64_t)st.st_size;
    return SOUK_OK;
}

static void open_stdin(struct byte_source *source)
{
    struct stat st;
    source->fd = STDIN_FILENO;
    source->is_stdin = true;
    if (fstat(source->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        source->size_bytes = (uint64_t)st.st_size;
}

static bool is_gzip_magic(const uint8_t *bytes, size_t length)
{
    return length >= MAGIC_BYTES && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static souk_status start_inflate(struct byte_source *source)
{
    enum { GZIP_WINDOW = 16 + MAX_WBITS };
    if (inflateInit2(&source->inflater, GZIP_WINDOW) != Z_OK)
        return log_fail(SOUK_ESYS, "%s: cannot set up zlib", source->name);
    source->has_inflate = true;
    source->is_between = true;
    return SOUK_OK;
}

souk_status byte_source_open(const char *path, bool is_peek, struct byte_source **source_out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    souk_status status = SOUK_OK;
    struct byte_source *source = mem_calloc(1, sizeof(*source), "input file");
    source->fd = -1;
    source->is_peek = is_peek && is_stdin;
    source->name = mem_strdup(is_stdin ? "standard input" : path);
    source->input = mem_alloc(INPUT_BYTES, "input buffer");
    if (is_stdin)
        open_stdin(source);
    else
        status = open_file(path, source);
    if (!status) status = fill_input(source, MAGIC_BYTES);
    if (status) goto fail;

    source->is_gzip = is_gzip_magic(source->input, source->input_end);
    if (source->is_gzip) status = start_inflate(source);
    if (status) goto fail;
    *source_out = source;
    return SOUK_OK;
fail:
    byte_source_close(source);
    return status;
}

void byte_source_close(struct byte_source *source)
{
    if (!source) return;
    if (source->has_inflate) inflateEnd(&source->inflater);
    if (source->fd >= 0 && !source->is_stdin) close(source->fd);
    mem_free(source->input);
    mem_free(source->name);
    mem_free(source);
}

static souk_status damaged(const struct byte_source *source, const char *what)
{
    return log_fail(SOUK_EDATA,
                    "%s: the .gz is damaged near byte %llu: %s; copy it again or unpack it with "
                    "gzip -d to see what is left",
                    source->name, (unsigned long long)byte_source_position(source), what);
}

// Between members: another one, the end, or zero bytes of padding up to the end.
static souk_status begin_member(struct byte_source *source)
{
    for (;;) {
        souk_status status = fill_input(source, MAGIC_BYTES);
        if (status) return status;
        size_t have = source->input_end - source->input_start;
        if (is_gzip_magic(source->input, have)) break;
        size_t num_zeros = 0;
        while (num_zeros < have && source->input[num_zeros] == 0) num_zeros++;
        if (num_zeros < have) return damaged(source, "other bytes follow the compressed ones");
        source->input_start = source->input_end = 0;
        source->raw_position += have;
        source->at_end = have == 0;
        if (source->at_end) return SOUK_OK;
    }
    if (inflateReset(&source->inflater) != Z_OK) return damaged(source, "cannot start a member");
    source->is_between = false;
    return SOUK_OK;
}

// One call of inflate(); *num_out may be 0 although there is more.
static souk_status inflate_some(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    if (source->input_start == source->input_end) {
        souk_status status = fill_input(source, 1);
        if (status) return status;
        if (source->input_end == 0) return damaged(source, "it ends in the middle");
    }
    z_stream *z = &source->inflater;
    z->next_in = source->input + source->input_start;
    z->avail_in = (uInt)(source->input_end - source->input_start);
    z->next_out = out;
    z->avail_out = max > INPUT_BYTES ? INPUT_BYTES : (uInt)max;
    uInt room = z->avail_out;
    int result = inflate(z, Z_NO_FLUSH);
    size_t num_read = source->input_end - source->input_start - z->avail_in;
    source->input_start += num_read;
    source->raw_position += num_read;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return damaged(source, z->msg ? z->msg : "it does not unpack");
    source->is_between = result == Z_STREAM_END;
    *num_out = room - z->avail_out;
    return SOUK_OK;
}

static souk_status read_gzip(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    size_t n = 0;
    while (n == 0) {
        souk_status status = SOUK_OK;
        if (source->is_between && !source->at_end) status = begin_member(source);
        if (!status && source->at_end) break;
        if (!status) status = inflate_some(source, out, max, &n);
        if (status) return status;
    }
    *num_out = n;
    return SOUK_OK;
}

souk_status byte_source_read(struct byte_source *source, void *out, size_t max, size_t *num_out)
{
    if (source->is_gzip) return read_gzip(source, out, max, num_out);
    size_t n = source->input_end - source->input_start;
    if (n > 0) { // what the look at the first bytes has left
        if (n > max) n = max;
        memcpy(out, source->input + source->input_start, n);
        source->input_start += n;
    } else {
        souk_status status = raw_read(source, out, max, &n);
        if (status) return status;
    }
    source->raw_position += n;
    *num_out = n;
    return SOUK_OK;
}

souk_status byte_source_seek(struct byte_source *source, uint64_t offset)
{
    if (!byte_source_is_plain(source))
        return log_fail(SOUK_EINVAL, "%s cannot be read in parts", source->name);
    if (lseek(source->fd, (off_t)offset, SEEK_SET) < 0)
        return log_fail_errno(errno, "cannot read %s", source->name);
    source->input_start = source->input_end = 0;
    source->raw_position = offset;
    return SOUK_OK;
}

struct byte_source_info byte_source_look(const char *path)
{
    struct byte_source_info info = {false, false};
    struct stat st;
    uint8_t magic[MAGIC_BYTES];
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return info;
    info.is_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (info.is_regular) {
        ssize_t n = pread(fd, magic, sizeof(magic), 0);
        info.is_gzip = n > 0 && is_gzip_magic(magic, (size_t)n);
    }
    close(fd);
    return info;
}

bool byte_source_is_plain(const struct byte_source *source)
{
    return source->is_regular && !source->is_gzip;
}

uint64_t byte_source_size(const struct byte_source *source)
{
    return source->size_bytes;
}

uint64_t byte_source_position(const struct byte_source *source)
{
    return source->raw_position;
}

const char *byte_source_name(const struct byte_source *source)
{
    return source->name;
}
