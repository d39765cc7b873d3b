/* fuzz_profiles.c - any bytes as a file of profiles: as they are, and as the cells of a block whose
 * checksums are right, since nothing else would come past those. What is read is looked at as its
 * users do. The first byte picks the format, the next four the block's counts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "common/bytes/cursor.h"
#include "worker/data/catalogue.h"
#include "worker/data/profile_block_private.h"
#include "worker/data/profiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { NUM_USERS = 4, COUNTS_BYTES = 5 };

static void ignore_message(void *ctx, enum log_level level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

// Fields user, item and cat; histories of items and of cats, or fewer.
static void make_format(uint8_t pick, struct sample_format *format)
{
    memset(format, 0, sizeof(*format));
    format->num_ids = format->num_fields = 2 + (pick & 1);
    format->num_tables = format->num_ids;
    for (uint32_t i = 0; i < format->num_ids; i++) format->ids[i].table = i;
    format->user = 0;
    format->item = 1;
    format->num_histories = pick >> 1 & 1 ? format->num_ids - 1 : 0;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        format->histories[h].table = h + 1;
        format->targets[h] = (pick >> 2 & 1) && h > 0 ? -1 : (int32_t)h + 1;
    }
    format->max_history = 4;
}

static void check_profiles(const struct profiles *profiles)
{
    const struct sample_batch *batch = &profiles->samples;
    for (uint32_t u = 0; u < profiles->num_users; u++) {
        uint32_t b = profiles->sample[u];
        if (b != UINT32_MAX && batch->row_start[b + 1] - batch->row_start[b] > 4) abort();
        for (uint64_t i = profiles->seen_start[u] + 1; i < profiles->seen_start[u + 1]; i++)
            if (profiles->seen[i - 1] >= profiles->seen[i]) abort();
    }
}

static void check_catalogue(const struct catalogue *catalogue)
{
    for (uint64_t i = 1; i < catalogue->num_items; i++)
        if (catalogue->items[i - 1] >= catalogue->items[i]) abort();
    uint64_t sum = 0; // every cell is there to be read
    for (uint64_t i = 0; i < catalogue->num_items * catalogue->num_fields; i++)
        sum += catalogue->ids[i];
    if (sum == 42 && catalogue->num_items == 0) abort();
}

static void read_file(const struct sample_format *format, const void *bytes, size_t length)
{
    static const uint64_t users[NUM_USERS] = {0, 1, 7, UINT64_MAX};
    int fd = memfd_create("profiles", 0);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) abort();
    char path[40];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const char *paths[] = {path, path}; // what comes twice is the same
    struct profiles profiles;
    struct catalogue catalogue;
    if (profiles_read(paths, 2, format, users, NUM_USERS, &profiles) == SOUK_OK)
        check_profiles(&profiles);
    if (catalogue_read(paths, 2, format, &catalogue) == SOUK_OK) check_catalogue(&catalogue);
    profiles_fini(&profiles);
    catalogue_fini(&catalogue);
    close(fd);
}

static void read_block(const struct sample_format *format, const uint8_t *bytes, size_t length)
{
    struct profile_counts num = {bytes[0], bytes[1], bytes[2], bytes[3]};
    const uint8_t *body = bytes + COUNTS_BYTES - 1;
    size_t body_length = length - (COUNTS_BYTES - 1);
    size_t plain_length = profile_block_num_cells(format, &num) * PROFILE_CELL_BYTES;
    uint8_t *padded = mem_calloc(1, plain_length, "cells");
    bool is_plain = body_length < plain_length && body_length % 2 == 0; // else by LZ4
    if (is_plain) {
        memcpy(padded, body, body_length);
        body = padded;
        body_length = plain_length;
    }
    uint8_t head[PROFILE_HEAD_BYTES];
    struct cursor cursor = cursor_writer(head, sizeof(head));
    cursor_put_bytes(&cursor, PROFILE_BLOCK_TAG, PROFILE_TAG_BYTES);
    cursor_put_u32(&cursor, num.users);
    cursor_put_u32(&cursor, num.rows);
    cursor_put_u32(&cursor, num.pairs);
    cursor_put_u32(&cursor, num.items);
    cursor_put_u32(&cursor, (uint32_t)body_length);
    uint32_t crc = crc32c(0, head, sizeof(head) - PROFILE_CRC_BYTES);
    cursor_put_u32(&cursor, crc32c(crc, body, body_length));
    struct buf file = {0};
    profile_block_pack_begin(format, &file);
    buf_add(&file, (const char *)head, sizeof(head));
    buf_add(&file, (const char *)body, body_length);
    profile_block_pack_end(num.users, &file);
    read_file(format, file.text, file.length);
    buf_fini(&file);
    mem_free(padded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct sample_format format;
    if (length < COUNTS_BYTES) return 0;
    log_set_sink(ignore_message, NULL);
    make_format(bytes[0], &format);
    if (bytes[0] >> 7)
        read_file(&format, bytes + 1, length - 1);
    else
        read_block(&format, bytes + 1, length - 1);
    return 0;
}
