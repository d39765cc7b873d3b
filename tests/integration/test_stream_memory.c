/* test_stream_memory.c - `souk train` on samples with histories needs no more memory for a long
 * stream than for a short one, unless it may keep what it has read. The peak is the kernel's. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/text/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"

enum { SHORT = 20000, TIMES = 8, HISTORY = 10, MARGIN_KIB = 8192 };

static char *dir; // of the test

/* Histories that share nothing, over few ids: what grows is the stream alone. */
static void write_samples(const char *name, uint32_t num_samples)
{
    struct buf text = {0};
    struct rng rng;
    rng_init(&rng, 1, 1);
    buf_add_text(&text, "label\tuser\titem\thist_item\n");
    for (uint32_t i = 0; i < num_samples; i++) {
        buf_printf(&text, "%u\t%u\t%u\t", i % 2, (unsigned)rng_below(&rng, 100),
                   (unsigned)rng_below(&rng, 100));
        for (int j = 0; j < HISTORY; j++)
            buf_printf(&text, "%s%u", j ? "," : "", (unsigned)rng_below(&rng, 100));
        buf_add_char(&text, '\n');
    }
    temp_file_n(dir, name, buf_text(&text), text.length);
    buf_fini(&text);
}

static int set_up(void **state)
{
    (void)state;
    dir = temp_dir_create();
    write_samples("short.tsv", SHORT);
    write_samples("long.tsv", SHORT * TIMES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static void become_souk(const char *file, const char *cache)
{
    char program[4096], train[4096], run[4096];
    const char *bin = getenv("BIN");
    snprintf(program, sizeof program, "%s/souk", bin && *bin ? bin : "bin");
    snprintf(train, sizeof train, "data.train=%s/%s", dir, file);
    snprintf(run, sizeof run, "run.dir=%s/run", dir);
    int fd = open(temp_path(dir, "log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execl(program, program, "train", "--set", train, "--set", run, "--set", cache, "--set",
          "data.shuffle_rows=2000", "--set", "model.type=base", "--set", "model.dim=4", "--set",
          "model.hidden=8", "--set", "train.epochs=2", (char *)NULL);
    _exit(127);
}

static long peak_kib(const char *file, const char *cache)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    puts("SKIP memory of a stream: a sanitizer's own memory would be measured");
    skip();
#endif
    struct rusage usage;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) become_souk(file, cache);
    assert_int_equal(wait4(pid, &status, 0, &usage), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return usage.ru_maxrss;
}

static void a_longer_stream_needs_no_more_memory(void **state)
{
    (void)state;
    long once = peak_kib("short.tsv", "data.cache_rows=1000");
    long many = peak_kib("long.tsv", "data.cache_rows=1000");
    if (many > once + MARGIN_KIB)
        fail_msg("%ld KiB at the peak, %ld KiB for a stream %d times as long", once, many, TIMES);
}

/* What the test above would see if samples were kept. */
static void samples_that_may_be_kept_are(void **state)
{
    (void)state;
    long streamed = peak_kib("long.tsv", "data.cache_rows=1000");
    long kept = peak_kib("long.tsv", "data.cache_rows=1000000");
    assert_true(kept > streamed + MARGIN_KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_longer_stream_needs_no_more_memory),
        cmocka_unit_test(samples_that_may_be_kept_are),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
