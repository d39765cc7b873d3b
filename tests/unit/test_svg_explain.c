/* Pictures of explanations: well-formed whatever the titles are, and everything is in them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/xml.h"
#include "worker/report/svg_explain.h"

enum { MANY = 50 };
#define LONG_TITLE "A <title> that goes on & on, and is much too long for the room beside the bars"

static const char *const TITLES[] = {"Alien (1979)",      LONG_TITLE, "七人の侍",
                                     "Сталкер (1979)",    "قهوة",     "😀 Inside \"Out\"",
                                     "bad \xff byte \x01"};
enum { NUM_TITLES = sizeof TITLES / sizeof *TITLES };

struct drawn {
    const char *labels[MANY], *details[MANY];
    float weights[MANY], changes[MANY];
    struct click_explanation explanation;
    struct buf text;
};

static void draw(struct drawn *drawn, uint32_t n, bool has_weights)
{
    struct rank_correlation number = {-0.25, NULL};
    struct rank_correlation none = {NAN, "fewer than two values"};
    for (uint32_t i = 0; i < n; i++) {
        drawn->labels[i] = TITLES[(i + 1) % NUM_TITLES];
        drawn->details[i] = i % 3 ? "8" : "a category with a long name";
        drawn->weights[i] = (float)(i + 1) / (float)(n * (n + 1) / 2);
        drawn->changes[i] = sinf((float)i * 1.7f) * 0.4f - 0.1f;
    }
    drawn->explanation = (struct click_explanation){.logit = 1.25,
                                                    .probability = 0.7773,
                                                    .num_behaviours = n,
                                                    .weights = has_weights ? drawn->weights : NULL,
                                                    .changes = drawn->changes,
                                                    .with_changes = n > 1 ? number : none,
                                                    .with_sizes = n > 1 ? number : none};
    struct explained explained = {.user = "<ann>",
                                  .item = "item 402: " LONG_TITLE ", 七人の侍 and so on to the end",
                                  .labels = drawn->labels,
                                  .details = has_weights ? drawn->details : NULL,
                                  .detail_name = "category",
                                  .explanation = &drawn->explanation};
    buf_clear(&drawn->text);
    svg_explain(&explained, &drawn->text);
    const char *fault = xml_fault(buf_text(&drawn->text));
    if (fault) fail_msg("%u behaviours: %s", n, fault);
}

static void keep_for_eyes(const struct drawn *drawn, const char *name)
{
    const char *dir = getenv("KEEP_PICTURES");
    if (!dir) return;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, buf_text(&drawn->text), drawn->text.length), 0);
}

static void every_behaviour_has_its_bars_and_its_title(void **state)
{
    (void)state;
    struct drawn drawn = {.text = {0}};
    static const uint32_t lengths[] = {0, 1, 5, MANY};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[64];
        draw(&drawn, lengths[i], true);
        snprintf(name, sizeof name, "explain%u.svg", lengths[i]);
        keep_for_eyes(&drawn, name);
        assert_int_equal(count_text(buf_text(&drawn.text), "<rect"), 1 + 2 * lengths[i]);
        assert_non_null(strstr(buf_text(&drawn.text), "probability of a click 0.777, logit 1.250"));
        assert_non_null(strstr(buf_text(&drawn.text), "for user &lt;ann&gt;"));
    }
    assert_non_null(strstr(buf_text(&drawn.text), "七人の侍"));
    assert_non_null(strstr(buf_text(&drawn.text), "a category with a long name"));
    assert_null(strstr(buf_text(&drawn.text), "A <title>"));
    buf_fini(&drawn.text);
}

static void a_model_without_attention_has_changes_only(void **state)
{
    (void)state;
    struct drawn drawn = {.text = {0}};
    draw(&drawn, 5, false);
    keep_for_eyes(&drawn, "explain_base.svg");
    assert_int_equal(count_text(buf_text(&drawn.text), "<rect"), 1 + 5);
    assert_null(strstr(buf_text(&drawn.text), "attention weight"));
    assert_non_null(strstr(buf_text(&drawn.text), "the model has no attention"));
    buf_fini(&drawn.text);
}

static void an_undefined_correlation_is_said_in_words(void **state)
{
    (void)state;
    struct drawn drawn = {.text = {0}};
    draw(&drawn, 1, true);
    assert_non_null(strstr(buf_text(&drawn.text), "undefined (fewer than two values)"));
    draw(&drawn, 2, true);
    assert_non_null(strstr(buf_text(&drawn.text), "with change -0.250, with its size -0.250"));
    buf_fini(&drawn.text);
}

static void bars_that_are_all_nothing_are_drawn_too(void **state)
{
    (void)state;
    struct drawn drawn = {.text = {0}};
    draw(&drawn, 3, true);
    memset(drawn.changes, 0, sizeof drawn.changes);
    memset(drawn.weights, 0, sizeof drawn.weights);
    struct explained explained = {
        .user = "1", .item = "2", .labels = drawn.labels, .explanation = &drawn.explanation};
    buf_clear(&drawn.text);
    svg_explain(&explained, &drawn.text);
    assert_null(xml_fault(buf_text(&drawn.text)));
    assert_null(strstr(buf_text(&drawn.text), "nan"));
    buf_fini(&drawn.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_behaviour_has_its_bars_and_its_title),
        cmocka_unit_test(a_model_without_attention_has_changes_only),
        cmocka_unit_test(an_undefined_correlation_is_said_in_words),
        cmocka_unit_test(bars_that_are_all_nothing_are_drawn_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
