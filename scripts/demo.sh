#!/bin/bash
# make demo: makes data whose best possible figure is known, trains on 2 servers and 2 MPI workers,
# and shows what came out: a matrix factorisation of ratings (runs/demo), then DIN on clicks with
# histories beside a model without attention (runs/demo_clicks), then SlateQ on simulated users
# beside greedy slates, and verdicts on new policies from a log (runs/demo_policy). The figures stand
# beside their goals at the end; one that is missed by far is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-bin} start=$SECONDS
ratings=runs/demo clicks=runs/demo_clicks policy=runs/demo_policy
results=() pictures=() failed=0

# run TITLE COMMAND...: says what it does, and does it. souk is the one that was built.
run() {
    local program=$2
    printf '\n== %s\n   $ %s\n' "$1" "${*:2}"
    [ "$program" != souk ] || program=$bin/souk
    "$program" "${@:3}"
}

# figure NAME FILE: the first one of that name in a file of JSON; nothing where there is none.
figure() { { grep -o "\"$1\": *[-0-9.e+]*" "$2" || true; } | head -n 1 | sed 's/.*: *//'; }

# judge TEXT VALUE GOAL LIMIT: a line of the summary; VALUE has to be GOAL or less, and beyond LIMIT
# the demonstration has failed.
judge() {
    local verdict
    verdict=$(awk -v value="$2" -v goal="$3" -v limit="$4" 'BEGIN {
        if (value == "" || value + 0 > limit + 0) print "FAILED"
        else print (value + 0 > goal + 0 ? "missed" : "reached")}')
    [ "$verdict" != FAILED ] || failed=1
    results+=("$(printf '%-7s  %s' "$verdict" "$1")")
}

# show FORMAT VALUE...: numbers as text.
show() { awk -v format="$1" 'BEGIN {printf format, ARGV[1], ARGV[2], ARGV[3], ARGV[4]}' "${@:2}"; }
# minus A B: their difference.
minus() { awk -v a="$1" -v b="$2" 'BEGIN {if (a != "" && b != "") print a - b}'; }

rm -rf "$ratings" "$clicks" "$policy"
mkdir -p "$ratings" "$clicks" "$policy"

# ---- ratings ----
run "ratings with planted factors" souk data generate ratings -o "$ratings/data"
run "train: 2 servers, 2 workers" scripts/launch.sh -s 2 -w 2 train -c conf/mf_demo.yaml
run "evaluate the saved model" souk evaluate -m "$ratings/run" --data "$ratings/data/test.csv"
run "recommend for user 7" souk recommend -m "$ratings/run" --user 7 -n 5
run "picture" souk heatmap -m "$ratings/run" --users 1,2,3,4,5,6,7,8 --items top:8 \
    -o "$ratings/heatmap.svg"
"$bin/souk" evaluate -m "$ratings/run" --data "$ratings/data/test.csv" --json >"$ratings/figures.json"
rmse=$(figure rmse "$ratings/figures.json")
floor=$(figure noise_floor_rmse "$ratings/data/truth.json")
above=$(awk -v rmse="$rmse" -v floor="$floor" 'BEGIN {if (rmse > 0) print 100 * (rmse / floor - 1)}')
judge "$(show 'ratings: test RMSE %.4f, %.1f %% above the noise (goal: 3 %%)' "$rmse" "$above")" \
    "$above" 3 3
pictures+=("$ratings/heatmap.svg" "$ratings/run/curve.svg")

# ---- clicks ----
run "clicks of users with several interests" souk data generate clicks -o "$clicks/data"
run "train DIN: 2 servers, 2 workers" scripts/launch.sh -s 2 -w 2 train -c conf/din_demo.yaml
run "the same without attention: histories are pooled" scripts/launch.sh -s 2 -w 2 train \
    -c conf/din_demo.yaml --set model.type=base --set run.dir="$clicks/base"
user=$(awk -F '\t' '$1 == 1 {print $2; exit}' "$clicks/data/test.tsv") # the first one who clicks
run "recommend for user $user" souk recommend -m "$clicks/run" --user "$user" -n 5
item=$("$bin/souk" recommend -m "$clicks/run" --user "$user" -n 1 --json |
       sed -n 's/.*"items":\[{"item":"\([^"]*\)".*/\1/p')
