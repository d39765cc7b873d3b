#!/bin/bash
# make demo: makes a data set with a known noise floor, trains a matrix factorisation on 2 servers
# and 2 MPI workers, evaluates it, recommends, and draws. Everything goes to runs/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-bin} dir=runs/demo start=$SECONDS
step() { printf '\n== %s\n   $ %s\n' "$1" "$2"; }
rm -rf "$dir"
mkdir -p "$dir"

step "ratings with planted factors" "souk data generate ratings -o $dir/data"
"$bin/souk" data generate ratings -o "$dir/data"

step "train: 2 servers, 2 workers" "scripts/launch.sh -s 2 -w 2 train -c conf/mf_demo.yaml"
scripts/launch.sh -s 2 -w 2 train -c conf/mf_demo.yaml

step "evaluate the saved model" "souk evaluate -m $dir/run --data $dir/data/test.csv"
"$bin/souk" evaluate -m "$dir/run" --data "$dir/data/test.csv"
rmse=$("$bin/souk" evaluate -m "$dir/run" --data "$dir/data/test.csv" --json |
       sed -n 's/.*"rmse": *\([0-9.e+-]*\).*/\1/p')
floor=$(sed -n 's/.*"noise_floor_rmse": *\([0-9.e+-]*\).*/\1/p' "$dir/data/truth.json")

step "recommend for user 7" "souk recommend -m $dir/run --user 7 -n 5"
"$bin/souk" recommend -m "$dir/run" --user 7 -n 5

step "picture" "souk heatmap -m $dir/run --users 1,2,3,4,5,6,7,8 --items top:8 -o $dir/heatmap.svg"
"$bin/souk" heatmap -m "$dir/run" --users 1,2,3,4,5,6,7,8 --items top:8 -o "$dir/heatmap.svg"

awk -v rmse="$rmse" -v floor="$floor" -v seconds=$((SECONDS - start)) -v dir="$dir" 'BEGIN {
    percent = 100 * (rmse / floor - 1)
    printf "\ntest RMSE %.4f, noise floor %.4f: %.1f %% above it (goal: within 3 %%); %d s\n",
           rmse, floor, percent, seconds
    printf "pictures: %s/heatmap.svg, %s/run/curve.svg\n", dir, dir
    exit !(rmse > 0 && percent <= 3)
}'
