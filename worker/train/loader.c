/* loader.c - see loader.h. Two queues: empty batches to the thread, full ones from it. */
#include "worker/train/loader.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/queue.h"
#include "worker/model/exchange.h"

struct loader {
    const struct model_ops *ops;
    struct model_loader *source; // of the thread
    struct queue *empty, *full;
    struct batch *batches; // (num_batches)
    uint32_t num_batches;
    pthread_t thread;
    bool has_thread;
    souk_status status;  // of the thread; read after it was joined
    _Atomic float share; // of the epoch
};

static void *load(void *arg)
{
    struct loader *loader = arg;
    struct batch *batch;
    while ((batch = queue_pop(loader->empty, -1))) {
        souk_status status = loader->ops->next_batch(loader->source, batch);
        atomic_store_explicit(&loader->share, (float)loader->ops->loader_share(loader->source),
                              memory_order_relaxed);
        if (status != SOUK_OK) {
            loader->status = status == SOUK_EEND ? SOUK_OK : status;
            break;
        }
        if (!queue_push(loader->full, batch)) break;
    }
    queue_close(loader->full);
    return NULL;
}

souk_status loader_start(const struct loader_options *options, struct loader **loader_out)
{
    struct loader *loader = mem_calloc(1, sizeof *loader, "loader");
    loader->ops = options->ops;
    loader->num_batches = options->num_batches;
    loader->batches = mem_calloc(options->num_batches, sizeof *loader->batches, "batches");
    loader->empty = queue_create(options->num_batches);
    loader->full = queue_create(options->num_batches);
    for (uint32_t i = 0; i < options->num_batches; i++)
        queue_push(loader->empty, &loader->batches[i]);
    souk_status status = options->ops->loader_open(
        options->model, MODEL_SOURCE_TRAIN, options->epoch, options->num_skip, &loader->source);
    if (status == SOUK_OK) {
        int error = pthread_create(&loader->thread, NULL, load, loader);
        loader->has_thread = error == 0;
        if (error) status = log_fail_errno(error, "the loader thread cannot start");
    }
    if (status != SOUK_OK) {
        (void)loader_stop(loader);
        return status;
    }
    *loader_out = loader;
    return SOUK_OK;
}

struct batch *loader_next(struct loader *loader)
{
    return queue_pop(loader->full, -1);
}

souk_status loader_status(const struct loader *loader)
{
    return loader->status; // the thread wrote it before it closed the queue
}

void loader_give_back(struct loader *loader, struct batch *batch)
{
    queue_push(loader->empty, batch);
}

double loader_share(const struct loader *loader)
{
    return (double)atomic_load_explicit(&loader->share, memory_order_relaxed);
}

souk_status loader_stop(struct loader *loader)
{
    if (!loader) return SOUK_OK;
    queue_close(loader->empty);
    queue_close(loader->full);
    if (loader->has_thread) pthread_join(loader->thread, NULL);
    souk_status status = loader->status;
    loader->ops->loader_close(loader->source);
    for (uint32_t i = 0; i < loader->num_batches; i++) batch_fini(&loader->batches[i], loader->ops);
    mem_free(loader->batches);
    queue_destroy(loader->empty);
    queue_destroy(loader->full);
    mem_free(loader);
    return status;
}