run "why item $item comes first" souk explain -m "$clicks/run" --user "$user" --item "$item" \
    --svg "$clicks/explain.svg"
ceiling=$(figure true_auc "$clicks/data/truth.json")
din=$(sed 's/.*"test"://' "$clicks/run/result.json" >"$clicks/din.json" && figure auc "$clicks/din.json")
base=$(sed 's/.*"test"://' "$clicks/base/result.json" >"$clicks/base.json" && figure auc "$clicks/base.json")
judge "$(show 'clicks: DIN, test AUC %.4f, the ceiling is %.4f (goal: within 0.03)' "$din" "$ceiling")" \
    "$(minus "$ceiling" "$din")" 0.03 0.05
judge "$(show 'clicks: without attention %.4f, DIN is %.4f better (goal: 0.025)' \
    "$base" "$(minus "$din" "$base")")" "$(minus "$base" "$din")" -0.025 -0.01
pictures+=("$clicks/explain.svg" "$clicks/run/calibration.svg")

# ---- policy ----
# return_of POLICY: its mean return in compare.json.
return_of() {
    sed -n 's|.*"policy":"'"$1"'","return":{"mean":\([-0-9.e+]*\).*|\1|p' "$policy/compare.json"
}
# ask TITLE LOG_FOLDER POLICY VERDICT: what souk ope says of a generated log, in the summary.
ask() {
    local json=$policy/$2/verdict_of_$3.json value truth said
    "$bin/souk" ope --log "$policy/$2/log.csv" --policy "$policy/$2/$3.csv" --json >"$json"
    value=$(sed 's/.*"dr"://' "$json" | figure value /dev/stdin)
    truth=$(figure "$3" "$policy/$2/truth.json")
    said=$(sed 's/.*"verdict":"\([^"]*\)".*/\1/' "$json")
    judge "$(show "verdict: $1 is worth %.3f by the log, %.3f in truth: " "$value" "$truth")$said \
(goal: $4)" "$([ "$said" = "$4" ] && echo 0)" 0 0
}

run "SlateQ learns what to show users whose interests move: 2 servers, 2 workers" \
    scripts/launch.sh -s 2 -w 2 learn-policy -c conf/slateq_demo.yaml
run "beside the likeliest clicks, any slates, and one who knows what is hidden; on the same users" \
    souk simulate -c conf/slateq_demo.yaml --policies "greedy,random,oracle,$policy/run" \
    --svg "$policy/compare.svg"
run "the first steps of one user: topics, and the quality that only shows afterwards" souk simulate \
    -c conf/slateq_demo.yaml --policies "greedy,$policy/run" --users 1 --trace 1 |
    awk 'NR == 1 {left = 13} / user 0:/ {left = 13; if (traces++) print ""} left-- > 0'
"$bin/souk" simulate -c conf/slateq_demo.yaml --policies "greedy,random,$policy/run" --json |
    sed 's/{"policy"/\n&/g' >"$policy/compare.json"
learnt=$(return_of "$policy/run") greedy=$(return_of greedy) random=$(return_of random)
judge "$(show 'policy: a stay returns %.1f under SlateQ, %.1f under greedy, %.1f at random (goal: 205)' \
    "$learnt" "$greedy" "$random")" "$(minus 0 "$learnt")" -205 -190

run "choices of a policy that logs, and new policies whose values are known" \
    souk data generate log -o "$policy/log" --rounds 20000 --seed 2
run "may the better one go live? By the log alone" souk ope --log "$policy/log/log.csv" \
    --policy "$policy/log/better.csv" --svg "$policy/verdict.svg"
run "and one that is just worse, though it acts quite differently?" souk ope \
    --log "$policy/log/log.csv" --policy "$policy/log/just_worse.csv" | sed '/^estimator/,/^$/d'
run "the better one once more, after 80 choices" \
    souk data generate log -o "$policy/few" --rounds 80 --seed 2
ask "a better policy" log better promote
ask "one that is just worse" log just_worse keep
ask "the better one, after 80 choices," few better "not enough data"
pictures+=("$policy/run/curve.svg" "$policy/compare.svg" "$policy/verdict.svg")

# ---- what came out ----
printf '\n== what came out, in %d s\n' $((SECONDS - start))
printf '%s\n' "${results[@]}"
printf 'pictures: %s\n' "${pictures[*]}"
exit "$failed"
