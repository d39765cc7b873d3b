/* epoch.c - see epoch.h. */
#include "worker/train/epoch.h"

#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/train/loader.h"
#include "worker/train/schedule.h"

enum { VOTE_MS = 50, VOTE_TIMEOUT_MS = 600000, SPARE_BATCHES = 2 };

// What ranks sum up while they compute.
enum {
    VOTE_STOP,     // this rank wants to stop
    VOTE_FINISHED, // it does not train any more: end of the epoch, stopped at an edge, or failed
    VOTE_SHORT,    // it stands before the end
    VOTE_FAILED,
    VOTE_SAMPLES, // below: of struct train_totals
    VOTE_LOSS,
    VOTE_BATCHES,
    VOTE_STALE,
    VOTE_WAIT_S,
    VOTE_BUSY_S,
    VOTE_SENT_BYTES,
    VOTE_SHARE,
    NUM_VOTES
};

// A batch whose rows are under way.
struct flight {
    struct batch *batch;
    uint64_t num_trained; // batches of this rank whose pushes the pull could see
};

struct epoch {
    const struct epoch_options *options;
    struct train_position *position;
    struct train_meter *meter;
    struct loader *loader;
    struct flight *flights; // (max_flights) ring
    uint32_t max_flights, first_flight, num_flights;
    struct batch empty; // of lock step, when this rank has read all of its own
    bool is_in_lock_step;
    double step_wait_before_s; // of the communicator at the start
    uint64_t num_pulled;       // batches of the epoch, with those trained on before
    bool is_read;              // the loader has no more
    bool is_finished;          // as VOTE_FINISHED
    souk_status status;        // of this rank
    float lr;                  // of the last step
    uint64_t start_ns;         // of the epoch in this process
    double busy_before_s;      // of the meter at the start
    double loader_wait_s;
    double client_wait_before_s, wait_before_s;

    bool is_voting;
    uint64_t voted_ns;          // when the last vote was given
    uint64_t heard_ns;          // when the last one was complete
    struct train_totals totals; // of the last vote
    bool are_all_finished, is_any_short, has_any_failed;
};

static double seconds_since(uint64_t start_ns)
{
    return (double)(clock_now_ns() - start_ns) * 1e-9;
}

/* ---- votes ---- */

static bool wants_stop(const struct epoch *epoch)
{
    const struct epoch_options *options = epoch->options;
    if (epoch->status != SOUK_OK || *options->stop_signal) return true;
    return options->stop_at_ms > 0 && clock_now_ms() >= options->stop_at_ms;
}

/* Brings the meter up to date: waiting is what the client and the loader made us wait. */
static void measure(struct epoch *epoch, const struct souk_client_stats *stats)
{
    double client_wait_s = (double)stats->wait_ns * 1e-9 - epoch->client_wait_before_s;
    double step_wait_s = comm_step_wait_s(epoch->options->comm) - epoch->step_wait_before_s;
    epoch->meter->wait_s =
        epoch->wait_before_s + client_wait_s + step_wait_s + epoch->loader_wait_s;
    epoch->meter->busy_s = epoch->busy_before_s + seconds_since(epoch->start_ns);
}

static void give_vote(struct epoch *epoch)
{
    struct souk_client_stats stats;
    souk_client_get_stats(epoch->options->client, &stats);
    measure(epoch, &stats);
    bool is_short = !epoch->is_read || epoch->num_flights > 0;
    double votes[NUM_VOTES] = {[VOTE_STOP] = wants_stop(epoch),
                               [VOTE_FINISHED] = epoch->is_finished,
                               [VOTE_SHORT] = is_short,
                               [VOTE_FAILED] = epoch->status != SOUK_OK,
                               [VOTE_SAMPLES] = epoch->position->sums.values[0],
                               [VOTE_LOSS] = epoch->position->sums.values[1],
                               [VOTE_BATCHES] = epoch->meter->num_batches,
                               [VOTE_STALE] = epoch->meter->num_stale,
                               [VOTE_WAIT_S] = epoch->meter->wait_s,
                               [VOTE_BUSY_S] = epoch->meter->busy_s,
                               [VOTE_SENT_BYTES] =
                                   (double)(stats.sent_bytes_pulled + stats.sent_bytes_pushed),
                               [VOTE_SHARE] = epoch->loader ? loader_share(epoch->loader) : 1};
    comm_sum_start(epoch->options->comm, votes, NUM_VOTES);
    epoch->is_voting = true;
    epoch->voted_ns = clock_now_ns();
}

