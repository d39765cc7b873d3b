/* config_table.c - every option of Souk, once. See config_option.h.
 *
 * The key of a row is the path of its field, so the two cannot drift apart; the macros check the
 * type of the field at compile time.
 */
#include <math.h>

#include "common/base/log.h"
#include "common/bytes/wire.h"
#include "common/text/config_option.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RANGE(low, high, is_low_open, is_high_open)                                              \
    {                                                                                            \
        .min = (low), .max = (high), .is_min_open = (is_low_open), .is_max_open = (is_high_open) \
    }
#define ANY_NUMBER          RANGE(-INFINITY, INFINITY, false, false)
#define AT_LEAST(low)       RANGE(low, INFINITY, false, false)
#define ABOVE(low)          RANGE(low, INFINITY, true, false)
#define BETWEEN(low, high)  RANGE(low, high, false, false)
#define TO_BELOW(low, high) RANGE(low, high, false, true)

// A field of struct config; the last argument is its range. _Generic has no branch for another type
// than `ctype`.
#define OPTION(member, kind, ctype, value, names, text, ...)                             \
    {                                                                                    \
        .key = #member, .type = kind, .fallback = value, .name_of = names, .help = text, \
        .range = __VA_ARGS__,                                                            \
        .offset = _Generic(((struct config *)0)->member, ctype                           \
                           : offsetof(struct config, member))                            \
    }
#define BOOL(key, value, text)       OPTION(key, OPTION_BOOL, bool, value, NULL, text, ANY_NUMBER)
#define U32(key, value, range, text) OPTION(key, OPTION_U32, uint32_t, value, NULL, text, range)
#define U64(key, value, range, text) OPTION(key, OPTION_U64, uint64_t, value, NULL, text, range)
#define F32(key, value, range, text) OPTION(key, OPTION_F32, float, value, NULL, text, range)
#define F64(key, value, range, text) OPTION(key, OPTION_F64, double, value, NULL, text, range)
#define TEXT(key, value, text)       OPTION(key, OPTION_TEXT, char *, value, NULL, text, ANY_NUMBER)
#define CHOICE(key, value, names, text) \
    OPTION(key, OPTION_TEXT, char *, value, names, text, ANY_NUMBER)
#define ENUM(key, value, names, text) \
    OPTION(key, OPTION_ENUM, unsigned, value, names, text, ANY_NUMBER)
#define LIST(key, text) OPTION(key, OPTION_LIST, struct config_list, "", NULL, text, ANY_NUMBER)

// A field of struct config_table, unset at first.
#define TABLE_OPTION(name, member, kind, ctype, names, text, ...)                        \
    {                                                                                    \
        .key = name, .type = kind, .name_of = names, .help = text, .range = __VA_ARGS__, \
        .offset = _Generic(((struct config_table *)0)->member, ctype                     \
                           : offsetof(struct config_table, member))                      \
    }
#define TABLE_ENUM(name, member, names, text) \
    TABLE_OPTION(name, member, OPTION_ENUM, int, names, text, ANY_NUMBER)
