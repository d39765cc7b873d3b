/* run_dir.c - see run_dir.h. */
#include "worker/train/run_dir.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/model/model_dir.h"

char *run_dir_path(const struct config *config, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", config->run.dir, name);
    return path.text;
}

static souk_status write_config(const struct config *config)
{
    struct buf text = {0};
    config_show(config, false, &text);
    char *path = run_dir_path(config, "config.yaml");
    souk_status status = file_write_atomic(path, buf_text(&text), text.length);
    mem_free(path);
    buf_fini(&text);
    return status;
}

/* Where a section of config_show's text is, without its name; *length_out 0: it is not there. */
static const char *find_section(const char *text, const char *name, size_t *length_out)
{
    const char *start = text ? strstr(text, name) : NULL;
    *length_out = 0;
    if (!start) return "";
    start += strlen(name);
    const char *end = start;
    while (*end && !(end[0] == '\n' && end[1] && end[1] != ' ' && end[1] != '\n')) end++;
    *length_out = (size_t)(end - start);
    return start;
}

static bool is_same_section(const char *a, const char *b, const char *name)
{
    size_t a_length, b_length;
    const char *a_start = find_section(a, name, &a_length);
    const char *b_start = find_section(b, name, &b_length);
    return a_length == b_length && memcmp(a_start, b_start, a_length) == 0;
}

// The line of an option in a section of config_show's text.
static bool is_same_line(const char *a, const char *b, const char *section, const char *key)
{
    const char *texts[] = {a, b}, *lines[2];
    size_t lengths[2];
    char name[64];
    snprintf(name, sizeof(name), "\n  %s:", key);
    for (int i = 0; i < 2; i++) {
        const char *start = find_section(texts[i], section, &lengths[i]);
        const char *line = lengths[i] > 0 ? strstr(start, name) : NULL;
        lines[i] = line && line < start + lengths[i] ? line + 1 : "";
        lengths[i] = strcspn(lines[i], "\n");
    }
    return lengths[0] == lengths[1] && memcmp(lines[0], lines[1], lengths[0]) == 0;
}

/* What an agent is, and not how it learns: the checkpoint has it, so other settings would do
 * nothing but be written down. */
static const char *const agent_keys[] = {"agent",  "hidden",       "dueling",  "embedding",
                                         "memory", "reward_scale", "slate",    "null_value",
                                         "bins",   "bins_low",     "bins_high"};

static souk_status check_same_agent(const char *path, const char *was, const char *is)
{
    if (!is_same_section(was, is, "\nenv:"))
        return log_fail(SOUK_ECONFIG,
                        "%s: the run began with other settings of env.*; go on with the same, or "
                        "start without --resume",
                        path);
    for (unsigned k = 0; k < sizeof(agent_keys) / sizeof(agent_keys[0]); k++)
        if (!is_same_line(was, is, "\npolicy:", agent_keys[k]))
            return log_fail(SOUK_ECONFIG,
                            "%s: the run began with another policy.%s; go on with the same, or "
                            "start without --resume",
                            path, agent_keys[k]);
    return SOUK_OK;
}

/* A run goes on with the model and the tables that it began with, or the agent and its users;
 * everything else may change. */
static souk_status check_same_model(const struct config *config)
{
    struct config before;
    config_init(&before);
    char *path = run_dir_path(config, "config.yaml");
    souk_status status = config_read_file(&before, path);
    struct buf was = {0}, is = {0};
    if (status == SOUK_OK) {
        config_show(&before, false, &was);
        config_show(config, false, &is);
        bool is_same = is_same_section(buf_text(&was), buf_text(&is), "\nmodel:") &&
                       is_same_section(buf_text(&was), buf_text(&is), "\ntables:") &&
                       before.train.optimizer == config->train.optimizer &&
                       before.run.seed == config->run.seed;
        if (!is_same)
            status =
                log_fail(SOUK_ECONFIG,
                         "%s: the run began with other settings of run.seed, model.*, tables.* "
                         "or train.optimizer; go on with the same, or start without --resume",
                         path);
        if (status == SOUK_OK) status = check_same_agent(path, buf_text(&was), buf_text(&is));
    }
    buf_fini(&was);
    buf_fini(&is);
    mem_free(path);
    config_fini(&before);
    return status;
}

static souk_status prepare_model(const struct config *config)
{
    char *dir = run_dir_path(config, "model");
    char *manifest = run_dir_path(config, "model/manifest.json");
    if (file_exists(manifest))
        log_info("%s holds a model; it stays until this run saves its own", dir);
    souk_status status = model_dir_prepare(dir);
    mem_free(manifest);
    mem_free(dir);
    return status;
}

static souk_status drop_checkpoint(const struct config *config)
{
    char *dir = run_dir_path(config, "checkpoint");
    bool was_there = false;
    souk_status status = model_dir_drop(dir, &was_there);
    if (was_there)
        log_info("%s: the checkpoint of an earlier run is dropped (--resume would have gone on "
                 "from it)",
                 config->run.dir);
    mem_free(dir);
    return status;
}

static void drop_result(const struct config *config)
{
    char *path = run_dir_path(config, "result.json");
    unlink(path);
    mem_free(path);
}

static souk_status lock(const struct config *config, int *lock_out)
{
    souk_status status = file_lock_dir(config->run.dir, false, lock_out);
    if (status == SOUK_EAGAIN)
        return log_fail(status,
                        "%s: another run writes to this folder; wait until it has ended, or set "
                        "run.dir to another one",
                        config->run.dir);
    return status;
}

souk_status run_dir_prepare(const struct config *config, struct comm *comm, bool is_resuming,
                            int *lock_out)
{
    int fd = -1;
    souk_status status = SOUK_OK;
    if (comm_rank(comm) == 0) {
        if (!is_resuming) status = file_make_dirs(config->run.dir);
        if (status == SOUK_OK) status = lock(config, &fd);
        if (status == SOUK_OK)
            status = is_resuming ? check_same_model(config) : prepare_model(config);
    }
    status = comm_agree(comm, status);
    if (status == SOUK_OK)
        *lock_out = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

souk_status run_dir_begin(const struct config *config, struct comm *comm, bool is_resuming)
{
    souk_status status = SOUK_OK;
    if (comm_rank(comm) == 0) {
        if (!is_resuming) status = drop_checkpoint(config);
        if (!is_resuming && status == SOUK_OK) drop_result(config);
        if (status == SOUK_OK) status = write_config(config);
    }
    return comm_agree(comm, status);
}
