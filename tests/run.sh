#!/bin/bash
# Runs the tests that make has built and prints, at the end, "N passed, N failed, N skipped".
#   tests/run.sh                 everything: unit, integration (programs and scripts), fuzz corpora
#   tests/run.sh --in-process    only what runs in one process (for sanitizers)
#   tests/run.sh NAME...         only tests whose file name contains one of the words
# BUILD and BIN say where make has put things. A test that takes longer than 240 s has failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build} BIN=${BIN:-bin}
export BIN BUILD
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1
if [ -f tests/support/tsan.supp ]; then
    export TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp ${TSAN_OPTIONS:-}"
fi
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1 ${UBSAN_OPTIONS:-}"
passed=0 failed=0 skipped=0 in_process=0 words=()
for arg in "$@"; do
    if [ "$arg" = --in-process ]; then in_process=1; else words+=("$arg"); fi
done
log=$(mktemp)
trap 'rm -f "$log"' EXIT

wanted() {
    [ ${#words[@]} = 0 ] && return 0
    for word in "${words[@]}"; do [[ "$1" == *"$word"* ]] && return 0; done
    return 1
}

report() { # NAME RC OK FAILED SKIPPED
    local name=$1 rc=$2 ok=$3 bad=$4 skip=$5
    # A program that crashed says nothing of its own failure: it counts as one.
    if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    local state=ok
    [ "$bad" = 0 ] || state=FAILED
    [ "$skip" = 0 ] || state="$state, $skip skipped"
    printf '%-44s %4d %s\n' "$name" "$ok" "$state"
    if [ "$bad" != 0 ]; then
        [ "$rc" != 124 ] || echo "    stopped: took longer than 240 s"
        grep -vE '^\[ *(RUN|OK) *\]' "$log" | tail -n 60 | sed 's/^/    /'
    fi
    grep -hE 'SKIP' "$log" | grep -v '\[' | sed 's/^/    /' || true
}

run_cmocka() { # PROGRAM
    timeout 240 "$1" >"$log" 2>&1 </dev/null
    local rc=$? ok bad skip
    ok=$(grep -cE '^\[ +OK \]' "$log")
    bad=$(grep -E '^\[ +FAILED +\] [A-Za-z_]' "$log" | sort -u | wc -l)
    skip=$(grep -E '^\[ +SKIPPED +\] [A-Za-z_]' "$log" | sort -u | wc -l)
    if [ "$rc" = 0 ] && [ "$ok" = 0 ] && [ "$skip" = 0 ]; then rc=1; echo "ran no test" >>"$log"; fi
    report "${1#"$BUILD"/tests/}" "$rc" "$ok" "$bad" "$skip"
}

# Scripts print "ok NAME", "FAIL NAME: why" or "SKIP NAME: why", one line a check; 77 skips all.
run_script() {
    timeout 240 bash "$1" >"$log" 2>&1 </dev/null
    local rc=$? ok bad skip
    ok=$(grep -cE '^ok ' "$log")
    bad=$(grep -cE '^FAIL ' "$log")
    skip=$(grep -cE '^SKIP ' "$log")
    if [ "$rc" = 77 ]; then
        rc=0
        [ "$skip" != 0 ] || skip=1
    elif [ "$rc" = 0 ] && [ $((ok + skip)) = 0 ]; then
        rc=1
        echo "ran no check" >>"$log"
    fi
    report "${1#tests/}" "$rc" "$ok" "$bad" "$skip"
}

run_replay() { # PROGRAM CORPUS
    timeout 240 "$1" "$2" >"$log" 2>&1 </dev/null
    local rc=$?
    report "${1#"$BUILD"/tests/}" "$rc" "$([ $rc = 0 ] && echo 1 || echo 0)" 0 0
}

for source in tests/unit/test_*.c tests/integration/test_*.c; do
    program=$BUILD/${source%.c}
    [ -f "$source" ] || continue
    wanted "$source" || continue
    # Programs that start processes of their own need those built the same way; they are no
    # matter for sanitizers.
    if [ "$in_process" = 1 ] && [[ "$source" == *_process.c ]]; then continue; fi
    run_cmocka "$program"
done
for source in tests/fuzz/fuzz_*.c; do
    [ -f "$source" ] || continue
    wanted "$source" || continue
    name=$(basename "${source%.c}")
    run_replay "$BUILD/tests/fuzz/replay_$name" "tests/fuzz/corpus/${name#fuzz_}"
done
if [ "$in_process" = 0 ]; then
    for script in tests/integration/test_*.sh; do
        [ -f "$script" ] || continue
        wanted "$script" || continue
        run_script "$script"
    done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
