/* zsock.c - see zsock.h. The only file that knows libzmq.
 *
 * A message of many frames that never ends is collected inside libzmq where nobody can count it;
 * those that end are read frame by frame and dropped. Limit the process (RLIMIT_AS, a cgroup)
 * where strangers can connect.
 *
 * libzmq has a thread of its own that sends, receives, and drops the references of frames that
 * are sent.
 */
#include "common/net/zsock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum {
    COPY_BELOW = 4096,       // bytes; counting a frame across threads costs more than this copy
    MAX_SOCKETS = 16384,     // of the process; a channel takes three
    CLOSE_TIMEOUT_MS = 2000, // until an address that is given up must be free
    ID_BYTES = 5             // of a routing id that libzmq made: a zero and a number
};

struct zsock_context {
    void *zmq;
    atomic_uint num_monitors; // made so far, names the next one
};

souk_status zsock_context_create(struct zsock_context **context_out)
{
    struct zsock_context *context = mem_calloc(1, sizeof(*context), "ZeroMQ context");
    context->zmq = zmq_ctx_new();
    if (context->zmq && zmq_ctx_set(context->zmq, ZMQ_MAX_SOCKETS, MAX_SOCKETS) == 0) {
        *context_out = context;
        return SOUK_OK;
    }
    souk_status status = log_fail(SOUK_ESYS, "cannot start ZeroMQ: %s", zmq_strerror(errno));
    zsock_context_destroy(context);
    return status;
}

void zsock_context_destroy(struct zsock_context *context)
{
    if (!context) return;
    if (context->zmq)
        while (zmq_ctx_term(context->zmq) != 0 && errno == EINTR) {
        }
    mem_free(context);
}

/* ---- sockets ---- */

struct option {
    int name;
    int value;
};

// A dead peer is noticed after 3 s; a connection that does not say hello is closed after 2 s.
static const struct option common_options[] = {
    {ZMQ_LINGER, 0},           {ZMQ_SNDHWM, NET_QUEUE_MESSAGES}, {ZMQ_RCVHWM, NET_QUEUE_MESSAGES},
    {ZMQ_HANDSHAKE_IVL, 2000}, {ZMQ_HEARTBEAT_IVL, 1000},        {ZMQ_HEARTBEAT_TIMEOUT, 3000},
    {ZMQ_HEARTBEAT_TTL, 3000}, {ZMQ_TCP_KEEPALIVE, 1},           {0, 0},
};
// HANDOVER would let a stranger take over the answers of somebody else.
static const struct option listener_options[] = {
    {ZMQ_ROUTER_MANDATORY, 1},
    {ZMQ_ROUTER_HANDOVER, 0},
    {ZMQ_BACKLOG, 1024},
    {0, 0},
};
// IMMEDIATE: nothing is queued for a server that is away; the client keeps it and asks again.
static const struct option channel_options[] = {
    {ZMQ_IMMEDIATE, 1},
    {ZMQ_RECONNECT_IVL, 50},
    {ZMQ_RECONNECT_IVL_MAX, 2000},
    {ZMQ_CONNECT_TIMEOUT, 2000},
    {0, 0},
};

// A peer of ZMTP 1 or 2 says no hello: any bytes that a stranger sends would pass for messages, and
// 4.3.4 ends the process when they come to a ROUTER that is closing. It refuses such peers where
// this is set. (Without a handler of that domain nothing else changes.)
static const char listener_zap_domain[] = "souk";

static bool set_options(void *socket, const struct option *options)
{
    for (; options->name; options++)
        if (zmq_setsockopt(socket, options->name, &options->value, sizeof(int)) != 0) return false;
    return true;
}

static souk_status fail_zmq(const char *what, const char *address)
{
    return log_fail(SOUK_ESYS, "%s: %s: %s", address, what, zmq_strerror(zmq_errno()));
}