#define TABLE_F32(member, range, text) \
    TABLE_OPTION(#member, member, OPTION_F32, float, NULL, text, range)

// Names of an enum, in its order.
#define NAMES(function, ...)                               \
    static const char *function(unsigned value)            \
    {                                                      \
        static const char *const names[] = {__VA_ARGS__};  \
        return value < COUNT(names) ? names[value] : NULL; \
    }

NAMES(header_names, "auto", "yes", "no")
NAMES(id_names, "auto", "integer", "string")
NAMES(schedule_names, "constant", "exponential", "inverse", "cosine", "step")
NAMES(mf_optimizer_names, "sgd", "adagrad")
NAMES(activation_names, "auto", "sigmoid", "relu", "prelu", "dice")
NAMES(pooling_names, "sum", "mean")
NAMES(consistency_names, "asp", "bsp")
NAMES(dense_optimizer_names, "adam", "sgd")
NAMES(candidates_names, "rows", "all")
NAMES(agent_names, "slateq", "dqn", "tabular", "greedy", "random")
NAMES(policy_target_names, "sarsa", "q_learning")
NAMES(policy_slate_names, "top_k", "greedy", "exact")
NAMES(null_value_names, "learned", "zero")
NAMES(exploration_names, "epsilon", "softmax")

static const char *codec_names(unsigned value)
{
    return value < SOUK_NUM_CODECS ? souk_codec_name((enum souk_codec)value) : NULL;
}

static const char *optimizer_names(unsigned value)
{
    return value < SOUK_NUM_OPTIMIZERS ? souk_optimizer_name((enum souk_optimizer)value) : NULL;
}

static const char *init_names(unsigned value)
{
    return value < SOUK_NUM_INITS ? souk_init_name((enum souk_init)value) : NULL;
}

const struct option_section config_sections[] = {
    {"run", "where a run keeps its files, and how it talks"},
    {"data", "files of ratings (or clicks), and how they are read"},
    {"features", "columns of samples of clicks, and the table that each one's ids belong to"},
    {"model", "what is trained"},
    {"train", "how it is trained"},
    {"eval", "how click models are judged"},
    {"policy", "what `souk learn-policy` learns, and how"},
    {"cluster", "server processes, and how workers reach them"},
    {"env", "simulated users, of souk learn-policy and souk simulate"},
    {"tables", "per table: tables.<name>.<option>; what is not set is chosen by the model"},
};
const unsigned config_num_sections = COUNT(config_sections);

const struct option config_options[] = {
    TEXT(run.dir, "runs/last",
         "folder of the run: resolved configuration, events, checkpoints, model, results"),
    U64(run.seed, "1", ANY_NUMBER,
        "seed of everything random: initial values, order of the rows, rounding"),
    CHOICE(run.log_level, "info", log_level_name, "messages up to this level are printed"),
    F64(run.progress_s, "1", ABOVE(0), "seconds between two rows of progress"),

    LIST(data.train, "files to train on; \"-\" is standard input; .gz is unpacked"),
    LIST(data.valid, "files that early stopping and the choice of the best epoch look at"),
    LIST(data.test, "files for the figures at the end; never looked at before"),
    TEXT(data.delimiter, "auto",
         "what separates columns: auto, tab, comma, space, or the text itself such as \"::\""),
    ENUM(data.header, "auto", header_names, "whether the first line names the columns"),
    TEXT(data.user, "auto",
         "column of the user: a name of the header, a position from 1, or auto (the usual names, "
         "else the first column)"),
    TEXT(data.item, "auto", "column of the item, likewise; else the second column"),
    TEXT(data.rating, "auto", "column of the rating, likewise; else the third column"),
    TEXT(
        data.label, "auto",
        "column of a sample's label, 0 or 1: a name of the header, a position from 1, or auto (the "
        "usual names, such as label or click)"),
    ENUM(data.user_id, "auto", id_names,
         "what user ids are: whole numbers 0..2^64-1, or any text; auto looks at the first lines"),
    ENUM(data.item_id, "auto", id_names, "what item ids are, likewise"),
    U64(data.max_bad_rows, "0", ANY_NUMBER,
        "rows that may be malformed; they are skipped and counted, one more ends the run"),
    F64(data.valid_share, "0", TO_BELOW(0, 1),
        "share of the training rows that is held out for validation when data.valid is empty; "
        "ratings are chosen by a hash of seed, user and item, clicks by one of seed and user, so "
        "that "
        "no user is on both sides"),
    U64(data.shuffle_rows, "1000000", AT_LEAST(1),
        "rows that are shuffled together while a file streams"),
    U64(data.cache_rows, "10000000", ANY_NUMBER,
        "training rows of a rank that may stay in memory after the first epoch; larger data is "
        "read again every epoch"),
    BOOL(data.keep_observed, "true",
         "keep beside the model who rated what, so that recommend can leave it out and heatmap can "
         "outline it; of click models, each user's newest history, what the user was seen to "
         "choose, and the fields of items, which recommend and explain start from"),
    TEXT(data.titles, "", "file with a title for each item; empty: none"),
    TEXT(data.titles_delimiter, "auto", "what separates columns of the titles file"),
    TEXT(data.titles_item, "auto", "its column of the item id; else the first column"),
    TEXT(data.titles_title, "auto", "its column of the title; else the second column"),
    ENUM(data.titles_header, "auto", header_names, "whether its first line names the columns"),

    LIST(
        features.fields,
        "columns with one id each, as column or column:table; a column is a name of the header or "
        "a "
        "position from 1; empty: all that are no label, rating, time or history, each with a table "
        "of its own name"),
    LIST(
        features.histories,
        "columns with lists of a user's past behaviours, oldest first, all as long as each other, "
        "as column:table; a history shares the table of the field that it is compared with; empty: "
        "hist_item goes with item, and so on; none: none are read"),
    TEXT(
        features.separator, "auto",
        "what separates the ids of a list: auto (the first of , | ; ^ and space that makes whole "
        "numbers of all of them; of texts the first that stands in lists, in no id of a field of "
        "their table, and makes the lists of a row equally long; else a comma), comma, space, tab, "
        "or one character"),
    U32(features.max_history, "50", BETWEEN(1, 65536),
        "behaviours of a history that are used: the latest ones"),
    ENUM(features.ids, "auto", id_names,
         "what ids are: whole numbers 0..2^64-1, or any text; auto looks at the first lines, for "
         "each table"),

    TEXT(
        model.type, "mf",
        "kind of model: mf is biased matrix factorisation of ratings; of clicks are din (attention "
        "over a history), base (the history pooled) and ncf (no history)"),
    U32(model.k, "32", BETWEEN(1, SOUK_DIM_MAX - 2), "factors of a user and of an item"),
    F32(model.init_scale, "0.1", AT_LEAST(0), "standard deviation of the factors' initial values"),
    F32(model.l2_user, "0.1", AT_LEAST(0), "L2 regularisation of the users' factors"),
    F32(model.l2_item, "0.1", AT_LEAST(0), "L2 regularisation of the items' factors"),
    F32(model.l2_user_bias, "0.02", AT_LEAST(0), "L2 regularisation of the users' biases"),
    F32(model.l2_item_bias, "0.02", AT_LEAST(0), "L2 regularisation of the items' biases"),
    BOOL(model.clip, "true", "keep predictions within the ratings seen in training"),
    U32(model.dim, "16", BETWEEN(1, SOUK_DIM_MAX), "click models: floats of an id's embedding"),
    LIST(model.hidden,
         "click models: widths of the dense layers; empty: 200, 80, and 128, 64 of ncf"),
    ENUM(model.activation, "auto", activation_names,
         "click models: what follows each of them; auto is dice, and relu of ncf"),
    LIST(model.attention,
         "din: widths of the layers that score a behaviour, 1 to 4; empty: 80, 40"),
    ENUM(model.attention_activation, "auto", activation_names,
         "din: what follows each of them; auto is sigmoid"),
    BOOL(model.softmax, "false",
         "din: weights of a history sum to 1; the paper's do not, so that they keep its strength"),
    ENUM(model.pooling, "sum", pooling_names, "base: how the embeddings of a history become one"),
    BOOL(model.batch_norm, "false", "click models: normalise over the batch before activations"),
    F32(model.dropout, "0", TO_BELOW(0, 1), "click models: share dropped behind activations"),
    F32(model.l2, "0", AT_LEAST(0),
        "click models: mini-batch aware regularisation of embeddings: l2 / n of an id that occurs "
        "in the batch, where n is how often it has occurred in an epoch"),

    U32(train.epochs, "20", AT_LEAST(1),
        "passes over the training rows, at most; of click models 2 (din) or 3 (base, ncf) where it "
        "is not set: they learn rows by heart soon"),
    U32(train.batch_size, "1024", BETWEEN(1, 1 << 20), "rows in a batch of one worker"),
    ENUM(train.optimizer, "adagrad", mf_optimizer_names,
         "what a worker does to the rows that it has pulled; servers may have their own optimizer, "
         "see tables.<name>.optimizer"),
    ENUM(train.consistency, "asp", consistency_names,
         "asp: workers do not wait for each other, dense parameters live on the servers; bsp: they "
         "go in lock step, and sum the gradients of dense parameters"),
    ENUM(
        train.dense_optimizer, "adam", dense_optimizer_names,
        "click models: what changes the dense layers, with train.lr; embeddings have the optimizer "
        "of their table"),
    F32(train.clip_norm, "0", AT_LEAST(0),
        "click models: a gradient that is longer is cut to this length; 0: none is"),
    U32(train.max_bad_steps, "10", ANY_NUMBER,
        "click models: steps whose gradient is not finite; they are skipped and counted, one more "
        "ends the run with the batch in run.dir"),
    F32(train.lr, "0.1", ABOVE(0),
        "learning rate; of click models 0.001 where it is not set: it is that of the dense layers"),
    ENUM(train.lr_schedule, "constant", schedule_names,
         "learning rate over epochs e: exponential lr * decay^e; inverse lr / (1 + decay * e); "
         "cosine from lr down to lr * decay; step lr * decay every lr_step_epochs"),
    F32(train.lr_decay, "0.9", AT_LEAST(0), "decay of the schedule"),
    U32(train.lr_step_epochs, "10", AT_LEAST(1), "epochs of a step of the step schedule"),
    U32(train.warmup_steps, "0", ANY_NUMBER, "batches over which the learning rate rises to lr"),
    U32(train.pull_ahead, "1", BETWEEN(0, 64),
        "batches whose rows are under way while one is computed; 0 waits for each"),
    U32(train.patience, "0", ANY_NUMBER,
        "epochs without a better validation figure before training stops and the best epoch is "
        "kept; 0: never"),
    F32(train.min_delta, "0.0001", AT_LEAST(0), "by how much a figure must be better to count"),
    F64(train.checkpoint_s, "300", AT_LEAST(0),
        "seconds between checkpoints, looked at when an epoch ends; 0: only at the end"),
    F64(train.max_seconds, "0", BETWEEN(0, 1e9),
        "training stops after them, as by Ctrl-C; 0: never"),

    ENUM(
        eval.candidates, "rows", candidates_names,
        "souk evaluate, clicks: what hit rate, NDCG and MRR rank: rows, a user's rows in the data; "
        "all, each click among all items that the user has not seen as well, which takes as many "
        "scores as there are clicks times items"),
    U32(eval.max_users, "0", ANY_NUMBER,
        "users, drawn at random, whose clicks are ranked among all items; 0: all of them"),

    CHOICE(policy.agent, "slateq", agent_names,
           "who learns: slateq values each item of a slate, dqn each item by itself (one item a "
           "position), tabular a table over discretised features; greedy and random only act"),
    U64(policy.steps, "1000000", AT_LEAST(1), "user steps to learn from, of all workers together"),
    U32(policy.num_users, "256", BETWEEN(1, 1 << 20),
        "simulated users at once, in one worker; one who leaves is replaced by the next"),
    F32(policy.gamma, "0.99", BETWEEN(0, 1), "discount of what comes a step later"),
    U32(policy.n_step, "1", BETWEEN(1, 256),
        "slateq, dqn: rewards that count as they came before the rest is estimated"),
    F32(policy.reward_scale, "1", ABOVE(0), "what rewards are multiplied by inside of the agent"),
    F32(policy.memory, "0", TO_BELOW(0, 1),
        "adds to the state what a user consumed and what came of it, each step back weighing so "
        "much less; for users whose state cannot be seen; 0: nothing"),
    LIST(policy.hidden, "widths of the Q network's hidden layers, 1 to 8; empty: 256, 32"),
    BOOL(policy.dueling, "false", "dqn: Q is a value of the state plus advantages of items"),
    F32(policy.lr, "0.001", ABOVE(0), "learning rate of the Q network, by Adam"),
    F32(policy.lr_end, "0.0001", AT_LEAST(0),
        "the rate at the end of policy.steps; linear between"),
    F32(policy.huber, "0", AT_LEAST(0),
        "errors beyond it count linearly; 0: all count by their square, so that Q is a mean"),
    U32(policy.batch_size, "256", BETWEEN(1, 1 << 20),
        "transitions of an update; in lock step (train.consistency) of all workers together, else "
        "of one"),
    U32(policy.updates, "2", BETWEEN(1, 1 << 16), "updates after each step of all users"),
    U64(policy.replay, "200000", BETWEEN(1, 1e9), "transitions that a worker remembers"),
    U64(policy.warmup, "5000", ANY_NUMBER,
        "user steps, of all workers together, before the first update"),
    U32(policy.target_sync, "50", AT_LEAST(1),
        "updates after which the target network becomes a copy of the one that learns"),
    ENUM(policy.target, "q_learning", policy_target_names,
         "slateq: the next slate's value is of the slate that was shown (sarsa), or of the one "
         "that looks best (q_learning)"),
    ENUM(policy.slate, "greedy", policy_slate_names,
         "slateq: how slates are chosen, to show and in targets: the k best items by themselves, "
         "one after another, or the best slate"),
    ENUM(policy.null_value, "learned", null_value_names,
         "slateq: what choosing nothing is worth; zero is what was published, and makes the agent "
         "chase clicks"),
    U32(policy.embedding, "0", BETWEEN(0, SOUK_DIM_MAX),
        "floats of an item's embedding, a table \"policy_item\" on the servers; 0: 16 where items "
        "have "
        "keys and no features, else none"),
    U32(policy.user_embedding, "0", BETWEEN(0, SOUK_DIM_MAX),
        "slateq, dqn: floats of a user's embedding, a table \"policy_user\" on the servers, for "
        "users who come back (env.type learned); 0: none"),
    U32(policy.bins, "4", BETWEEN(1, 1024), "tabular: parts that a feature's range is cut into"),
    F32(policy.bins_low, "-1", ANY_NUMBER, "tabular: where the range begins"),
    F32(policy.bins_high, "1", ANY_NUMBER, "tabular: where it ends"),
    ENUM(policy.exploration, "epsilon", exploration_names,
         "epsilon: now and then any slate; softmax: items by exp(preference / temperature)"),
    F64(policy.epsilon, "0.2", BETWEEN(0, 1), "share of slates that are random at first"),
    F64(policy.epsilon_end, "0.02", BETWEEN(0, 1), "and in the end"),
    U64(policy.epsilon_steps, "500000", ANY_NUMBER, "user steps from the one to the other"),
    F64(policy.temperature, "1", ABOVE(0), "of softmax"),
    U64(policy.valid_steps, "100000", ANY_NUMBER,
        "user steps between two looks at held-out users, for the curve; 0: none"),
    U32(policy.valid_users, "256", AT_LEAST(1), "held-out users of such a look"),
    U32(policy.test_users, "1500", AT_LEAST(1), "held-out users of the figures at the end"),

    U32(cluster.servers, "1", BETWEEN(1, 1024),
        "servers to start: processes under mpirun, groups of threads in a single process; not used "
        "when addresses are given"),
    U32(cluster.threads, "1", BETWEEN(1, WIRE_SHARDS_MAX), "shard threads of a server"),
    U32(cluster.workers, "0", ANY_NUMBER,
        "workers that there must be (size of MPI_COMM_WORLD); 0: whatever there is"),
    LIST(cluster.addresses, "servers that run already, tcp://host:port; as --servers"),
    TEXT(cluster.bind, "tcp://127.0.0.1:*", "where servers that are started here listen"),
    BOOL(cluster.insecure, "false",
         "allow servers to listen beyond this host, unencrypted and open to everybody"),
    F64(cluster.timeout_s, "30", BETWEEN(0.001, 1e6),
        "until a server that does not answer ends the run"),
    F64(cluster.retry_s, "1", BETWEEN(0.001, 1e6), "until an unanswered request is sent again"),
    F64(cluster.start_timeout_s, "30", BETWEEN(0.001, 1e6), "until a server must have started"),

    TEXT(env.type, "interest_evolution",
         "kind of users: interest_evolution, interest_exploration, long_term_satisfaction, or "
         "learned, whose mind is a model of clicks"),
    U32(env.slate_size, "0", BETWEEN(0, 32),
        "items that a user is shown in a step; 0: the environment's own, in this order 3, 2, 1 and "
        "3"),
    U32(env.num_candidates, "0", BETWEEN(0, 65536),
        "items that a slate is made of; 0: the environment's own, 10, 10, 5 and 20"),
    U32(env.max_steps, "0", BETWEEN(0, 1e9),
        "steps after which a user leaves in any case; 0: the environment's own, 10000, 100, 10000 "
        "and 1000"),
    F64(env.budget, "0", BETWEEN(0, 1e9),
        "time that a user has; 0: the environment's own, 200, none, 60 and none"),
    BOOL(env.show_budget, "false",
         "whether the share of the budget that is left is one more number that agents see of a "
         "user"),
    F64(env.no_click_mass, "1", BETWEEN(0, 1e9),
        "interest_evolution: the score of choosing nothing, less 1; that of an item is the "
        "interest in its topic plus 1"),
    F64(env.step_penalty, "0.5", BETWEEN(0, 1e9),
        "interest_evolution: budget that a step without a choice costs"),
    F64(env.document_length, "4", ABOVE(0),
        "interest_evolution: budget that a chosen item costs, before its quality gives some back"),
    F64(env.quality_sd, "0.1", BETWEEN(0, 10),
        "standard deviation of items' quality: interest_evolution, and of its logarithm: "
        "interest_exploration"),
    F64(env.no_click_logit, "5", BETWEEN(-50, 50),
        "interest_exploration: the logit of choosing nothing"),
    F64(env.affinity_sd, "0.1", BETWEEN(0, 10),
        "interest_exploration: standard deviation of the logarithm of users' affinities"),
    F64(env.sensitivity, "0.01", BETWEEN(0, 1e9),
        "long_term_satisfaction: how strongly satisfaction follows what was consumed"),
    F64(env.memory, "0.7", TO_BELOW(0, 1),
        "long_term_satisfaction: share of what was consumed that lasts for another step"),
    F64(env.noise, "0.05", BETWEEN(0, 1e9),
        "long_term_satisfaction: standard deviation of what else changes it in a step"),
    F64(env.clickbait_mean, "5", BETWEEN(-50, 50),
        "long_term_satisfaction: mean logarithm of the engagement with pure clickbait, at full "
        "satisfaction"),
    F64(env.kale_mean, "4", BETWEEN(-50, 50),
        "long_term_satisfaction: the same of what is none at all"),
    TEXT(env.model, "",
         "learned: run.dir of a model of clicks (din, base, ncf) that remembers its users"),
    U32(env.num_profiles, "100000", BETWEEN(1, 1e8),
        "learned: users of the model whose profiles are kept for simulated ones to begin with"),
    F64(env.near_share, "0.5", BETWEEN(0, 1),
        "learned: share of candidates that are drawn from the groups, such as the categories, of "
        "what the user has consumed; the others come from all items"),
    F64(env.popularity_exponent, "0.75", BETWEEN(0, 4),
        "learned: candidates are drawn by the number of users who chose them to this power"),
    F64(env.leave, "0.02", BETWEEN(0, 1),
        "learned: probability that a user leaves after a step with a choice"),
    F64(env.leave_bored, "0.05", BETWEEN(0, 1),
        "learned: what each step since the last choice adds to it"),
};
const unsigned config_num_options = COUNT(config_options);

const struct option config_table_options[] = {
    TABLE_ENUM("pull", pull_codec, codec_names, "how rows travel from servers to workers"),
    TABLE_ENUM("push", push_codec, codec_names, "how rows travel from workers to servers"),
    TABLE_ENUM("optimizer", optimizer, optimizer_names, "what a server does with a gradient"),
    TABLE_ENUM("init", init, init_names, "initial values of a row"),
    TABLE_F32(init_scale, AT_LEAST(0), "half the width of uniform, the deviation of normal values"),
    TABLE_F32(lr, ABOVE(0), "the server's learning rate, where a push does not name one"),
    TABLE_F32(momentum, TO_BELOW(0, 1), "momentum: share of the last step that is kept"),
    TABLE_F32(beta1, TO_BELOW(0, 1), "adam: decay of the mean of gradients"),
    TABLE_F32(beta2, TO_BELOW(0, 1), "adam: decay of the mean of squared gradients"),
    TABLE_F32(epsilon, ABOVE(0), "adam, adagrad: added to the root"),
    TABLE_F32(initial_accumulator, AT_LEAST(0), "adagrad: start of the sums of squares"),
    TABLE_F32(ftrl_alpha, ABOVE(0), "ftrl: the learning rate is alpha / (beta + sqrt(n))"),
    TABLE_F32(ftrl_beta, AT_LEAST(0), "ftrl: see ftrl_alpha"),
    TABLE_F32(l1, AT_LEAST(0), "ftrl: L1 regularisation"),
    TABLE_F32(l2, AT_LEAST(0), "ftrl: L2 regularisation"),
};
const unsigned config_num_table_options = COUNT(config_table_options);
