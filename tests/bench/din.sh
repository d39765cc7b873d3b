#!/bin/bash
# make bench-din: samples a second of DIN, Souk beside PyTorch, on one and the same core.
#
#   SOUK_EPINIONS=interactions.csv.gz   a log of interactions: samples are made of it once, by
#                                       `souk data build-histories`, below build/bench_din/
#   SOUK_SAMPLES=DIR                    or DIR/train.tsv and DIR/test.tsv as they are
#   otherwise                           clicks that `souk data generate` makes
#   BENCH_RUNS=5  BENCH_CORE=0  TORCH_STEPS=60  SOUK_PYTHON=/usr/bin/python3
#
# Each run trains Souk for an epoch, with its reader, its loader and its server, all of their threads
# on the core, then PyTorch (python3-torch; left out where there is none) for TORCH_STEPS batches. The
# two take turns, so that a busy machine is unfair to both. Souk's time is all of training:
# reading, batches, pulls and pushes. PyTorch's is that of its steps alone.
# Writes medians, and their ratio, to build/bench.json beside what is there already.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build} BIN=${BIN:-bin} BENCH_RUNS=${BENCH_RUNS:-5} BENCH_CORE=${BENCH_CORE:-0}
TORCH_STEPS=${TORCH_STEPS:-60} PYTHON=${SOUK_PYTHON:-/usr/bin/python3}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
work=$BUILD/bench_din
mkdir -p "$work" || exit 1

fail() { echo "bench-din: $*" >&2; exit 1; }

# The folder with the samples, made when it is not there.
find_samples() {
    if [ -n "${SOUK_SAMPLES:-}" ]; then
        samples=$SOUK_SAMPLES
    elif [ -n "${SOUK_EPINIONS:-}" ]; then
        samples=$work/epinions
        [ -f "$samples/test.tsv" ] || "$BIN/souk" data build-histories "$SOUK_EPINIONS" -o "$samples" --dense-ids >&2 ||
            fail "no samples could be made of $SOUK_EPINIONS"
    else
        samples=$work/clicks
        [ -f "$samples/test.tsv" ] || "$BIN/souk" data generate clicks -o "$samples" >&2 || fail "no clicks"
    fi
    [ -f "$samples/train.tsv" ] || fail "$samples/train.tsv is not there"
}

number() { sed -n "s/.*\"$1\":\([0-9.eE+-]*\).*/\1/p" "$2"; }

run_souk() {
    taskset -c "$BENCH_CORE" "$BIN/souk" train -c tests/bench/din.yaml --set data.train="$samples/train.tsv" \
        --set data.test="$samples/test.tsv" --set run.dir="$work/run" >"$work/souk.log" 2>&1 || {
        cat "$work/souk.log" >&2
        fail "souk train failed"
    }
    number samples_per_s "$work/run/result.json"
}

run_torch() {
    taskset -c "$BENCH_CORE" "$PYTHON" tests/bench/torch_din.py "$samples/train.tsv" --steps "$TORCH_STEPS" |
        awk '$1 == "torch" { print $2 }'
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Adds "name: number" lines of standard input to bench.json.
store() {
    local json=$BUILD/bench.json names
    cat >"$work/new"
    names=$(cut -d' ' -f1 "$work/new" | paste -sd'|')
    {
        if [ -f "$json" ]; then
            sed -n 's/^ *"\([^"]*\)": *\([^,]*\),*$/\1 \2/p' "$json" | grep -Ev "^($names) "
        fi
        cat "$work/new"
    } | sort | awk '{ printf "%s\n  \"%s\": %s", (NR > 1 ? "," : "{"), $1, $2 } END { print "\n}" }' >"$work/json"
    mv "$work/json" "$json"
}

find_samples
has_torch=0
"$PYTHON" -c 'import torch' 2>/dev/null && has_torch=1
rm -f "$work/souk" "$work/torch" "$work/step"
for ((i = 1; i <= BENCH_RUNS; i++)); do
    echo "run $i of $BENCH_RUNS" >&2
    run_souk >>"$work/souk"
    [ $has_torch = 1 ] && run_torch >>"$work/torch"
    taskset -c "$BENCH_CORE" "$BUILD/tests/bench/bench_din" >>"$work/step" || fail "bench_din failed"
done

souk=$(median <"$work/souk")
{
    echo "din_samples_per_s $souk"
    if [ $has_torch = 1 ]; then
        torch=$(median <"$work/torch")
        echo "torch_samples_per_s $torch"
        awk -v a="$souk" -v b="$torch" 'BEGIN { printf "din_over_torch %.3f\n", a / b }'
    fi
    awk '{ print $2 }' "$work/step" | sort -u | while read -r name; do
        echo "$name $(awk -v name="$name" '$2 == name { print $3 }' "$work/step" | median)"
    done
} | tee "$work/figures"
[ $has_torch = 1 ] || echo "PyTorch is not installed (apt-get install python3-torch): nothing to compare with"
echo "one core, number $BENCH_CORE, for all threads of each side; $samples; test auc $(number auc "$work/run/result.json")"
store <"$work/figures"
echo "written: $BUILD/bench.json"
