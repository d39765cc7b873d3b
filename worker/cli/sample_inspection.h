/* sample_inspection.h - what `souk data inspect` says of samples of clicks. */
#ifndef SOUK_WORKER_CLI_SAMPLE_INSPECTION_H
#define SOUK_WORKER_CLI_SAMPLE_INSPECTION_H

#include "common/text/config.h"

/* Reads the files and prints to standard output. SOUK_EDATA, SOUK_EIO, SOUK_ECONFIG: logged. */
SOUK_MUST_CHECK souk_status inspect_samples(const struct config *config,
                                            const struct config_list *files, bool is_json,
                                            uint32_t terminal_columns);

#endif
