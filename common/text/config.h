/* config.h - everything that a user can set, as one struct filled from one table of options.
 *
 * The table in config_table.c names each option once: key, type, default, range, help. From it come
 * the YAML reader, --set, `souk config show|check|doc` and conf/REFERENCE.md. A new option is one
 * field here and one row there.
 *
 * YAML files hold sections with scalars and lists of scalars:
 *     model: {type: mf, k: 64}
 *     tables:
 *       user: {pull: fp16, push: int8}
 * A path in data.* or run.dir that is relative is taken from the current folder. Unknown keys,
 * wrong types and values out of range are errors "file:line: message", with "did you mean".
 *
 * Threads: one owner while it is filled, immutable after.
 */
#ifndef SOUK_COMMON_TEXT_CONFIG_H
#define SOUK_COMMON_TEXT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/buf.h"
#include "souk/types.h"

enum { CONFIG_LIST_MAX = 64, CONFIG_TEXT_MAX = 1024 };

/* A list of texts, such as files. */
struct config_list {
    char **items; // owned
    uint32_t num_items;
};

/* What a column's ids are. */
enum config_id_kind { CONFIG_ID_AUTO, CONFIG_ID_INTEGER, CONFIG_ID_STRING };
enum config_header { CONFIG_HEADER_AUTO, CONFIG_HEADER_YES, CONFIG_HEADER_NO };
enum config_schedule {
    CONFIG_LR_CONSTANT,
    CONFIG_LR_EXPONENTIAL, // lr * decay^epoch
    CONFIG_LR_INVERSE,     // lr / (1 + decay * epoch)
    CONFIG_LR_COSINE,      // half a cosine from lr to lr * decay over all epochs
    CONFIG_LR_STEP,        // lr * decay every lr_step_epochs
};
enum config_mf_optimizer { CONFIG_MF_SGD, CONFIG_MF_ADAGRAD };
enum config_activation {
    CONFIG_ACTIVATION_AUTO, // what the model has by default
    CONFIG_ACTIVATION_SIGMOID,
    CONFIG_ACTIVATION_RELU,
    CONFIG_ACTIVATION_PRELU,
    CONFIG_ACTIVATION_DICE,
};
enum config_pooling { CONFIG_POOLING_SUM, CONFIG_POOLING_MEAN };
enum config_consistency {
    CONFIG_ASP, // nobody waits: dense parameters live on the servers
    CONFIG_BSP, // lock step: dense gradients are summed over all workers
};
enum config_dense_optimizer { CONFIG_DENSE_ADAM, CONFIG_DENSE_SGD };
enum config_candidates {
    CONFIG_CANDIDATES_ROWS, // a user's rows in the data
    CONFIG_CANDIDATES_ALL,  // all items that the user has not seen
};
enum config_policy_target { CONFIG_TARGET_SARSA, CONFIG_TARGET_Q_LEARNING };
enum config_policy_slate { CONFIG_SLATE_TOP_K, CONFIG_SLATE_GREEDY, CONFIG_SLATE_EXACT };
enum config_null_value { CONFIG_NULL_LEARNED, CONFIG_NULL_ZERO };
enum config_exploration { CONFIG_EXPLORE_EPSILON, CONFIG_EXPLORE_SOFTMAX };

/* Options of one table; what is not set keeps what the model chooses. */
struct config_table {
    char name[SOUK_NAME_MAX];
    int pull_codec, push_codec; // enum souk_codec, -1: not set
    int optimizer;              // enum souk_optimizer, -1: not set
    int init;                   // enum souk_init, -1: not set
    float init_scale;           // NAN: not set, and so for those below
    float lr, momentum, beta1, beta2, epsilon, initial_accumulator;
    float ftrl_alpha, ftrl_beta, l1, l2;
};