static bool hear_votes(struct epoch *epoch)
{
    double votes[COMM_SUM_MAX];
    if (!comm_sum_ready(epoch->options->comm, votes)) return false;
    uint32_t size = comm_size(epoch->options->comm);
    epoch->is_voting = false;
    epoch->heard_ns = clock_now_ns();
    epoch->are_all_finished = votes[VOTE_FINISHED] == size;
    epoch->is_any_short = votes[VOTE_SHORT] > 0;
    epoch->has_any_failed = votes[VOTE_FAILED] > 0;
    epoch->totals = (struct train_totals){.num_samples = votes[VOTE_SAMPLES],
                                          .loss = votes[VOTE_LOSS],
                                          .num_batches = votes[VOTE_BATCHES],
                                          .num_stale = votes[VOTE_STALE],
                                          .wait_s = votes[VOTE_WAIT_S],
                                          .busy_s = votes[VOTE_BUSY_S],
                                          .sent_bytes = votes[VOTE_SENT_BYTES],
                                          .share = votes[VOTE_SHARE] / size,
                                          .is_stop_wanted = votes[VOTE_STOP] > 0};
    if (epoch->options->on_progress)
        epoch->options->on_progress(epoch->options->ctx, &epoch->totals, epoch->lr);
    return true;
}

/* Between two steps: takes in a vote that is complete, gives the next one when it is time. */
static void take_part(struct epoch *epoch)
{
    if (epoch->is_voting) (void)hear_votes(epoch);
    if (!epoch->is_voting && clock_now_ns() - epoch->voted_ns >= VOTE_MS * 1000000ULL)
        give_vote(epoch);
}

/* When this rank trains no more: votes until all have said the same. */
static void finish_votes(struct epoch *epoch)
{
    epoch->is_finished = true;
    epoch->heard_ns = clock_now_ns();
    for (long us = 20; !epoch->are_all_finished; us = us < 1000 ? us * 3 / 2 : 1000) {
        if (epoch->is_voting ? hear_votes(epoch) : (give_vote(epoch), true)) continue;
        if (clock_now_ns() - epoch->heard_ns > VOTE_TIMEOUT_MS * 1000000ULL) {
            log_error("rank %u on %s: the other ranks have not answered for %d s; a rank or the "
                      "network is lost, so the job ends",
                      comm_rank(epoch->options->comm), comm_host(epoch->options->comm),
                      VOTE_TIMEOUT_MS / 1000);
            comm_abort(epoch->options->comm, 1);
        }
        nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    }
}

/* ---- steps ---- */

static bool is_at_edge(const struct epoch *epoch)
{
    return epoch->num_pulled % EPOCH_EDGE == 0;
}

/* The next batch of the loader; NULL when there is none. */
static struct batch *next_batch(struct epoch *epoch)
{
    uint64_t start_ns = clock_now_ns();
    struct batch *batch = loader_next(epoch->loader);
    epoch->loader_wait_s += seconds_since(start_ns);
    epoch->is_read = !batch;
    if (batch) batch->num_samples_all = batch->num_samples;
    return batch;
}

