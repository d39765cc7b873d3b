#!/bin/bash
# Clicks of a web shop, as somebody has them who starts with Souk: texts as ids, columns of other
# names, lists separated by | in a CSV file, no configuration but a few options.
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

# A customer likes one of four brands, which histories show; "Puma, Inc." is one id.
shop() { # SEED ROWS
    awk -v seed="$1" -v rows="$2" 'BEGIN {
        srand(seed)
        split("Nike|Puma, Inc.|Zoe & Co|Acme", brand, "|")
        print "bought,customer,product,brand,device,past_products,past_brands"
        for (row = 0; row < rows; row++) {
            user = int(rand() * 90)
            liked = user % 4 + 1
            products = brands = ""
            for (i = 0; i < user % 6; i++) {
                products = products (i ? "|" : "") "SKU-" (liked + 4 * ((user + i) % 10))
                brands = brands (i ? "|" : "") brand[liked]
            }
            item = int(rand() * 40) + 1
            of = (item - 1) % 4 + 1
            printf "%d,c%d@shop,SKU-%d,\"%s\",%s,%s,\"%s\"\n",
                rand() < (of == liked && user % 6 > 0 ? 0.8 : 0.1), user, item, brand[of],
                rand() < 0.5 ? "phone" : "tablet", products, brands
        }
    }'
}
shop 1 6000 >train.csv
shop 2 800 >test.csv

columns=(--set data.label=bought --set "features.fields=customer,product,brand,device"
    --set "features.histories=past_products:product,past_brands:brand")
train() { # DIR [OPTION...]
    local dir=$1
    shift
    timeout 60 "$souk" train --set run.dir="$dir" --set model.type=din --set model.dim=6 \
        --set model.attention=12,6 --set model.hidden=16,8 --set train.epochs=3 \
        --set train.batch_size=32 --set data.train=train.csv "${columns[@]}" "$@"
}

# ---- what is inferred ----

check lists_of_texts_are_cut_where_they_may_be 0 'lists  *separated by |' out \
    "$souk" data inspect train.csv "${columns[@]}"
check a_run_without_a_rate_learns 0 '^test  *auc 0\.[89]' out train run --set data.test=test.csv
check its_rate_is_that_of_dense_layers 0 '"type":"din"' out \
    "$souk" evaluate -m run --data test.csv --json
same the_rate_stands_in_the_run 'train.lr 0.001' \
    "$(awk '/^train:/ {is_train = 1} is_train && $1 == "lr:" {print "train.lr " $2; exit}' \
        run/config.yaml)"
check ratings_keep_their_rate 0 '^  lr: 0.1' out "$souk" config show
check a_rate_that_is_told_stays 0 '^  lr: 0.02' out \
    "$souk" config show --set model.type=din --set train.lr=0.02
for default in mf:20 din:2 base:3 ncf:3; do
    check "epochs_of_${default%:*}_have_a_default" 0 "^  epochs: ${default#*:}$" out \
        "$souk" config show --set model.type="${default%:*}"
done
check epochs_that_are_told_stay 0 '^  epochs: 20$' out \
    "$souk" config show --set model.type=din --set train.epochs=20
check a_slip_in_a_table_is_warned_of 0 'past_products.*no field; did you mean "product"' err \
    "$souk" data inspect train.csv "${columns[@]}" \
    --set features.histories=past_products:produkt,past_brands:brand
check lists_cut_in_the_wrong_place_are_explained 3 'cut at ",", see features.separator' err \
    train wrong --set features.separator=comma
check tables_are_listed 2 'tables.user: .* it has: customer, product, brand, device' err \
    train wrong --set tables.user.lr=0.05

# ---- predictions ----

awk 'NR == 1 || !/\|/' test.csv >short.csv
grep '|' test.csv | head -n 5 >>short.csv
"$souk" predict -m run --data short.csv --set 'features.separator=|' >told 2>/dev/null
check rows_with_one_behaviour_say_no_less_of_the_separator 0 '^user,item' out \
    "$souk" predict -m run --data short.csv
same the_separator_is_that_of_the_model "$(cat told)" "$(cat out)"
{ head -n 1 test.csv; echo '1,c1@shop,SKU-1,Acme,watch,,'; echo '1,c1@shop,SKU-1,Acme,phone,x,Acme'
    echo '1,c1@shop,SKU-1,Acme,phone,SKU-1,Acme'; } >cold.csv
check ids_of_other_fields_and_histories_are_counted 0 \
    '^3 rows; 0 with a user and 0 with an item.*, 2 with such an id in another field or a history' \
    err "$souk" predict -m run --data cold.csv
check rows_that_are_known_are_only_counted 0 '^800 rows$' err \
    "$souk" predict -m run --data test.csv

# ---- the end of the data ----

check nothing_to_train_on_is_an_error 3 'nothing to train on: .*lower data.valid_share' err \
    train none --set data.valid_share=0.9999999
if [ -e none/model/manifest.json ]; then fail no_model_of_nothing "none/model is there"; fi
check nothing_held_out_is_explained 3 'validation data has no samples.*raise data.valid_share' err \
    train none --set data.valid_share=0.0000001

# ---- going on where nothing is left ----

early=(--set data.valid_share=0.2 --set train.patience=1 --set train.epochs=40
    --set train.lr=0.02)
check a_run_stops_early 0 '^validation  *auc 0\.' out train early "${early[@]}"
grep '^validation' out >first
cp out out.kept
check it_says_so 0 '^stopped    early, after epoch [0-9]* of 40: no better validation auc than that of epoch [0-9]*$' \
    out cat out.kept
check so_does_its_result 0 '"best_epoch":[0-9]*,"stopped_early":true,' out cat early/result.json
check a_run_of_all_epochs_did_not 0 '"stopped_early":false,' out cat run/result.json
cp early/result.json result.kept
check nothing_is_left_after_patience 0 'nothing is left to train: .*by train.patience' err \
    train early "${early[@]}" --resume
cp out resumed
same figures_of_the_best_epoch_come_back "$(cat first)" "$(grep '^validation' out)"
same the_result_stays "$(cat result.kept)" "$(cat early/result.json)"
check the_end_says_what_to_raise 0 '^training   was complete: .*raise train.patience to go on$' out \
    cat resumed
rm early/result.json
check a_result_that_is_missing_is_written 0 '"stopped_early":true' early/result.json \
    train early "${early[@]}" --resume
cp run/result.json result.kept
check nothing_is_left_after_all_epochs 0 'nothing is left to train: .*after epoch 3, by train.epochs' \
    err train run --resume
same its_result_stays_too "$(cat result.kept)" "$(cat run/result.json)"
check more_epochs_make_a_new_result 0 '"epochs":4,.*"samples":6000,' run/result.json \
    train run --set train.epochs=4 --resume

printf 'u,i,c,t\na,x,1,1\na,y,1,2\na,,1,3\n' >log.csv
check a_bad_row_of_a_log_names_its_own_option 3 'log.csv:4: .*set --max-bad-rows' err \
    "$souk" data build-histories log.csv --user u --item i -o samples
printf 'customer,sku,day\na,x,1\na,y,2\na,z,3\nb,w,1\n' >log.csv
check a_time_that_is_not_found_is_said 0 'in the order of the file (--time names' out \
    "$souk" data build-histories log.csv --item sku -o samples

if [ "$failed" = 0 ]; then ok all; fi
exit $failed
