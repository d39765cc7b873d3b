/* model_config.c - see model_config.h. */
#include "worker/model/model_config.h"

#include <string.h>

#include "common/base/file.h"

// Whether dir is the folder that a run keeps its model in.
static bool is_model_of_run(const char *dir)
{
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/') length--;
    bool has_name = length >= 5 && memcmp(dir + length - 5, "model", 5) == 0;
    return has_name && (length == 5 || dir[length - 6] == '/');
}

souk_status model_config_read(struct config *config, const char *dir)
{
    struct buf path = {0};
    souk_status status = SOUK_OK;
    buf_printf(&path, "%s/config.yaml", dir);
    if (!file_exists(path.text) && is_model_of_run(dir)) {
        buf_clear(&path);
        buf_printf(&path, "%s/../config.yaml", dir);
    }
    if (file_exists(path.text)) status = config_read_file(config, path.text);
    config_reset(config, "cluster");
    buf_fini(&path);
    return status;
}
