#!/bin/bash
# make bench: runs every benchmark BENCH_RUNS times (default 5), prints the median of each figure
# with the range, and writes the medians to build/bench.json (name: number, the unit in the name).
# Benchmarks are programs bench_* and scripts bench_*.sh that print lines "BENCH name value".
#   tests/bench/run.sh NAME...   only benchmarks whose file name contains one of the words
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build} BIN=${BIN:-bin} BENCH_RUNS=${BENCH_RUNS:-5}
export BUILD BIN OPENBLAS_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT

wanted() {
    [ $# = 1 ] && return 0
    local name=$1 word
    shift
    for word in "$@"; do [[ "$name" == *"$word"* ]] && return 0; done
    return 1
}

run() {
    if ! "$@" </dev/null | grep '^BENCH ' >>"$figures"; then
        echo "bench: $1 failed" >&2
        exit 1
    fi
}

for ((i = 1; i <= BENCH_RUNS; i++)); do
    for source in tests/bench/bench_*.c tests/bench/bench_*.sh; do
        [ -f "$source" ] || continue
        wanted "$source" "$@" || continue
        echo "run $i of $BENCH_RUNS: $(basename "$source")" >&2
        case $source in
        *.c) run "$BUILD/${source%.c}" ;;
        *.sh) run bash "$source" ;;
        esac
    done
done

sort -k2,2 -k3,3g "$figures" | awk -v json="$BUILD/bench.json" '
    function flush_name() {
        if (n == 0) return
        median = n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
        printf "%-44s %16.6g   (%.6g .. %.6g, %d runs)\n", name, median, values[1], values[n], n
        printf "%s\n  \"%s\": %.9g", (count++ ? "," : "{"), name, median > json
    }
    $2 != name { flush_name(); name = $2; n = 0 }
    { values[++n] = $3 }
    END { flush_name(); if (count) print "\n}" > json }'
echo "written: $BUILD/bench.json"