// On SOUK_OK the caller owns *socket_out.
static souk_status open_socket(struct zsock_context *context, int type, const char *address,
                               void **socket_out)
{
    void *socket = zmq_socket(context->zmq, type);
    if (!socket) return fail_zmq("cannot make a socket", address);
    int64_t max_bytes = NET_BODY_MAX;
    int is_ipv6 = strncmp(address, "tcp://[", 7) == 0;
    bool is_set = set_options(socket, common_options) &&
                  set_options(socket, type == ZMQ_ROUTER ? listener_options : channel_options) &&
                  zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes)) == 0 &&
                  zmq_setsockopt(socket, ZMQ_IPV6, &is_ipv6, sizeof(is_ipv6)) == 0;
    if (is_set) {
        *socket_out = socket;
        return SOUK_OK;
    }
    souk_status status = fail_zmq("cannot set up a socket", address);
    zmq_close(socket);
    return status;
}

int zsock_descriptor(void *socket)
{
    int fd = -1;
    size_t size = sizeof(fd);
    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

// The other end of a socket's monitor, which reports `events`; NULL and logged when that fails.
static void *open_monitor(struct zsock_context *context, void *socket, int events,
                          const char *address)
{
    char name[48];
    snprintf(name, sizeof(name), "inproc://monitor-%u",
             atomic_fetch_add(&context->num_monitors, 1));
    void *monitor = zmq_socket(context->zmq, ZMQ_PAIR);
    int no_limit = 0; // with one, libzmq's thread would wait for a reader who is busy
    if (monitor && zmq_socket_monitor(socket, name, events) == 0 &&
        zmq_setsockopt(monitor, ZMQ_RCVHWM, &no_limit, sizeof(no_limit)) == 0 &&
        zmq_connect(monitor, name) == 0)
        return monitor;
    (void)fail_zmq("cannot watch a socket", address);
    zmq_socket_monitor(socket, NULL, 0);
    if (monitor) zmq_close(monitor);
    return NULL;
}

// flags: 0 waits as long as the socket's own limit says. False when there is none.
static bool read_event(void *monitor, int flags, int *event_out)
{
    uint8_t bytes[6] = {0}; // u16 event, u32 value
    char address[ZSOCK_ADDRESS_MAX];
    int rc;
    do rc = zmq_recv(monitor, bytes, sizeof(bytes), flags);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) return false;
    while (zmq_recv(monitor, address, sizeof(address), 0) < 0 && errno == EINTR) {
    }
    uint16_t event;
    memcpy(&event, bytes, sizeof(event));
    *event_out = event;
    return true;
}

enum zsock_event zsock_next_event(void *monitor)
{
    int event;
    if (!read_event(monitor, ZMQ_DONTWAIT, &event)) return ZSOCK_NO_EVENT;
    return event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? ZSOCK_CONNECTED : ZSOCK_DISCONNECTED;
}

static void close_with_monitor(void *socket, void *monitor)
{
    if (monitor) {
        zmq_socket_monitor(socket, NULL, 0);
        zmq_close(monitor);
    }
    zmq_close(socket);
}

/* ---- listening ---- */

// libzmq removes a socket file and binds anew, also when somebody listens there.
static bool is_ipc_path_taken(const char *address)
{
    struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
    if (strncmp(address, "ipc://", 6) != 0) return false;
    snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s", address + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool is_taken = connect(fd, (struct sockaddr *)&unix_address, sizeof(unix_address)) == 0;
    close(fd);
    return is_taken;
}

static souk_status bind_socket(void *socket, const char *address)
{
    if (is_ipc_path_taken(address))
        errno = EADDRINUSE;
    else if (zmq_bind(socket, address) == 0)
        return SOUK_OK;
    switch (errno) {
    case EADDRINUSE:
        return log_fail(SOUK_EEXIST, "%s: somebody listens there already; use another address",
                        address);
    case EADDRNOTAVAIL:
    case ENODEV: return log_fail(SOUK_EINVAL, "%s: this host has no such address", address);
    default: return fail_zmq("cannot listen", address);
    }
}

souk_status zsock_listen(struct zsock_context *context, const char *address, void **socket_out,
                         char bound_out[ZSOCK_ADDRESS_MAX])
{
    void *socket;
    souk_status status = open_socket(context, ZMQ_ROUTER, address, &socket);
    if (status != SOUK_OK) return status;
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, listener_zap_domain, strlen(listener_zap_domain)) !=
        0)
        status = fail_zmq("cannot refuse old protocols", address);
    if (status == SOUK_OK) status = bind_socket(socket, address);
    if (status != SOUK_OK) {
        zmq_close(socket);
        return status;
    }
    size_t size = ZSOCK_ADDRESS_MAX;
    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound_out, &size);
    *socket_out = socket;
    return SOUK_OK;
}

