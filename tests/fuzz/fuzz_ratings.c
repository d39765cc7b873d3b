/* fuzz_ratings.c - any bytes as a file of ratings: layout, rows, names; whole, and in three parts,
 * which must give as many rows. The first byte picks settings, the rest is the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "worker/data/rating_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void ignore_message(void *ctx, enum log_level level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

// Reads all rows of a part; returns how many, or the status when it is an error.
static int64_t read_part(const struct rating_reader_options *options)
{
    struct rating_reader *reader = NULL;
    struct rating rows[7];
    uint32_t n = 1;
    int64_t count = 0;
    souk_status status = rating_reader_open(options, &reader);
    while (!status && n > 0) {
        status = rating_reader_next(reader, rows, 7, &n);
        count += n;
    }
    double share = rating_reader_share(reader);
    if (!status && share != 1) abort();
    rating_reader_close(reader);
    return status ? (int64_t)status : count;
}

static void read_ratings(const struct config *config, char *path)
{
    struct rating_format format;
    struct config_list files = {&path, 1};
    if (rating_format_resolve(config, path, config->run.seed % 2, &format)) return;
    struct rating_reader_options options = {
        .files = &files,
        .format = &format,
        .num_parts = 1,
        .max_bad_rows = config->data.max_bad_rows,
        .users = names_create(),
        .items = names_create(),
    };
    int64_t whole = read_part(&options), parts = 0;
    for (options.num_parts = 3; whole >= 0 && options.part < 3; options.part++) {
        int64_t count = read_part(&options);
        if (count < 0) abort();
        parts += count;
    }
    if (whole >= 0 && parts != whole) abort();
    names_destroy(options.users);
    names_destroy(options.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const delimiters[] = {"auto",  "auto", "comma", "tab",
                                             "space", "::",   ";",     "|"};
    if (length < 1) return 0;
    log_set_sink(ignore_message, NULL);
    int fd = memfd_create("ratings", 0);
    if (fd < 0 || write(fd, bytes + 1, length - 1) != (ssize_t)(length - 1)) abort();
    char path[40], setting[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    struct config config;
    config_init(&config);
    snprintf(setting, sizeof(setting), "data.delimiter=%s", delimiters[bytes[0] & 7]);
    if (config_set(&config, setting)) abort();
    config.run.seed = (bytes[0] >> 3) & 1;
    config.data.max_bad_rows = (bytes[0] >> 4) & 1 ? UINT64_MAX : 0;
    config.data.header = (bytes[0] >> 5) % 3;
    read_ratings(&config, path);
    config_fini(&config);
    close(fd);
    return 0;
}