/* Sends pulls until enough are under way. Nothing is pulled across an edge. */
static souk_status pull_ahead(struct epoch *epoch)
{
    while (!epoch->is_read && epoch->num_flights < epoch->max_flights) {
        if (is_at_edge(epoch) && (epoch->num_flights > 0 || epoch->totals.is_stop_wanted)) break;
        struct batch *batch = next_batch(epoch);
        if (!batch) break;
        uint32_t idx = (epoch->first_flight + epoch->num_flights++) % epoch->max_flights;
        epoch->flights[idx] = (struct flight){batch, epoch->position->num_batches};
        epoch->num_pulled++;
        const struct epoch_options *options = epoch->options;
        souk_status status = batch_pull(batch, options->client, options->tables->ids, false);
        if (status != SOUK_OK) return status;
    }
    return SOUK_OK;
}

static souk_status report_divergence(const struct epoch *epoch)
{
    return log_fail(SOUK_EDIVERGED,
                    "training diverged in epoch %u after %llu batches: a number is not finite any "
                    "more; lower train.lr (%g now), set train.clip_norm or raise model.l2*",
                    epoch->position->epoch + 1, (unsigned long long)epoch->position->num_batches,
                    (double)epoch->lr);
}

/* A step on a batch whose rows are there, and its push. */
static souk_status train_on(struct epoch *epoch, const struct flight *flight)
{
    const struct epoch_options *options = epoch->options;
    struct train_position *position = epoch->position;
    struct batch *batch = flight->batch;
    epoch->lr = schedule_lr(options->config, position->epoch, position->num_steps);
    souk_status status = options->ops->step(options->model, batch, epoch->lr, &position->sums);
    if (status == SOUK_EDIVERGED) return report_divergence(epoch);
    if (status != SOUK_OK && status != SOUK_EAGAIN) return status;
    const struct batch *pushed = batch->merged ? batch->merged : batch;
    status =
        status == SOUK_OK ? batch_push(pushed, options->client, options->tables->ids) : SOUK_OK;
    epoch->meter->num_stale += (double)(position->num_batches - flight->num_trained);
    epoch->meter->num_batches++;
    position->num_samples += batch->num_samples;
    position->num_batches++;
    position->num_steps++;
    return status;
}

/* One step; *went_on_out false when there is none left to do. */
static souk_status advance(struct epoch *epoch, bool *went_on_out)
{
    souk_status status = pull_ahead(epoch);
    *went_on_out = epoch->num_flights > 0;
    if (status != SOUK_OK || epoch->num_flights == 0) return status;
    struct flight flight = epoch->flights[epoch->first_flight];
    status = souk_client_wait(epoch->options->client, flight.batch->pull);
    if (status == SOUK_OK) status = train_on(epoch, &flight);
    if (status != SOUK_OK) return status;
    epoch->first_flight = (epoch->first_flight + 1) % epoch->max_flights;
    epoch->num_flights--;
    loader_give_back(epoch->loader, flight.batch);
    return SOUK_OK;
}

/* ---- lock step ---- */

/* What ranks say to each other before they pull, and again when rows are there: a rank that cannot
 * go on must not leave the others waiting in the middle of a step. */
enum { STEP_SAMPLES, STEP_FAILED, STEP_STOP, NUM_STEP_WORDS };

static void agree_on_step(struct epoch *epoch, souk_status status, uint32_t num_samples,
                          double words[NUM_STEP_WORDS])
{
    words[STEP_SAMPLES] = num_samples;
    words[STEP_FAILED] = status != SOUK_OK;
    words[STEP_STOP] = status == SOUK_OK && wants_stop(epoch);
    comm_step_sum(epoch->options->comm, words, NUM_STEP_WORDS);
}

/* Rows that all ranks' pushes of the step before are in. */
static souk_status pull_now(struct epoch *epoch, struct batch *batch)
{
    const struct epoch_options *options = epoch->options;
    souk_status status = batch_pull(batch, options->client, options->tables->ids, false);
    return status == SOUK_OK ? souk_client_wait(options->client, batch->pull) : status;
}

