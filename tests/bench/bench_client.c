/* bench_client.c - rows a second that one client pulls and pushes at one shard.
 *
 * Rows have 16 fp32 columns, the table's optimizer is SGD. Batches of 4,096 and 65,536 keys of
 * tables with 1 M and 10 M rows: integer ids 0 .. n-1, drawn by Zipf's law (exponent 1, popular ids
 * lie anywhere) until that many different ones are there. PREFETCH pulls are under way while the
 * rows of an earlier one are pushed back, as in training. Names:
 *
 *   pull_push_rows_per_s_tcp, _inproc   65,536 keys, 1 M rows: rows that went the whole way, out
 *                                       by a pull and back by a push, divided by the time
 *   OP_rows_per_s_LINK_KEYS_ROWS        the same and pulls and pushes alone, for each combination
 *   pull_push_rows_per_s_tcp_hashed     as the first; keys are 64-bit hashes, which do not shrink
 *
 * tcp: the server is a child process on loopback; each side has its working thread and the
 * transport's, and the system deals the four to the cores that there are. inproc: the server is a
 * thread of this process.
 *
 *   bench_client LINK ROWS KEYS SECONDS [hashed]   pulls and pushes only, for a profiler
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/rng.h"
#include "server/server.h"
#include "worker/client/client.h"

enum {
    DIM = 16,
    PREFETCH = 4,           // pulls under way
    KEYS_A_ROUND = 1 << 20, // different batches hold that many keys together
    MEASURED_MS = 400,      // a figure
    FILL_KEYS = 1 << 16,
};

struct batches {
    uint32_t num_batches, num_keys; // keys a batch
    uint64_t *keys;                 // (num_batches, num_keys), ascending in a batch
};

/* Where figures come from. */
struct bench {
    struct souk_client *client;
    uint32_t table;
    struct batches batches;
    float *rows;          // (PREFETCH, keys a batch, DIM)
    uint64_t measured_ns; // a figure
};

/* What one server is asked. */
struct plan {
    const char *link; // "tcp" or "inproc"
    uint64_t num_rows;
    uint32_t min_keys, max_keys; // a batch; from the one to the other times 16 each
    bool is_hashed;
    bool is_brief;        // pull + push only
    uint64_t measured_ns; // a figure
};

static void must(souk_status status, const char *what)
{
    if (status == SOUK_OK) return;
    fprintf(stderr, "bench_client: %s: %s\n", what, souk_status_text(status));
    exit(1);
}

/* ---- keys ---- */

/* Rank 1.. by Zipf's law: x = (n+1)^u has density 1/x; what that gives too much to the first ranks
 * is refused. */
static uint64_t draw_rank(struct rng *rng, uint64_t n)
{
    for (;;) {
        double x = exp(rng_uniform_double(rng) * log((double)n + 1));
        uint64_t rank = (uint64_t)x;
        double kept = 1 / ((double)rank * log1p(1 / (double)rank)) * 0.69314718056;
        if (rank >= 1 && rank <= n && rng_uniform_double(rng) < kept) return rank;
    }
}

