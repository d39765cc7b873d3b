/* din_shape.c - see din_shape.h. */
#include "worker/model/din_shape.h"

#include <stdlib.h>

/* Widths out of a list; the model's own when it is empty. */
static souk_status read_widths(const struct config *config, const char *key,
                               const struct config_list *list, uint32_t max, uint32_t *widths,
                               uint32_t *num_out)
{
    if (list->num_items > max)
        return config_fail_at(config, key, "%u layers are too many; the limit is %u",
                              list->num_items, max);
    for (uint32_t i = 0; i < list->num_items; i++) {
        char *end;
        unsigned long width = strtoul(list->items[i], &end, 10);
        if (*end || width < 1 || width > DIN_WIDTH_MAX)
            return config_fail_at(config, key, "\"%s\" is no width of a layer; use 1 to %d",
                                  list->items[i], DIN_WIDTH_MAX);
        widths[i] = (uint32_t)width;
    }
    if (list->num_items > 0) *num_out = list->num_items;
    return SOUK_OK;
}

static bool is_target(const struct sample_format *format, uint32_t field)
{
    for (uint32_t h = 0; h < format->num_histories; h++)
        if (format->targets[h] == (int32_t)field) return true;
    return false;
}

void din_shape_deal(struct din_shape *shape, const struct sample_format *format)
{
    bool has_histories = shape->kind != DIN_PLAIN;
    for (uint32_t f = 0; f < format->num_fields; f++)
        if (!has_histories || !is_target(format, f)) shape->plain[shape->num_plain++] = f;
    for (uint32_t h = 0; has_histories && h < format->num_histories; h++) {
        if (format->targets[h] < 0) {
            shape->loose[shape->num_loose++] = h;
            continue;
        }
        shape->pair_field[shape->num_pairs] = (uint32_t)format->targets[h];
        shape->pair_history[shape->num_pairs++] = h;
    }
}

static enum attention_activation attention_activation(enum config_activation activation)
{
    switch (activation) {
    case CONFIG_ACTIVATION_RELU: return ATTENTION_RELU;
    case CONFIG_ACTIVATION_PRELU: return ATTENTION_PRELU;
    case CONFIG_ACTIVATION_DICE: return ATTENTION_DICE;
    default: return ATTENTION_SIGMOID;
    }
}

souk_status din_shape_make(enum din_kind kind, const struct config *config,
                           const struct sample_format *format, struct din_shape *shape_out)
{
    bool is_plain = kind == DIN_PLAIN;
    struct din_shape shape = {.kind = kind,
                              .dim = config->model.dim,
                              .is_mean = config->model.pooling == CONFIG_POOLING_MEAN,
                              .num_attention = 2,
                              .attention = {80, 40},
                              .has_softmax = config->model.softmax,
                              .num_hidden = 2,
                              .hidden = {is_plain ? 128 : 200, is_plain ? 64 : 80},
                              .activation = config->model.activation,
                              .has_batch_norm = config->model.batch_norm,
                              .dropout = config->model.dropout};
    shape.attention_activation = attention_activation(config->model.attention_activation);
    if (shape.activation == CONFIG_ACTIVATION_AUTO)
        shape.activation = is_plain ? CONFIG_ACTIVATION_RELU : CONFIG_ACTIVATION_DICE;
    souk_status status = read_widths(config, "model.hidden", &config->model.hidden,
                                     TOWER_LAYERS_MAX, shape.hidden, &shape.num_hidden);
    if (status == SOUK_OK)
        status = read_widths(config, "model.attention", &config->model.attention,
                             ATTENTION_LAYERS_MAX, shape.attention, &shape.num_attention);
    if (status != SOUK_OK) return status;
    din_shape_deal(&shape, format);
    if (kind == DIN_ATTENTION && shape.num_pairs == 0)
        return config_fail_at(config, "model.type",
                              "din needs a history that is compared with a field, such as columns "
                              "item and hist_item; name them in features.histories, or use ncf");
    if (!din_shape_fits(&shape))
        return config_fail_at(config, "model.hidden",
                              "the layers would have more than %d parameters; make these, "
                              "model.attention or model.dim smaller",
                              DIN_PARAMS_MAX);
    *shape_out = shape;
    return SOUK_OK;
}

uint32_t din_shape_num_in(const struct din_shape *shape)
{
    return (shape->num_plain + 2 * shape->num_pairs + shape->num_loose) * shape->dim;
}

/* Weights of layers that end in one float, and up to three parameters beside them a unit. */
static uint64_t count_params(uint64_t num_in, const uint32_t *widths, uint32_t num_layers)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < num_layers; i++) {
        count += (num_in + 4) * widths[i];
        num_in = widths[i];
    }
    return count + num_in + 1;
}

bool din_shape_fits(const struct din_shape *shape)
{
    uint64_t pair_width = (uint64_t)shape->num_pairs * shape->dim;
    uint64_t count = count_params(din_shape_num_in(shape), shape->hidden, shape->num_hidden);
    if (shape->kind == DIN_ATTENTION)
        count += count_params(4 * pair_width, shape->attention, shape->num_attention);
    return count <= DIN_PARAMS_MAX;
}
