#!/bin/bash
# souk ope from the command line: table, JSON, picture, files packed or not, and what it refuses.
set -u
cd "$(dirname "$0")/../.." || exit 2
bin=${BIN:-bin}/souk
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
golden=tests/golden/ope/items
ok() { echo "ok $1"; }
bad() { echo "FAIL $1: $2"; }
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then ok "$name"; else bad "$name" "$*"; fi
}
refuses() { # NAME CODE MESSAGE ARGUMENTS
    local name=$1 code=$2 message=$3
    shift 3
    "$bin" ope "$@" >"$tmp/out" 2>"$tmp/err"
    local rc=$?
    if [ "$rc" = "$code" ] && [ ! -s "$tmp/out" ] && grep -qF -- "$message" "$tmp/err"; then
        ok "$name"
    else
        bad "$name" "code $rc, $(cat "$tmp/err")"
    fi
}
args=(--log "$golden/log.csv" --policy "$golden/action_dist.csv")

"$bin" ope "${args[@]}" --min-ess 5 --svg "$tmp/ope.svg" >"$tmp/text" 2>"$tmp/err"
check prints_a_table grep -q "^snipw " "$tmp/text"
check is_silent_where_all_is_well [ ! -s "$tmp/err" ]
check says_the_verdict grep -qE "^verdict +(keep|promote)" "$tmp/text"
check draws_a_picture grep -q "</svg>" "$tmp/ope.svg"

"$bin" ope "${args[@]}" --json >"$tmp/a.json"
gzip -c $golden/log.csv >"$tmp/log.csv.gz"
"$bin" ope --log "$tmp/log.csv.gz" --policy - --json <$golden/action_dist.csv |
    sed "s|standard input|$golden/action_dist.csv|" >"$tmp/b.json"
check packed_and_piped_files_give_the_same cmp -s "$tmp/a.json" "$tmp/b.json"
check json_is_one_line [ "$(wc -l <"$tmp/a.json")" = 1 ]
check json_has_the_verdict grep -q '"verdict":"not enough data"' "$tmp/a.json"
"$bin" ope "${args[@]}" --json -o "$tmp/c.json" >"$tmp/out"
check writes_a_file cmp -s "$tmp/a.json" "$tmp/c.json"

refuses no_log_is_refused 2 "Give --log FILE" --policy x
refuses no_policy_is_refused 2 "Give --policy FILE" --log $golden/log.csv
refuses unknown_options_are_refused 2 "did you mean --rewards" "${args[@]}" --reward smoothed
refuses words_are_refused 2 "belongs to no option" "${args[@]}" log2.csv
refuses unknown_intervals_are_refused 2 "there are bootstrap" "${args[@]}" --interval normal
refuses levels_are_checked 2 "--level 1.5: must be" "${args[@]}" --level 1.5
refuses clips_are_checked 2 "--clip -1: must be above 0" "${args[@]}" --clip -1
refuses unknown_estimators_cannot_decide 2 "none of the estimators here" "${args[@]}" --verdict-by x
sed '3s/^[0-9]*/9/' $golden/log.csv >"$tmp/bad.csv"
refuses bad_actions_are_named 3 "bad.csv:3: action 9" --log "$tmp/bad.csv" --policy $golden/action_dist.csv
