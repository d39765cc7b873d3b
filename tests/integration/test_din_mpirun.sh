#!/bin/bash
# A click model on two workers under mpirun: lock step gives what one worker with the double batch
# gives, is the same every time and goes on after a stop; workers that do not wait learn as well.
# BIN says where the programs are.
# shellcheck disable=SC2317 # functions are called through check
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
bin=$(realpath "${BIN:-bin}")
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
command -v mpirun >/dev/null || { echo "SKIP din_mpirun: mpirun is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
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

# Clicks where the candidate's category occurs in the history, which may be empty.
awk 'function row(n,   i, c, j, o, items, categories, click) {
        i = int(60 * rand()); c = i % 6; click = 0; items = categories = ""
        for (j = int(5 * rand()); j > 0; j--) {
            o = int(60 * rand()); if (o % 6 == c) click = 1
            items = items (items == "" ? "" : ",") o
            categories = categories (categories == "" ? "" : ",") o % 6
        }
        return click "\t" int(30 * rand()) "\t" i "\t" c "\t" items "\t" categories
    }
    BEGIN { srand(3); print "label\tuser\titem\tcategory\thist_item\thist_category"
        for (t = 0; t < 4000; t++) print row(t)
    }' >"$dir/all.tsv"
head -n 3001 "$dir/all.tsv" >"$dir/train.tsv"
(head -n 1 "$dir/all.tsv"; tail -n 1000 "$dir/all.tsv") >"$dir/test.tsv"
cat >"$dir/din.yaml" <<END
run: {progress_s: 0.2}
data: {train: $dir/train.tsv, test: $dir/test.tsv}
model: {type: din, dim: 4, attention: [12, 6], hidden: [16, 8]}
train: {epochs: 4, batch_size: 50, lr: 0.01, consistency: bsp}
cluster: {servers: 2, timeout_s: 10}
END
mpi=(mpirun --oversubscribe --bind-to none -n 2)
# Trains into run DIR by the options behind it; $launch in front.
train() {
    local run=$1
    shift
    "${launch[@]}" "$bin/souk" train -c "$dir/din.yaml" --set run.dir="$dir/$run" "$@" >"$dir/out" 2>"$dir/err"
}
figure() { sed -n "s/.*\"test\":{[^}]*\"$1\":\([0-9.e+-]*\).*/\1/p" "$dir/$2/result.json"; }
is_near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a + 0 > 0 && d <= t && -d <= t) }'; }
is_above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 > b + 0) }'; }

# ---- one batch of all rows a step: what each rank has of them does not matter ----
whole=(--set train.epochs=20)
launch=()
train one "${whole[@]}" --set train.batch_size=4000
check "one_worker_trains_in_lock_step_with_itself" [ $? = 0 ]
launch=("${mpi[@]}")
train two "${whole[@]}" --set train.batch_size=2000
check "two_workers_train_in_lock_step" [ $? = 0 ]
check "two_workers_are_one_with_the_double_batch" is_near "$(figure log_loss one)" "$(figure log_loss two)" 2e-5

# ---- ranks whose data ends at different times ----
train bsp
check "small_batches_train_in_lock_step" [ $? = 0 ]
check "and_learn_what_is_planted" is_above "$(figure auc bsp)" 0.8
train again
check "lock_step_is_the_same_every_time" [ "$(figure log_loss bsp)" = "$(figure log_loss again)" ]
# 2,000 samples, the longest first: half of the bytes are less than half of the samples.
(head -n 1 "$dir/train.tsv"; tail -n 2000 "$dir/train.tsv" | awk '{ print length, $0 }' | sort -rn | cut -d' ' -f2-) >"$dir/uneven.tsv"
train uneven --set data.train="$dir/uneven.tsv" --set train.batch_size=7 --set train.epochs=1
check "uneven_shares_end_together" [ $? = 0 ]
steps=$(grep -o '"steps": *[0-9]*' "$dir/uneven/checkpoint/manifest.json" | grep -o '[0-9]*$' | sort -u)
check "in_as_many_steps_as_even_ones" [ "$steps" = 143 ]
train uneven --set data.train="$dir/uneven.tsv" --set train.batch_size=7 --set train.epochs=1 --set data.cache_rows=100
check "and_so_do_those_that_stream" [ $? = 0 ]

# ---- a row that only the second worker reads ----
(cat "$dir/train.tsv"; printf '2\t1\t1\t1\t1\t1\n') >"$dir/bad.tsv"
for cache in 100000 10; do
    timeout 60 "${mpi[@]}" "$bin/souk" train -c "$dir/din.yaml" --set run.dir="$dir/bad" \
        --set data.train="$dir/bad.tsv" --set data.cache_rows=$cache >"$dir/out" 2>"$dir/err"
    check "a_bad_row_of_one_worker_ends_lock_step_at_once_with_a_cache_of_$cache" [ $? = 3 ]
    check "and_is_named" grep -q 'bad.tsv:3002: label "2"' "$dir/err"
done

# ---- a stop in between ----
train parts --set train.max_seconds=0.01
check "a_stop_leaves_a_checkpoint" [ $? = 75 ]
train parts --resume
check "lock_step_goes_on" [ $? = 0 ]
check "and_ends_as_if_it_had_not_been_stopped" [ "$(figure log_loss bsp)" = "$(figure log_loss parts)" ]

# ---- without waiting: dense parameters on the servers ----
train asp --set train.consistency=asp
check "workers_that_do_not_wait_train" [ $? = 0 ]
check "and_learn_it_too" is_above "$(figure auc asp)" 0.8
launch=()
evaluated=$("$bin/souk" evaluate -m "$dir/asp" --data "$dir/test.tsv" --json 2>/dev/null |
            sed -n 's/.*"auc": *\([0-9.e-]*\).*/\1/p')
check "the_saved_model_has_the_servers_parameters" is_near "$(figure auc asp)" "${evaluated:-0}" 1e-9
launch=("${mpi[@]}")
train asp_parts --set train.consistency=asp --set train.max_seconds=0.01
check "they_stop_too" [ $? = 75 ]
train asp_parts --set train.consistency=asp --resume
check "and_go_on" [ $? = 0 ]
check "and_learn" is_above "$(figure auc asp_parts)" 0.8

exit $failed
