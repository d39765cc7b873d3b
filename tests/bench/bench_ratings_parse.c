/* bench_ratings_parse.c - rows a second that one thread reads from a file of tab-separated ratings,
 * as ML-100K and its larger kin are laid out, in the page cache. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "worker/data/rating_reader.h"

enum { NUM_ROWS = 4000000, BLOCK_ROWS = 4096 };

static void write_rows(FILE *file)
{
    struct rng rng;
    rng_init(&rng, 1, 1);
    for (int i = 0; i < NUM_ROWS; i++)
        fprintf(file, "%llu\t%llu\t%.1f\t%llu\n", (unsigned long long)rng_below(&rng, 1000000),
                (unsigned long long)rng_below(&rng, 50000), (double)rng_below(&rng, 10) / 2 + 0.5,
                900000000 + (unsigned long long)rng_below(&rng, 100000000));
}

int main(void)
{
    char path[] = "/tmp/souk-bench-XXXXXX", *paths[] = {path};
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) return 1;
    write_rows(file);
    fclose(file);

    static struct rating rows[BLOCK_ROWS];
    struct config config;
    struct rating_format format;
    struct rating_reader *reader = NULL;
    struct config_list files = {paths, 1};
    config_init(&config);
    uint64_t start = clock_now_ns(), count = 0;
    souk_status status = rating_format_resolve(&config, path, true, &format);
    struct rating_reader_options options = {.files = &files, .format = &format, .num_parts = 1};
    if (!status) status = rating_reader_open(&options, &reader);
    for (uint32_t n = 1; !status && n > 0; count += n)
        status = rating_reader_next(reader, rows, BLOCK_ROWS, &n);
    double seconds = (double)(clock_now_ns() - start) / 1e9;
    rating_reader_close(reader);
    config_fini(&config);
    unlink(path);
    if (status || count != NUM_ROWS) return 1;
    printf("BENCH rating_parse_rows_per_s %.0f\n", (double)count / seconds);
    return 0;
}