// libzmq gives an address up in its own time; whoever listens again at once must not find it taken.
void zsock_listen_close(struct zsock_context *context, void *socket, const char *bound)
{
    void *monitor = open_monitor(context, socket, ZMQ_EVENT_CLOSED, bound);
    int timeout_ms = CLOSE_TIMEOUT_MS, event;
    if (monitor) zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    if (zmq_unbind(socket, bound) == 0 && monitor) (void)read_event(monitor, 0, &event);
    close_with_monitor(socket, monitor);
}

/* ---- connecting ---- */

souk_status zsock_connect(struct zsock_context *context, const char *address, void **socket_out,
                          void **monitor_out)
{
    void *socket;
    souk_status status = open_socket(context, ZMQ_DEALER, address, &socket);
    if (status != SOUK_OK) return status;
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
    void *monitor = open_monitor(context, socket, events, address);
    if (!monitor)
        status = SOUK_ESYS;
    else if (zmq_connect(socket, address) != 0)
        status = errno == EINVAL ? log_fail(SOUK_EINVAL, "%s: not an address", address)
                                 : fail_zmq("cannot connect", address);
    if (status != SOUK_OK) {
        close_with_monitor(socket, monitor);
        return status;
    }
    *socket_out = socket;
    *monitor_out = monitor;
    return SOUK_OK;
}

void zsock_connect_close(void *socket, void *monitor)
{
    close_with_monitor(socket, monitor);
}

/* ---- frames ---- */

static void close_owned_msg(struct frame *frame)
{
    zmq_msg_close(frame->owner);
}

// Takes what is in msg.
static struct frame *frame_from_msg(zmq_msg_t *msg)
{
    size_t length = zmq_msg_size(msg);
    struct frame *frame;
    if (length < COPY_BELOW) {
        frame = frame_create(length);
        memcpy(frame->bytes, zmq_msg_data(msg), length);
        zmq_msg_close(msg);
    } else {
        frame = frame_wrap(sizeof(zmq_msg_t), close_owned_msg);
        zmq_msg_init(frame->owner);
        zmq_msg_move(frame->owner, msg);
        frame->bytes = zmq_msg_data(frame->owner);
        frame->capacity = length;
    }
    frame->length = length;
    return frame;
}

// Runs in libzmq's thread.
static void drop_sent_frame(void *bytes, void *frame)
{
    (void)bytes;
    frame_unref(frame);
}

// The message holds a reference of its own. On failure it is empty.
static souk_status msg_from_frame(zmq_msg_t *msg, struct frame *frame)
{
    int rc;
    if (frame->length < COPY_BELOW) {
        rc = zmq_msg_init_size(msg, frame->length);
        if (rc == 0) memcpy(zmq_msg_data(msg), frame->bytes, frame->length);
    } else {
        frame_ref(frame);
        rc = zmq_msg_init_data(msg, frame->bytes, frame->length, drop_sent_frame, frame);
        if (rc != 0) frame_unref(frame);
    }
    if (rc == 0) return SOUK_OK;
    zmq_msg_init(msg);
    return log_fail(SOUK_ENOMEM, "out of memory: message of %zu bytes", frame->length);
}

/* ---- messages ---- */

static souk_status status_of_errno(void)
{
    switch (errno) {
    case EAGAIN: return SOUK_EAGAIN;
    case EHOSTUNREACH: return SOUK_EPEER;
    default: return log_fail(SOUK_ESYS, "libzmq: %s", zmq_strerror(zmq_errno()));
    }
}

static souk_status receive_part(void *socket, zmq_msg_t *part)
{
    zmq_msg_init(part);
    int rc;
    do rc = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? status_of_errno() : SOUK_OK;
}

