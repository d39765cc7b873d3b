/* types.h - what a table of a parameter server is.
 *
 * A table maps 64-bit keys to rows of `dim` floats. It needs no vocabulary: a row that was never
 * pushed has an initial value that is a pure function of (seed, table name, key), so every
 * process computes the same one and a pull of an unknown key allocates nothing.
 */
#ifndef SOUK_TYPES_H
#define SOUK_TYPES_H

#include <stdint.h>

#include "souk/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOUK_VERSION "0.1.0"

enum {
    SOUK_NAME_MAX = 32,    // bytes of a table's name, with the closing zero
    SOUK_DIM_MAX = 4096,   // floats in a row
    SOUK_TABLES_MAX = 16,  // tables of one job, and so sections of one message
    SOUK_NUM_SLOTS = 4096, // hash slots that keys are dealt to; slots are dealt to shards
};

/* How rows travel. Rounding to fewer bits is stochastic where the sender asks for it. */
enum souk_codec {
    SOUK_CODEC_FP32 = 0,
    SOUK_CODEC_FP16 = 1, // IEEE half: 10 bits of mantissa, to 65504
    SOUK_CODEC_BF16 = 2, // upper half of an fp32
    SOUK_CODEC_INT8 = 3, // -127..127 times a scale a row
    SOUK_NUM_CODECS
};

/* What a server does with a pushed gradient g. w weight, lr learning rate; states are a row's. */
enum souk_optimizer {
    SOUK_OPT_SGD = 0,
    SOUK_OPT_MOMENTUM = 1,
    SOUK_OPT_ADAGRAD = 2,         // Duchi et al. 2011
    SOUK_OPT_ROWWISE_ADAGRAD = 3, // one accumulator a row: the mean of the squared gradients
    SOUK_OPT_ADAM = 4,            // Kingma & Ba 2015; lazy: a step counts when the row is pushed
    SOUK_OPT_FTRL = 5,            // McMahan et al. 2013, FTRL-Proximal
    SOUK_NUM_OPTIMIZERS
};

enum souk_init {
    SOUK_INIT_ZERO = 0,
    SOUK_INIT_UNIFORM = 1, // in [-init_scale, init_scale)
    SOUK_INIT_NORMAL = 2,  // mean 0, standard deviation init_scale
    SOUK_NUM_INITS
};

/* What a push means. */
enum souk_push_mode {
    SOUK_PUSH_GRADIENT = 0, // through the table's optimizer
    SOUK_PUSH_ADD = 1,      // row += pushed row; for workers that update copies of rows themselves
    SOUK_PUSH_ASSIGN = 2, // row (and optimizer state where it is sent) = pushed, fp32 whatever the
                          // codec; loads models
    SOUK_NUM_PUSH_MODES
};

/* Settings of a table. The same on every server; a second opening with others is refused. */
struct souk_table_spec {
    char name[SOUK_NAME_MAX]; // [a-z0-9_]+
    uint32_t dim;             // floats in a row, 1..SOUK_DIM_MAX
    uint64_t seed;            // of the initial values
    enum souk_init init;
    float init_scale;      // see enum souk_init
    uint32_t init_columns; // the first n columns are drawn, the rest begin at 0; <= dim
    enum souk_optimizer optimizer;
    float lr;                    // learning rate where a push does not name one, > 0
    float momentum;              // SOUK_OPT_MOMENTUM, [0, 1)
    float beta1, beta2;          // SOUK_OPT_ADAM, [0, 1)
    float epsilon;               // Adam, Adagrad: added to the root, > 0
    float initial_accumulator;   // Adagrad: start of the sums, >= 0
    float ftrl_alpha, ftrl_beta; // FTRL: its learning rate is alpha / (beta + sqrt(n))
    float l1, l2;                // FTRL's own regularisation, >= 0
    enum souk_codec pull_codec;  // server -> client
    enum souk_codec push_codec;  // client -> server
};

/* A spec with usual settings: uniform 0.05 over all columns, SGD with lr 0.01, fp32 both ways.
 * name is copied and must fit; a longer one is cut, which souk_client_open_table then refuses. */
SOUK_API void souk_table_spec_init(struct souk_table_spec *spec, const char *name, uint32_t dim);

/* SOUK_EINVAL, and the first fault as a static text in *why_out, for a spec that no server takes.
 */
SOUK_MUST_CHECK SOUK_API souk_status souk_table_spec_check(const struct souk_table_spec *spec,
                                                           const char **why_out);

/* Names as the configuration spells them ("bf16", "rowwise_adagrad", "normal"). Static. */
SOUK_API const char *souk_codec_name(enum souk_codec codec);
SOUK_API const char *souk_optimizer_name(enum souk_optimizer optimizer);
SOUK_API const char *souk_init_name(enum souk_init init);

#ifdef __cplusplus
}
#endif
#endif
