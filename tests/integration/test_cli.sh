#!/bin/bash
# bin/souk as a user meets it: exit codes, help of every verb, what goes to which stream.
souk=${BIN:-bin}/souk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME EXIT_CODE PATTERN STREAM COMMAND...: the stream (out or err) has a line with PATTERN.
check() {
    local name=$1 expected=$2 pattern=$3 stream=$4 rc
    shift 4
    "$@" >"$work/out" 2>"$work/err" </dev/null
    rc=$?
    if [ "$rc" != "$expected" ]; then
        echo "FAIL $name: exit code $rc, expected $expected: $(head -c 300 "$work/err")"
        failed=1
    elif ! grep -q -e "$pattern" "$work/$stream"; then
        echo "FAIL $name: no \"$pattern\" in: $(head -c 300 "$work/$stream")"
        failed=1
    else
        echo "ok $name"
    fi
}

printf 'model: {k: 3}\n' >"$work/good.yaml"
printf 'mdoel: {k: 3}\n' >"$work/bad.yaml"

check version_is_printed 0 '^souk [0-9]' out "$souk" --version
check nothing_to_do_is_a_usage_error 2 '^usage: souk' out "$souk"
check help_lists_the_verbs 0 'config show' out "$souk" help
check help_of_options_by_prefix 0 '^model.k: whole number' out "$souk" help model.
check help_of_a_mistyped_option_suggests 2 'did you mean "train.epochs"?' err \
    "$souk" help train.epohcs
check help_of_an_option_that_is_none_says_so 2 'there is no option "zzz.qqq"; souk config doc' err \
    "$souk" help zzz.qqq
check help_of_two_verbs_lists_them 0 '^  config check  *say what' out "$souk" config --help
check and_so_does_the_other_way_round 0 '^  config check  *say what' out "$souk" help config
check help_of_data_lists_its_verbs 0 '^  data generate ' out "$souk" data -h
check options_are_named_as_typed 2 'config show: -c needs a value' err "$souk" config show -c
check a_mistyped_verb_gets_a_suggestion 2 'did you mean "config show"' err "$souk" config shwo
check an_unknown_option_is_a_usage_error 2 'unknown option --jsn' err "$souk" config doc --jsn
check a_good_configuration_is_said_to_be 0 'good' out "$souk" config check "$work/good.yaml"
check a_bad_one_names_file_and_line 2 'bad.yaml:1: unknown key "mdoel"; did you mean "model"' err \
    "$souk" config check "$work/bad.yaml"
check a_missing_one_is_named 2 'missing.yaml: cannot be opened' err \
    "$souk" config check "$work/missing.yaml"
check an_unknown_model_is_refused 2 'set model.type: there is no model "mff"' err \
    "$souk" config check "$work/good.yaml" --set model.type=mff
check show_tells_where_a_value_is_from 0 'k: 3  # .*good.yaml:1' out \
    "$souk" config show -c "$work/good.yaml" --changed --origin
# shellcheck disable=SC2317 # check calls them
full() { "$souk" config show >/dev/full; }
check a_full_disk_is_an_error 1 'standard output cannot be written' err full
# shellcheck disable=SC2317
again() { "$souk" config show "$work/good.yaml" >"$work/1" && "$souk" config show "$work/1"; }
check what_is_shown_reads_back 0 '^  k: 3' out again
if cmp -s "$work/1" "$work/out"; then
    echo "ok what_is_shown_again_is_the_same"
else
    echo "FAIL what_is_shown_again_is_the_same"
    failed=1
fi

# Training goes on when nobody reads its progress, and its files hold what belongs there.
printf '1,1,3\n1,2,4\n2,1,5\n' >"$work/ratings.csv"
train() {
    "$souk" train --set data.train="$work/ratings.csv" --set run.dir="$work/run" \
        --set model.k=2 --set train.epochs=2
}
# shellcheck disable=SC2317
unread() {
    { sleep 0.3; train 2>&1 >"$work/summary"; echo $? >"$work/rc"; } | true
    cat "$work/rc"
}
check training_outlives_the_reader_of_its_progress 0 '^0$' out unread
# shellcheck disable=SC2317
closed() {
    train <&- >&- 2>&-
    [ -s "$work/run/events.jsonl" ] && ! grep -v '^{' "$work/run/events.jsonl" && echo clean
}
check messages_do_not_get_into_files_when_standard_files_are_closed 0 clean out closed

# Servers are not started for a verb that has no use for them.
check launch_refuses_other_verbs_than_train 2 'launch.sh: only train and learn-policy take servers; run .* evaluate' \
    err scripts/launch.sh -s 1 evaluate -m nowhere

# Every verb has a page that begins with its usage.
"$souk" help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' >"$work/verbs"
bad=''
while read -r -a words; do
    usage="usage: souk ${words[*]}"
    [[ "$("$souk" "${words[@]}" --help 2>&1)" == "$usage"* ]] || bad+=" ${words[*]} --help"
    [[ "$("$souk" help "${words[@]}" 2>&1)" == "$usage"* ]] || bad+=" help ${words[*]}"
done <"$work/verbs"
if [ -s "$work/verbs" ] && [ -z "$bad" ]; then
    echo "ok every_verb_has_a_page"
else
    echo "FAIL every_verb_has_a_page:$bad"
    failed=1
fi
exit $failed
