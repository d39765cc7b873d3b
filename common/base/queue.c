/* queue.c - see queue.h. A ring under one lock: batches pass here, not rows. */
#include "common/base/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "common/base/mem.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed; // something was pushed, popped or closed
    uint32_t capacity;
    uint32_t count; // items inside
    uint32_t first; // position of the oldest
    bool is_closed;
    void *items[]; // (capacity) ring
};

struct queue *queue_create(uint32_t capacity)
{
    assert(capacity >= 1);
    struct queue *queue = mem_calloc(1, sizeof(*queue) + capacity * sizeof(void *), "queue");
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return queue;
}

void queue_destroy(struct queue *queue)
{
    if (!queue) return;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    mem_free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == queue->capacity && !queue->is_closed)
        pthread_cond_wait(&queue->changed, &queue->lock);
    bool is_taken = !queue->is_closed;
    if (is_taken) {
        queue->items[(queue->first + queue->count++) % queue->capacity] = item;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return is_taken;
}

static struct timespec deadline_in(int timeout_ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += timeout_ms / 1000;
    ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }
    return ts;
}

void *queue_pop(struct queue *queue, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms < 0 ? 0 : timeout_ms);
    void *item = NULL;
    int rc = 0;
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->is_closed && rc != ETIMEDOUT) {
        if (timeout_ms < 0)
            pthread_cond_wait(&queue->changed, &queue->lock);
        else
            rc = pthread_cond_timedwait(&queue->changed, &queue->lock, &deadline);
    }
    if (queue->count > 0) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
