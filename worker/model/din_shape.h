/* din_shape.h - which columns of samples a click model uses, and how.
 *
 *   din    fields that no history belongs to, the candidate q = the fields that histories are
 *          compared with, attention over their behaviours k, the sum of histories without a field
 *   base   the same with the pooled history instead of attention
 *   ncf    fields only
 *
 * Threads: immutable after it is made.
 */
#ifndef SOUK_WORKER_MODEL_DIN_SHAPE_H
#define SOUK_WORKER_MODEL_DIN_SHAPE_H

#include "common/text/config.h"
#include "worker/data/sample_format.h"
#include "worker/model/tower.h"
#include "worker/nn/attention.h"

enum {
    DIN_WIDTH_MAX = 16384,    // of a layer
    DIN_PARAMS_MAX = 1 << 30, // dense ones, so that counts and offsets of floats fit an int
};

enum din_kind { DIN_ATTENTION, DIN_POOLED, DIN_PLAIN };

struct din_shape {
    enum din_kind kind;
    uint32_t dim;       // of an embedding
    uint32_t num_plain; // fields (of sample_format.ids) outside the candidate
    uint32_t plain[SAMPLE_IDS_MAX];
    uint32_t num_pairs; // histories with the field that they are compared with
    uint32_t pair_field[SAMPLE_HISTORIES_MAX], pair_history[SAMPLE_HISTORIES_MAX];
    uint32_t num_loose; // histories without one
    uint32_t loose[SAMPLE_HISTORIES_MAX];
    bool is_mean; // pooling of histories without attention

    uint32_t num_attention; // layers of the attention unit
    uint32_t attention[ATTENTION_LAYERS_MAX];
    enum attention_activation attention_activation;
    bool has_softmax;
    uint32_t num_hidden;
    uint32_t hidden[TOWER_LAYERS_MAX];
    enum config_activation activation;
    bool has_batch_norm;
    float dropout;
};

/* SOUK_ECONFIG: a width that is none, too many parameters, a din without a history to attend to;
 * logged. */
SOUK_MUST_CHECK souk_status din_shape_make(enum din_kind kind, const struct config *config,
                                           const struct sample_format *format,
                                           struct din_shape *shape_out);
/* Fills in which columns are used, by shape->kind. */
void din_shape_deal(struct din_shape *shape, const struct sample_format *format);
uint32_t din_shape_num_in(const struct din_shape *shape); // floats that go into the dense layers
/* Whether there are at most DIN_PARAMS_MAX parameters of layers. */
bool din_shape_fits(const struct din_shape *shape);

#endif
