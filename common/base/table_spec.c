/* table_spec.c - see souk/types.h. The checks are a table, so that a field is one line. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "souk/types.h"

void souk_table_spec_init(struct souk_table_spec *spec, const char *name, uint32_t dim)
{
    *spec = (struct souk_table_spec){
        .dim = dim,
        .init = SOUK_INIT_UNIFORM,
        .init_scale = 0.05f,
        .init_columns = dim,
        .optimizer = SOUK_OPT_SGD,
        .lr = 0.01f,
        .momentum = 0.9f,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .epsilon = 1e-8f,
        .initial_accumulator = 0.0f,
        .ftrl_alpha = 0.05f,
        .ftrl_beta = 1.0f,
        .pull_codec = SOUK_CODEC_FP32,
        .push_codec = SOUK_CODEC_FP32,
    };
    // A name that does not fit fills all bytes, without a closing zero: the check refuses that.
    size_t length = strlen(name);
    memcpy(spec->name, name, length < SOUK_NAME_MAX ? length : SOUK_NAME_MAX);
}

static bool is_name(const char name[SOUK_NAME_MAX])
{
    size_t length = strnlen(name, SOUK_NAME_MAX);
    if (length == 0 || length == SOUK_NAME_MAX) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

struct range {
    size_t offset;  // of the float in the spec
    float min, max; // both allowed
    const char *why;
};

#define FIELD(name) offsetof(struct souk_table_spec, name)
static const struct range RANGES[] = {
    {FIELD(init_scale), 0.0f, 1e6f, "init_scale must be 0..1e6"},
    {FIELD(lr), 1e-30f, 1e6f, "lr must be more than 0, at most 1e6"},
    {FIELD(momentum), 0.0f, 0.99999994f, "momentum must be 0 or more, less than 1"},
    {FIELD(beta1), 0.0f, 0.99999994f, "beta1 must be 0 or more, less than 1"},
    {FIELD(beta2), 0.0f, 0.99999994f, "beta2 must be 0 or more, less than 1"},
    {FIELD(epsilon), 1e-30f, 1e6f, "epsilon must be more than 0, at most 1e6"},
    {FIELD(initial_accumulator), 0.0f, 1e6f, "initial_accumulator must be 0..1e6"},
    {FIELD(ftrl_alpha), 1e-30f, 1e6f, "ftrl_alpha must be more than 0, at most 1e6"},
    {FIELD(ftrl_beta), 0.0f, 1e6f, "ftrl_beta must be 0..1e6"},
    {FIELD(l1), 0.0f, 1e6f, "l1 must be 0..1e6"},
    {FIELD(l2), 0.0f, 1e6f, "l2 must be 0..1e6"},
};
#undef FIELD

static const char *first_bad_float(const struct souk_table_spec *spec)
{
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
        float value;
        memcpy(&value, (const char *)spec + RANGES[i].offset, sizeof(value));
        // Written so that a value that is not a number fails.
        if (!(value >= RANGES[i].min && value <= RANGES[i].max)) return RANGES[i].why;
    }
    return NULL;
}

static const char *first_fault(const struct souk_table_spec *spec)
{
    if (!is_name(spec->name)) return "name must be 1..31 of a-z, 0-9 and _";
    if (spec->dim < 1 || spec->dim > SOUK_DIM_MAX) return "dim must be 1..4096";
    if ((unsigned)spec->init >= SOUK_NUM_INITS) return "init is unknown";
    if (spec->init_columns > spec->dim) return "init_columns must be at most dim";
    if ((unsigned)spec->optimizer >= SOUK_NUM_OPTIMIZERS) return "optimizer is unknown";
    if ((unsigned)spec->pull_codec >= SOUK_NUM_CODECS) return "pull_codec is unknown";
    if ((unsigned)spec->push_codec >= SOUK_NUM_CODECS) return "push_codec is unknown";
    return first_bad_float(spec);
}

souk_status souk_table_spec_check(const struct souk_table_spec *spec, const char **why_out)
{
    const char *why = first_fault(spec);
    if (!why) return SOUK_OK;
    *why_out = why;
    return SOUK_EINVAL;
}

const char *souk_codec_name(enum souk_codec codec)
{
    static const char *const NAMES[SOUK_NUM_CODECS] = {"fp32", "fp16", "bf16", "int8"};
    return (unsigned)codec < SOUK_NUM_CODECS ? NAMES[codec] : "?";
}

const char *souk_optimizer_name(enum souk_optimizer optimizer)
{
    static const char *const NAMES[SOUK_NUM_OPTIMIZERS] = {
        "sgd", "momentum", "adagrad", "rowwise_adagrad", "adam", "ftrl"};
    return (unsigned)optimizer < SOUK_NUM_OPTIMIZERS ? NAMES[optimizer] : "?";
}

const char *souk_init_name(enum souk_init init)
{
    static const char *const NAMES[SOUK_NUM_INITS] = {"zero", "uniform", "normal"};
    return (unsigned)init < SOUK_NUM_INITS ? NAMES[init] : "?";
}
