/* stream.c - see stream.h. */
#include "worker/client/stream.h"

#include <assert.h>

#include "common/base/mem.h"
#include "common/bytes/crc32c.h"

struct stream *stream_create(const char *address, uint32_t window)
{
    struct stream *stream = mem_calloc(1, sizeof(*stream), "stream");
    stream->address = mem_strdup(address);
    stream->window = 1;
    while (stream->window < window) stream->window *= 2;
    stream->ring = mem_calloc(stream->window, sizeof(*stream->ring), "requests in flight");
    stream->head = stream->sent = stream->tail = 1;
    return stream;
}

static struct request *at(struct stream *stream, uint64_t number)
{
    return &stream->ring[number & (stream->window - 1)];
}

static void drop_frames(struct request *request)
{
    frame_unref(request->header);
    frame_unref(request->body);
    request->header = request->body = NULL;
}

void stream_destroy(struct stream *stream)
{
    if (!stream) return;
    for (uint64_t n = stream->head; n != stream->tail; n++) drop_frames(at(stream, n));
    mem_free(stream->ring);
    mem_free(stream->address);
    mem_free(stream);
}

struct request *stream_next(struct stream *stream)
{
    assert(!stream_is_full(stream));
    return at(stream, stream->tail);
}

void stream_append(struct stream *stream, struct wire_header *header, struct frame *body)
{
    struct request *request = stream_next(stream);
    if (header->type == WIRE_PUSH) header->sequence = ++stream->sequence;
    header->version = WIRE_VERSION;
    header->request = stream->tail;
    header->body_crc = crc32c(0, body->bytes, body->length);

    request->type = (enum wire_type)header->type;
    request->covers = stream->sequence;
    request->sent_ns = 0;
    request->body = body;
    request->header = frame_create(WIRE_HEADER_MAX);
    request->header->length = wire_pack_header(header, request->header->bytes);
    stream->tail++;
}

struct request *stream_find(struct stream *stream, uint64_t number)
{
    if (number < stream->head || number >= stream->tail) return NULL;
    struct request *request = at(stream, number);
    return request->header ? request : NULL;
}

void stream_finish(struct stream *stream, struct request *request, uint64_t attended_ns,
                   uint64_t now_ns)
{
    drop_frames(request);
    if (request != at(stream, stream->head)) return;
    while (stream->head != stream->tail && !at(stream, stream->head)->header) stream->head++;
    if (stream->sent < stream->head) stream->sent = stream->head;
    stream->progress_ns = attended_ns;
    stream->progress_real_ns = now_ns;
    stream->num_turned_back = 0;
}

void stream_turn_back(struct stream *stream)
{
    stream->sent = stream->head;
}