// Reads a whole message and keeps its first num_parts frames, at most. *num_parts_out tells how
// many it had. Of a longer one no more than a frame at a time is in memory.
static souk_status receive_parts(void *socket, zmq_msg_t *parts, size_t num_parts,
                                 size_t *num_parts_out)
{
    size_t n = 0;
    for (bool has_more = true; has_more; n++) {
        zmq_msg_t part;
        souk_status status = receive_part(socket, &part);
        if (status != SOUK_OK) {
            while (n > 0)
                if (--n < num_parts) zmq_msg_close(&parts[n]);
            return status;
        }
        has_more = zmq_msg_more(&part);
        if (n < num_parts) {
            zmq_msg_init(&parts[n]);
            zmq_msg_move(&parts[n], &part);
        }
        zmq_msg_close(&part);
    }
    *num_parts_out = n;
    return SOUK_OK;
}

// An id that the peer chose itself is of no use to anybody but somebody who means harm.
static bool is_good_id(zmq_msg_t *id)
{
    return zmq_msg_size(id) == ID_BYTES && *(const uint8_t *)zmq_msg_data(id) == 0;
}

static uint64_t peer_of_id(zmq_msg_t *id)
{
    const uint8_t *bytes = zmq_msg_data(id);
    uint64_t peer = 0;
    for (int i = 0; i < ID_BYTES; i++) peer = peer << 8 | bytes[i];
    return peer;
}

souk_status zsock_receive(void *socket, bool has_id, struct net_message *message_out)
{
    enum { ID, HEADER, BODY, NUM_PARTS };
    zmq_msg_t parts[NUM_PARTS];
    size_t first = has_id ? ID : HEADER, num_parts;
    souk_status status = receive_parts(socket, parts + first, NUM_PARTS - first, &num_parts);
    if (status != SOUK_OK) return status;

    size_t end = first + num_parts;
    if (end == NUM_PARTS && zmq_msg_size(&parts[HEADER]) <= NET_HEADER_MAX &&
        (!has_id || is_good_id(&parts[ID]))) {
        message_out->peer = has_id ? peer_of_id(&parts[ID]) : 0;
        message_out->header = frame_from_msg(&parts[HEADER]);
        message_out->body = frame_from_msg(&parts[BODY]);
    } else {
        status = SOUK_EPROTO;
        for (size_t i = HEADER; i < end && i < NUM_PARTS; i++) zmq_msg_close(&parts[i]);
    }
    if (has_id) zmq_msg_close(&parts[ID]);
    return status;
}

static souk_status send_part(void *socket, zmq_msg_t *part, int flags)
{
    int rc;
    do rc = zmq_msg_send(part, socket, flags | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? status_of_errno() : SOUK_OK;
}

// The first part decides: when it is in, libzmq takes the others too. A full queue may have been
// emptied, and a connection made, without the socket knowing: asking for its events tells it.
static souk_status send_first_part(void *socket, zmq_msg_t *part)
{
    souk_status status = send_part(socket, part, ZMQ_SNDMORE);
    if (status != SOUK_EAGAIN) return status;
    int events;
    size_t size = sizeof(events);
    zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
    return send_part(socket, part, ZMQ_SNDMORE);
}

static void write_id(zmq_msg_t *id, uint64_t peer)
{
    zmq_msg_init_size(id, ID_BYTES); // so short that libzmq keeps it in the message itself
    uint8_t *bytes = zmq_msg_data(id);
    for (int i = ID_BYTES - 1; i >= 0; i--, peer >>= 8) bytes[i] = (uint8_t)peer;
}

souk_status zsock_send(void *socket, const uint64_t *peer, struct frame *header, struct frame *body)
{
    enum { ID, HEADER, BODY, NUM_PARTS };
    zmq_msg_t parts[NUM_PARTS];
    write_id(&parts[ID], peer ? *peer : 0);
    souk_status status = msg_from_frame(&parts[HEADER], header);
    souk_status body_status = msg_from_frame(&parts[BODY], body);
    if (status == SOUK_OK) status = body_status;

    int first = peer ? ID : HEADER;
    if (status == SOUK_OK) status = send_first_part(socket, &parts[first]);
    for (int i = first + 1; i < NUM_PARTS && status == SOUK_OK; i++)
        status = send_part(socket, &parts[i], i == BODY ? 0 : ZMQ_SNDMORE);

    for (int i = 0; i < NUM_PARTS; i++) zmq_msg_close(&parts[i]); // empty where they are sent
    frame_unref(header);
    frame_unref(body);
    return status;
}
