/* replay.c - runs a fuzz target over its corpus as a plain regression test: every file of the
 * folders given, and every short prefix of it. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { PREFIX_MAX = 256, FILE_BYTES_MAX = 1 << 20 };

// An exact-size copy, so that address sanitizer sees every byte read past the end.
static void run_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy) abort();
    memcpy(copy, bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static int run_file(const char *path)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    for (size_t n = 0; n < length && n < PREFIX_MAX; n++) run_copy(bytes, n);
    run_copy(bytes, length);
    return 1;
}

static int run_dir(const char *name)
{
    int num_files = 0;
    DIR *dir = opendir(name);
    if (!dir) return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
        num_files += run_file(path);
    }
    closedir(dir);
    return num_files;
}

int main(int argc, char **argv)
{
    int num_files = 0;
    for (int i = 1; i < argc; i++) {
        int n = run_dir(argv[i]);
        if (n < 0) {
            fprintf(stderr, "%s: no such folder\n", argv[i]);
            return 1;
        }
        num_files += n;
    }
    printf("replayed %d files\n", num_files);
    return num_files > 0 ? 0 : 1;
}
