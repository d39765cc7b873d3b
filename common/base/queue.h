/* queue.h - a bounded queue of pointers between threads.
 *
 * Threads: any, locks inside. Items stay their senders' business: the queue frees none.
 */
#ifndef SOUK_COMMON_BASE_QUEUE_H
#define SOUK_COMMON_BASE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct queue;

struct queue *queue_create(uint32_t capacity); // >= 1
void queue_destroy(struct queue *queue);       // NULL is fine; nobody may wait in it any more

/* Waits while the queue is full. False, and the item is not taken, when it is closed. */
bool queue_push(struct queue *queue, void *item);
/* Waits while the queue is empty, for ever if timeout_ms < 0. NULL when the time is over, or when
 * it is closed and empty. */
void *queue_pop(struct queue *queue, int timeout_ms);
/* Wakes everybody. Pushes fail from now on; what is inside can still be popped. */
void queue_close(struct queue *queue);

#endif
