/* test_learn_ranks.c - when one of two workers cannot go on learning, both end, and by its status:
 * nobody waits for who has left. In lock step rows of embeddings become what they become with one
 * worker. The program starts itself under mpirun, once a case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "tests/support/train_run.h"
#include "worker/agent/q_learner.h"
#include "worker/policy/learn.h"

static const char *self;

static void set(struct config *config, const char *assignment)
{
    if (config_set(config, assignment) != SOUK_OK) exit(99);
}

/* ---- ranks ---- */

static souk_status start_session(struct comm *comm, struct config *config,
                                 struct session **session_out)
{
    char server[4096];
    const char *bin = getenv("BIN");
    snprintf(server, sizeof server, "%s/souk-server", bin && *bin ? bin : "bin");
    const struct session_options options = {.config = config,
                                            .comm = comm,
                                            .local = &train_local_servers,
                                            .server_program = server,
                                            .is_quiet = true};
    set(config, "run.log_level=error");
    set(config, "cluster.timeout_s=10");
    return session_create(&options, session_out);
}

/* Workers that do not wait for each other: rewards of rank 1 are larger than a float can be. */
static souk_status diverge_alone(struct comm *comm, struct config *config, const char *dir)
{
    static const char *const settings[] = {"policy.num_users=16",  "policy.hidden=8",
                                           "policy.warmup=64",     "policy.steps=200000",
                                           "policy.valid_steps=0", "policy.test_users=10",
                                           "train.max_bad_steps=0"};
    char run_dir[4096];
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) set(config, settings[i]);
    if (comm_rank(comm) == 1) set(config, "policy.reward_scale=3e38");
    snprintf(run_dir, sizeof run_dir, "run.dir=%s/run", dir);
    set(config, run_dir);
    struct session *session = NULL;
    souk_status status = start_session(comm, config, &session);
    const struct learn_options options = {
        .config = config, .comm = comm, .session = session, .is_quiet = true};
    struct learn_result result = {0};
    if (status == SOUK_OK) status = learn_run(&options, &result);
    learn_result_fini(&result);
    session_destroy(session);
    return status;
}

/* The third batch of rank 1 cannot be had. */
static souk_status fail_third(void *ctx, uint32_t num, double *loss_out)
{
    int *num_left = ctx;
    *loss_out = num;
    return (*num_left)-- == 0 ? SOUK_EIO : SOUK_OK;
}

/* Workers in lock step. */
static souk_status fail_alone(struct comm *comm, struct config *config)
{
    enum { USERS = 4, ITEMS = 2 };
    const struct agent_options agent = {.config = config,
                                        .shape = {.num_users = USERS,
                                                  .num_candidates = ITEMS,
                                                  .slate_size = 1,
                                                  .user_dim = 1,
                                                  .item_dim = 1,
                                                  .max_steps = 100},
                                        .comm = comm,
                                        .is_learning = true};
    const float users[USERS] = {0}, items[USERS * ITEMS] = {0}, scores[USERS * ITEMS] = {0};
    const float null_score[USERS] = {0};
    const struct env_view view = {
        .users = users, .items = items, .scores = scores, .null_score = null_score};
    const struct env_outcome outcomes[USERS] = {{0}};
    const uint32_t slates[USERS] = {0};
    struct q_learner learner;
    struct agent_news news = {0};
    int num_left = comm_rank(comm) == 1 ? 2 : -1;
    set(config, "train.consistency=bsp");
    set(config, "policy.warmup=0");
    set(config, "policy.updates=4");
    souk_status status = q_learner_init(&learner, &(struct q_learner_options){.agent = &agent});
    if (status == SOUK_OK) status = q_learner_begin(&learner);
    for (int i = 0; status == SOUK_OK && i < 3; i++) {
        q_learner_show(&learner, &view, slates);
        q_learner_observe(&learner, outcomes);
        status = q_learner_learn(&learner, 0.01f, false, fail_third, &num_left, &news);
    }
    q_learner_fini(&learner);
    return status;
}

/* ---- rows in lock step ---- */

enum { ROW_USERS = 4, ROW_ITEMS = 2, ROW_BATCH = 8, ROW_KEYS = 5, ROW_DIM = 4, ROW_TURNS = 5 };
static const uint64_t FIRST_ITEM = 100, THE_USER = 77; // all places are one person

struct row_work {
    struct q_learner learner;
    uint32_t rank, size, num_updates;
};

/* Transition i of all ranks together, whatever was drawn, moves a row, of which others of the batch
 * move the same, on this rank and another, from where it and its copy stand. */
