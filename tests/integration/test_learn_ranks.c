/* test_learn_ranks.c - when one of two workers cannot go on learning, both end, and by its status:
 * nobody waits for who has left. The program starts itself under mpirun, once a case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/policy/learn.h"
#include "worker/policy/q_learner.h"

static const char *self;

static void set(struct config *config, const char *assignment)
{
    if (config_set(config, assignment) != SOUK_OK) exit(99);
}

/* ---- ranks ---- */

/* Workers that do not wait for each other: rewards of rank 1 are larger than a float can be. */
static souk_status diverge_alone(struct comm *comm, struct config *config, const char *dir)
{
    static const char *const settings[] = {
        "policy.num_users=16", "policy.hidden=8",      "policy.warmup=64",
        "policy.steps=200000", "policy.valid_steps=0", "policy.test_users=10",
        "run.log_level=error", "cluster.timeout_s=10", "train.max_bad_steps=0"};
    char server[4096], run_dir[4096];
    const char *bin = getenv("BIN");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) set(config, settings[i]);
    if (comm_rank(comm) == 1) set(config, "policy.reward_scale=3e38");
    snprintf(run_dir, sizeof run_dir, "run.dir=%s/run", dir);
    snprintf(server, sizeof server, "%s/souk-server", bin && *bin ? bin : "bin");
    set(config, run_dir);
    struct session *session = NULL;
    const struct session_options session_options = {
        .config = config, .comm = comm, .server_program = server, .is_quiet = true};
    souk_status status = session_create(&session_options, &session);
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

/* Writes the name of its status to DIR/rank1. */
static int be_rank(const char *which, const char *dir)
{
    const struct comm_launch launch = {.expected_size = 2, .is_mpi = 1, .timeout_s = 20};
    struct comm *comm;
    struct config config;
    char path[4096];
    if (comm_create(&launch, &comm) != SOUK_OK) return 98;
    config_init(&config);
    log_set_level(LOG_ERROR);
    souk_status status = strcmp(which, "diverge") == 0 ? diverge_alone(comm, &config, dir)
                                                       : fail_alone(comm, &config);
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
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execlp("mpirun", "mpirun", "--oversubscribe", "--bind-to", "none", "--timeout", "60",
               "--allow-run-as-root", "-n", "2", self, which, dir, (char *)NULL);
        _exit(77); // there is no such program
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void check_ends(const char *which, souk_status status)
{
    char *dir = temp_dir_create();
    run(which, dir);
    for (int r = 0; r < 2; r++) {
        char name[16], text[32] = "";
        snprintf(name, sizeof name, "rank%d", r);
        FILE *file = fopen(temp_path(dir, name), "r");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        assert_string_equal(text, souk_status_name(status));
    }
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_diverges_ends_both),
        cmocka_unit_test(a_worker_that_fails_in_lock_step_ends_both),
    };
    self = argv[0];
    if (argc == 3) return be_rank(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
