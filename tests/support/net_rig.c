/* net_rig.c - see net_rig.h. */
#include "tests/support/net_rig.h"

#include <string.h>

#include "common/base/clock.h"
#include "tests/support/cmocka.h"

void rig_start(struct net_rig *rig, const char *address)
{
    uint32_t channel;
    *rig = (struct net_rig){0};
    assert_int_equal(net_create(&rig->net), SOUK_OK);
    assert_int_equal(net_listen(rig->net, address, &rig->listener), SOUK_OK);
    strncpy(rig->address, net_listener_address(rig->listener), sizeof(rig->address) - 1);
    assert_int_equal(net_dialer_create(rig->net, &rig->dialer), SOUK_OK);
    assert_int_equal(net_dialer_connect(rig->dialer, rig->address, &channel), SOUK_OK);
    assert_int_equal(channel, 0);
    assert_true(rig_wait_up(rig->dialer, 0, true));
}

void rig_stop(struct net_rig *rig)
{
    net_dialer_destroy(rig->dialer);
    net_listener_close(rig->listener);
    net_destroy(rig->net);
}

struct frame *rig_frame(size_t length, uint32_t seed)
{
    struct frame *frame = frame_create(length);
    for (size_t i = 0; i < length; i++) frame->bytes[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
    frame->length = length;
    return frame;
}

bool rig_frame_is(const struct frame *frame, size_t length, uint32_t seed)
{
    struct frame *expected = rig_frame(length, seed);
    bool is_same = frame->length == length &&
                   (length == 0 || memcmp(frame->bytes, expected->bytes, length) == 0);
    frame_unref(expected);
    return is_same;
}

bool rig_wait_up(struct net_dialer *dialer, uint32_t channel, bool is_up)
{
    uint64_t deadline_ms = clock_now_ms() + RIG_DEADLINE_MS;
    while (net_dialer_is_up(dialer, channel) != is_up) {
        struct net_message message = {0};
        if (clock_now_ms() > deadline_ms) return false;
        if (net_dialer_receive(dialer, 5, &message) == SOUK_OK) net_message_fini(&message);
    }
    return true;
}

souk_status rig_send(struct net_dialer *dialer, uint32_t channel, size_t body_bytes, uint32_t seed)
{
    uint64_t deadline_ms = clock_now_ms() + RIG_DEADLINE_MS;
    souk_status status;
    do {
        status = net_dialer_send(dialer, channel, rig_frame(8, seed), rig_frame(body_bytes, seed));
    } while (status == SOUK_EAGAIN && clock_now_ms() < deadline_ms);
    return status;
}

bool rig_ping(struct net_dialer *dialer, uint32_t channel, struct net_listener *listener)
{
    static uint32_t seed;
    struct net_message message = {0};
    seed++;
    if (rig_send(dialer, channel, 100, seed) != SOUK_OK) return false;
    if (net_listener_receive(listener, RIG_DEADLINE_MS, &message) != SOUK_OK) return false;
    if (net_listener_send(listener, message.peer, message.header, message.body) != SOUK_OK)
        return false;
    if (net_dialer_receive(dialer, RIG_DEADLINE_MS, &message) != SOUK_OK) return false;
    bool is_same = message.peer == channel && rig_frame_is(message.header, 8, seed) &&
                   rig_frame_is(message.body, 100, seed);
    net_message_fini(&message);
    return is_same;
}
