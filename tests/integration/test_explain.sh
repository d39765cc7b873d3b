#!/bin/bash
# souk explain as a user meets it: figures that agree with those by hand, from what the model
# remembers and from a file, as text, JSON and picture; and bad input.
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

# near NAME A B: two numbers that agree to 2e-5.
near() {
    if awk -v a="$2" -v b="$3" 'BEGIN {exit !(a != "" && b != "" && (a - b) ^ 2 < 4e-10)}'; then
        ok "$1"
    else
        fail "$1" "$2 is not $3"
    fi
}

# The figure of the first object that has it, and of the behaviour at a place.
figure() { grep -o "\"$1\":[-0-9.e]*" out | head -n 1 | cut -d: -f2; }
behaviour() { grep -o "{\"place\":$1,.*" out | grep -o "\"$2\":[-0-9.e]*" | head -n 1 | cut -d: -f2; }

train() { # TYPE DATA [OPTION...]
    local dir=$1 data=$2
    timeout 60 "$souk" train --set model.type="${dir%_*}" --set data.train="$data" --set run.dir="$dir" \
        --set model.dim=4 --set model.attention=8,4 --set model.hidden=16,8 --set train.lr=0.01 \
        --set train.batch_size=64 --set train.epochs=2 "${@:3}" >train.out 2>&1 </dev/null ||
        fail "${dir}_is_trained" "$(tail -n 3 train.out)"
}

explain() { "$souk" explain "$@"; }

# ---- what the model remembers ----
"$souk" data generate clicks -o clicks --users 200 --items 100 --categories=8 --samples 4000 \
    --history 12 >/dev/null || exit 1
train din clicks/train.tsv --set data.titles=clicks/items.tsv --set model.softmax=yes
train base clicks/train.tsv
head -n 1 clicks/train.tsv >newest.tsv
grep -P '^1\t7\t' clicks/train.tsv | tail -n 1 >>newest.tsv
check a_score_is_explained 0 '^item 33: .*([0-9]*), category [0-9]*$' out explain -m din --user 7 --item 33
check the_largest_change_comes_first 0 '^place    weight   change  item  category  title$' out \
    explain -m din --user 7 --item 33
sizes=$(awk '$1 ~ /^[0-9]+$/ {print ($3 < 0 ? -$3 : +$3)}' out)
same changes_descend_in_size "$(sort -rn <<<"$sizes" | xargs)" "$(xargs <<<"$sizes")"
same every_behaviour_is_there "$(seq "$(wc -w <<<"$sizes")" | xargs)" \
    "$(awk '$1 ~ /^[0-9]+$/ {print $1}' out | sort -n | xargs)"
check the_item_clicked_last_is_the_newest_behaviour 0 "\"item\":\"$(awk 'END {print $3}' newest.tsv)\"[^}]*}[^}]*}\]}$" \
    out explain -m din --user 7 --item 33 --json
same weights_of_a_softmax_add_up_to_one 1.0000 \
    "$(grep -o '"weight":[-0-9.e]*' out | awk -F: '{sum += $2} END {printf "%.4f", sum}')"
check three_servers_give_the_same 0 "\"logit\":$(figure logit | head -c 7)" out \
    explain -m din --user 7 --item 33 --json --set cluster.servers=3
check a_model_moves_without_its_data 0 '"title":"' out \
    explain -m din/model --user 7 --item 33 --titles clicks/items.tsv --json
same the_item_has_its_category "$(awk -F '\t' '$3 == 33 {print $4; exit}' clicks/train.tsv)" \
    "$(grep -o '"category":"[0-9]*"' out | head -n 1 | tr -cd 0-9)"
check without_attention_there_are_changes 0 'no attention weights: a model of type base has none' out \
    explain -m base --user 7 --item 33
check and_json_has_nulls 0 '"undefined":"the model has no attention".*"weight":null,"change":-\?[0-9]' out \
    explain -m base --user 7 --item 33 --json

