#!/bin/bash
# souk learn-policy: alone, on two servers and two workers, in lock step, stopped and resumed, and
# what it makes in souk simulate. BIN says where the programs are.
# shellcheck disable=SC2317 # functions are called through check
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
bin=$(realpath "${BIN:-bin}")
export BIN=$bin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then echo "ok $name"; else
        echo "FAIL $name: $*"
        failed=1
        [ ! -f "$dir/err" ] || tail -n 15 "$dir/err"
    fi
}
cat >"$dir/slateq.yaml" <<END
run: {progress_s: 0.2}
env: {type: interest_evolution}
policy: {agent: slateq, steps: 40000, hidden: [32], num_users: 64, batch_size: 64, warmup: 1000, valid_steps: 20000,
    valid_users: 64, test_users: 300, epsilon_steps: 20000, replay: 20000}
cluster: {servers: 2, timeout_s: 10}
END
# Learns into run DIR by the options behind it; $launch in front.
learn() {
    local run=$1
    shift
    "${launch[@]}" learn-policy -c "$dir/slateq.yaml" --set run.dir="$dir/$run" "$@" >"$dir/out" 2>"$dir/err"
}
figure() { sed -n "s/.*\"return\":{\"mean\":\([0-9.e+-]*\).*/\1/p" "$dir/$1/result.json"; }
is_above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 > b + 0) }'; }
has() { grep -q -- "$2" "$dir/$1"; }

launch=("$bin/souk")
check learns learn one
check beats_greedy is_above "$(figure one)" 175
check prints_the_test has out '^test       return [0-9.]* +- '
check draws_the_curve has one/curve.svg '<svg'
check records_events has one/events.jsonl '"event":"eval".*"validation":'
learn again
check same_seed_learns_the_same cmp -s "$dir"/one/model/dense.g1.weights "$dir"/again/model/dense.g1.weights
check writes_json learn json --json
check json_is_that_of_the_file cmp -s "$dir/out" "$dir/json/result.json"

simulate() { "$bin/souk" simulate "$@" >"$dir/out" 2>"$dir/err"; }
check simulate_takes_the_folder simulate -c "$dir/slateq.yaml" --policies "random,$dir/one" --users 300 --json
mean=$(sed "s/.*\"policy\":\"[^\"]*one\"//; s/[^{]*\"return\":{\"mean\":\([0-9.]*\).*/\1/" "$dir/out")
check simulate_gives_what_the_test_gave test "${mean:0:8}" = "$(figure one | cut -c 1-8)"
simulate --policies "$dir/one" --set env.type=long_term_satisfaction
check other_users_are_refused test $? -eq 3
check other_users_are_named has err 'the number of features of a user was 20, here it is 2'
simulate --policies "$dir/nowhere"
check a_policy_that_is_none_is_refused test $? -eq 2
learn wrong --set policy.agent=greedy
check who_learns_nothing_is_refused test $? -eq 2
learn wrong --set env.slate_size=11
check slates_larger_than_candidates_are_refused test $? -eq 2

learn short --set policy.steps=1000 --set policy.warmup=5000
check what_has_not_come_yet_is_a_dash has err '^ *1,024 *- *0 *- '
check says_when_nothing_was_learnt has out 'nothing was learnt: no worker got beyond policy.warmup'
learn long --set policy.steps=3000 --set policy.warmup=0 --set policy.n_step=100
check says_when_no_transition_was_over has out 'nothing was learnt: .* and policy.n_step steps'

# ---- stopped by the clock, then resumed ----
learn stopped --set policy.steps=4000000 --set train.max_seconds=1
check stops_after_its_time test $? -eq 75
check says_how_to_go_on has out 'with --resume goes on'
learn stopped --resume --set policy.steps=40000 --set policy.test_users=20
check resumes test $? -eq 0
for other in policy.agent=dqn policy.hidden=64 policy.null_value=zero env.slate_size=2; do
    learn stopped --resume --set policy.steps=50000 --set $other
    check "goes_on_with_the_same_${other%%=*}" test $? -eq 2
    check "says_that_${other%%=*}_was_another" has err 'the run began with'
