#!/bin/bash
# souk learn-policy --log and --slates and souk ope on episodes and slates, as a user meets them: a policy out of a
# log, its verdict from another log, exit codes and messages of bad input.
souk=$(realpath "${BIN:-bin}")/souk
golden=$(realpath tests/golden/ope_seq)
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

# walk SEED EPISODES: a random walk over 4 states; action 1 goes on and pays 1 at the end, 0 pays 0.1.
walk() {
    awk -v seed="$1" -v num="$2" 'BEGIN {
        srand(seed); print "episode,t,state,action,reward,pscore,done,x0"
        for (e = 0; e < num; e++) {
            s = 0
            for (t = 0; t < 4; t++) {
                a = rand() < 0.5
                end = t == 3 || (a && s == 3)
                print e "," t "," s "," a "," (a ? (s == 3) : 0.1) ",0.5," end "," s
                if (end) break
                s += a
            }
        }
    }'
}
walk 1 3000 >log.csv
walk 2 3000 >other.csv

check a_policy_is_learnt_from_a_log 0 'conservative Q learning, alpha 0.1' out \
    "$souk" learn-policy --log log.csv -o policy --alpha 0.1 --epsilon 0.3
check it_is_promoted_by_another_log 0 '"verdict":"promote"' out \
    "$souk" ope --log other.csv --policy policy --discount 0.95 --json
awk -F, '{print $2 "," $1}' policy/policy.csv >opposite.csv
check the_opposite_policy_is_not 0 '"verdict":"keep"' out \
    "$souk" ope --log other.csv --policy opposite.csv --json
check fitted_iteration_is_the_other_method 0 '"method":"fqi","form":"table"' out \
    "$souk" learn-policy --log log.csv -o fqi --method fqi --json
cut -d, -f1,2,4- log.csv >features.csv
cut -d, -f1,2,4- other.csv >other_features.csv
check features_are_learnt_by_a_network 0 '"form":"network"' out \
    "$souk" learn-policy --log features.csv --policy-for other_features.csv -o net --updates 2000 \
    --hidden 16 --epsilon 0.3 --json
check its_policy_is_judged_row_by_row 0 '^SNPDIS' out \
    "$souk" ope --log other_features.csv --policy net/policy.csv
check its_folder_computes_the_rows_of_another_log 0 'fitted Q evaluation by a network' out \
    "$souk" ope --log features.csv --policy net --fqe-updates 2000
check it_is_asked_again_without_learning 0 'for the rows of features.csv' out \
    "$souk" learn-policy --from net --policy-for features.csv -o again
check a_row_a_row_of_that_log 0 "^$(($(wc -l <features.csv) - 1))\$" out awk 'END {print NR}' again/policy.csv
check users_cannot_be_led_by_it 3 'columns of the log' err "$souk" simulate --policies net --users 5
check a_log_of_slates_needs_no_policy 0 '^cascade-dr' out "$souk" ope --log "$golden/slates.csv"
check a_log_of_episodes_needs_one 2 'which policy?' err "$souk" ope --log "$golden/clock.csv"

# ---- slates ----
users=(--set env.type=interest_evolution --set env.slate_size=2 --set env.num_candidates=5)
check simulated_users_write_a_log 0 '^random' out \
    "$souk" simulate "${users[@]}" --policies random --users 120 --log slates.csv
check it_says_how_likely_slates_were 0 '^0.050000' out awk -F, 'NR == 2 {print $(NF - 1)}' slates.csv
cut -d, -f1-22,24- slates.csv | awk -F, -v OFS=, '
    NR == 1 {for (i = 1; i <= NF; i++) drop[i] = $i ~ /_score$/}
    {line = ""; for (i = 1; i <= NF; i++) if (!drop[i]) line = line (line == "" ? "" : OFS) $i; print line}
' >unscored.csv
learning=(--updates 1200 --set policy.hidden=[64,32] --set policy.batch_size=64 --set policy.gamma=0.98)
check slates_are_learnt_from_it 0 'scores are those of the log' out \
    "$souk" learn-policy --slates slates.csv -o by_log "${learning[@]}"
check choices_are_fitted_where_the_log_has_no_scores 0 '"scores":"fitted"' out \
    "$souk" learn-policy --slates unscored.csv -o fitted "${learning[@]}" --set policy.target=sarsa --json
check dqn_learns_from_it_too 0 '^method        dqn' out \
    "$souk" learn-policy --slates slates.csv -o by_dqn "${learning[@]}" --updates 20 --set policy.agent=dqn
"$souk" simulate "${users[@]}" --set run.seed=9 --policies random,by_log,fitted --users 200 >compared 2>err
check what_was_learnt_beats_what_was_logged 0 '^2$' out \
    awk '/^differences/ {on = 1} on && /^(by_log|fitted)/ && $2 > 5 * $4 {n++} END {print n + 0}' compared
check a_policy_that_explores_can_be_logged 0 '^by_log' out \
    "$souk" simulate "${users[@]}" --policies by_log --users 10 --epsilon 0.5 --log explored.csv
check and_says_both_propensities 0 '^2$' out \
    sh -c "awk -F, 'NR > 1 {print \$(NF - 1)}' explored.csv | sort -u | wc -l"
check the_same_slates_have_the_same_policy 0 '^same$' out \
    sh -c "'$souk' learn-policy --slates slates.csv -o again_by_log ${learning[*]} >/dev/null &&
           cmp by_log/dense.g1.weights again_by_log/dense.g1.weights && echo same"

