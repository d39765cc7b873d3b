#!/bin/bash
# make check: layers, formatting, warnings as errors with gcc and clang, shell scripts.
# Prints one line a check and, at the end, how many passed. CHECK_SANITIZERS=1 adds the unit and
# in-process tests under address+undefined and thread sanitizer.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
scripts/install-deps.sh --check || exit 2
passed=0 failed=0
jobs=$(nproc)

check() { # NAME COMMAND...
    local name=$1 log start=$SECONDS
    shift
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf 'check %-28s ok      %4d s\n' "$name" $((SECONDS - start))
    else
        failed=$((failed + 1))
        printf 'check %-28s FAILED  %4d s\n' "$name" $((SECONDS - start))
        tail -n 60 "$log" | sed 's/^/    /'
    fi
    rm -f "$log"
}

formatted() { git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror; }
shell_scripts() { git ls-files '*.sh' .ci/run | xargs shellcheck -S warning; }
warnings() { make -s -j"$jobs" CC="$1" WERROR=1 BUILD="build/werror-$1" BIN="build/werror-$1/bin" all tests benches; }
sanitized() {
    make -s -j"$jobs" SANITIZER="$1" tests &&
        BUILD="build/variant-${1/+/-}" tests/run.sh --in-process
}

check layers scripts/check_layers.sh
check clang-format formatted
check shellcheck shell_scripts
check "warnings gcc" warnings gcc
check "warnings clang" warnings clang
if [ "${CHECK_SANITIZERS:-0}" = 1 ]; then
    check "address+undefined sanitizer" sanitized address+undefined
    check "thread sanitizer" sanitized thread
fi
echo "checks: $passed passed, $failed failed"
[ "$failed" = 0 ]