done
learn stopped --resume --set policy.steps=50000 --set policy.gamma=0.9 --set policy.test_users=20
check how_it_learns_may_change_on_the_way test $? -eq 0
learn never_begun --resume
check what_never_began_has_no_checkpoint has err 'has no checkpoint to go on from; start without --resume'
"$bin/souk" evaluate -m "$dir/stopped" --data "$dir/none.csv" >/dev/null 2>"$dir/err"
check a_policy_is_no_model_to_evaluate has err 'is a policy and no model that predicts'

# ---- people of a click model ----
"$bin/souk" data generate clicks -o "$dir/clicks" --samples 4000 --users 100 --items 150 >/dev/null 2>"$dir/err" &&
    "$bin/souk" train --set run.dir="$dir/din" --set data.train="$dir/clicks/train.tsv" --set model.type=din \
        --set model.dim=4 --set model.hidden=8 --set model.attention=8 --set train.epochs=1 >/dev/null 2>"$dir/err"
people() { # DIR OPTIONS...
    local run=$1
    shift
    "$bin/souk" learn-policy --set run.dir="$dir/$run" --set env.type=learned --set env.model="$dir/din" \
        --set policy.steps=3000 --set policy.num_users=32 --set policy.warmup=300 --set policy.hidden=16 \
        --set policy.valid_steps=0 --set policy.test_users=50 --set policy.batch_size=32 "$@" >"$dir/out" 2>"$dir/err"
}
recommend() { "$bin/souk" recommend -m "$dir/din" "$@" >"$dir/out" 2>"$dir/err"; }
check people_teach_a_policy people people
check people_teach_embeddings people embedded --set policy.embedding=4
check it_is_asked_for_recommendations recommend --policy "$dir/people" --users 1,2,3 --json
check slates_come_with_propensities has out '"slate":\[{"position":1,"item":"[0-9]*","probability":0\.[0-9]*,"propensity":0\.981,"marginal":0\.981}'
check so_is_one_with_embeddings recommend --policy "$dir/embedded" --users 1,2,3
check a_table_is_printed has out '^position  propensity  probability  item$'
recommend --policy "$dir/people" --user 1 --set policy.epsilon_end=0
check without_exploration_slates_are_certain has out '^ *3    1.000000 '
head -n 2 "$dir/clicks/items.tsv" | tail -n 1 | cut -f 1 >"$dir/few"
check few_candidates_make_short_slates recommend --policy "$dir/people" --user 1 --with-seen --candidates "$dir/few"
recommend --policy "$dir/one" --user 1
check policies_for_other_users_do_not_recommend test $? -eq 3
check they_are_told_how_to has err 'env.type=learned'

"$bin/souk" learn-policy --log tests/golden/ope_seq/ragged.csv -o "$dir/log" >"$dir/out" 2>"$dir/err"
recommend --policy "$dir/log" --user 1
check policies_of_logs_do_not_recommend has err 'no model in this folder'

# ---- several workers ----
if command -v mpirun >/dev/null; then
    launch=(scripts/launch.sh -s 2 -w 2)
    check two_workers_learn learn asp
    check two_workers_learn_as_well is_above "$(figure asp)" 175
    launch=(mpirun --oversubscribe --bind-to none -n 2 "$bin/souk")
    check lock_step_learns learn bsp --set train.consistency=bsp
    check lock_step_learns_as_well is_above "$(figure bsp)" 175
    learn bsp2 --set train.consistency=bsp
    check lock_step_is_the_same_every_time cmp -s "$dir"/bsp/model/dense.g1.weights "$dir"/bsp2/model/dense.g1.weights
    launch=(mpirun --oversubscribe --bind-to none -n 2 "$bin/souk")
    check a_table_is_learnt_by_both learn table --set env.type=interest_exploration --set policy.agent=tabular \
        --set policy.lr=0.1
else
    echo "SKIP several workers: mpirun is not installed"
fi
exit $failed
