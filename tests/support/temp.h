/* temp.h - folders and log capture for tests. Threads: one owner. */
#ifndef SOUK_TESTS_SUPPORT_TEMP_H
#define SOUK_TESTS_SUPPORT_TEMP_H

#include <stddef.h>

/* A new folder under TMPDIR or /tmp; temp_dir_remove deletes it with everything in it. */
char *temp_dir_create(void);
void temp_dir_remove(char *dir);
/* Writes a file below dir and returns its path in a static ring of 16 buffers. */
const char *temp_file(const char *dir, const char *name, const char *text);
const char *temp_file_n(const char *dir, const char *name, const void *bytes, size_t length);
/* dir/name in the same ring. */
const char *temp_path(const char *dir, const char *name);

/* Collects log messages, one a line, instead of printing them. */
void capture_log_begin(void);
const char *capture_log_text(void); // what came so far
void capture_log_end(void);

#endif
