/* frame.h - bytes on their way, counted, so that one buffer can wait for its acknowledgement and
 * be in the hands of the transport at once without a copy.
 *
 * Threads: the count is atomic; the bytes are written by the one who made the frame, before it is
 * shared, and read only after that.
 */
#ifndef SOUK_COMMON_NET_FRAME_H
#define SOUK_COMMON_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    uint8_t *bytes;
    size_t length; // used
    size_t capacity;
    // private to frame.c and the transports:
    _Atomic uint32_t num_refs;
    void (*release)(struct frame *frame); // runs when the last reference is gone, in any thread
    void *owner;
};

/* A frame of at least `capacity` bytes, length 0, one reference. Memory of small frames is reused.
 */
struct frame *frame_create(size_t capacity);
struct frame *frame_ref(struct frame *frame); // returns frame
void frame_unref(struct frame *frame);        // NULL is fine

#endif
