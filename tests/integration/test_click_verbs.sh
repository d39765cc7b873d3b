#!/bin/bash
# Models of clicks by bin/souk alone: predictions and recommendations are those of evaluation, and
# bad input gets its message.
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

train() { # DIR TYPE [OPTION...]
    local dir=$1 type=$2
    shift 2
    if ! timeout 60 "$souk" train --set run.dir="$dir" --set model.type="$type" --set model.dim=6 \
        --set model.attention=12,6 --set model.hidden=16,8 --set train.epochs=2 \
        --set train.batch_size=64 --set train.lr=0.003 "$@" >train.out 2>&1 </dev/null; then
        fail "a_model_of_type_${type}_is_trained" "$(tail -n 3 train.out)"
        exit 1
    fi
}

data=(--set data.train=numbers/train.tsv --set data.test=numbers/test.tsv
    --set data.titles=numbers/items.tsv)
"$souk" data generate clicks -o numbers --users 80 --items 60 --categories 6 --samples 2400 \
    >/dev/null 2>&1 || exit 1
"$souk" data generate clicks -o texts --users 80 --items 60 --categories 6 --samples 2400 \
    --string-ids >/dev/null 2>&1 || exit 1
train din din "${data[@]}"
train ncf ncf "${data[@]}"
train base base --set data.train=texts/train.tsv --set data.test=texts/test.tsv

# ---- predict ----

# log_loss FILE_OF_LABELS FILE_OF_PREDICTIONS
log_loss() {
    paste <(cut -f1 "$1") <(cut -d, -f3 "$2") | awk 'NR > 1 {s -= log($1 ? $2 : 1 - $2); n++}
        END {printf "%.5f", s / n}'
}
for type in din ncf; do
    check "predict_keeps_order_and_rows_of_$type" 0 '^user,item,prediction$' out \
        "$souk" predict -m $type --data numbers/test.tsv
    same "probabilities_of_$type" "$(log_loss numbers/test.tsv out)" \
        "$("$souk" evaluate -m $type --data numbers/test.tsv --json |
            sed 's/.*"log_loss":\([0-9.]*\).*/\1/' | awk '{printf "%.5f", $1}')"
    same "rows_of_$type" "$(cut -f2,3 --output-delimiter=, numbers/test.tsv)" \
        "$(cut -d, -f1,2 out)"
done
"$souk" predict -m din --data numbers/test.tsv >whole 2>/dev/null
# shellcheck disable=SC2317 # check calls it
without_labels() { cut -f2- numbers/test.tsv | "$souk" predict -m din --data -; }
check predict_needs_no_label 0 '^user,item,prediction$' out without_labels
same labels_change_nothing "$(cat whole)" "$(cat out)"
sed 's/^[01]/x/' numbers/test.tsv >odd.tsv
check what_stands_for_a_label_is_not_looked_at 0 '^user,item,prediction$' out \
    "$souk" predict -m din --data odd.tsv
same odd_labels_change_nothing "$(cat whole)" "$(cat out)"
check predict_runs_on_three_servers_in_small_batches 0 '^user,item,prediction$' out \
    "$souk" predict -m din --data numbers/test.tsv --set cluster.servers=3 --set train.batch_size=7
same servers_change_nothing "$(cut -c1-12 whole)" "$(cut -c1-12 out)"
check predict_writes_json_lines 0 '^{"user":"user[0-9]*","item":"item[0-9]*","prediction":0\.' out \
    "$souk" predict -m base --data texts/test.tsv --json
same a_line_of_json_a_row "$(($(wc -l <texts/test.tsv) - 1))" "$(wc -l <out)"
check predict_takes_several_files 0 '^user,item,prediction$' out \
    "$souk" predict -m din --data numbers/test.tsv --data numbers/test.tsv
same rows_of_both_files "$(($(wc -l <whole) * 2 - 1))" "$(wc -l <out)"
printf 'user\titem\tcategory\thist_item\thist_category\n9999\t3\t1\t\t\n1\t8888\t1\t3\t1\n' >cold.tsv
check predict_counts_what_it_has_never_seen 0 \
    '^2 rows; 1 with a user and 1 with an item that the model has never seen' err \
    "$souk" predict -m din --data cold.tsv -o cold.csv
same two_cold_rows 3 "$(wc -l <cold.csv)"

# Members of a network: users and items are ids of one table, and their texts are told apart.
{
    printf 'label\tuser\titem\thist_item\n'
    awk 'BEGIN { for (i = 0; i < 200; i++)
        printf "%d\tm%d\tm%d\tm%d,m%d\n", i % 2, i % 9, i % 7 + 9, i % 5, i % 3 }'
} >network.tsv
train network din --set data.train=network.tsv --set features.fields=user:member,item:member \
    --set features.histories=hist_item:member
"$souk" predict -m network --data network.tsv 2>err | cut -d, -f1,2 | sed 1d >out
same users_and_items_of_one_table_keep_their_texts "$(cat out)" \
    "$(sed 1d network.tsv | awk '{ print $2 "," $3 }')"