static uint64_t key_of(uint64_t rank, uint64_t num_rows, bool is_hashed)
{
    uint64_t id = rank * 2654435761u % num_rows; // odd and no multiple of 5: all ids, mixed
    return is_hashed ? hash_key(id) : id;
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Fills `keys` with different ones; `is_taken` has a flag a rank, all false, and is left so. */
static void draw_batch(struct rng *rng, uint64_t num_rows, bool is_hashed, uint64_t *keys,
                       uint32_t num_keys, uint8_t *is_taken)
{
    for (uint32_t n = 0; n < num_keys;) {
        uint64_t rank = draw_rank(rng, num_rows);
        if (is_taken[rank]) continue;
        is_taken[rank] = 1;
        keys[n++] = rank;
    }
    for (uint32_t i = 0; i < num_keys; i++) {
        is_taken[keys[i]] = 0;
        keys[i] = key_of(keys[i], num_rows, is_hashed);
    }
    qsort(keys, num_keys, sizeof(*keys), compare_keys);
}

static struct batches draw_batches(uint64_t num_rows, uint32_t num_keys, bool is_hashed)
{
    struct rng rng;
    rng_init(&rng, 1, rng_stream("bench_client", num_rows, num_keys));
    struct batches batches = {.num_batches = KEYS_A_ROUND / num_keys, .num_keys = num_keys};
    batches.keys = mem_calloc(KEYS_A_ROUND, sizeof(uint64_t), "keys");
    uint8_t *is_taken = mem_calloc(num_rows + 1, 1, "ranks");
    for (uint32_t b = 0; b < batches.num_batches; b++)
        draw_batch(&rng, num_rows, is_hashed, batches.keys + (size_t)b * num_keys, num_keys,
                   is_taken);
    mem_free(is_taken);
    return batches;
}

/* ---- what is measured ---- */

static const uint64_t *batch_keys(const struct bench *bench, uint32_t i)
{
    const struct batches *batches = &bench->batches;
    return batches->keys + (size_t)(i % batches->num_batches) * batches->num_keys;
}

static float *batch_rows(const struct bench *bench, uint32_t i)
{
    return bench->rows + (size_t)(i % PREFETCH) * bench->batches.num_keys * DIM;
}

static souk_ticket pull(struct bench *bench, uint32_t i)
{
    struct souk_pull part = {.table = bench->table,
                             .num_keys = bench->batches.num_keys,
                             .keys = batch_keys(bench, i),
                             .rows = batch_rows(bench, i)};
    souk_ticket ticket;
    must(souk_client_pull(bench->client, &part, 1, &ticket), "pull");
    return ticket;
}

static void push(struct bench *bench, uint32_t i)
{
    struct souk_push part = {.table = bench->table,
                             .num_keys = bench->batches.num_keys,
                             .keys = batch_keys(bench, i),
                             .rows = batch_rows(bench, i),
                             .lr = 1e-6f};
    souk_ticket ticket;
    must(souk_client_push(bench->client, &part, 1, &ticket), "push");
}

enum operation { PULL = 1, PUSH = 2, PULL_PUSH = PULL | PUSH };

/* Rows a second. Batch i's rows are pushed before pull i + PREFETCH takes their place. */
static double measure(struct bench *bench, enum operation operation)
{
    souk_ticket tickets[PREFETCH] = {0};
    uint32_t num_done = 0;
    uint64_t begin_ns = clock_now_ns(), end_ns = begin_ns;
    if (operation & PULL)
        for (uint32_t i = 0; i < PREFETCH; i++) tickets[i] = pull(bench, i);
    for (; end_ns - begin_ns < bench->measured_ns; num_done++, end_ns = clock_now_ns()) {
        souk_ticket *ticket = &tickets[num_done % PREFETCH];
        must(souk_client_wait(bench->client, *ticket), "wait");
        if (operation & PUSH) push(bench, num_done);
        if (operation & PULL) *ticket = pull(bench, num_done + PREFETCH);
    }
    must(souk_client_flush(bench->client), "flush");
    if (operation == PULL) num_done += PREFETCH; // the last ones; they are not pushed
    return (double)num_done * bench->batches.num_keys * 1e9 / (double)(clock_now_ns() - begin_ns);
}

static void fill_table(struct bench *bench, uint64_t num_rows, bool is_hashed)
{
    uint64_t *keys = mem_calloc(FILL_KEYS, sizeof(uint64_t), "keys");
    for (uint64_t first = 1; first <= num_rows; first += FILL_KEYS) {
        uint64_t left = num_rows - first + 1;
        uint32_t n = left < FILL_KEYS ? (uint32_t)left : FILL_KEYS;
        for (uint32_t i = 0; i < n; i++) keys[i] = key_of(first + i, num_rows, is_hashed);
        qsort(keys, n, sizeof(*keys), compare_keys);
        struct souk_push part = {.table = bench->table,
                                 .num_keys = n,
                                 .keys = keys,
                                 .rows = bench->rows,
                                 .mode = SOUK_PUSH_ADD};
        souk_ticket ticket;
        must(souk_client_push(bench->client, &part, 1, &ticket), "push");
    }
    must(souk_client_flush(bench->client), "flush");
    mem_free(keys);
}

static void print_figure(const char *operation, const struct plan *plan, const char *suffix,
                         double value)
{
    printf("BENCH %s_rows_per_s_%s%s %.0f\n", operation, plan->link, suffix, value);
    fflush(stdout);
}

static void measure_all(struct bench *bench, const struct plan *plan)
{
    uint32_t num_keys = bench->batches.num_keys;
    char suffix[64];
    snprintf(suffix, sizeof(suffix), "_%u_%llum", num_keys,
             (unsigned long long)plan->num_rows / 1000000);
    measure(bench, PULL_PUSH); // warms up
    double both = measure(bench, PULL_PUSH);
    print_figure("pull_push", plan, plan->is_hashed ? "_hashed" : suffix, both);
    if (plan->is_brief) return;
    if (num_keys == 65536 && plan->num_rows == 1000000) print_figure("pull_push", plan, "", both);
    print_figure("pull", plan, suffix, measure(bench, PULL));
    print_figure("push", plan, suffix, measure(bench, PUSH));
}

/* ---- servers ---- */

static struct server *start_server(struct net *net, const char *address)
{
    struct server *server;
    struct server_options options = {.net = net, .address = address, .num_threads = 1};
    must(server_start(&options, &server), "server");
    return server;
}

/* The child: serves until the parent closes its end of the pipe. */
static void serve(int address_fd, int stop_fd)
{
    struct net *net;
    must(net_create(&net), "net");
    struct server *server = start_server(net, "tcp://127.0.0.1:*");
    const char *address = server_address(server);
    char byte;
    if (write(address_fd, address, strlen(address) + 1) > 0)
        while (read(stop_fd, &byte, 1) > 0) continue;
    server_stop(server);
    net_destroy(net);
    _exit(0);
}

struct child {
    pid_t pid;
    int stop_fd;
    char address[128];
};

static void start_child(struct child *child)
{
    int up[2], down[2];
    if (pipe(up) || pipe(down) || (child->pid = fork()) < 0) must(SOUK_ESYS, "fork");
    if (child->pid == 0) {
        close(down[1]);
        serve(up[1], down[0]);
    }
    close(up[1]);
    close(down[0]);
    child->stop_fd = down[1];
    if (read(up[0], child->address, sizeof(child->address)) <= 0) must(SOUK_EPEER, "server");
    close(up[0]);
}

static void stop_child(struct child *child)
{
    close(child->stop_fd);
    waitpid(child->pid, NULL, 0);
}

static void run_plan(struct net *net, const char *address, const struct plan *plan)
{
    struct bench bench = {.measured_ns = plan->measured_ns};
    struct souk_client_options options = {.servers = &address, .num_servers = 1, .job_epoch = 1};
    must(client_create_on(net, &options, &bench.client), "client");
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "bench", DIM);
    must(souk_client_open_table(bench.client, &spec, &bench.table), "table");
    bench.rows = mem_calloc((size_t)PREFETCH * FILL_KEYS * DIM, sizeof(float), "rows");
    for (uint32_t i = 0; i < PREFETCH * FILL_KEYS * DIM; i++) bench.rows[i] = (float)(i % 7) + 1;
    fill_table(&bench, plan->num_rows, plan->is_hashed);
    for (uint32_t num_keys = plan->min_keys; num_keys <= plan->max_keys; num_keys *= 16) {
        bench.batches = draw_batches(plan->num_rows, num_keys, plan->is_hashed);
        measure_all(&bench, plan);
        mem_free(bench.batches.keys);
    }
    mem_free(bench.rows);
    souk_client_destroy(bench.client);
}

