#!/bin/bash
# A model from training to recommendations, by bin/souk alone: the figures agree between verbs and
# whatever the number of servers, and bad input gets its message.
souk=$(realpath "${BIN:-bin}")/souk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

ok() { echo "ok $1"; }
fail() {
    echo "FAIL $1: $2"
    failed=1
}

# check NAME EXIT_CODE PATTERN STREAM COMMAND...: the stream (out or err) has a line with PATTERN.
check() {
    local name=$1 expected=$2 pattern=$3 stream=$4 rc
    shift 4
    "$@" >out 2>err </dev/null
    rc=$?
    if [ "$rc" != "$expected" ]; then
        fail "$name" "exit code $rc, expected $expected: $(head -c 300 err)"
    elif ! grep -q -e "$pattern" "$stream"; then
        fail "$name" "no \"$pattern\" in: $(head -c 300 "$stream")"
    else
        ok "$name"
    fi
}

# same NAME A B: two texts that must be equal and not empty.
same() {
    if [ -n "$2" ] && [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "\"$2\" is not \"$3\""; fi
}

# The figure of a JSON object in a file, to six digits.
figure() { sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p" "$2" | head -n 1 | awk '{printf "%.6f", $1}'; }

train() { # DIR DATA [OPTION...]
    local dir=$1 data=$2
    shift 2
    timeout 60 "$souk" train --set data.train="$data" --set data.test="$data" --set run.dir="$dir" \
        --set data.valid_share=0 --set train.patience=0 "$@" >train.out 2>&1 </dev/null
}

# ---- seven ratings, integer ids ----
printf 'user,item,rating\n1,101,5\n1,102,4\n2,101,5\n2,103,3\n3,102,4\n3,104,2\n4,105,5\n' >seven.csv
printf '101|Erster Film\n102|Caf\xe9, die Zweite\n103|Dritter|x\n' >titles.txt
if ! train seven seven.csv --set model.k=3 --set train.epochs=60 --set train.lr=0.05; then
    fail a_model_is_trained "$(tail -n 3 train.out)"
    exit 1
fi
trained=$(sed 's/.*"test"://' seven/result.json >part && figure rmse part)
check evaluate_prints_a_table 0 "^rmse  *$trained" out "$souk" evaluate -m seven --data seven.csv
check evaluate_prints_json 0 '"rows":7,' out "$souk" evaluate -m seven --data seven.csv --json
same evaluate_agrees_with_training "$trained" "$(figure rmse out)"
check evaluate_runs_on_three_servers 0 '3 in-process servers' out \
    "$souk" evaluate -m seven --data seven.csv --json --set cluster.servers=3
same three_servers_give_the_same_figure "$trained" "$(figure rmse out)"
check evaluate_takes_the_model_folder_too 0 '"rows":7,' out \
    "$souk" evaluate -m seven/model --data seven.csv --json

check predict_keeps_order_and_rows 0 '^user,item,prediction$' out \
    "$souk" predict -m seven --data seven.csv
same predictions_have_the_same_error "$trained" "$(paste -d, out seven.csv |
    awk -F, 'NR > 1 {e = $3 - $6; s += e * e; n++} END {printf "%.6f", sqrt(s / n)}')"
same predictions_stand_in_the_order_of_the_file "$(cut -d, -f1,2 seven.csv | tail -n +2)" \
    "$(cut -d, -f1,2 out | tail -n +2)"
# shellcheck disable=SC2317 # check calls it
piped() { printf '1 101\n9 105\n' | "$souk" predict -m seven --data - -o pairs.csv; }
check predict_needs_no_ratings_and_counts_unknown_users 0 '1 with a user and 0 with an item' err piped
check predict_writes_json_lines 0 '^{"user":"1","item":"101","prediction":[0-9.]*}$' out \
    "$souk" predict -m seven --data seven.csv --json
same predict_writes_a_file 3 "$(wc -l <pairs.csv)"

check recommend_leaves_out_what_was_rated 0 '^user 1 (2 ratings, left out below)' out \
    "$souk" recommend -m seven --user 1
same three_items_are_left "103 104 105" "$(awk '$1 ~ /^[0-9]+$/ {print $3}' out | sort | xargs)"
check recommend_shows_them_on_demand 0 '^user 1 (2 ratings)' out \
    "$souk" recommend -m seven --user 1 --with-seen --titles titles.txt
same all_items_are_there 5 "$(grep -cE '^ +[0-9]+ ' out)"
same titles_are_shown_as_utf8 'Café, die Zweite' "$(sed -n 's/.* 102  *//p' out)"
check recommend_stops_at_n 0 '"users":\[{"user":"4","is_known":true,"num_rated":1' out \
    "$souk" recommend -m seven --user 4 -n 2 --json
same two_items_are_two 2 "$(grep -o '"item":' out | wc -l)"
check an_unknown_user_gets_what_is_liked_in_general 0 'user 999 is not in the model (4 users)' err \
    "$souk" recommend -m seven --user 999
same everything_is_ranked_for_strangers 5 "$(grep -cE '^ +[0-9]+ ' out)"
printf '3\n1\n3\n' >list
: >nobody
check a_file_of_nobody_is_refused 3 'nobody: there is no user id in it' err \
    "$souk" recommend -m seven --users @nobody
check users_come_from_a_file 0 '^user 3 ' out "$souk" recommend -m seven --users @list -n 1
same each_user_once 2 "$(grep -c '^user' out)"

check heatmap_draws_in_the_terminal 0 '^1 .*\[' out "$souk" heatmap -m seven -o map.svg
same seven_cells_are_marked 7 "$(grep -o '\[[0-9]' out | wc -l)"
same twenty_cells_are_drawn 20 "$(grep -c '<g>' map.svg)"
if command -v xmllint >/dev/null; then
    check the_picture_is_xml 0 '<svg' out xmllint map.svg
fi
check heatmap_takes_users_and_items_as_listed 0 '"users":\[{"user":"3".*{"user":"77","is_known":false' \
    out "$souk" heatmap -m seven --users 3,77 --items 105,101 --json
check heatmap_finds_what_is_rated_most 0 '^user .* 101' out "$souk" heatmap -m seven --items top:2

# ---- neither the training data nor the place matters ----
mkdir away && mv seven away/ && mv seven.csv other.csv
check a_model_moves_without_its_data 0 '"rows":7,' out \
    "$souk" evaluate -m away/seven --data other.csv --json
same it_is_still_the_same "$trained" "$(figure rmse out)"
mv away/seven seven

# ---- ids that are texts, a lossy wire ----
awk 'BEGIN { print "reviewer\tproduct\tstars"; srand(3)
    for (u = 0; u < 40; u++) for (i = 0; i < 25; i++) if ((u * 7 + i * 11) % 3)
        printf "u%d \"%d\", x\tp/%d\t%d\n", u, u, i, 1 + (u % 3) + (i % 3) }' >texts.tsv