check predict_needs_data 2 'for whom' err "$souk" predict -m din
check a_missing_file_is_named 3 'missing.tsv' err "$souk" predict -m din --data missing.tsv
printf 'user\titem\n1\t2\n' >narrow.tsv
check columns_of_the_model_are_missed 2 'is no column of narrow.tsv' err "$souk" predict -m din --data narrow.tsv
printf 'user\titem\tcategory\thist_item\thist_category\n1\t2\t3\t4,5\t1\n' >ragged.tsv
check lists_of_unequal_length_are_refused 3 'ragged.tsv:2.*same' err \
    "$souk" predict -m din --data ragged.tsv -o ragged.csv
if [ -e ragged.csv ]; then fail no_file_of_half_an_input "ragged.csv is there"; fi
check ids_of_the_wrong_kind_are_refused 3 'is not a whole number' err \
    "$souk" predict -m din --data texts/test.tsv

# ---- recommend ----

# What recommend has to find: items of a file of predictions, by descending probability, then id.
ranking() { tail -n +2 "$1" | sort -t, -k3,3gr -k2,2n | cut -d, -f2 | head -n "$2" | xargs; }
listed() { awk '$1 ~ /^[0-9]+$/ {print $3}' "$1" | xargs; }

last=$(awk -F'\t' '$2 == 7' numbers/test.tsv | tail -n 1)
printf '%s\n%s\n' "$(head -n 1 numbers/test.tsv)" "$last" >seven.tsv
# That user's row with every item and its category in it.
awk -F'\t' -v OFS='\t' 'FILENAME == "numbers/items.tsv" {if (FNR > 1) category[$1] = $3; next}
    FNR == 1 {print; next} {for (i in category) {$3 = i; $4 = category[i]; print}}' \
    numbers/items.tsv seven.tsv >all.tsv
for type in din ncf; do
    "$souk" predict -m $type --data all.tsv -o all.csv 2>/dev/null
    check "recommend_ranks_by_the_probabilities_of_predict_$type" 0 '60 candidates scored' out \
        "$souk" recommend -m $type --user 7 --data seven.tsv --with-seen -n 12
    same "the_best_of_$type" "$(ranking all.csv 12)" "$(listed out)"
    same "the_best_probability_of_$type" "$(tail -n +2 all.csv | sort -t, -k3,3gr | head -n 1 |
        awk -F, '{printf "%.4f", $3}')" "$(awk '$1 == 1 {print $2}' out)"
done
check recommend_shows_titles_of_the_configuration 0 ' title$' out "$souk" recommend -m din --user 7
"$souk" recommend -m din --user 7 --data seven.tsv -n 60 >out 2>/dev/null
same what_is_in_the_history_is_left_out 0 "$(comm -12 <(listed out | tr ' ' '\n' | sort) \
    <(printf '%s' "$last" | cut -f5 | tr ',' '\n' | sort) | wc -l)"
same nothing_else_is_left_out 60 "$(($(listed out | wc -w) +
    $( (printf '%s' "$last" | cut -f5 | tr ',' '\n' && echo && printf '%s' "$last" |
        awk -F'\t' '$1 == 1 {print $3}') | sed '/^$/d' | sort -u | wc -l)))"

printf '1\n\nmany\n' >shelf
check a_bad_candidate_has_a_line 3 '^souk: error: shelf:3: "many" is no item id' err \
    "$souk" recommend -m din --user 7 --candidates shelf

# Chosen: what the training data has of a user in a history, or clicked.
seen=$(awk -F'\t' '$2 == 7 {if ($1 == 1) print $3; n = split($5, h, ","); for (i = 1; i <= n; i++)
    print h[i]}' numbers/train.tsv | sort -u | wc -l)
check recommend_remembers_users 0 "\"is_known\":true,\"is_trained\":true,.*\"num_seen\":$seen,\"num_scored\":60" \
    out "$souk" recommend -m din --user 7 --json -n 60
same what_was_chosen_is_left_out "$((60 - seen))" "$(grep -o '"item":' out | wc -l)"
mv numbers moved
check recommend_needs_no_data 0 '^user 7 (' out "$souk" recommend -m din --user 7
mv moved numbers
check users_keep_their_order 0 '^user user3 (' out "$souk" recommend -m base --users user12,user3 -n 2
same user_12_comes_first 'user user12' "$(head -n 1 out | cut -d' ' -f1,2)"
same two_items_each 'item item' "$(listed out | tr ' ' '\n' | sed 's/[0-9]*$//' | head -n 2 | xargs)"
check a_stranger_has_an_empty_history 0 'user 99999 is not in the model: scored with an empty' err \
    "$souk" recommend -m din --user 99999
printf 'user\titem\tcategory\thist_item\thist_category\n99999\t3\t1\t5,8\t1,2\n' >new.tsv
check a_new_user_with_a_history_is_scored_by_it 0 'user 99999 was never trained on' err \
    "$souk" recommend -m din --user 99999 --data new.tsv
check a_user_without_a_row_is_told 0 'user 1 has no row in new.tsv' err \
    "$souk" recommend -m din --user 1 --data new.tsv

