/* config.c - souk config show | check | doc. */
#include <errno.h>
#include <stdio.h>

#include "common/base/log.h"
#include "worker/cli/verb.h"
#include "worker/model/model.h"

static souk_status print(struct buf *text)
{
    bool is_done = fputs(buf_text(text), stdout) >= 0 && fflush(stdout) == 0;
    buf_fini(text);
    return is_done ? SOUK_OK : log_fail_errno(errno, "standard output cannot be written");
}

static souk_status show(const struct program *program, int argc, char **argv)
{
    (void)program;
    struct args args;
    struct buf text = {0};
    souk_status status = args_parse(&verb_config_show, ARG_CONFIG | ARG_FILE | ARG_MODEL | ARG_SHOW,
                                    argc, argv, &args);
    if (status == SOUK_OK) {
        if (args.with_origin)
            config_show_origins(&args.config, args.only_changed, &text);
        else
            config_show(&args.config, args.only_changed, &text);
        status = print(&text);
    }
    args_fini(&args);
    return status;
}

const struct verb verb_config_show = {
    .name = "config show",
    .summary = "print the configuration that results from a file and --set",
    .help =
        "usage: souk config show [FILE] [-m DIR] [--set KEY=VALUE]... [--changed] [--origin]\n"
        "\n"
        "Prints the configuration that training would run with, as YAML that reads back to the\n"
        "same.\n"
        "\n"
        "  FILE, -c FILE     configuration to read\n"
        "  -m DIR            begin with the configuration of a model or a run\n"
        "  --set KEY=VALUE   set an option, such as train.lr=0.05; lists take commas\n"
        "  --changed         only what differs from the defaults\n"
        "  --origin          say behind each value which file and line it came from\n",
    .run = show,
    .is_stopped_hard = true,
};

static souk_status check_model(const struct config *config)
{
    if (model_ops_get(config->model.type)) return SOUK_OK;
    return config_fail_at(config, "model.type", "there is no model \"%s\"", config->model.type);
}

static souk_status check(const struct program *program, int argc, char **argv)
{
    (void)program;
    struct args args;
    souk_status status = args_parse(&verb_config_check, ARG_CONFIG | ARG_FILE, argc, argv, &args);
    if (status == SOUK_OK && !args.config_path)
        status = log_fail(SOUK_EUSAGE, "config check: which file? See souk config check --help");
    if (status == SOUK_OK) status = check_model(&args.config);
    if (status == SOUK_OK) printf("%s: good\n", args.config_path);
    args_fini(&args);
    return status;
}

const struct verb verb_config_check = {
    .name = "config check",
    .summary = "say what is wrong with a configuration",
    .help = "usage: souk config check FILE [--set KEY=VALUE]...\n"
            "\n"
            "Reads a configuration and prints every mistake with its line. Data files are not\n"
            "opened: souk data inspect does that. Exit code 0: good, 2: not.\n"
            "\n"
            "  FILE, -c FILE     configuration to read\n"
            "  --set KEY=VALUE   set an option on top of it\n",
    .run = check,
    .is_stopped_hard = true,
};

static souk_status doc(const struct program *program, int argc, char **argv)
{
    (void)program;
    struct args args;
    struct buf text = {0};
    souk_status status = args_parse(&verb_config_doc, 0, argc, argv, &args);
    if (status == SOUK_OK) {
        config_doc(&text);
        status = print(&text);
    }
    args_fini(&args);
    return status;
}

const struct verb verb_config_doc = {
    .name = "config doc",
    .summary = "print all options of configurations as Markdown",
    .help = "usage: souk config doc\n"
            "\n"
            "Prints a table of all options with types, ranges, defaults and meanings: the text of\n"
            "conf/REFERENCE.md. `souk help KEY` prints some of them for a terminal.\n",
    .run = doc,
    .is_stopped_hard = true,
};