# ---- agents judged by slates ----
# Candidates that never look the same, and short stays.
short=(--set env.type=long_term_satisfaction --set env.num_candidates=6 --set env.max_steps=3)
# earns_what_was_logged FILE: all weights are 1, and all four estimators have the value of the log.
earns_what_was_logged() {
    awk '/^weights/ && ($3 != "1," || $5 != 1) {bad = 1}
         /^logging/ {value = $3}
         /^(TIS|PDIS|SNTIS|SNPDIS) / && $2 == value {n++}
         END {if (bad || n != 4) exit 1; print "all"}' "$1"
}
"$souk" simulate "${short[@]}" --policies random --users 900 --log short.csv >/dev/null 2>&1
for agent in slateq dqn; do
    "$souk" learn-policy --slates short.csv -o short_$agent "${learning[@]}" --updates 50 --set policy.agent=$agent \
        >/dev/null 2>&1
    "$souk" simulate "${short[@]}" --policies ./short_$agent --users 300 --epsilon 0.3 --log own.csv >/dev/null 2>&1
    check "${agent}_is_judged_by_its_own_log" 0 '^effective rounds   300.0' out \
        "$souk" ope --log own.csv --policy short_$agent --epsilon 0.3
    cp out judged
    check "${agent}_earns_there_what_was_logged" 0 all out earns_what_was_logged judged
done
check an_agent_is_judged_by_random_slates 0 '^SNPDIS  *[-0-9.]* ' out \
    "$souk" ope --log short.csv --policy short_slateq --epsilon 0.5 --discount 0.9
check its_kind_is_told 0 '"kind":"episodes of slates"' out \
    "$souk" ope --log short.csv --policy short_slateq --epsilon 0.5 --json
check its_folder_says_how_it_explores 0 'with probability 0.02 any' out \
    "$souk" ope --log short.csv --policy short_slateq
check other_users_are_refused 3 'features of a user was' err \
    "$souk" ope --log slates.csv --policy short_slateq
"$souk" learn-policy --slates short.csv -o short_memory "${learning[@]}" --updates 50 --set policy.memory=0.5 \
    >/dev/null 2>&1
check who_remembers_is_refused 3 'remembers what users chose' err \
    "$souk" ope --log short.csv --policy short_memory
check slates_need_an_agent 2 'whose agent is asked' err "$souk" ope --log short.csv
check exploration_is_of_agents 2 'is for agents judged' err \
    "$souk" ope --log other.csv --policy policy --epsilon 0.1
sed '1s/pscore/unknown/' short.csv >unsure.csv
check slates_need_propensities 3 'has no column pscore' err \
    "$souk" ope --log unsure.csv --policy short_slateq

# ---- bad input ----
check a_log_is_of_one_policy 2 'of one policy' err "$souk" simulate "${users[@]}" --log x.csv
check tables_do_not_learn_slates_of_a_log 2 'take slateq or dqn' err \
    "$souk" learn-policy --slates slates.csv -o x --set policy.agent=tabular
check a_log_of_steps_is_no_log_of_slates 3 'so it is no log of slates' err \
    "$souk" learn-policy --slates log.csv -o x
check slates_need_a_folder 2 '-o DIR is needed' err "$souk" learn-policy --slates slates.csv
check a_folder_is_needed 2 '-o DIR is needed' err "$souk" learn-policy --log log.csv
check an_unknown_method_is_refused 2 'there are cql' err \
    "$souk" learn-policy --log log.csv -o x --method sarsa
check a_folder_needs_a_log 2 '--from needs --policy-for' err "$souk" learn-policy --from net
check a_table_has_no_network 3 'has no network' err \
    "$souk" learn-policy --from policy --policy-for other.csv
check alpha_is_of_cql_only 2 'fqi has none' err \
    "$souk" learn-policy --log log.csv -o x --method fqi --alpha 2
check an_option_of_learning_online_is_refused 2 'learn-policy --log' err \
    "$souk" learn-policy --log log.csv -o x --resume
check widths_are_checked 2 'widths of 1 to' err \
    "$souk" learn-policy --log log.csv -o x --hidden 8,zero
sed '5s/0\.5/0/' log.csv >zero.csv
check a_propensity_of_0_is_refused_with_its_line 3 'zero.csv:5: propensity 0' err \
    "$souk" learn-policy --log zero.csv -o x
sed 3d log.csv >hole.csv
check a_hole_in_an_episode_is_refused 3 'there is no step' err "$souk" learn-policy --log hole.csv -o x
check an_unknown_action_is_refused 3 'action 1 is unknown' err \
    "$souk" learn-policy --log log.csv -o x --actions 1
head -n 1 log.csv >empty.csv
check an_empty_log_is_refused 3 'no row of numbers' err "$souk" learn-policy --log empty.csv -o x
check a_missing_log_is_told 3 'missing.csv' err "$souk" learn-policy --log missing.csv -o x
awk 'NR == 1 || $4 == 0' FS=, log.csv | awk -F, -v OFS=, 'NR > 1 {$1 = NR; $2 = 0; $7 = 1} 1' >one.csv
check a_log_of_one_action_has_one_answer 0 '100.0 % of the log' out \
    "$souk" learn-policy --log one.csv -o one
if [ -e x ]; then fail nothing_is_written_on_failure "x is there"; else ok nothing_is_written_on_failure; fi

exit "$failed"