struct config {
    struct {
        char *dir; // folder of the run: configuration, events, model, results
        uint64_t seed;
        char *log_level;   // error, warning, info, debug
        double progress_s; // seconds between two rows of progress, > 0
    } run;
    struct {
        struct config_list train, valid, test; // files; "-" is standard input
        char *delimiter; // "auto", "tab", "comma", "space", or the text itself such as "::"
        enum config_header header;
        char *user, *item, *rating; // column names, or positions from 1
        char *label;                // column of a sample's label, likewise
        enum config_id_kind user_id, item_id;
        uint64_t max_bad_rows; // rows that may be malformed before the run ends
        double valid_share; // of the training rows held out by hash when `valid` is empty, [0, 1)
        uint64_t shuffle_rows; // rows shuffled together while a file streams
        uint64_t cache_rows;   // files of up to so many rows (a rank) stay in memory after epoch 1
        bool keep_observed; // the model remembers who rated or chose what, so recommend can use it
        char *titles;       // file with a title an item; "" none
        char *titles_delimiter, *titles_item, *titles_title;
        enum config_header titles_header;
    } data;
    struct {
        struct config_list fields;    // "column:table" of plain ids; empty: inferred
        struct config_list histories; // "column:table" of aligned lists, or "none"; empty: inferred
        char *separator;              // of ids in a list: "auto", "comma", "space", or one byte
        uint32_t max_history;         // longer ones keep their latest behaviours
        enum config_id_kind ids;      // of all tables
    } features;
    struct {
        char *type;             // "mf", "din", "base", "ncf"
        uint32_t k;             // factors
        float init_scale;       // deviation of the factors' initial values
        float l2_user, l2_item; // of the factors
        float l2_user_bias, l2_item_bias;
        bool clip; // predictions kept within the ratings seen in training
        // Of the click models, din, base and ncf.
        uint32_t dim;                                // of an embedding
        struct config_list hidden;                   // widths of the dense layers; empty: auto
        enum config_activation activation;           // of them
        struct config_list attention;                // widths of the attention unit's layers
        enum config_activation attention_activation; // of them
        bool softmax;                                // over the weights of a history
        enum config_pooling pooling;                 // of histories without attention
        bool batch_norm;                             // before each activation
        float dropout;                               // behind each activation, [0, 1)
        float l2;                                    // of embeddings in the batch
    } model;
    struct {
        uint32_t epochs;
        uint32_t batch_size;                // ratings or samples, of a worker
        enum config_mf_optimizer optimizer; // what a worker does to the rows that it pulled
        enum config_consistency consistency;
        enum config_dense_optimizer dense_optimizer; // of a click model's dense layers
        float clip_norm;                             // of the gradient; 0: any
        uint32_t max_bad_steps; // steps with a gradient that is not finite before the run ends
        float lr;
        enum config_schedule lr_schedule;
        float lr_decay;
        uint32_t lr_step_epochs;
        uint32_t warmup_steps; // lr rises linearly over so many steps
        uint32_t pull_ahead;   // batches whose rows are under way while one is computed
        uint32_t patience;     // epochs without a better validation before training stops; 0: never
        float min_delta;       // what counts as better
        double
            checkpoint_s; // seconds between checkpoints, checked at epoch ends; 0: only at the end
        double max_seconds; // training stops after them, like Ctrl-C; 0: never
    } train;
    struct {
        enum config_candidates candidates; // of hit rate, NDCG and MRR, in `souk evaluate`
        uint32_t max_users;                // whose clicks are ranked among all items; 0: all
    } eval;
    struct {
        char *agent;               // "slateq", "dqn", "tabular", "greedy", "random"
        uint64_t steps;            // user steps of all workers
        uint32_t num_users;        // at once, in one worker
        float gamma;               // discount of what comes a step later, [0, 1]
        uint32_t n_step;           // rewards ahead of the bootstrapped value
        float reward_scale;        // rewards are multiplied by it inside of the agent
        float memory;              // decay of what the agent remembers of a user's past; 0: nothing
        struct config_list hidden; // widths of the Q network; empty: 256, 32
        bool dueling;              // dqn
        float lr, lr_end;          // at the start and at the end of policy.steps
        float huber;               // errors beyond it count linearly; 0: none
        uint32_t batch_size;       // transitions of an update
        uint32_t updates;          // after each step of all users
        uint64_t replay;           // transitions that are remembered
        uint64_t warmup;           // user steps before the first update
        uint32_t target_sync;      // updates between two copies of the target network
        enum config_policy_target target;  // slateq
        enum config_policy_slate slate;    // slateq
        enum config_null_value null_value; // slateq
        uint32_t embedding;                // floats of an item's; 0: auto
        uint32_t user_embedding;           // floats of a user's
        uint32_t bins;                     // tabular: of a feature
        float bins_low, bins_high;         // tabular: where they begin and end
        enum config_exploration exploration;
        double epsilon, epsilon_end;
        uint64_t epsilon_steps; // user steps from one to the other
        double temperature;     // of softmax
        uint64_t valid_steps;   // user steps between two looks at held-out users; 0: none
        uint32_t valid_users, test_users;
    } policy;
    struct {
        uint32_t servers;             // server processes (or groups of threads in one process)
        uint32_t threads;             // shard threads a server
        uint32_t workers;             // expected size of MPI_COMM_WORLD; 0: whatever it is
        struct config_list addresses; // servers that run already; like --servers
        char *bind;       // address that servers started here listen on, tcp://127.0.0.1:*
        bool insecure;    // allows listening beyond loopback without encryption
        double timeout_s; // until a server that does not answer ends the run
        double retry_s;
        double start_timeout_s; // until a server must have started
    } cluster;
    struct {
        char *type;              // "interest_evolution" ...
        uint32_t slate_size;     // 0, here and for the next two: the environment's own
        uint32_t num_candidates; // a step
        uint32_t max_steps;      // of a user
        double budget;           // of time; 0: the environment's own
        bool show_budget;        // what is left of it is the last number that agents see of a user
        double no_click_mass, step_penalty, document_length, quality_sd; // interest_evolution
        double no_click_logit, affinity_sd;                              // interest_exploration
        double sensitivity, memory, noise, clickbait_mean, kale_mean;    // long_term_satisfaction
        char *model;                            // learned: run.dir of a model of clicks
        uint32_t num_profiles;                  // learned: of users who are kept to begin with
        double near_share, popularity_exponent; // learned: of candidates
        double leave, leave_bored;              // learned: probabilities after a step
    } env;
    uint32_t num_tables;
    struct config_table tables[SOUK_TABLES_MAX];
    // For "file:line" in later errors and `config show --origin`: opaque, owned.
    struct config_origins *origins;
};

