/* title_file.h - what items are called, for people: a file with an id and a title a line.
 *
 * The layout comes from data.titles_* of the configuration; what that leaves open is inferred: the
 * delimiter (tab, "::", "|", ";" or ","), a header (a first line whose id is none, or that calls
 * columns by usual names), the columns (by usual names, else the first and the second). Lines
 * without an id or a title are left out. Titles are kept as UTF-8; bytes that are none are read as
 * Latin-1, which is what MovieLens has. Of two titles for one id the first counts.
 *
 * Threads: pure function.
 */
#ifndef SOUK_WORKER_DATA_TITLE_FILE_H
#define SOUK_WORKER_DATA_TITLE_FILE_H

#include "common/text/config.h"
#include "worker/data/names.h"

/* Titles by key of the item; names_get() gives them. item_id: what ids are in the model (not
 * CONFIG_ID_AUTO). On SOUK_OK the caller owns *titles_out. SOUK_EIO, SOUK_EDATA (no title at all),
 * SOUK_ECONFIG (a column that is not there): logged. */
SOUK_MUST_CHECK souk_status title_file_load(const struct config *config, const char *path,
                                            enum config_id_kind item_id, struct names **titles_out);

#endif
