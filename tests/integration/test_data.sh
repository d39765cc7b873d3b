#!/bin/bash
# souk data inspect, generate and build-histories as a user meets them: layouts, standard input, errors, exit codes.
souk=${BIN:-bin}/souk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
input=/dev/null

# check NAME EXIT_CODE PATTERN STREAM COMMAND...: the stream (out or err) has a line with PATTERN.
check() {
    local name=$1 expected=$2 pattern=$3 stream=$4 rc
    shift 4
    "$@" >"$work/out" 2>"$work/err" <"$input"
    rc=$?
    if [ "$rc" != "$expected" ]; then
        echo "FAIL $name: exit code $rc, expected $expected: $(head -c 300 "$work/err")"
        failed=1
    elif ! grep -q -e "$pattern" "$work/$stream"; then
        echo "FAIL $name: no \"$pattern\" in: $(head -c 900 "$work/$stream")"
        failed=1
    else
        echo "ok $name"
    fi
}

data=$work/data
check ratings_are_generated 0 '^test RMSE: 0\.[0-9]* for the true model' out \
    "$souk" data generate ratings -o "$data" --users 200 --items=100 --ratings 5000 --string-ids
check generated_files_are_understood 0 '^  users        200$' out "$souk" data inspect "$data/train.csv"
check columns_are_told 0 '^  rating       column 3 of 3, "rating"$' out \
    "$souk" data inspect "$data/test.csv"
check string_ids_are_seen 0 'column 1 of 3, "user", ids are texts' out \
    "$souk" data inspect "$data/test.csv"
check figures_are_json_on_request 0 '"rows":4[0-9]*,"bad_rows":0,' out \
    "$souk" data inspect "$data/train.csv" --json

gzip -k "$data/train.csv"
input=$data/train.csv.gz
check standard_input_may_be_packed 0 '^  users        200$' out "$souk" data inspect -
input=/dev/null
check empty_standard_input_is_an_error 3 'standard input is empty' err "$souk" data inspect -

printf '1::2::3\n1::3::x7\n1::4\n2::2::5\n' >"$work/bad"
check bad_rows_are_shown 0 'bad:2: rating "x7" is not a number' out "$souk" data inspect "$work/bad"
check bad_rows_are_counted 0 '^  bad rows     2$' out "$souk" data inspect "$work/bad"
check settings_are_obeyed 0 '^  user         column 2 of 3, ids are texts$' out "$souk" data inspect \
    "$work/bad" --set data.user=2 --set data.item=1 --set data.user_id=string
check a_column_that_is_not_there_is_a_configuration_error 2 '^souk: error: --set data.user: ' err \
    "$souk" data inspect "$data/test.csv" --set data.user=usr
check a_missing_file_is_named 3 'cannot open .*/none: there is no such file' err \
    "$souk" data inspect "$work/none"
check a_pattern_is_said_not_to_be_expanded 3 'patterns are not expanded; name the files' err \
    "$souk" data inspect "$work/*.none"
check a_folder_is_no_file 3 'is a folder; name the file in it' err "$souk" data inspect "$work"
: >"$work/empty"
check an_empty_file_is_a_data_error 3 'empty is empty' err "$souk" data inspect "$work/empty"
check a_file_is_needed 2 'which file?' err "$souk" data inspect

check an_unknown_option_gets_a_suggestion 2 'did you mean --ratings?' err \
    "$souk" data generate ratings -o "$data" --rating 5
check a_folder_to_write_to_is_needed 2 '\-o DIR is needed' err "$souk" data generate ratings
check what_to_generate_is_needed 2 'use: souk data generate ratings -o DIR' err \
    "$souk" data generate -o "$data"
check a_wrong_number_is_a_usage_error 2 '\-\-users 1e3: must be a whole number' err \
    "$souk" data generate ratings -o "$data" --users 1e3
