#!/bin/bash
# Workers under mpirun with real server processes: training, topologies that are refused, a server
# that is killed, a signal and --resume. BIN says where the programs are.
# shellcheck disable=SC2317 # functions are called through check, await and trap
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
bin=$(realpath "${BIN:-bin}")
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
command -v mpirun >/dev/null || { echo "SKIP mpirun: it is not installed"; exit 77; }
dir=$(mktemp -d)
pids=()
clean_up() {
    local pid
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
    wait
    rm -rf "$dir"
}
trap clean_up EXIT
failed=0
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then echo "ok $name"; else
        echo "FAIL $name: $*"
        failed=1
        [ ! -f "$dir/err" ] || tail -n 15 "$dir/err"
    fi
}
says() { grep -qF -- "$1" "$dir/err"; }
is_below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 > 0 && a + 0 < b + 0) }'; }
# Waits until a condition holds, at most 30 s.
await() {
    local i
    for ((i = 0; i < 300; i++)); do "$@" && return 0; read -rt 0.1 <> <(:) || true; done
    return 1
}

# Ratings with a plain structure: 60 users, 40 items, a deviation of 0.1 that cannot be learnt.
awk 'BEGIN { srand(5); print "user,item,rating"
    for (t = 0; t < 12000; t++) {
        u = int(60 * rand()); i = int(40 * rand())
        print u "," i "," 3 + 0.8 * (u % 3 - 1) + 0.6 * (i % 2) + 0.2 * (rand() - 0.5)
    } }' >"$dir/all.csv"
head -n 11001 "$dir/all.csv" >"$dir/train.csv"
(head -n 1 "$dir/all.csv"; tail -n 999 "$dir/all.csv") >"$dir/test.csv"
cat >"$dir/mf.yaml" <<END
run: {dir: $dir/run, progress_s: 0.2}
data: {train: $dir/train.csv, test: $dir/test.csv}
model: {k: 4, l2_user: 0.01, l2_item: 0.01}
train: {epochs: 15, batch_size: 100, optimizer: sgd, lr: 0.03}
cluster: {servers: 2, timeout_s: 4}
END
mpi=(mpirun --oversubscribe --bind-to none)
rmse_of() { sed -n 's/.*"test":{[^}]*"rmse":\([0-9.e-]*\).*/\1/p' "$1/result.json"; }

# ---- training ----
"${mpi[@]}" -n 2 "$bin/souk" train -c "$dir/mf.yaml" >"$dir/out" 2>"$dir/err"
check "two_workers_train_on_two_servers_of_their_own" [ $? = 0 ]
check "the_error_comes_near_the_noise" is_below "$(rmse_of "$dir/run")" 0.15
check "the_topology_is_printed" says "2 workers, 2 servers, 2 shards"
evaluated=$("$bin/souk" evaluate -m "$dir/run" --data "$dir/test.csv" --json 2>/dev/null |
            sed -n 's/.*"rmse": *\([0-9.e-]*\).*/\1/p')
check "evaluate_prints_the_same_error" [ "$(printf %.6f "$evaluated")" = "$(printf %.6f "$(rmse_of "$dir/run")")" ]
"${mpi[@]}" -n 5 "$bin/souk" train -c "$dir/mf.yaml" --set train.epochs=3 >"$dir/out" 2>"$dir/err"
check "more_workers_than_cores_train" [ $? = 0 ]
[ "$(nproc)" -ge 7 ] || check "and_are_warned_of" says "5 workers and 2 server threads take turns on $(nproc) core"

# ---- topologies that are refused ----
"${mpi[@]}" -n 2 "$bin/souk" train -c "$dir/mf.yaml" --set cluster.workers=3 >"$dir/out" 2>"$dir/err"
check "another_number_of_workers_is_refused" [ $? = 2 ]
check "and_the_message_says_how_many" says "cluster.workers is 3, but 2 workers were started"
env -u PMIX_RANK OMPI_COMM_WORLD_SIZE=4 "$bin/souk" train -c "$dir/mf.yaml" >"$dir/out" 2>"$dir/err"
check "a_world_of_one_where_four_were_promised_is_refused" [ $? = 2 ]
check "and_the_message_names_the_variable" says "OMPI_COMM_WORLD_SIZE says 4 ranks"
"$bin/souk" train -c "$dir/mf.yaml" --servers tcp://127.0.0.1:1 --set cluster.timeout_s=1 \
    >"$dir/out" 2>"$dir/err"
check "a_server_that_is_not_there_is_a_failure" [ $? = 1 ]
check "and_the_message_names_it" says "server tcp://127.0.0.1:1 has not answered"
check "and_it_was_said_that_it_is_waited_for" says "waiting for server tcp://127.0.0.1:1"
"$bin/souk" train -c "$dir/mf.yaml" --servers tcp://127.0.0.1:1,tcp://127.0.0.1:70000 >"$dir/out" 2>"$dir/err"
check "an_impossible_address_is_a_mistake_in_the_configuration" [ $? = 2 ]
start=$SECONDS
"$bin/souk" train -c "$dir/mf.yaml" --servers tcp://nobody.invalid:4000 --set cluster.timeout_s=60 \
    >"$dir/out" 2>"$dir/err"