static souk_status move_rows(void *ctx, uint32_t num, double *loss_out)
{
    struct row_work *work = ctx;
    struct q_learner *learner = &work->learner;
    uint64_t keys[ROW_BATCH] = {0};
    for (uint32_t b = 0; b < num; b++)
        keys[b] = FIRST_ITEM + (3 * work->num_updates + b * work->size + work->rank) % ROW_KEYS;
    souk_status status = q_learner_pull(learner, keys, num, true);
    if (status != SOUK_OK) return status;
    q_learner_reserve(learner, num, num);
    for (uint32_t b = 0; b < num; b++) {
        float grad[ROW_DIM], pull = 0.1f * (float)(b * work->size + work->rank);
        float *of_user = learner->states_grad + (size_t)b * (learner->state_dim + ROW_DIM);
        for (uint32_t d = 0; d < ROW_DIM; d++) {
            grad[d] = key_rows_get(learner->rows, b)[d] + pull -
                      0.5f * key_rows_target(learner->rows, b)[d];
            of_user[learner->state_dim + d] = key_rows_get(learner->users, b)[d] - pull;
        }
        key_rows_add(learner->rows, b, grad);
    }
    work->num_updates++;
    *loss_out = num;
    return SOUK_OK;
}

static souk_status write_rows(struct row_work *work, const char *dir)
{
    struct q_learner *learner = &work->learner;
    uint64_t keys[ROW_KEYS];
    char path[4096];
    for (uint32_t i = 0; i < ROW_KEYS; i++) keys[i] = FIRST_ITEM + i;
    souk_status status = q_learner_pull(learner, keys, ROW_KEYS, true);
    if (status == SOUK_OK) status = key_rows_pull(learner->users, &THE_USER, 1, true);
    if (status != SOUK_OK) return status;
    snprintf(path, sizeof path, "%s/rows%u", dir, work->rank);
    FILE *file = fopen(path, "w");
    if (!file) return SOUK_EIO;
    for (uint32_t d = 0; d < ROW_DIM; d++) {
        for (uint32_t i = 0; i < ROW_KEYS; i++)
            fprintf(file, "%a %a ", (double)key_rows_get(learner->rows, i)[d],
                    (double)key_rows_target(learner->rows, i)[d]);
        fprintf(file, "%a %a ", (double)key_rows_get(learner->users, 0)[d],
                (double)key_rows_target(learner->users, 0)[d]);
    }
    fclose(file);
    return SOUK_OK;
}

static souk_status take_turns(struct row_work *work)
{
    const float users[ROW_USERS] = {0}, scores[ROW_USERS * ROW_ITEMS] = {0};
    const float null_score[ROW_USERS] = {0};
    const uint64_t keys[ROW_USERS * ROW_ITEMS] = {0};
    const uint64_t user_keys[ROW_USERS] = {THE_USER, THE_USER, THE_USER, THE_USER};
    const struct env_view view = {.users = users,
                                  .user_keys = user_keys,
                                  .keys = keys,
                                  .scores = scores,
                                  .null_score = null_score};
    const struct env_outcome outcomes[ROW_USERS] = {{0}};
    const uint32_t slates[ROW_USERS] = {0};
    struct agent_news news = {0};
    souk_status status = SOUK_OK;
    for (int i = 0; status == SOUK_OK && i < ROW_TURNS; i++) {
        q_learner_show(&work->learner, &view, slates);
        q_learner_observe(&work->learner, outcomes);
        status = q_learner_learn(&work->learner, 0.01f, false, move_rows, work, &news);
    }
    return status;
}

static souk_status learn_rows(struct comm *comm, struct config *config, const char *dir)
{
    static const char *const settings[] = {"policy.embedding=4",   "policy.user_embedding=4",
                                           "policy.batch_size=8",  "policy.warmup=0",
                                           "policy.target_sync=3", "train.consistency=bsp"};
    struct row_work work = {.rank = comm_rank(comm), .size = comm_size(comm)};
    struct agent_options agent = {.config = config,
                                  .shape = {.num_users = ROW_USERS,
                                            .num_candidates = ROW_ITEMS,
                                            .slate_size = 1,
                                            .user_dim = 1,
                                            .num_items = ROW_KEYS,
                                            .has_user_keys = true,
                                            .max_steps = 100},
                                  .comm = comm,
                                  .is_learning = true};
    struct session *session = NULL;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) set(config, settings[i]);
    set(config, work.size == 2 ? "policy.updates=2" : "policy.updates=4"); // of all together
    souk_status status = start_session(comm, config, &session);
    if (status != SOUK_OK) return status;
    agent.client = session_client(session);
    status = q_learner_init(&work.learner, &(struct q_learner_options){.agent = &agent});
    if (status == SOUK_OK) status = q_learner_begin(&work.learner);
    if (status == SOUK_OK) status = take_turns(&work);
    if (status == SOUK_OK) status = q_learner_settle(&work.learner);
    if (status == SOUK_OK) status = write_rows(&work, dir);
    status = comm_agree(comm, status); // servers stay until all have looked
    q_learner_fini(&work.learner);
    session_destroy(session);
    return status;
}