# ---- a file: left out by the program and left out by hand ----
header='label\tuser\titem\tcategory\thist_item\thist_category\n'
printf "${header}0\t7\t50\t3\t11,12,13,14\t4,5,6,7\n" >all.tsv
printf "${header}0\t7\t50\t3\t11,12,14\t4,5,7\n" >without3.tsv
printf "${header}0\t7\t50\t3\t12,13,14\t5,6,7\n" >without1.tsv
printf "${header}0\t7\t50\t3\t14\t7\n" >one.tsv
printf "${header}0\t7\t50\t3\t\t\n" >none.tsv
for type in din base; do
    check "${type}_explains_a_sample_of_a_file" 0 '"behaviours":\[{"place":1,"item":"11"' out \
        explain -m $type --user 7 --item 50 --data all.tsv --json
    logit=$(figure logit) first=$(behaviour 1 change) third=$(behaviour 3 change)
    near "${type}_has_the_probability_of_its_logit" "$(figure probability)" \
        "$(awk -v logit="$logit" 'BEGIN {print 1 / (1 + exp(-logit))}')"
    explain -m $type --user 7 --item 50 --data without3.tsv --json >out 2>err
    near "${type}_leaves_out_as_we_do" "$third" "$(awk -v a="$(figure logit)" -v b="$logit" 'BEGIN {print a - b}')"
    explain -m $type --user 7 --item 50 --data without1.tsv --json >out 2>err
    near "${type}_leaves_out_the_oldest_as_we_do" "$first" \
        "$(awk -v a="$(figure logit)" -v b="$logit" 'BEGIN {print a - b}')"
done
check one_behaviour_has_no_correlation 0 'with change undefined (fewer than two values)' out \
    explain -m din --user 7 --item 50 --data one.tsv
check and_json_says_why 0 '"rank_correlation":null,.*"undefined":"fewer than two values"' out \
    explain -m din --user 7 --item 50 --data one.tsv --json
cat one.tsv <(tail -n 1 all.tsv) >two.tsv
check the_last_sample_of_the_user_counts 0 '^user 7, 4 behaviours$' out \
    explain -m din --user 7 --item 50 --data two.tsv
check the_last_sample_of_the_item_tells_its_fields 0 '^item 50.*, category 3$' out \
    explain -m din --user 7 --item 50 --data all.tsv
cut -f 2- all.tsv >unlabelled.tsv
# shellcheck disable=SC2317 # check calls it
piped() { explain -m din --user 7 --item 50 --data - <unlabelled.tsv; }
check labels_are_not_needed_and_standard_input_will_do 0 '^user 7, 4 behaviours$' out piped
printf "${header}1\t9999\t8888\t3\t11\t4\n" >stranger.tsv
check strangers_are_scored_and_said_to_be 0 'user 9999 was never trained on' err \
    explain -m din --user 9999 --item 8888 --data stranger.tsv
check strange_items_too 0 'item 8888 was never trained on' err \
    explain -m din --user 9999 --item 8888 --data stranger.tsv

# ---- the picture; titles of any length and script ----
printf '11\t七人の侍\n12\tСталкер <1979> & "more"\n13\t%0300d\n14\tcaf\xe9\n50\tA\x1b[2Jscreen\n' 0 >titles.tsv
check a_picture_is_drawn 0 'explain.svg: the picture' err explain -m din --user 7 --item 50 \
    --data all.tsv --titles titles.tsv --svg explain.svg
same every_behaviour_has_two_bars 8 "$(grep -c '<rect.*<title>' explain.svg)"
same titles_are_labels 1 "$(grep -c '>七人の侍</text>' explain.svg)"
same categories_are_beside_them 1 "$(grep -c '>category</text>' explain.svg)"
check titles_do_not_steer_the_terminal 0 '^item 50: A?\[2Jscreen' out \
    explain -m din --user 7 --item 50 --data all.tsv --titles titles.tsv
check titles_are_utf8 0 '  café$' out explain -m din --user 7 --item 50 --data all.tsv --titles titles.tsv
if command -v xmllint >/dev/null; then check the_picture_is_xml 0 '<svg' out xmllint explain.svg; fi
check a_picture_goes_to_standard_output_alone 0 '^</svg>$' out \
    explain -m din --user 7 --item 50 --data all.tsv --svg -
same nothing_else_is_there 0 "$(grep -c '^place' out)"
check a_picture_that_cannot_be_written_is_an_error 1 'no/where.svg: cannot be written' err \
    explain -m din --user 7 --item 50 --data all.tsv --svg no/where.svg

# ---- ids that are texts ----
"$souk" data generate clicks -o texts --users 100 --items 60 --categories=8 --samples 1500 \
    --history 6 --string-ids >/dev/null || exit 1
train din_texts texts/train.tsv
check texts_are_shown 0 '^user user7, [0-9]* behaviours$' out explain -m din_texts --user user7 --item item9
same items_are_texts "$(awk '$1 ~ /^[0-9]+$/' out | wc -l)" "$(grep -c '  item[0-9][0-9]* ' out)"
check categories_are_texts_too 0 '^item item9, category category[0-9]*$' out \
    explain -m din_texts --user user7 --item item9
