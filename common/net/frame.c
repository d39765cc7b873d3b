/* frame.c - see frame.h. A frame and its bytes are one block. Blocks come in powers of two and wait
 * in a short list a size when nobody needs them: messages of a job are alike, and a block of some
 * hundred KiB that malloc() maps anew for every message costs more in page faults than the copy
 * that counting saves. The lists are process-wide because the transport drops its references in a
 * thread of its own, and their lock is held for two pointer moves.
 */
#include "common/net/frame.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/mem.h"

enum {
    HEAD_BYTES = 64,          // struct frame, in front of the bytes, keeps them aligned
    SMALLEST_SHIFT = 8,       // class 0 has 2^8 bytes
    NUM_CLASSES = 16,         // the last one 2^23
    UNPOOLED = NUM_CLASSES,   // class of larger ones: they are freed at once
    KEPT_FRAMES_MAX = 256,    // a class
    KEPT_BYTES_MAX = 1 << 25, // a class, and so the bound of what waits unused
};
_Static_assert(sizeof(struct frame) <= HEAD_BYTES, "the bytes begin behind the struct");

// Under the address sanitizer nothing is kept: a frame that is used after its end must show.
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_FRAMES 0
#endif
#endif
#ifndef KEEPS_FRAMES
#define KEEPS_FRAMES 1
#endif

struct free_list {
    pthread_mutex_t lock;
    struct frame *head;
    uint32_t num_frames;
};

static struct free_list free_lists[NUM_CLASSES] = {
    [0 ... NUM_CLASSES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};

static uint32_t class_of(size_t capacity)
{
    if (capacity <= (size_t)1 << SMALLEST_SHIFT) return 0;
    uint32_t shift = 64 - (uint32_t)__builtin_clzll(capacity - 1); // of the next power of two
    uint32_t size_class = shift - SMALLEST_SHIFT;
    return size_class < NUM_CLASSES ? size_class : UNPOOLED;
}

static uint32_t num_kept_max(uint32_t size_class)
{
    uint32_t fits = (uint32_t)KEPT_BYTES_MAX >> (size_class + SMALLEST_SHIFT);
    return !KEEPS_FRAMES ? 0 : fits < KEPT_FRAMES_MAX ? fits : KEPT_FRAMES_MAX;
}

static struct frame *take_free(uint32_t size_class)
{
    struct free_list *list = &free_lists[size_class];
    pthread_mutex_lock(&list->lock);
    struct frame *frame = list->head;
    if (frame) {
        list->head = frame->next;
        list->num_frames--;
    }
    pthread_mutex_unlock(&list->lock);
    return frame;
}

static bool keep_free(struct frame *frame)
{
    struct free_list *list = &free_lists[frame->size_class];
    pthread_mutex_lock(&list->lock);
    bool is_kept = list->num_frames < num_kept_max(frame->size_class);
    if (is_kept) {
        frame->next = list->head;
        list->head = frame;
        list->num_frames++;
    }
    pthread_mutex_unlock(&list->lock);
    return is_kept;
}

struct frame *frame_create(size_t capacity)
{
    uint32_t size_class = class_of(capacity);
    bool is_pooled = size_class != UNPOOLED;
    if (is_pooled) capacity = (size_t)1 << (size_class + SMALLEST_SHIFT);

    struct frame *frame = is_pooled ? take_free(size_class) : NULL;
    if (!frame) {
        assert(capacity < SIZE_MAX - 2 * HEAD_BYTES);
        frame = mem_alloc_aligned(HEAD_BYTES + capacity, "message frame");
    }
    frame->bytes = (uint8_t *)frame + HEAD_BYTES;
    frame->length = 0;
    frame->capacity = capacity;
    frame->size_class = size_class;
    frame->release = NULL;
    frame->owner = NULL;
    frame->next = NULL;
    atomic_init(&frame->num_refs, 1);
    return frame;
}

struct frame *frame_wrap(size_t owner_bytes, void (*release)(struct frame *frame))
{
    struct frame *frame = frame_create(owner_bytes);
    frame->owner = frame->bytes;
    frame->bytes = NULL;
    frame->capacity = 0;
    frame->release = release;
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    // Release: what was written before is seen by the thread that drops the last reference.
    atomic_fetch_add_explicit(&frame->num_refs, 1, memory_order_release);
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (!frame) return;
    uint32_t before = atomic_fetch_sub_explicit(&frame->num_refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1) return;
    if (frame->release) frame->release(frame);
    if (frame->size_class == UNPOOLED || !keep_free(frame)) mem_free(frame);
}

void frame_trim(void)
{
    for (uint32_t c = 0; c < NUM_CLASSES; c++)
        for (struct frame *frame; (frame = take_free(c)) != NULL;) mem_free(frame);
}