/* Fills with defaults. */
void config_init(struct config *config);
void config_fini(struct config *config);

/* Sets a section ("cluster") back to its defaults. */
void config_reset(struct config *config, const char *section);

/* Reads a file, or text that errors call `name`. All errors of a file are logged, not the first
 * only. SOUK_ECONFIG, SOUK_EIO. */
SOUK_MUST_CHECK souk_status config_read_file(struct config *config, const char *path);
SOUK_MUST_CHECK souk_status config_read_text(struct config *config, const char *text, size_t length,
                                             const char *name);
/* "section.key=value"; lists take commas. Errors say `--set section.key: ...`. */
SOUK_MUST_CHECK souk_status config_set(struct config *config, const char *assignment);
/* What no single option can say: patience needs validation data, columns differ, ... All faults are
 * logged, not the first only. */
SOUK_MUST_CHECK souk_status config_check(const struct config *config);
/* Where an option came from: "conf/mf.yaml:7", "--set", "default". Borrowed. */
const char *config_origin(const struct config *config, const char *key);

/* YAML that reads back to the same configuration. With only_changed, defaults are left out. */
void config_show(const struct config *config, bool only_changed, struct buf *out);
/* The same with a comment behind each value that says where it came from. */
void config_show_origins(const struct config *config, bool only_changed, struct buf *out);
/* conf/REFERENCE.md: every option in a table, by section. */
void config_doc(struct buf *out);
/* Help of the keys that begin with prefix ("" all), for terminals. False when there is none. */
bool config_help(const char *prefix, struct buf *out);
/* Logs that no key begins with this one, with a "did you mean". Returns SOUK_EUSAGE. */
SOUK_MUST_CHECK souk_status config_fail_no_help(const char *key);

/* Logs an error of an option with the place that set it, and returns SOUK_ECONFIG. For checks that
 * only the user of an option can make, such as whether there is a model of a type. */
SOUK_MUST_CHECK souk_status config_fail_at(const struct config *config, const char *key,
                                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* SOUK_ECONFIG when tables.<name> is set for a name that is none of the model's tables. */
SOUK_MUST_CHECK souk_status config_check_tables(const struct config *config,
                                                const struct souk_table_spec *specs,
                                                uint32_t num_specs);
/* Applies tables.<spec->name> to a spec that a model has made. SOUK_ECONFIG. */
SOUK_MUST_CHECK souk_status config_apply_table(const struct config *config,
                                               struct souk_table_spec *spec);

#endif
