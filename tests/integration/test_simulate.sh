#!/bin/bash
# souk simulate: the same text for any number of workers, figures where they should be, and what is
# wrong with a command line.
souk=$(realpath "${BIN:-bin}")/souk
conf=$(realpath conf)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

ok() { echo "ok $1"; }
fail() {
    echo "FAIL $1: $2"
    failed=1
}

# check NAME EXIT_CODE PATTERN STREAM OPTION...: souk simulate; the stream has a line with PATTERN.
check() {
    local name=$1 expected=$2 pattern=$3 stream=$4 rc
    shift 4
    timeout 60 "$souk" simulate "$@" >out 2>err </dev/null
    rc=$?
    if [ "$rc" != "$expected" ]; then
        fail "$name" "exit code $rc, expected $expected: $(head -c 300 err)"
    elif ! grep -q -e "$pattern" "$stream"; then
        fail "$name" "no \"$pattern\" in: $(head -c 300 "$stream")"
    else
        ok "$name"
    fi
}

# together TYPE WORKERS OPTION...: as many workers print what one has printed to alone.txt.
together() {
    local name=${1}_is_the_same_on_${2}_workers type=$1 n=$2
    shift 2
    if ! command -v mpirun >mpirun.path; then
        echo "SKIP $name: there is no mpirun"
    elif ! timeout 60 mpirun --oversubscribe -n "$n" "$souk" simulate --set env.type="$type" --users 50 \
        --trace 2 "$@" >together.txt 2>err </dev/null; then
        fail "$name" "$(head -c 300 err)"
    elif ! cmp -s alone.txt together.txt; then
        fail "$name" "$(diff alone.txt together.txt | head -n 5)"
    else
        ok "$name"
    fi
}

for type in interest_evolution interest_exploration long_term_satisfaction; do
    check "${type}_has_an_example" 0 "^$type: 50 users" out -c "$conf/$type.yaml" --users 50
    check "${type}_is_simulated" 0 '^greedy ' out --set env.type=$type --users 50 --trace 2
    mv out alone.txt
    for n in 2 3; do together $type $n; done
done

# ---- users whose mind is a model ----
if "$souk" data generate clicks -o clicks --users 400 --items 200 --samples 8000 --string-ids >out 2>err &&
    timeout 100 "$souk" train -c "$conf/din_demo.yaml" --set data.train=clicks/train.tsv --set data.titles= \
        --set data.test=clicks/test.tsv --set run.dir=din --set train.epochs=1 >out 2>err </dev/null; then
    ok a_model_of_clicks_is_trained
else
    fail a_model_of_clicks_is_trained "$(tail -n 3 err)"
fi
learned=(--set env.model=din --set env.leave_bored=0.2)
check learned_users_are_simulated 0 '^greedy ' out --set env.type=learned --users 50 --trace 2 "${learned[@]}"
mv out alone.txt
for n in 1 2; do together learned $n "${learned[@]}"; done
check learned_users_have_an_example 0 '^learned: 20 users' out -c "$conf/learned.yaml" --users 20 \
    --set env.model=din --set env.max_steps=5
check learned_items_have_their_names 0 ' item[0-9]* p0' out --set env.type=learned --users 5 --trace 5 "${learned[@]}"
check learned_users_hide_nothing 2 'hide nothing that an oracle could know' err --set env.type=learned \
    --users 5 --policies oracle "${learned[@]}"
check learned_users_need_a_model 2 'need the run.dir of a model of clicks' err --set env.type=learned
check learned_users_need_a_model_that_is_there 1 'nowhere' err --set env.type=learned --set env.model=nowhere
timeout 60 "$souk" learn-policy --set env.type=learned --set env.model=din --set policy.steps=3000 \
    --set policy.warmup=500 --set policy.num_users=32 --set policy.embedding=4 --set run.dir=policy >out 2>err </dev/null ||
    fail a_policy_is_learnt_from_them "$(tail -n 3 err)"
check a_policy_meets_learned_users 0 '^policy  *[0-9]' out --set env.type=learned --users 20 \
    --policies greedy,policy "${learned[@]}"

check a_trace_tells_what_was_shown 0 '^ *1 .*\[t[0-9]* q.*budget' out --users 9 --trace 9
check json_has_differences 0 '"difference":{"return":{"mean":' out --users 20 --json
check json_traces 0 '"shown":\["t' out --users 20 --json --trace 1
check a_picture_is_drawn 0 '^random ' out --users 20 --svg picture.svg
if grep -q '</svg>' picture.svg && grep -q '>oracle<' picture.svg; then
    ok the_picture_names_the_policies
else
    fail the_picture_names_the_policies "$(head -c 200 picture.svg)"
fi
check users_who_do_not_leave_are_cut 0 'random: 20 users were still there after 5 steps' out \
    --users 20 --set env.max_steps=5

check slates_beyond_the_candidates_are_refused 2 'slates of 3 cannot be made of 2' err \
    --set env.num_candidates=2
check unknown_users_are_refused 2 'did you mean "interest_evolution"' err --set env.type=intrest_evolution
check unknown_policies_are_refused 2 '"nobody" is none of random, greedy, oracle' err --policies nobody
check no_policy_is_refused 2 'an entry is empty' err --policies random,
check no_users_are_refused 2 'users must be' err --users 0
check a_slip_gets_advice 2 'did you mean --policies' err --polices random
exit $failed