check "a_host_without_an_address_is_a_failure" [ $? = 1 ]
check "and_is_named" says 'cannot resolve host "nobody.invalid"'
check "at_once" [ $((SECONDS - start)) -le 30 ]
"${mpi[@]}" -n 2 "$bin/souk" train -c "$dir/mf.yaml" --set model.k=x >"$dir/out" 2>"$dir/err"
check "a_mistake_in_the_configuration_ends_all_ranks_with_2" [ $? = 2 ]
for key in train test; do
    "${mpi[@]}" -n 2 "$bin/souk" train -c "$dir/mf.yaml" --set "data.$key=$dir/nowhere.csv" \
        >"$dir/out" 2>"$dir/err"
    check "a_missing_file_of_data_${key}_is_a_data_error" [ $? = 3 ]
    check "and_is_named_once_by_all_ranks" [ "$(grep -c 'nowhere.csv' "$dir/err")" = 1 ]
done

# ---- a server that dies ----
servers=()
for i in 0 1; do
    "$bin/souk-server" --bind 'tcp://127.0.0.1:*' --no-supervisor --endpoint-file "$dir/server$i" \
        2>>"$dir/servers.err" &
    servers+=($!)
    pids+=($!)
done
await test -s "$dir/server0" && await test -s "$dir/server1"
addresses=$(cat "$dir/server0"),$(cat "$dir/server1")
has_progressed() { grep -qs '"progress"' "$1/events.jsonl"; }
"${mpi[@]}" -n 2 "$bin/souk" train -c "$dir/mf.yaml" --servers "$addresses" \
    --set train.epochs=100000 --set "run.dir=$dir/killed" >"$dir/out" 2>"$dir/err" &
job=$!
pids+=("$job")
await has_progressed "$dir/killed"
kill -KILL "${servers[1]}"
wait "${servers[1]}" 2>/dev/null
start=$SECONDS
wait "$job"
rc=$?
check "a_killed_server_ends_the_run_with_an_error" [ "$rc" != 0 ] 
check "within_its_deadline" [ $((SECONDS - start)) -le 15 ]
check "and_the_message_names_the_server" says "$(cat "$dir/server1")"
"$bin/souk" train -c "$dir/mf.yaml" --servers "$(cat "$dir/server0")" --set "run.dir=$dir/stale" \
    >"$dir/out" 2>"$dir/err"
check "rows_of_an_earlier_run_are_not_trained_on" [ $? = 2 ]
check "and_the_run_may_still_be_there" says "or of one that still runs there"
kill -TERM "${servers[0]}"

# ---- a signal, and --resume ----
train=(train -c "$dir/mf.yaml" --set "run.dir=$dir/stopped")
BIN=$bin scripts/launch.sh -s 2 -w 2 "${train[@]}" --set train.epochs=100000 >"$dir/out" 2>"$dir/err" &
job=$!
pids+=("$job")
await has_progressed "$dir/stopped"
# Not INT: a shell lets its background jobs ignore that, and launch.sh could not catch it.
kill -TERM "$job"
wait "$job"
check "a_signal_ends_the_job_with_75" [ $? = 75 ]
check "and_leaves_a_checkpoint" test -f "$dir/stopped/checkpoint/manifest.json"
epochs=$(sed -n 's/.*"event":"checkpoint".*"epoch":\([0-9]*\).*/\1/p' "$dir/stopped/events.jsonl" | tail -n 1)
BIN=$bin scripts/launch.sh -s 2 -w 2 "${train[@]}" --set train.epochs=$((epochs + 3)) --resume \
    >"$dir/out" 2>"$dir/err"
check "resume_completes_the_run" [ $? = 0 ]
check "from_where_it_was" says "goes on in epoch"
check "with_an_error_near_the_noise" is_below "$(rmse_of "$dir/stopped")" 0.15
BIN=$bin scripts/launch.sh -s 3 -w 1 "${train[@]}" --set train.epochs=$((epochs + 4)) --resume \
    >"$dir/out" 2>"$dir/err"
check "other_numbers_of_servers_and_workers_can_go_on" [ $? = 0 ]

# ---- standard input ----
BIN=$bin scripts/launch.sh train -c "$dir/mf.yaml" --set "run.dir=$dir/piped" --set data.train=- \
    <"$dir/train.csv" >"$dir/out" 2>"$dir/err"
check "launch_passes_standard_input_on" [ $? = 0 ]
BIN=$bin scripts/launch.sh -w 2 train -c "$dir/mf.yaml" --set "run.dir=$dir/piped" \
    --set data.train=- <"$dir/train.csv" >"$dir/out" 2>"$dir/err"
check "which_two_workers_cannot_share" says "cannot be shared by 2 workers"
exit $failed