printf '5\n8\n777\n9\n5\n' >some
check unknown_candidates_are_reported 0 '1 of these 4 items were not seen in training.*: 777' err \
    "$souk" recommend -m din --user 7 --with-seen --candidates some
same the_others_are_ranked "5 8 9" "$(listed out | tr ' ' '\n' | sort -n | xargs)"
printf '777\n778\n' >none
check candidates_that_nobody_knows_are_refused 3 'none of these 2 items' err \
    "$souk" recommend -m din --user 7 --candidates none
: >empty
check no_candidates_are_refused 3 'there is no item id in it' err \
    "$souk" recommend -m din --user 7 --candidates empty
check a_missing_list_is_named 3 'absent' err "$souk" recommend -m din --user 7 --candidates absent
printf 'abc\n' >letters
check candidates_of_the_wrong_kind_are_refused 3 'is no item id' err \
    "$souk" recommend -m din --user 7 --candidates letters
check recommend_names_a_missing_file 3 'missing.tsv' err \
    "$souk" recommend -m din --user 7 --data missing.tsv
check recommend_names_a_bad_row 3 'ragged.tsv:2' err \
    "$souk" recommend -m din --user 7 --data ragged.tsv -o ragged.out
if [ -e ragged.out ]; then fail no_file_of_half_a_list "ragged.out is there"; fi
check users_of_the_wrong_kind_are_refused 2 'is no user id' err "$souk" recommend -m din --user x
check a_top_of_nothing_is_refused 2 'must be a whole number' err \
    "$souk" recommend -m din --user 7 -n 0
train forgetful ncf "${data[@]}" --set data.keep_observed=false --set train.epochs=1
check a_model_that_remembers_nothing_says_so 2 'data.keep_observed' err \
    "$souk" recommend -m forgetful --user 7

# ---- evaluate among all items ----

# Every click of the test with every item in its place; beside it (in `places`) the click's number,
# whether this is the clicked item, and whether the user has seen it.
awk -F'\t' -v OFS='\t' 'FNR == 1 {file++}
    file == 1 {if (FNR > 1) category[$1] = $3; next}
    file == 2 {if ($1 == 1) seen[$2, $3] = 1; n = split($5, h, ","); for (i = 1; i <= n; i++)
        seen[$2, h[i]] = 1; next}
    FNR == 1 {print; next}
    $1 == 1 {split("", own); n = split($5, h, ","); for (i = 1; i <= n; i++) own[h[i]] = 1
        clicked = $3
        for (i in category) {$3 = i; $4 = category[i]; print
            print FNR, i == clicked, ($2, i) in seen || i in own >"places"}}' \
    numbers/items.tsv numbers/train.tsv numbers/test.tsv >every.tsv
"$souk" predict -m din --data every.tsv -o every.csv 2>/dev/null
expected=$(tail -n +2 every.csv | cut -d, -f3 | paste places - | sort -k1,1n -k2,2nr |
    awk 'function add() {hr += above < 5; mrr += 1 / (above + 1)
            if (above < 5) ndcg += log(2) / log(above + 2)}
        $2 == 1 {if (n++) add(); own = $4; above = 0; next}
        !$3 && $4 > own {above++}
        END {add(); printf "%.5f %.5f %.5f %d", hr / n, ndcg / n, mrr / n, n}')
all_items() { # FILE
    sed 's/.*"all_items":{"hr@5":\([0-9.]*\),"ndcg@5":\([0-9.]*\),"mrr":\([0-9.]*\),"clicks":\([0-9]*\),.*/\1 \2 \3 \4/' "$1" |
        awk '{printf "%.5f %.5f %.5f %d", $1, $2, $3, $4}'
}
full=(evaluate --data numbers/test.tsv -n 5 --set eval.candidates=all)
check clicks_are_ranked_among_all_items 0 '"all_items":{' out "$souk" "${full[@]}" -m din --json
same figures_among_all_items_are_those_of_their_definition "$expected" "$(all_items out)"
check what_it_costs_is_said_before 0 'among 60 items' err "$souk" "${full[@]}" -m din
check the_protocol_is_printed 0 'left out: what training saw the user choose' out \
    "$souk" "${full[@]}" -m din
check users_are_drawn 0 '^users  *10 of ' out "$souk" "${full[@]}" -m din --set eval.max_users=10
if command -v mpirun >/dev/null; then
    "$souk" "${full[@]}" -m din --set eval.max_users=10 --json >one 2>/dev/null
    # shellcheck disable=SC2317
    two_ranks() {
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 60 mpirun --oversubscribe \
            -n 2 "$souk" "${full[@]}" -m din --set eval.max_users=10 --json
    }
    check two_ranks_share_the_clicks 0 '"all_items":{' out two_ranks
    same two_ranks_rank_the_same_clicks "$(all_items one)" "$(all_items out)"
fi
# shellcheck disable=SC2317
streamed() { "$souk" evaluate -m din --data - --set eval.candidates=all <numbers/test.tsv; }
check a_stream_cannot_be_read_twice 2 'cannot be read twice' err streamed
check ranking_needs_a_memory 2 'data.keep_observed' err "$souk" "${full[@]}" -m forgetful

exit $failed
