/* model_save.c - model_dir_save() of model_dir.h: a new generation beside the old one, then the
 * manifest, then the end of the old one. Whatever fails on the way removes what it made. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/bytes/crc32c.h"
#include "worker/model/manifest.h"
#include "worker/model/model_dir.h"
#include "worker/model/table_save.h"

struct saving {
    const struct model_dir_save *save;
    struct manifest old;  // zeroed when there is none that can be read
    struct manifest next; // in the making
    uint32_t num_moved;   // observed files that have been moved in
};

static void join(struct buf *path, const char *dir, const char *name)
{
    buf_clear(path);
    buf_printf(path, "%s/%s", dir, name);
}

souk_status model_dir_prepare(const char *dir)
{
    souk_status status = file_make_dirs(dir);
    if (status != SOUK_OK) return status;
    if (access(dir, W_OK | X_OK) != 0)
        return log_fail_errno(errno, "%s: no model can be written here", dir);
    struct manifest manifest;
    status = manifest_read(dir, &manifest);
    if (status == SOUK_OK) manifest_fini(&manifest);
    if (status != SOUK_EDATA) return status == SOUK_ENOTFOUND ? SOUK_OK : status;
    log_warning("%s: the damaged model there will be replaced", dir);
    return SOUK_OK;
}

// The generation in a name such as "user.g7.names"; 0 when there is none.
static uint64_t generation_of(const char *name)
{
    const char *at = strstr(name, ".g");
    for (const char *next = at; next; next = strstr(next + 1, ".g")) at = next;
    return at ? strtoull(at + 2, NULL, 10) : 0;
}

// Removes files of models that `keep` does not list, from this generation on, and finds the highest
// generation among all. A stray that cannot be removed costs space only, so it is no error.
static uint64_t sweep(const char *dir, const struct manifest *keep, uint64_t from_generation)
{
    uint64_t highest = 0;
    DIR *folder = opendir(dir);
    if (!folder) return 0;
    struct buf path = {0};
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!manifest_owns_name(entry->d_name)) continue;
        uint64_t generation = generation_of(entry->d_name);
        if (generation > highest) highest = generation;
        if (generation < from_generation || manifest_lists(keep, entry->d_name)) continue;
        join(&path, dir, entry->d_name);
        if (unlink(buf_text(&path)) != 0)
            log_warning("%s: is of no use any more, but cannot be removed: %s", buf_text(&path),
                        strerror(errno));
    }
    closedir(folder);
    buf_fini(&path);
    return highest;
}

// Files that somebody may be loading stay until the next save.
static uint64_t sweep_old(const char *dir, const struct manifest *keep, uint64_t from_generation)
{
    int lock;
    souk_status status = file_lock_dir(dir, false, &lock);
    uint64_t highest = sweep(dir, keep, status == SOUK_OK ? from_generation : UINT64_MAX);
    if (status == SOUK_OK && lock >= 0) close(lock);
    return highest;
}

static souk_status read_old(struct saving *saving)
{
    const char *dir = saving->save->dir;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return log_fail_errno(errno, "%s: folder cannot be made", dir);
    souk_status status = manifest_read(dir, &saving->old);
    bool has_damaged = status == SOUK_EDATA; // its files stay until they are replaced
    if (status != SOUK_OK && status != SOUK_ENOTFOUND && status != SOUK_EDATA) return status;

    uint64_t generation = sweep_old(dir, &saving->old, has_damaged ? UINT64_MAX : 0);
    if (generation < saving->old.generation) generation = saving->old.generation;
    saving->next.generation = generation + 1;
    return SOUK_OK;
}

static souk_status save_tables(struct saving *saving)
{
    const struct model_dir_save *save = saving->save;
    for (uint32_t i = 0; i < save->num_tables; i++) {
        struct manifest_table *table = &saving->next.tables[saving->next.num_tables++];
        table->spec = save->specs[i];
        struct table_save options = {.dir = save->dir,
                                     .generation = saving->next.generation,
                                     .client = save->client,
                                     .table = save->tables[i],
                                     .with_states = save->with_states};
        souk_status status = table_save(&options, table);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status save_weights(struct saving *saving)
{
    const struct model_dir_save *save = saving->save;
    if (!save->weights) return SOUK_OK;
    struct manifest_file *file = &saving->next.weights;
    saving->next.has_weights = true;
    snprintf(file->name, sizeof(file->name), "dense.g%" PRIu64 ".weights", saving->next.generation);
    file->sum = (struct rows_sum){.bytes = save->weights_bytes,
                                  .crc = crc32c(0, save->weights, save->weights_bytes)};
    struct buf path = {0};
    join(&path, save->dir, file->name);
    souk_status status = file_write_atomic(buf_text(&path), save->weights, save->weights_bytes);
    buf_fini(&path);
    return status;
}

static souk_status save_names(struct saving *saving, const struct names *names,
                              struct manifest_table *table)
{
    void *bytes;
    size_t length;
    struct manifest_file *file = &table->names;
    names_pack(names, &bytes, &length);
    snprintf(file->name, sizeof(file->name), "%s.g%" PRIu64 ".names", table->spec.name,
             saving->next.generation);
    file->sum = (struct rows_sum){
        .rows = names_count(names), .bytes = length, .crc = crc32c(0, bytes, length)};
    table->has_names = true;
    struct buf path = {0};
    join(&path, saving->save->dir, file->name);
    souk_status status = file_write_atomic(buf_text(&path), bytes, length);
    buf_fini(&path);
    mem_free(bytes);
    return status;
}

static souk_status save_all_names(struct saving *saving)
{
    const struct model_dir_save *save = saving->save;
    souk_status status = SOUK_OK;
    for (uint32_t i = 0; save->names && i < save->num_tables && status == SOUK_OK; i++)
        if (save->names[i]) status = save_names(saving, save->names[i], &saving->next.tables[i]);
    return status;
}

static souk_status move_observed(struct saving *saving, uint32_t idx)
{
    const char *from = saving->save->observed[idx];
    struct manifest_file *file = &saving->next.observed[idx];
    snprintf(file->name, sizeof(file->name), "observed.%u.g%" PRIu64, idx, saving->next.generation);
    struct buf path = {0};
    join(&path, saving->save->dir, file->name);
    struct stat st;
    bool is_moved = stat(from, &st) == 0 && rename(from, buf_text(&path)) == 0;
    souk_status status =
        is_moved ? SOUK_OK
                 : log_fail_errno(errno, "%s: cannot be moved to %s", from, buf_text(&path));
    buf_fini(&path);
    if (!is_moved) return status;
    file->sum.bytes = (uint64_t)st.st_size;
    saving->num_moved++;
    return SOUK_OK;
}

static souk_status move_all_observed(struct saving *saving)
{
    struct manifest *next = &saving->next;
    const struct manifest *old = &saving->old;
    bool keeps_old = saving->save->num_observed == 0 && !saving->save->drops_observed;
    uint32_t num = keeps_old ? old->num_observed : saving->save->num_observed;
    next->observed = mem_calloc(num, sizeof(*next->observed), "manifest");
    next->num_observed = num;
    if (keeps_old && num > 0) memcpy(next->observed, old->observed, num * sizeof(*next->observed));
    for (uint32_t i = 0; i < saving->save->num_observed; i++) {
        souk_status status = move_observed(saving, i);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status write_manifest(struct saving *saving)
{
    souk_status status = file_sync_dir(saving->save->dir); // the files last before they are named
    if (status != SOUK_OK) return status;
    struct buf path = {0}, text = {0};
    join(&path, saving->save->dir, MANIFEST_FILE);
    manifest_format(&saving->next, &text);
    status = file_write_atomic(buf_text(&path), buf_text(&text), text.length);
    buf_fini(&path);
    buf_fini(&text);
    return status;
}

// Whether the manifest on disk is the new one: its rename may have worked before something failed.
static bool is_in_place(const struct saving *saving)
{
    struct manifest now;
    if (manifest_read(saving->save->dir, &now) != SOUK_OK) return false;
    bool is_new = now.generation == saving->next.generation;
    manifest_fini(&now);
    return is_new;
}

static void move_observed_back(struct saving *saving)
{
    struct buf path = {0};
    for (uint32_t i = 0; i < saving->num_moved; i++) {
        join(&path, saving->save->dir, saving->next.observed[i].name);
        if (rename(buf_text(&path), saving->save->observed[i]) != 0)
            log_warning("%s: cannot be moved back: %s", buf_text(&path), strerror(errno));
    }
    buf_fini(&path);
}

// Removes the files of the generation that failed.
static void undo(struct saving *saving)
{
    if (saving->next.generation == 0 || is_in_place(saving)) return;
    move_observed_back(saving);
    sweep(saving->save->dir, &saving->old, saving->next.generation);
}

souk_status model_dir_save(const struct model_dir_save *save)
{
    struct saving *saving = mem_calloc(1, sizeof(*saving), "saving of a model");
    saving->save = save;
    saving->next.state_json = save->state_json;
    saving->next.extra_json = save->extra_json;
    snprintf(saving->next.type, sizeof(saving->next.type), "%s", save->type);
    souk_status status = read_old(saving);
    if (status == SOUK_OK) status = save_tables(saving);
    if (status == SOUK_OK) status = save_weights(saving);
    if (status == SOUK_OK) status = save_all_names(saving);
    if (status == SOUK_OK) status = move_all_observed(saving);
    if (status == SOUK_OK) status = write_manifest(saving);
    if (status == SOUK_OK)
        sweep_old(save->dir, &saving->next, 0);
    else
        undo(saving);
    manifest_fini(&saving->old);
    manifest_fini(&saving->next);
    mem_free(saving);
    return status;
}

souk_status model_dir_drop(const char *dir, bool *was_there_out)
{
    const struct manifest none = {0};
    struct buf path = {0};
    join(&path, dir, MANIFEST_FILE);
    bool was_there = unlink(buf_text(&path)) == 0;
    souk_status status = was_there || errno == ENOENT
                             ? SOUK_OK
                             : log_fail_errno(errno, "%s: cannot be removed", buf_text(&path));
    buf_fini(&path);
    if (status != SOUK_OK) return status;
    sweep_old(dir, &none, 0);
    *was_there_out = was_there;
    return SOUK_OK;
}
