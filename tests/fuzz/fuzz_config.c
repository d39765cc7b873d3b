/* fuzz_config.c - any bytes as a configuration: a status, never a crash; and what was understood is
 * shown as text that reads back to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/text/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void drop_message(void *ctx, enum log_level level, const char *message)
{
    (void)ctx, (void)level, (void)message;
}

static void check_reads_back(const struct config *config)
{
    struct config again;
    struct buf first = {0}, second = {0};
    config_init(&again);
    config_show(config, true, &first);
    if (config_read_text(&again, buf_text(&first), first.length, "shown") != SOUK_OK) abort();
    config_show(&again, true, &second);
    if (strcmp(buf_text(&first), buf_text(&second)) != 0) abort();
    buf_fini(&first);
    buf_fini(&second);
    config_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct config config;
    log_set_sink(drop_message, NULL);
    config_init(&config);
    souk_status status = config_read_text(&config, (const char *)bytes, length, "fuzz");
    if (status == SOUK_OK) {
        check_reads_back(&config);
        status = config_check(&config);
    }
    config_fini(&config);
    return 0;
}
