/* Tests of common/net/frame.h. */
#include "common/net/frame.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/cmocka.h"

static void frames_have_room_and_are_aligned(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 255, 256, 257, 4096, 100000, 8 << 20, (8 << 20) + 1, 70 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct frame *frame = frame_create(sizes[i]);
        assert_int_equal(frame->length, 0);
        assert_true(frame->capacity >= sizes[i]);
        assert_int_equal((uintptr_t)frame->bytes % 64, 0);
        memset(frame->bytes, 0xab, frame->capacity); // the sanitizer looks at the ends
        frame_unref(frame);
    }
    frame_unref(NULL);
    frame_trim();
}

// Steps that make and drop frames of hundreds of KiB must not touch new pages all the time.
static void large_frames_are_reused(void **state)
{
    (void)state;
    const size_t sizes[] = {64 << 10, 300000, 1 << 20, 4 << 20};
    struct rusage before, after;
    for (int round = 0; round < 100; round++) {
        if (round == 1) getrusage(RUSAGE_SELF, &before);
        struct frame *frames[4];
        for (int i = 0; i < 4; i++) {
            frames[i] = frame_create(sizes[i]);
            memset(frames[i]->bytes, round, sizes[i]);
        }
        for (int i = 0; i < 4; i++) frame_unref(frames[i]);
    }
    getrusage(RUSAGE_SELF, &after);
#if defined(__SANITIZE_ADDRESS__)
    skip(); // there frames are not kept, so that a late use of one shows
#endif
    assert_true(after.ru_minflt - before.ru_minflt < 500); // 131,000 without reuse
    frame_trim();
}

static int num_released;

static void count_release(struct frame *frame)
{
    assert_memory_equal(frame->owner, "owner", 6);
    num_released++;
}

static void wrapped_bytes_go_back_once(void **state)
{
    (void)state;
    uint8_t bytes[10] = {0};
    num_released = 0;
    struct frame *frame = frame_wrap(300, count_release);
    memcpy(frame->owner, "owner", 6);
    frame->bytes = bytes;
    frame->length = sizeof(bytes);
    assert_ptr_equal(frame_ref(frame), frame);
    frame_unref(frame);
    assert_int_equal(num_released, 0);
    frame_unref(frame);
    assert_int_equal(num_released, 1);

    frame = frame_create(300); // perhaps the same memory: nothing of the old use sticks to it
    assert_true(frame->bytes != bytes && frame->capacity >= 300);
    frame_unref(frame);
    assert_int_equal(num_released, 1);
}

enum { NUM_TURNS = 20000 };

// Frames that one thread makes and another one drops, as the transport does.
static void *turn_over(void *ctx)
{
    struct frame **slot = ctx;
    for (uint32_t i = 0; i < NUM_TURNS; i++) {
        struct frame *frame = frame_create(i * 97 % 70000);
        memset(frame->bytes, (int)i, 16);
        frame = __atomic_exchange_n(slot, frame, __ATOMIC_ACQ_REL);
        if (frame && memcmp(frame->bytes, frame->bytes + 1, 15) != 0) return ctx;
        frame_unref(frame);
    }
    return NULL;
}

static void threads_share_the_memory(void **state)
{
    (void)state;
    struct frame *slot = NULL;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, turn_over, &slot), 0);
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    frame_unref(slot);
    frame_trim();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_have_room_and_are_aligned),
        cmocka_unit_test(large_frames_are_reused),
        cmocka_unit_test(wrapped_bytes_go_back_once),
        cmocka_unit_test(threads_share_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