/* One step of all ranks; *went_on_out false when there is none left to do. */
static souk_status advance_together(struct epoch *epoch, bool *went_on_out)
{
    const struct epoch_options *options = epoch->options;
    struct batch *batch = epoch->is_read ? NULL : next_batch(epoch), *mine = batch;
    souk_status status = batch ? SOUK_OK : loader_status(epoch->loader);
    if (!batch) {
        batch = &epoch->empty;
        options->ops->empty_batch(options->model, batch);
    }
    double words[NUM_STEP_WORDS];
    if (status == SOUK_OK) status = souk_client_flush(options->client);
    agree_on_step(epoch, status, batch->num_samples, words);
    *went_on_out = words[STEP_SAMPLES] > 0 && words[STEP_FAILED] == 0 && words[STEP_STOP] == 0;
    if (!*went_on_out) return status;

    batch->num_samples_all = words[STEP_SAMPLES];
    status = pull_now(epoch, batch);
    agree_on_step(epoch, status, 0, words);
    *went_on_out = words[STEP_FAILED] == 0;
    if (!*went_on_out) return status;
    status = train_on(epoch, &(struct flight){batch, epoch->position->num_batches});
    if (mine) loader_give_back(epoch->loader, mine);
    // All ranks diverge at once; with anything else this one is alone, and the others must hear it.
    if (status != SOUK_OK && status != SOUK_EDIVERGED) agree_on_step(epoch, status, 0, words);
    return status;
}

static souk_status train(struct epoch *epoch)
{
    const struct epoch_options *options = epoch->options;
    struct loader_options loader_options = {.ops = options->ops,
                                            .model = options->model,
                                            .epoch = epoch->position->epoch,
                                            .num_skip = epoch->position->num_samples,
                                            .num_batches = epoch->max_flights + SPARE_BATCHES};
    souk_status status = loader_start(&loader_options, &epoch->loader);
    if (epoch->is_in_lock_step) status = comm_agree(options->comm, status);
    for (bool goes_on = true; status == SOUK_OK && goes_on;) {
        status =
            epoch->is_in_lock_step ? advance_together(epoch, &goes_on) : advance(epoch, &goes_on);
        take_part(epoch);
    }
    // Rows still under way are of no use, but the client writes them where the batches are.
    souk_status flushed = souk_client_flush(options->client);
    return status != SOUK_OK ? status : flushed;
}

souk_status epoch_run(const struct epoch_options *options, struct train_position *position,
                      struct train_meter *meter, struct train_totals *totals_out)
{
    struct souk_client_stats stats;
    souk_client_get_stats(options->client, &stats);
    bool is_in_lock_step =
        options->config->train.consistency == CONFIG_BSP && options->ops->empty_batch;
    uint32_t max_flights = is_in_lock_step ? 1 : options->config->train.pull_ahead + 1;
    struct epoch epoch = {.options = options,
                          .position = position,
                          .meter = meter,
                          .max_flights = max_flights,
                          .is_in_lock_step = is_in_lock_step,
                          .step_wait_before_s = comm_step_wait_s(options->comm),
                          .num_pulled = position->num_batches,
                          .start_ns = clock_now_ns(),
                          .busy_before_s = meter->busy_s,
                          .wait_before_s = meter->wait_s,
                          .client_wait_before_s = (double)stats.wait_ns * 1e-9};
    epoch.flights = mem_calloc(max_flights, sizeof *epoch.flights, "batches under way");
    epoch.lr = schedule_lr(options->config, position->epoch, position->num_steps);
    epoch.status = train(&epoch);
    souk_status stopped = loader_stop(epoch.loader);
    epoch.loader = NULL;
    if (epoch.status == SOUK_OK) epoch.status = stopped;
    finish_votes(&epoch);
    mem_free(epoch.flights);
    batch_fini(&epoch.empty, options->ops);
    *totals_out = epoch.totals;
    if (epoch.has_any_failed) return comm_agree(options->comm, epoch.status);
    return epoch.is_any_short ? SOUK_ESTOPPED : SOUK_OK;
}
