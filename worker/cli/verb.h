/* verb.h - the verbs of bin/souk. One file a verb in worker/cli/, one line in verbs.c.
 *
 * Results go to standard output, everything else to standard error.
 */
#ifndef SOUK_WORKER_CLI_VERB_H
#define SOUK_WORKER_CLI_VERB_H

#include <signal.h>
#include <stdbool.h>

#include "common/text/config.h"
#include "worker/cli/own_options.h"
#include "worker/comm/comm.h"
#include "worker/train/session.h"

/* What main.c found out about the world: nothing below it reads argv or the environment. */
struct program {
    const char *server_program;           // path of souk-server beside this program
    const struct local_server_ops *local; // servers as threads
    struct comm_launch launch;
    bool is_stderr_terminal, is_stdout_terminal;
    bool has_color;                     // a terminal, and NO_COLOR is not set
    uint32_t terminal_columns;          // 80 when nobody knows
    volatile sig_atomic_t *stop_signal; // set by SIGINT and SIGTERM; a second one ends at once
};

struct verb {
    const char *name;    // "train", or two words: "data inspect"
    const char *summary; // one line for `souk help`
    const char *help;    // the whole page
    souk_status (*run)(const struct program *program, int argc, char **argv); // argv[0]: the verb
    const struct own_options *own; // of the verb beside those of args_parse; or NULL
    bool is_stopped_hard; // run() does not watch stop_signal: the first SIGINT or SIGTERM ends it
    bool outlives_reader; // goes on when nobody reads what it prints (SIGPIPE)
};

/* The verb that the words begin with (argv[0] is the first word behind the program's name) and how
 * many of them are its name; NULL when there is none. */
const struct verb *verb_find(int argc, char **argv, int *num_words_out);
/* Logs what is wrong with words that are no verb, with a "did you mean". Returns SOUK_EUSAGE. */
souk_status verb_fail_unknown(int argc, char **argv);
void verb_print_overview(void);
/* Prints the verbs of two words that begin with this one, as "config"; false when there are none.
 */
bool verb_print_group(const char *first);
extern const struct verb verb_train, verb_learn_policy, verb_evaluate, verb_predict, verb_recommend,
    verb_heatmap, verb_config_show, verb_config_check, verb_config_doc, verb_data_inspect,
    verb_data_generate, verb_data_build_histories, verb_explain, verb_ope, verb_simulate;

/* Options that verbs share. A verb says which it takes by ARG_* bits; others are errors with a
 * "did you mean". Values follow as the next word or behind "="; "--" ends the options. Texts are
 * borrowed from argv; lists and config are copies. */
enum arg_flag {
    ARG_CONFIG = 1 << 0,      // -c FILE, --set key=value (repeatable)
    ARG_MODEL = 1 << 1,       // -m DIR
    ARG_DATA = 1 << 2,        // --data FILE (repeatable)
    ARG_JSON = 1 << 3,        // --json
    ARG_SERVERS = 1 << 4,     // --servers a,b
    ARG_OUTPUT = 1 << 5,      // -o FILE
    ARG_RESUME = 1 << 6,      // --resume
    ARG_USERS = 1 << 7,       // --user/--users LIST (repeatable)
    ARG_ITEMS = 1 << 8,       // --items LIST
    ARG_TOP = 1 << 9,         // -n N
    ARG_TITLES = 1 << 10,     // --titles FILE
    ARG_SEEN = 1 << 11,       // --with-seen
    ARG_SVG = 1 << 12,        // --svg FILE
    ARG_SHOW = 1 << 13,       // --changed, --origin
    ARG_WORDS = 1 << 14,      // words that belong to no option; errors without it
    ARG_FILE = 1 << 15,       // such a word is the FILE of -c
    ARG_CANDIDATES = 1 << 16, // --candidates FILE
    ARG_POLICY = 1 << 17,     // --policy DIR
};
struct args {
    struct config config;    // defaults, then the file of the model, of -c, then --set, --servers
    const char *config_path; // NULL: none
    const char *model_dir;   // NULL: none
    struct config_list data; // files
    struct config_list users, items; // ids: --user X takes X as it is, --users A,B is two
    struct config_list settings;     // of --set, in order; config has them already
    const char *servers;             // of --servers; config has them already
    const char *output, *titles, *svg, *candidates, *policy;
    uint32_t top; // 0: not given
    bool is_json, is_resume, with_seen;
    bool only_changed, with_origin;
    char **positional; // what is left, in argv
    int num_positional;
};
/* SOUK_EUSAGE, SOUK_ECONFIG: logged. With -m and ARG_MODEL, the model's own configuration
 * (config.yaml of the run) is read before -c and --set, its cluster section excepted: that is no
 * property of a model. The configuration has passed config_check; run.log_level is in force.
 * --help is main.c's: it never comes here. args_fini always. */
SOUK_MUST_CHECK souk_status args_parse(const struct verb *verb, unsigned flags, int argc,
                                       char **argv, struct args *args_out);
void args_fini(struct args *args);

#endif