static void run_tcp(const struct plan *plan)
{
    struct child child; // before this process has threads
    start_child(&child);
    struct net *net;
    must(net_create(&net), "net");
    run_plan(net, child.address, plan);
    net_destroy(net);
    stop_child(&child);
}

static void run_inproc(const struct plan *plan)
{
    struct net *net;
    must(net_create(&net), "net");
    struct server *server = start_server(net, "inproc://bench");
    run_plan(net, server_address(server), plan);
    server_stop(server);
    net_destroy(net);
}

static void run(const struct plan *plan)
{
    if (strcmp(plan->link, "tcp") == 0)
        run_tcp(plan);
    else
        run_inproc(plan);
}

int main(int argc, char **argv)
{
    mem_keep_freed(); // as the programs do
    struct plan plan = {.min_keys = 4096, .max_keys = 65536, .measured_ns = MEASURED_MS * 1000000};
    if (argc >= 5) {
        plan.link = argv[1];
        plan.num_rows = strtoull(argv[2], NULL, 10);
        plan.min_keys = plan.max_keys = (uint32_t)strtoul(argv[3], NULL, 10);
        plan.measured_ns = strtoull(argv[4], NULL, 10) * 1000000000;
        plan.is_brief = true;
        plan.is_hashed = argc == 6;
        run(&plan);
        return 0;
    }
    static const char *const LINKS[] = {"tcp", "inproc"};
    for (int link = 0; link < 2; link++)
        for (plan.num_rows = 1000000; plan.num_rows <= 10000000; plan.num_rows *= 10) {
            plan.link = LINKS[link];
            run(&plan);
        }
    plan.link = "tcp";
    plan.num_rows = 1000000;
    plan.min_keys = 65536;
    plan.is_hashed = plan.is_brief = true;
    run(&plan);
    return 0;
}