train texts texts.tsv --set model.k=4 --set train.epochs=5 --set tables.user.push=int8 \
    --set tables.user.pull=int8 --set tables.item.push=int8 --set tables.item.pull=bf16 \
    --set cluster.servers=2 || fail texts_are_trained_on "$(tail -n 3 train.out)"
trained=$(sed 's/.*"test"://' texts/result.json >part && figure rmse part)
check evaluate_reads_texts 0 '"cold_users":0,"cold_items":0' out \
    "$souk" evaluate -m texts --data texts.tsv --json
same a_lossy_wire_changes_no_model "$trained" "$(figure rmse out)"
check predict_quotes_where_it_must 0 '^"u3 ""3"", x",p/' out "$souk" predict -m texts --data texts.tsv
check recommend_prints_texts 0 '^user u3 "3", x (' out "$souk" recommend -m texts --user 'u3 "3", x' -n 3
check heatmap_takes_the_most_rated 0 '^Predicted ratings: 20 users, 25 items' out "$souk" heatmap -m texts
check an_unknown_text_is_named 0 'user u99 is not in the model (40 users)' err \
    "$souk" recommend -m texts --user u99

# ---- mistakes ----
check which_model 2 'which model? Give -m DIR' err "$souk" evaluate --data other.csv
check no_such_model 1 'nowhere: there is no such folder' err "$souk" evaluate -m nowhere --data other.csv
check no_model_in_a_folder 1 'no model in this folder' err "$souk" evaluate -m away --data other.csv
check a_wrong_option_is_explained 2 'did you mean --json' err "$souk" evaluate -m seven --jsno
check an_option_of_another_verb_is_refused 2 'does not take' err "$souk" evaluate -m seven --titles x
check figures_of_clicks_need_a_model_of_clicks 2 'for models of clicks' err "$souk" evaluate -m seven --data seven.csv --svg x.svg
check an_id_of_the_wrong_kind_is_refused 2 'is no user id' err "$souk" recommend -m seven --user abc
check ranking_among_all_needs_a_model_of_clicks 2 'eval.candidates=all is for models of clicks' err \
    "$souk" evaluate -m seven --data other.csv --set eval.candidates=all