check more_ratings_than_pairs_are_refused 2 '4 times at most' err \
    "$souk" data generate ratings -o "$data" --users 2 --items 2 --ratings 5

clicks=$work/clicks
check clicks_are_generated_with_their_ceiling 0 '^test AUC: 0\.[0-9]* for the true probabilities' out \
    "$souk" data generate clicks -o "$clicks" --users 300 --items 200 --categories=10 --samples 6000
check samples_are_told_from_ratings 0 'column 5 of 6, "hist_item", table item, .*goes with "item"' \
    out "$souk" data inspect "$clicks/train.tsv"
check lengths_of_histories_are_shown 0 '^  behaviours   [0-9.]* a sample, at most 30; 5,[0-9]* sam' \
    out "$souk" data inspect "$clicks/train.tsv" --set features.max_history=5
check samples_are_json_on_request 0 '"kind":"samples".*"samples":600,' out \
    "$souk" data inspect "$clicks/test.tsv" --json
gzip -k "$clicks/test.tsv"
input=$clicks/test.tsv.gz
check packed_samples_are_read_from_standard_input 0 '^  samples      600$' out "$souk" data inspect -
input=/dev/null
printf 'label\tuser\titem\thist_item\n1\t1\t2\t3\n2\t1\t2\t3\n' >"$work/samples"
check bad_samples_are_shown 0 'samples:3: label "2" is neither 0 nor 1' out \
    "$souk" data inspect "$work/samples"
check a_column_of_samples_that_is_not_there_is_named 2 '"usr" is no column of' err \
    "$souk" data inspect "$work/samples" --set features.fields=usr
check a_separator_of_lists_is_one_character 2 'features.separator: must be auto' err \
    "$souk" data inspect "$work/samples" --set features.separator=ab
check more_interests_than_categories_are_refused 2 'categories must be 4 or more' err \
    "$souk" data generate clicks -o "$clicks" --categories 2

choices=$work/choices
check logs_of_choices_are_generated_with_their_values 0 'better.csv .*, worth 0\.[0-9]*$' out \
    "$souk" data generate log -o "$choices" --rounds 3000 --actions 4 --kinds=6 --seed 3
check a_better_policy_is_promoted 0 '"verdict":"promote"' out \
    "$souk" ope --log "$choices/log.csv" --policy "$choices/better.csv" --json
check a_worse_policy_is_not 0 '"verdict":"keep"' out \
    "$souk" ope --log "$choices/log.csv" --policy "$choices/worse.csv" --json
check propensities_may_be_left_out 0 'worth' out \
    "$souk" data generate log -o "$choices" --rounds 100 --seed 3 --no-pscore
check logs_without_propensities_say_so 0 '^action,reward,x0,x1,x2$' out cat "$choices/log.csv"
check one_action_is_no_choice 2 'actions must be 2\.\.1000' err \
    "$souk" data generate log -o "$choices" --actions 1

printf 'user,item,category\n1,10,1\n1,20,2\n2,10,1\n1,30,1\n2,30,1\n2,40,2\n' >"$work/log"
check samples_are_built_from_a_log 0 '^  test.tsv     4 samples' out \
    "$souk" data build-histories "$work/log" -o "$work/built"
check built_samples_have_histories 0 '^1.1.30.1.10,20.1,2$' out cat "$work/built/test.tsv"
input=$work/log
check a_log_may_come_from_standard_input 0 '^  train.tsv    4 samples' out \
    "$souk" data build-histories - -o "$work/built"
input=/dev/null
check a_log_is_needed 2 'which log?' err "$souk" data build-histories -o "$work/built"
check a_log_needs_a_folder_to_write_to 2 '\-o DIR is needed' err \
    "$souk" data build-histories "$work/log"
check a_column_of_a_log_that_is_not_there_is_named 2 'did you mean "user"?' err \
    "$souk" data build-histories "$work/log" -o "$work/built" --user usr
exit $failed
