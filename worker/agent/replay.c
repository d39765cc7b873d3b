/* replay.c - see replay.h. */
#include "worker/agent/replay.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"

enum { THROWS_MAX = 1000 };

// One step of all places.
struct frame {
    float *states;                // (N, D)
    uint64_t *user_keys;          // (N)
    float *items;                 // (N, C, E)
    uint64_t *keys;               // (N, C)
    float *scores;                // (N, C)
    float *null_scores;           // (N)
    uint32_t *slates;             // (N, K)
    struct env_outcome *outcomes; // (N)
};

struct replay {
    struct replay_options options;
    uint64_t num_frames;   // F, of the ring
    uint64_t num_begun;    // steps so far; the next goes to num_begun % F
    uint64_t num_complete; // steps with outcomes; num_begun or one less
    struct frame *frames;  // (F); arrays are made when a frame is first used
};

struct replay *replay_create(const struct replay_options *options)
{
    struct replay *replay = mem_calloc(1, sizeof *replay, "replay");
    uint32_t num_places = options->shape.num_users;
    uint64_t wanted = (options->capacity + num_places - 1) / num_places;
    replay->options = *options;
    // A transition spans n steps and the one behind them, and a new one is being written.
    replay->num_frames = wanted + options->n_step + 1;
    replay->frames = mem_calloc(replay->num_frames, sizeof *replay->frames, "replay");
    return replay;
}

void replay_destroy(struct replay *replay)
{
    if (!replay) return;
    for (uint64_t f = 0; f < replay->num_frames; f++) {
        struct frame *frame = &replay->frames[f];
        mem_free(frame->states);
        mem_free(frame->user_keys);
        mem_free(frame->items);
        mem_free(frame->keys);
        mem_free(frame->scores);
        mem_free(frame->null_scores);
        mem_free(frame->slates);
        mem_free(frame->outcomes);
    }
    mem_free(replay->frames);
    mem_free(replay);
}

static void keep(void *array_of_frame, const void *source, size_t bytes)
{
    void **array = array_of_frame;
    if (bytes == 0 || !source) return;
    if (!*array) *array = mem_alloc_aligned(bytes, "replay");
    memcpy(*array, source, bytes);
}

void replay_begin(struct replay *replay, const struct env_view *view, const float *states,
                  const uint32_t *slates)
{
    assert(replay->num_begun == replay->num_complete);
    const struct env_shape *shape = &replay->options.shape;
    struct frame *frame = &replay->frames[replay->num_begun++ % replay->num_frames];
    size_t n = shape->num_users, nc = n * shape->num_candidates;
    keep(&frame->states, states, n * replay->options.state_dim * sizeof(float));
    keep(&frame->user_keys, view->user_keys, n * sizeof(uint64_t));
    keep(&frame->items, view->items, nc * shape->item_dim * sizeof(float));
    keep(&frame->keys, view->keys, nc * sizeof(uint64_t));
    keep(&frame->scores, view->scores, nc * sizeof(float));
    keep(&frame->null_scores, view->null_score, n * sizeof(float));
    keep(&frame->slates, slates, n * shape->slate_size * sizeof(uint32_t));
}

void replay_end(struct replay *replay, const struct env_outcome *outcomes)
{
    assert(replay->num_begun == replay->num_complete + 1);
    struct frame *frame = &replay->frames[replay->num_complete++ % replay->num_frames];
    keep(&frame->outcomes, outcomes, replay->options.shape.num_users * sizeof *outcomes);
}

static uint64_t num_kept(const struct replay *replay)
{
    uint64_t num = replay->num_complete;
    // A step that has begun has taken the oldest one's frame.
    uint64_t room = replay->num_frames - (replay->num_begun - replay->num_complete);
    return num < room ? num : room;
}

uint64_t replay_count(const struct replay *replay)
{
    return num_kept(replay) * replay->options.shape.num_users;
}

static struct replay_step step_of(const struct replay *replay, const struct frame *frame,
                                  uint32_t place)
{
    const struct env_shape *shape = &replay->options.shape;
    size_t c = (size_t)place * shape->num_candidates;
    return (struct replay_step){
        .state = frame->states ? frame->states + (size_t)place * replay->options.state_dim : NULL,
        .user_key = frame->user_keys ? frame->user_keys[place] : 0,
        .items = frame->items ? frame->items + c * shape->item_dim : NULL,
        .keys = frame->keys ? frame->keys + c : NULL,
        .scores = frame->scores + c,
        .null_score = frame->null_scores[place],
        .slate = frame->slates + (size_t)place * shape->slate_size,
        .choice = frame->outcomes ? frame->outcomes[place].choice : -1};
}

bool replay_get(const struct replay *replay, uint64_t age, uint32_t place,
                struct transition *transition_out)
{
    const struct replay_options *options = &replay->options;
    if (age >= num_kept(replay)) return false;
    uint64_t at = replay->num_complete - 1 - age;
    // Also where the user leaves earlier: else the newest steps would be drawn for their ends only.
    if (at + options->n_step >= replay->num_begun) return false;
    const struct frame *first = &replay->frames[at % replay->num_frames];
    struct transition out = {.discount = 1};
    out.first = out.next = step_of(replay, first, place);
    for (uint32_t n = 0; n < options->n_step; n++, at++) {
        const struct frame *frame = &replay->frames[at % replay->num_frames];
        const struct env_outcome *outcome = &frame->outcomes[place];
        if (outcome->is_cut && n == 0) return false;
        if (outcome->is_cut) break; // the rest is estimated from where the last step began
        out.reward += out.discount * outcome->reward * options->reward_scale;
        out.discount *= outcome->is_over ? 0 : options->gamma;
        if (outcome->is_over) break;
        out.next = step_of(replay, &replay->frames[(at + 1) % replay->num_frames], place);
    }
    *transition_out = out;
    return true;
}

bool replay_draw(const struct replay *replay, bool only_chosen, struct rng *rng,
                 struct transition *transition_out)
{
    uint64_t count = num_kept(replay);
    for (int i = 0; i < THROWS_MAX && count > 0; i++) {
        uint64_t age = rng_below(rng, count);
        uint32_t place = (uint32_t)rng_below(rng, replay->options.shape.num_users);
        if (!replay_get(replay, age, place, transition_out)) continue;
        if (!only_chosen || transition_out->first.choice >= 0) return true;
    }
    return false;
}