same of_behaviours_as_well "$(awk '$1 ~ /^[0-9]+$/' out | wc -l)" "$(grep -c '  category[0-9][0-9]*$' out)"
printf "${header}0\tuser7\titem9\tnew\titem1,unheard of\tcategory1,new too\n" >new.tsv
check texts_that_only_a_file_has_are_shown 0 '  unheard of  new too$' out \
    explain -m din_texts --user user7 --item item9 --data new.tsv
check and_those_of_the_item 0 '^item item9, category new$' out \
    explain -m din_texts --user user7 --item item9 --data new.tsv
check an_unknown_text_is_named 2 'user bob is not in din_texts/model: give --data FILE with a sample of' err \
    explain -m din_texts --user bob --item item9

# ---- mistakes ----
check for_whom 2 'explain: for whom? Give --user ID and --item ID' err explain -m din --item 1
check which_item 2 'explain: which item? Give --user ID and --item ID' err explain -m din --user 1
check which_model 2 'which model? Give -m DIR' err explain --user 1 --item 1
check one_user_at_a_time 2 'one user at a time; these are 2' err explain -m din --users 1,2 --item 1
check one_item_at_a_time 2 'one item at a time; these are 3' err explain -m din --user 1 --items 1,2,3
advice='give --data FILE with a sample of this user'
check an_unknown_user_is_named 2 "user 999 is not in din/model: $advice" err explain -m din --user 999 --item 1
check a_user_whom_nobody_knows_gets_the_same_advice 2 "user 999 is not in din/model, nor in all.tsv: $advice" err \
    explain -m din --user 999 --item 1 --data all.tsv
advice='it is none of the [0-9]* items that training saw; give --data FILE with samples of user 7 and, of anybody, with this item'
check an_unknown_item_is_named 2 "item 999 is not in din/model: $advice" err explain -m din --user 7 --item 999
check an_item_is_looked_for_in_the_file_too 2 "item 999 is not in din/model, nor in all.tsv: $advice" err \
    explain -m din --user 7 --item 999 --data all.tsv
check a_user_whom_the_file_lacks_is_named 3 'all.tsv: there is no sample of user 8; leave --data out' err \
    explain -m din --user 8 --item 50 --data all.tsv
check a_user_without_a_history_is_named 3 'user 7 has no history: there is nothing to explain' err \
    explain -m din --user 7 --item 50 --data none.tsv
check an_id_of_the_wrong_kind_is_refused 2 '"bob" is no user id' err explain -m din --user bob --item 1
check a_missing_file_is_named 3 'missing.tsv' err explain -m din --user 7 --item 1 --data missing.tsv
printf "${header}0\t7\t50\t3\t11,12\t4\n" >uneven.tsv
check uneven_lists_are_named 3 'uneven.tsv:2:' err explain -m din --user 7 --item 50 --data uneven.tsv
printf 'label\tuser\titem\n0\t7\t50\n' >columns.tsv
check columns_that_are_missing_are_named 2 'columns.tsv' err explain -m din --user 7 --item 50 --data columns.tsv
train ncf clicks/train.tsv
check a_model_without_histories_is_refused 2 'ncf/model is of type ncf, which has none' err \
    explain -m ncf --user 7 --item 1
printf 'user,item,rating\n1,1,3\n1,2,4\n2,1,5\n' >ratings.csv
train mf ratings.csv --set model.k=2 --set data.valid_share=0
check a_model_of_ratings_is_refused 2 'mf/model is of type mf, which has none' err explain -m mf --user 1 --item 1
train din_short clicks/train.tsv --set data.keep_observed=false
check a_model_that_remembers_nothing_says_so 2 'not in .*does not remember .*data.keep_observed): give --data' err \
    explain -m din_short --user 7 --item 1
check about_items_too 2 'item 999 is not in .*does not remember .*), nor in all.tsv; give --data' err \
    explain -m din_short --user 7 --item 999 --data all.tsv
check but_explains_a_file 0 '^user 7, 4 behaviours$' out explain -m din_short --user 7 --item 50 --data all.tsv
check an_option_of_another_verb_is_refused 2 'does not take -n' err explain -m din --user 7 --item 1 -n 3
rm din/model/observed.0.*
check a_damaged_model_is_refused 3 'observed' err explain -m din --user 7 --item 1
exit $failed
