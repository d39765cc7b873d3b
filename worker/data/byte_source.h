/* byte_source.h - the bytes of a file, unpacked when it is a .gz, or of standard input.
 *
 * Standard input can be looked at: a source that is opened as a peek keeps what it reads, and the
 * next source gives those bytes again. They are kept for the process, which has one standard input.
 *
 * Threads: one owner; of sources of standard input, one at a time in the process.
 */
#ifndef SOUK_WORKER_DATA_BYTE_SOURCE_H
#define SOUK_WORKER_DATA_BYTE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/status.h"

struct byte_source;

/* What a path is, before anything of it is read. */
struct byte_source_info {
    bool is_regular; // can be read twice
    bool is_gzip;    // its first bytes say so; regular files only
};
/* Logs nothing: a path that is not there is neither. */
struct byte_source_info byte_source_look(const char *path);

/* path "-" is standard input. SOUK_EDATA: it cannot be opened, SOUK_EIO: not read; logged. On
 * SOUK_OK the caller owns *source_out. */
SOUK_MUST_CHECK souk_status byte_source_open(const char *path, bool is_peek,
                                             struct byte_source **source_out);
void byte_source_close(struct byte_source *source); // NULL is fine

/* Up to max bytes; *num_out 0 at the end. SOUK_EIO; SOUK_EDATA: a damaged .gz; logged. */
SOUK_MUST_CHECK souk_status byte_source_read(struct byte_source *source, void *out, size_t max,
                                             size_t *num_out);
/* Goes on at an offset; for plain regular files. */
SOUK_MUST_CHECK souk_status byte_source_seek(struct byte_source *source, uint64_t offset);

bool byte_source_is_plain(const struct byte_source *source);     // regular, not a .gz: can seek
uint64_t byte_source_size(const struct byte_source *source);     // as stored; 0: nobody knows
uint64_t byte_source_position(const struct byte_source *source); // bytes read, as stored
const char *byte_source_name(const struct byte_source *source);  // "standard input" for "-"

#endif
