/* fuzz_samples.c - any bytes as a file of samples: layout, columns, rows, names; whole, and in
 * three parts, which must give as many samples and behaviours. The first byte picks settings, the
 * rest is the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "worker/data/sample_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void ignore_message(void *ctx, enum log_level level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static void check_batch(const struct sample_batch *batch, uint32_t max_history)
{
    if (batch->row_start[0] != 0 || batch->row_start[batch->num_samples] != batch->num_rows)
        abort();
    for (uint32_t b = 0; b < batch->num_samples; b++)
        if (batch->row_start[b + 1] < batch->row_start[b] ||
            batch->row_start[b + 1] - batch->row_start[b] > max_history)
            abort();
}

// Reads all samples of a part and adds up samples and behaviours; false when there is an error.
static bool read_part(const struct sample_reader_options *options, uint64_t sums[2])
{
    struct sample_reader *reader = NULL;
    struct sample_batch batch;
    sample_format_init_batch(options->format, &batch);
    souk_status status = sample_reader_open(options, &reader);
    for (bool is_over = false; !status && !is_over; is_over = batch.num_samples == 0) {
        status = sample_reader_next(reader, 7, &batch);
        if (status) break;
        check_batch(&batch, options->format->max_history);
        sums[0] += batch.num_samples;
        sums[1] += batch.num_rows;
    }
    if (!status && sample_reader_share(reader) != 1) abort();
    sample_reader_close(reader);
    sample_batch_fini(&batch);
    return status == SOUK_OK;
}

static void read_samples(const struct config *config, char *path, bool needs_label)
{
    struct sample_format format;
    struct config_list files = {&path, 1};
    struct names *names[SOUK_TABLES_MAX];
    struct sample_format_options resolving = {
        .config = config, .path = path, .needs_label = needs_label};
    if (sample_format_resolve(&resolving, &format)) return;
    struct sample_reader_options options = {.files = &files,
                                            .format = &format,
                                            .num_parts = 1,
                                            .max_bad_rows = config->data.max_bad_rows,
                                            .names = names};
    for (int i = 0; i < SOUK_TABLES_MAX; i++) names[i] = names_create();
    uint64_t whole[2] = {0}, parts[2] = {0};
    if (read_part(&options, whole)) {
        options.num_parts = 3;
        for (options.part = 0; options.part < 3; options.part++)
            if (!read_part(&options, parts)) abort();
        if (parts[0] != whole[0] || parts[1] != whole[1]) abort();
    }
    for (int i = 0; i < SOUK_TABLES_MAX; i++) names_destroy(names[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const settings[][2] = {
        {"data.delimiter=auto", "features.separator=auto"},
        {"data.label=1", "features.fields=2:user,3:item"},
        {"features.histories=hist_item:item", "features.separator=|"},
        {"features.ids=string", "data.user=user"},
        {"features.ids=integer", "features.histories=none"},
        {"data.delimiter=comma", "features.separator=comma"},
        {"data.header=no", "features.histories=4:item,5:item"},
        {"features.max_history=1", "data.delimiter=tab"},
    };
    if (length < 1) return 0;
    log_set_sink(ignore_message, NULL);
    int fd = memfd_create("samples", 0);
    if (fd < 0 || write(fd, bytes + 1, length - 1) != (ssize_t)(length - 1)) abort();
    char path[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    struct config config;
    config_init(&config);
    for (int i = 0; i < 2; i++)
        if (config_set(&config, settings[bytes[0] & 7][i])) abort();
    config.data.max_bad_rows = (bytes[0] >> 4) & 1 ? UINT64_MAX : 0;
    read_samples(&config, path, (bytes[0] >> 3) & 1);
    config_fini(&config);
    close(fd);
    return 0;
}
