/* model_config.h - the configuration that a run has left beside its model. Threads: as config.h. */
#ifndef SOUK_WORKER_MODEL_MODEL_CONFIG_H
#define SOUK_WORKER_MODEL_MODEL_CONFIG_H

#include "common/text/config.h"

/* dir: a run folder, or the model folder in it. Adds what is found to the configuration, its
 * cluster section excepted: that is no property of a model. A folder without one is left to
 * model_dir_open(), which knows better what is wrong with it. SOUK_ECONFIG, SOUK_EIO: logged. */
SOUK_MUST_CHECK souk_status model_config_read(struct config *config, const char *dir);

#endif