check candidates_need_a_model_of_clicks 2 '--candidates is for models of clicks' err \
    "$souk" recommend -m seven --user 1 --candidates other.csv
printf '\033[2J\233\n' >steering
check what_is_no_id_does_not_steer_the_terminal 3 '"?\[2J?" is no user id' err \
    "$souk" recommend -m seven --users @steering
mkfifo pipe
check a_pipe_of_ids_gets_the_advice_that_works 3 'pipe it in and give @-' err \
    "$souk" recommend -m seven --users @pipe
# shellcheck disable=SC2317
listed() { printf '3\n1\n' | "$souk" recommend -m seven --users @- -n 1; }
check ids_come_from_standard_input 0 '^user 3 ' out listed
check nobody_is_nobody 2 'for whom' err "$souk" recommend -m seven
check a_missing_file_is_named 3 'missing.csv' err "$souk" predict -m seven --data missing.csv
check titles_that_are_not_there_are_named 3 'none.txt' err \
    "$souk" recommend -m seven --user 1 --titles none.txt
check a_wrong_number_is_refused 2 'top:0' err "$souk" heatmap -m seven --items top:0
printf '1,101\n1,102,extra,fields\n' >broken.csv
check a_broken_line_is_named 3 'broken.csv:2:' err \
    "$souk" predict -m seven --data broken.csv -o broken.out --set data.header=no
if [ -e broken.out ] || [ -e broken.out.tmp ]; then
    fail no_half_file_is_left "$(ls broken.out*)"
else
    ok no_half_file_is_left
fi
# shellcheck disable=SC2317
full() { "$souk" evaluate -m seven --data other.csv >/dev/full; }
check a_full_disk_is_an_error 1 'standard output: cannot be written' err full

mkdir foreign && printf '{"artifact": 1}' >foreign/manifest.json
check a_foreign_folder_is_refused 3 'was not written by souk' err "$souk" evaluate -m foreign --data other.csv
for damage in cut flip remove edit; do
    rm -rf bad && cp -r seven bad
    rows=$(echo bad/model/user.*.rows)
    case $damage in
    cut) truncate -s -5 "$rows" && pattern='user.*rows: has' ;;
    flip) printf 'X' | dd of="$rows" bs=1 seek=60 conv=notrunc status=none && pattern='rows: damaged at byte 24' ;;
    remove) rm "$rows" && pattern='user.*rows: the manifest names it' ;;
    edit) sed -i 's/"generation":1/"generation":2/' bad/model/manifest.json && pattern='its checksum is wrong' ;;
    esac
    check "a_model_after_${damage}_is_refused" 3 "$pattern" err "$souk" evaluate -m bad --data other.csv
done
exit $failed