/* ---- a rank ---- */

static souk_status take_part(const char *which, struct comm *comm, struct config *config,
                             const char *dir)
{
    if (strcmp(which, "diverge") == 0) return diverge_alone(comm, config, dir);
    if (strcmp(which, "fail") == 0) return fail_alone(comm, config);
    return learn_rows(comm, config, dir);
}

/* Writes the name of its status to DIR/rank1. */
static int be_rank(const char *which, const char *dir)
{
    const uint32_t size = strcmp(which, "one") == 0 ? 1 : 2;
    const struct comm_launch launch = {.expected_size = size, .is_mpi = 1, .timeout_s = 20};
    struct comm *comm;
    struct config config;
    char path[4096];
    if (comm_create(&launch, &comm) != SOUK_OK) return 98;
    config_init(&config);
    log_set_level(LOG_ERROR);
    souk_status status = take_part(which, comm, &config, dir);
    snprintf(path, sizeof path, "%s/rank%u", dir, comm_rank(comm));
    FILE *file = fopen(path, "w");
    if (!file) return 97;
    fputs(souk_status_name(status), file);
    fclose(file);
    config_fini(&config);
    comm_destroy(comm);
    return 0;
}

/* ---- tests ---- */

static void run(const char *which, const char *dir)
{
#if defined(__SANITIZE_THREAD__)
    puts("SKIP ranks: MPI's own threads are reported, and end them");
    skip();
#endif
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1); // MPI leaks, and that would be the ranks' end
        execlp("mpirun", "mpirun", "--oversubscribe", "--bind-to", "none", "--timeout", "60",
               "--allow-run-as-root", "-n", strcmp(which, "one") == 0 ? "1" : "2", self, which, dir,
               (char *)NULL);
        _exit(77); // there is no such program
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void check_statuses(const char *dir, int num_ranks, souk_status status)
{
    for (int r = 0; r < num_ranks; r++) {
        char name[16], text[32] = "";
        snprintf(name, sizeof name, "rank%d", r);
        FILE *file = fopen(temp_path(dir, name), "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        assert_string_equal(text, souk_status_name(status));
    }
}

static void check_ends(const char *which, souk_status status)
{
    char *dir = temp_dir_create();
    run(which, dir);
    check_statuses(dir, 2, status);
    temp_dir_remove(dir);
}

static void a_worker_that_diverges_ends_both(void **state)
{
    (void)state;
    check_ends("diverge", SOUK_EDIVERGED);
}

static void a_worker_that_fails_in_lock_step_ends_both(void **state)
{
    (void)state;
    check_ends("fail", SOUK_EIO);
}

enum { NUM_FLOATS = ROW_DIM * (ROW_KEYS + 1) * 2 };

/* Rows of all ranks, and of their copies. */
static void run_rows(const char *which, int num_ranks, float rows[2][NUM_FLOATS])
{
    char *dir = temp_dir_create();
    run(which, dir);
    check_statuses(dir, num_ranks, SOUK_OK);
    for (int r = 0; r < num_ranks; r++) {
        char name[16];
        snprintf(name, sizeof name, "rows%d", r);
        FILE *file = fopen(temp_path(dir, name), "r");
        assert_non_null(file);
        for (int i = 0; i < NUM_FLOATS; i++) assert_int_equal(fscanf(file, "%a", &rows[r][i]), 1);
        fclose(file);
    }
    temp_dir_remove(dir);
}

static void rows_in_lock_step_are_those_of_one_worker(void **state)
{
    (void)state;
    float one[2][NUM_FLOATS], two[2][NUM_FLOATS], again[2][NUM_FLOATS];
    run_rows("one", 1, one);
    run_rows("two", 2, two);
    run_rows("two", 2, again);
    assert_memory_equal(two, again, sizeof two);
    assert_memory_equal(two[0], two[1], sizeof two[0]);
    for (int i = 0; i < NUM_FLOATS; i++) assert_float_equal(one[0][i], two[0][i], 1e-5);
    assert_true(one[0][0] < -0.1f); // they have moved
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_diverges_ends_both),
        cmocka_unit_test(a_worker_that_fails_in_lock_step_ends_both),
        cmocka_unit_test(rows_in_lock_step_are_those_of_one_worker),
    };
    self = argv[0];
    if (argc == 3) return be_rank(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
