/* bench_sample_parse.c - samples a second that one thread reads from a tab-separated file with a
 * user, an item, a category and histories of 0 to 50 items and categories, in the page cache. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "worker/data/sample_reader.h"

enum { NUM_SAMPLES = 200000, BATCH = 1024 };

static void write_list(FILE *file, struct rng *rng, uint64_t count, uint64_t limit)
{
    for (uint64_t i = 0; i < count; i++)
        fprintf(file, "%s%llu", i ? "," : "\t", (unsigned long long)rng_below(rng, limit));
    if (count == 0) fputc('\t', file);
}

static void write_samples(FILE *file)
{
    struct rng rng;
    rng_init(&rng, 1, 1);
    fprintf(file, "label\tuser\titem\tcategory\thist_item\thist_category\n");
    for (int i = 0; i < NUM_SAMPLES; i++) {
        uint64_t count = rng_below(&rng, 51);
        fprintf(file, "%d\t%llu\t%llu\t%llu", i & 1, (unsigned long long)rng_below(&rng, 100000),
                (unsigned long long)rng_below(&rng, 300000),
                (unsigned long long)rng_below(&rng, 1000));
        write_list(file, &rng, count, 300000);
        write_list(file, &rng, count, 1000);
        fputc('\n', file);
    }
}

static souk_status read_samples(char *path, uint64_t *count_out)
{
    struct config config;
    struct sample_format format;
    struct sample_batch batch = {0};
    struct sample_reader *reader = NULL;
    struct config_list files = {&path, 1};
    config_init(&config);
    struct sample_format_options options = {.config = &config, .path = path, .needs_label = true};
    souk_status status = sample_format_resolve(&options, &format);
    if (!status)
        status = sample_reader_open(
            &(struct sample_reader_options){.files = &files, .format = &format, .num_parts = 1},
            &reader);
    if (!status) sample_format_init_batch(&format, &batch);
    for (bool is_over = false; !status && !is_over; is_over = batch.num_samples == 0) {
        status = sample_reader_next(reader, BATCH, &batch);
        *count_out += batch.num_samples;
    }
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    config_fini(&config);
    return status;
}

int main(void)
{
    char path[] = "/tmp/souk-bench-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) return 1;
    write_samples(file);
    fclose(file);
    uint64_t start = clock_now_ns(), count = 0;
    souk_status status = read_samples(path, &count);
    double seconds = (double)(clock_now_ns() - start) / 1e9;
    unlink(path);
    if (status || count != NUM_SAMPLES) return 1;
    printf("BENCH sample_parse_samples_per_s %.0f\n", (double)count / seconds);
    return 0;
}
