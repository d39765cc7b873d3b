/* frame.h - bytes on their way, counted, so that one buffer can wait for its acknowledgement and
 * be in the hands of the transport at once without a copy.
 *
 * Bytes of a frame that was made here begin at a multiple of 64; those of one that was received
 * begin anywhere.
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
    uint32_t size_class;                  // of the memory behind this struct
    void (*release)(struct frame *frame); // gives back what a transport owns; NULL: nothing
    void *owner;                          // frame_wrap(): room for the transport's own
    struct frame *next;                   // in the list of free frames
};

/* A frame of at least `capacity` bytes, length 0, one reference. Memory is reused, so that a step
 * neither maps pages nor touches new ones. */
struct frame *frame_create(size_t capacity);
struct frame *frame_ref(struct frame *frame); // returns frame
void frame_unref(struct frame *frame);        // NULL is fine

/* For transports: a frame around bytes of somebody else. It has owner_bytes of room at ->owner;
 * the caller sets ->bytes and ->length. release() runs when the last reference is gone, in any
 * thread. */
struct frame *frame_wrap(size_t owner_bytes, void (*release)(struct frame *frame));

/* Gives the memory that waits for reuse back to the system. Threads: any. */
void frame_trim(void);

#endif
