/* test_svg_forest.c - forest plots: well-formed, whatever the names and the widths. */
#include "worker/report/svg_forest.h"

#include <math.h>
#include <string.h>

#include "tests/support/cmocka.h"
#include "tests/support/xml.h"

static const struct svg_forest_row rows[] = {
    {.name = "dr", .value = 0.8, .lower = 0.7, .upper = 0.9, .is_main = true},
    {.name = "ipw", .value = 0.7, .lower = 0.5, .upper = 0.9},
    {.name = "a <b> & \"c\"", .value = 0.75, .lower = NAN, .upper = NAN},
    {.name = "replay", .value = NAN, .lower = NAN, .upper = NAN, .undefined = "no <match>"},
    {.name = "wild", .value = 0.72, .lower = -40, .upper = 50},
};

static struct svg_forest forest_of(uint32_t num_rows)
{
    return (struct svg_forest){.title = "Value & verdict",
                               .subtitle = "5 rounds",
                               .axis = "mean reward",
                               .rows = rows,
                               .num_rows = num_rows,
                               .reference = {"logging policy", 0.6, 0.55, 0.65, NULL, false}};
}

static void a_picture_is_well_formed_and_has_all_rows(void **state)
{
    (void)state;
    struct svg_forest forest = forest_of(4);
    struct buf out = {0};
    svg_forest(&forest, &out);
    assert_null(xml_fault(buf_text(&out)));
    assert_int_equal(count_text(out.text, "<circle"), 3);
    assert_int_equal(count_text(out.text, "<path"), 0);     // no arrows
    assert_int_equal(count_text(out.text, "&lt;b&gt;"), 2); // the name, and its tool tip
    assert_non_null(strstr(out.text, "undefined: no &lt;match&gt;"));
    assert_non_null(strstr(out.text, "0.8 (0.7, 0.9)"));
    assert_null(strstr(out.text, "nan"));
    buf_fini(&out);
}

static void an_interval_beyond_the_frame_ends_in_arrows(void **state)
{
    (void)state;
    struct svg_forest forest = forest_of(5);
    struct buf out = {0};
    svg_forest(&forest, &out);
    assert_null(xml_fault(buf_text(&out)));
    assert_int_equal(count_text(out.text, "<path"), 2);
    buf_fini(&out);
}

static void a_picture_without_anything_to_draw_is_well_formed(void **state)
{
    (void)state;
    const struct svg_forest_row undefined = {"ipw", NAN, NAN, NAN, "no support", true};
    struct svg_forest forest = forest_of(0);
    struct buf out = {0};
    svg_forest(&forest, &out);
    assert_null(xml_fault(buf_text(&out)));
    buf_clear(&out);
    forest.rows = &undefined;
    forest.num_rows = 1;
    forest.reference.value = NAN;
    svg_forest(&forest, &out);
    assert_null(xml_fault(buf_text(&out)));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_well_formed_and_has_all_rows),
        cmocka_unit_test(an_interval_beyond_the_frame_ends_in_arrows),
        cmocka_unit_test(a_picture_without_anything_to_draw_is_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
