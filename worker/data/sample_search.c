/* sample_search.c - see sample_search.h. */
#include "worker/data/sample_search.h"

#include <assert.h>

void sample_search_init(struct sample_search *search, const struct sample_format *format,
                        uint64_t user, uint64_t item)
{
    assert(format->user >= 0 && format->item >= 0);
    *search = (struct sample_search){.format = format, .user = user, .item = item};
    sample_batch_init(&search->newest, format->num_ids, format->num_histories);
}

static void look_at_histories(struct sample_search *search, const struct sample_batch *samples)
{
    const struct sample_format *format = search->format;
    for (uint32_t h = 0; h < format->num_histories; h++) {
        if (format->targets[h] != format->item) continue;
        for (uint32_t row = 0; row < samples->num_rows; row++) {
            if (samples->histories[h][row] != search->item) continue;
            search->is_behaviour = true;
            for (uint32_t other = 0; other < format->num_histories; other++)
                search->behaviour[other] = samples->histories[other][row];
        }
    }
}

void sample_search_add(struct sample_search *search, const struct sample_batch *samples)
{
    const struct sample_format *format = search->format;
    const uint64_t *users = samples->ids[format->user], *items = samples->ids[format->item];
    uint32_t newest = UINT32_MAX;
    for (uint32_t b = 0; b < samples->num_samples; b++) {
        if (users[b] == search->user) newest = b;
        if (items[b] != search->item) continue;
        search->is_candidate = true;
        for (uint32_t i = 0; i < format->num_ids; i++) search->candidate[i] = samples->ids[i][b];
    }
    if (newest != UINT32_MAX) {
        sample_batch_clear(&search->newest);
        sample_batch_append(&search->newest, samples, newest);
    }
    look_at_histories(search, samples);
}

bool sample_search_field(const struct sample_search *search, uint32_t field, uint64_t *id_out)
{
    const struct sample_format *format = search->format;
    if (search->is_candidate) *id_out = search->candidate[field];
    if (search->is_candidate) return true;
    for (uint32_t h = 0; h < format->num_histories && search->is_behaviour; h++) {
        if (format->targets[h] != (int32_t)field) continue;
        *id_out = search->behaviour[h];
        return true;
    }
    return false;
}

void sample_search_fini(struct sample_search *search)
{
    sample_batch_fini(&search->newest);
}
