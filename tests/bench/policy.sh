#!/bin/bash
# make bench-policy: what policies come to in simulation, what estimates of their value are worth,
# and how fast both go. Writes build/policy.json.
#
#   SOUK_OPE_DATA=DIR   cases of other programs, for ope_worst_relative; else those of tests/golden
#   BENCH_STEPS=1000000 BENCH_SEEDS="1 2"   user steps to learn from, and with which seeds: figures
#                       are means over them; ..._min and ..._max beside them
#   BENCH_CORE=0        the core of the figures by the second
#
#   iev_random, iev_greedy                 interest evolution, 1,500 users, slate 3 of 10: return
#   iev_slateq_null0, iev_slateq_null      SlateQ, nothing worth 0, and its worth learnt
#   iev_slateq_budget                      the latter, with the remaining budget in the state
#   iev_slateq_2x2                         iev_slateq_null by 2 workers on 2 servers
#   lts_05_ratio                           long-term satisfaction, sensitivity .5: learned return
#                                          over that of always the least clickbait
#   slateq_steps_per_s                     user steps a second, acting and learning
#   others                                 see bench_env.c and bench_ope.c
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build} BIN=${BIN:-bin} BENCH_STEPS=${BENCH_STEPS:-1000000} BENCH_SEEDS=${BENCH_SEEDS:-1 2}
BENCH_CORE=${BENCH_CORE:-0}
export BIN OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
work=$BUILD/bench_policy
mkdir -p "$work" || exit 1
rm -f "$work/figures"
users=1500

fail() { echo "bench-policy: $*" >&2; exit 1; }
# The return of policy NAME in what souk simulate --json said.
simulated() { sed "s/.*\"policy\":\"$1\"//; s/[^{]*\"return\":{\"mean\":\([0-9.]*\).*/\1/" "$work/simulated"; }
number() { sed -n "s/.*\"$1\":\([0-9.eE+-]*\).*/\1/p" "$work/result.json"; }
tested() { sed -n 's/.*"return":{"mean":\([0-9.eE+-]*\).*/\1/p' "$work/result.json"; }
put() { echo "$1 $2" | tee -a "$work/figures"; }

# Learns by COMMAND..., the result to result.json.
learn() {
    "$@" --set run.dir="$work/run" --set run.progress_s=10 --set policy.test_users=$users >"$work/out" 2>"$work/log" || {
        cat "$work/log" >&2
        fail "learning failed"
    }
    cp "$work/run/result.json" "$work/result.json"
}
# Figure NAME: means over seeds of what COMMAND... learns.
over_seeds() {
    local name=$1 seed
    shift
    rm -f "$work/returns"
    for seed in $BENCH_SEEDS; do
        echo "$name, seed $seed" >&2
        learn "$@" --set policy.steps="$BENCH_STEPS" --set run.seed="$seed"
        tested >>"$work/returns"
        number steps_per_s >>"$work/$name.rates"
    done
    put "$name" "$(awk '{ s += $1 } END { printf "%.2f", s / NR }' "$work/returns")"
    put "${name}_min" "$(sort -g "$work/returns" | head -n 1)"
    put "${name}_max" "$(sort -g "$work/returns" | tail -n 1)"
}

"$BIN/souk" simulate -c conf/interest_evolution.yaml --policies random,greedy --users $users --json >"$work/simulated" ||
    fail "simulating failed"
put iev_random "$(simulated random)"
put iev_greedy "$(simulated greedy)"

rm -f "$work"/*.rates
souk=(taskset -c "$BENCH_CORE" "$BIN/souk" learn-policy)
alone=("${souk[@]}" -c conf/slateq.yaml --set policy.valid_steps=0)
over_seeds iev_slateq_null0 "${alone[@]}" --set policy.null_value=zero
over_seeds iev_slateq_null "${alone[@]}"
put slateq_steps_per_s "$(sort -g "$work/iev_slateq_null.rates" | tail -n 1)"
over_seeds iev_slateq_budget "${alone[@]}" --set env.show_budget=true
if command -v mpirun >/dev/null; then
    over_seeds iev_slateq_2x2 scripts/launch.sh -s 2 -w 2 learn-policy -c conf/slateq.yaml --set policy.valid_steps=0
fi

echo "lts_05_ratio" >&2
"$BIN/souk" simulate -c conf/satisfaction.yaml --policies oracle --users $users --json >"$work/simulated" ||
    fail "simulating failed"
learn "${souk[@]}" -c conf/satisfaction.yaml
put lts_05_ratio "$(awk -v a="$(tested)" -v b="$(simulated oracle)" 'BEGIN { printf "%.4f", a / b }')"

taskset -c "$BENCH_CORE" "$BUILD/tests/bench/bench_env" >"$work/env" || fail "bench_env failed"
"$BUILD/tests/bench/bench_ope" >"$work/ope" || fail "bench_ope failed"
awk '$1 == "BENCH" { print $2, $3 }' "$work/env" "$work/ope" | tee -a "$work/figures"

awk '{ printf "%s\n  \"%s\": %s", (NR > 1 ? "," : "{"), $1, $2 } END { print "\n}" }' "$work/figures" >"$work/json" &&
    mv "$work/json" "$BUILD/policy.json"
echo "written: $BUILD/policy.json"
