#!/bin/bash
# make fuzz: builds every fuzz target with clang and runs it for FUZZ_SECONDS (default 20) on a copy
# of its corpus. What it finds stays in build/fuzz/; add the input to tests/fuzz/corpus/ with the fix.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
seconds=${FUZZ_SECONDS:-20}
scripts/install-deps.sh --check || exit 2
flags="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
passed=0 failed=0
mkdir -p build/fuzz
make -s -j"$(nproc)" CC=clang CFLAGS="$flags -O1" BUILD=build/fuzz fuzz-objects || exit 1
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "${source%.c}") corpus=build/fuzz/corpus/$(basename "${source%.c}")
    mkdir -p "$corpus"
    cp -n "tests/fuzz/corpus/${name#fuzz_}"/* "$corpus"/
    if "build/fuzz/$name" -max_total_time="$seconds" -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/$name-" "$corpus" >"build/fuzz/$name.log" 2>&1; then
        passed=$((passed + 1))
        printf '%-24s ok, %s inputs in %s s\n' "$name" \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")" "$seconds"
    else
        failed=$((failed + 1))
        printf '%-24s FAILED\n' "$name"
        tail -n 40 "build/fuzz/$name.log" | sed 's/^/    /'
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
