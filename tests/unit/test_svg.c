/* Pictures: well-formed whatever the labels are, everything that a reader needs is in them. What a
 * small heat map looks like is pinned by tests/golden/heatmap.svg and heatmap.txt, which were
 * looked at; after a wanted change `UPDATE_GOLDEN=1 build/tests/unit/test_svg` writes them again.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/cmocka.h"
#include "tests/support/xml.h"
#include "worker/report/color.h"
#include "worker/report/svg.h"
#include "worker/report/svg_calibration.h"

static const char *const users[] = {"ann", "bob"};
#define LONG_TITLE "A <title> that is much too long for the room above a column of cells"
static const char *const items[] = {"First", "Second & third", LONG_TITLE};
static const float values[] = {1.0f, 2.5f, 3.0f, 4.25f, 5.0f, 3.5f};
static const uint8_t is_observed[] = {1, 0, 0, 0, 1, 0}, is_unknown[] = {0, 0, 1, 0, 0, 1};
static const float observed[] = {1.5f, NAN, NAN, NAN, 5.0f, NAN};

static struct heatmap small_map(void)
{
    return (struct heatmap){.title = "Predicted ratings",
                            .row_axis = "user",
                            .column_axis = "item",
                            .value_name = "predicted rating",
                            .num_rows = 2,
                            .num_columns = 3,
                            .row_labels = users,
                            .column_labels = items,
                            .values = values,
                            .is_observed = is_observed,
                            .observed = observed,
                            .is_unknown = is_unknown};
}

static void check_golden(const char *path, const struct buf *text)
{
    char *golden;
    size_t length;
    if (getenv("UPDATE_GOLDEN"))
        assert_int_equal(file_write_atomic(path, buf_text(text), text->length), 0);
    assert_int_equal(file_read(path, 1 << 20, &golden, &length), 0);
    assert_string_equal(buf_text(text), golden);
    mem_free(golden);
}

static void faults_of_xml_are_found(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "<a>",
                                      "<a></b>",
                                      "<a/>x",
                                      "<a><b/></a><c></c>",
                                      "<a b=c></a>",
                                      "<a b=\"<\"></a>",
                                      "<a>&x;</a>",
                                      "<a>\x01</a>",
                                      "<a>&</a>"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_non_null(xml_fault(bad[i]));
    assert_null(xml_fault("<a b=\"1\"><c d=\"&amp;\"/>t&#10;x</a>\n"));
}

static void a_heat_map_looks_as_it_did(void **state)
{
    (void)state;
    struct buf text = {0};
    struct heatmap map = small_map();
    svg_heatmap(&map, &text);
    assert_null(xml_fault(buf_text(&text)));
    check_golden("tests/golden/heatmap.svg", &text);
    buf_fini(&text);
}

static void a_heat_map_says_what_it_shows(void **state)
{
    (void)state;
    struct buf text = {0};
    struct heatmap map = small_map();
    svg_heatmap(&map, &text);
    const char *svg = buf_text(&text);
    // Two outlined cells and the legend, a dark and a light line each.
    assert_int_equal(count_text(svg, "stroke=\"#111111\""), 3);
    assert_int_equal(count_text(svg, "stroke=\"#ffffff\""), 3);
    assert_int_equal(count_text(svg, "fill=\"url(#unknown)\""), 3); // two cells and the legend
    assert_int_equal(count_text(svg, "rated in the training data"), 1);
    assert_int_equal(count_text(svg, "user or item never seen in training"), 1);
    assert_int_equal(
        count_text(svg, "bob · Second &amp; third&#10;predicted rating 5.00, rated 5<"), 1);
    // A label that is cut has all of its text as a tool tip.
    assert_int_equal(count_text(svg, "…<title>A &lt;title&gt; that is much too long for the room "
                                     "above a column of cells</title></text>"),
                     1);
    assert_int_equal(count_text(svg, "fill=\"#440154\""), 1); // the lowest value; unknown ones have
    assert_int_equal(count_text(svg, "fill=\"#fde725\""), 1); // no colour, also not the highest
    buf_fini(&text);
}

static void marks_that_no_cell_has_are_not_explained(void **state)
{
    (void)state;
    static const uint8_t none[6];
    struct buf text = {0};
    struct heatmap map = small_map();
    map.is_observed = map.is_unknown = none;
    svg_heatmap(&map, &text);
    assert_null(strstr(buf_text(&text), "rated in the training data"));
    assert_null(strstr(buf_text(&text), "never seen in training"));
    buf_fini(&text);
}

static void any_label_and_any_value_make_well_formed_pictures(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "",
        "<script>alert(1)</script>",
        "\"quoted\" 'twice'",
        "\x01\x02\x1b[31m",
        "\xff\xfe\x80",
        "\xEF\xBF\xBF",
        "]]>&#x0;&undefined;",
        "\xf0\x9f\x8e\xac film",
    };
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.0f, 1e-30f, 7.0f};
    struct heatmap map = {.title = labels[1],
                          .row_axis = labels[2],
                          .column_axis = labels[3],
                          .value_name = labels[4],
                          .row_labels = labels,
                          .column_labels = labels};
    float cells[64];
    for (uint32_t n = 0; n <= 8; n++) {
        for (uint32_t i = 0; i < 64; i++) cells[i] = odd[(i * 5 + n) % 8];
        struct buf text = {0};
        map.num_rows = map.num_columns = n;
        map.values = cells;
        svg_heatmap(&map, &text);
        assert_null(xml_fault(buf_text(&text)));
        assert_null(strstr(buf_text(&text), "nan"));
        assert_null(strstr(buf_text(&text), "inf"));
        assert_null(strstr(buf_text(&text), "<script"));
        buf_clear(&text);
        terminal_heatmap(&map, n % 2, 20 * n, &text);
        assert_null(strstr(buf_text(&text), "\033[31m"));
        buf_fini(&text);
    }
}

static void equal_values_have_a_range_too(void **state)
{
    (void)state;
    static const float same[] = {3.0f, 3.0f, 3.0f, 3.0f, 3.0f, 3.0f};
    struct buf text = {0};
    struct heatmap map = small_map();
    map.values = same;
    map.is_unknown = NULL;
    svg_heatmap(&map, &text);
    assert_null(xml_fault(buf_text(&text)));
    assert_int_equal(count_text(buf_text(&text), "fill=\"#21918c\""), 6); // the middle of the ramp
    buf_fini(&text);
}

static void terminal_maps_look_as_they_did(void **state)
{
    (void)state;
    struct buf text = {0};
    struct heatmap map = small_map();
    terminal_heatmap(&map, false, 80, &text);
    terminal_heatmap(&map, true, 80, &text);
    terminal_heatmap(&map, false, 20, &text);
    check_golden("tests/golden/heatmap.txt", &text);
    buf_fini(&text);
}

static void ramp_goes_from_dark_to_light(void **state)
{
    (void)state;
    double last = -1.0;
    for (int i = 0; i <= 100; i++) {
        struct color color = color_ramp(i / 100.0);
        double light = 0.2126 * color.red + 0.7152 * color.green + 0.0722 * color.blue;
        assert_true(light > last);
        last = light;
    }
    assert_true(color_needs_white_text(color_ramp(0.0)));
    assert_false(color_needs_white_text(color_ramp(1.0)));
    assert_int_equal(color_ramp(NAN).red, color_ramp(0.0).red);
    assert_int_equal(color_to_256((struct color){255, 255, 255}), 231);
    assert_int_equal(color_to_256((struct color){0, 0, 0}), 16);
}

static struct svg_plot plot_of(const struct svg_curve *curves, uint32_t num_curves)
{
    return (struct svg_plot){.title = "RMSE by epoch",
                             .x_axis = "epoch",
                             .y_axis = "RMSE",
                             .curves = curves,
                             .num_curves = num_curves,
                             .marker_x = NAN};
}

static void a_plot_has_curves_ticks_and_a_marker(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4, 5}, y[] = {1.0, 0.8, NAN, 0.72, 0.75};
    struct svg_curve curves[] = {{"training", x, y, 5}, {"validation <1>", x, x, 5}};
    struct svg_plot plot = plot_of(curves, 2);
    plot.marker_x = 4;
    plot.marker_name = "best epoch";
    struct buf text = {0};
    svg_plot(&plot, &text);
    const char *svg = buf_text(&text);
    assert_null(xml_fault(svg));
    assert_int_equal(count_text(svg, "<path"), 2);
    assert_int_equal(count_text(svg, "<circle"), 9); // the missing point has no dot
    assert_int_equal(count_text(svg, "stroke-dasharray"), 1);
    assert_int_equal(count_text(svg, ">best epoch<"), 1);
    assert_int_equal(count_text(svg, "training at 4: 0.72"), 1);
    const char *path = strstr(svg, " d=\"M");
    assert_int_equal(count_text(path, "M"), 3); // a new line behind the gap, and the other curve
    buf_fini(&text);
}

static void plots_of_little_are_well_formed(void **state)
{
    (void)state;
    static const double x[] = {3}, y[] = {0.5}, none[] = {NAN}, huge[] = {1e300};
    struct svg_curve curves[] = {{"one", x, y, 1}, {"none", none, none, 1}, {"huge", x, huge, 1}};
    for (uint32_t first = 0; first < 3; first++) {
        for (uint32_t num = 0; first + num <= 3; num++) {
            struct buf text = {0};
            struct svg_plot plot = plot_of(curves + first, num);
            svg_plot(&plot, &text);
            assert_null(xml_fault(buf_text(&text)));
            assert_null(strstr(buf_text(&text), "nan"));
            buf_fini(&text);
        }
    }
}

static void a_calibration_has_a_dot_and_an_interval_a_bin(void **state)
{
    (void)state;
    const struct click_figures figures = {
        .num_samples = 300,
        .calibration = 1.25,
        .num_bins = 3,
        .bins = {{100, 0.1, 0.0}, {100, 0.3, 0.25}, {100, 0.6, 0.55}}};
    struct buf text = {0};
    svg_calibration(&figures, &text);
    const char *svg = buf_text(&text);
    assert_null(xml_fault(svg));
    assert_int_equal(count_text(svg, "<circle"), 3); // the reference has none
    assert_int_equal(count_text(svg, "stroke-opacity"), 3);
    assert_int_equal(count_text(svg, "<path"), 2);
    assert_int_equal(count_text(svg, "at 0.3: 0.25"), 1);
    assert_non_null(strstr(svg, "observed clicks 1.250<"));
    buf_fini(&text);
}

static void a_calibration_of_nothing_is_well_formed(void **state)
{
    (void)state;
    const struct click_figures figures = {.calibration = NAN};
    struct buf text = {0};
    svg_calibration(&figures, &text);
    assert_null(xml_fault(buf_text(&text)));
    assert_null(strstr(buf_text(&text), "nan"));
    assert_null(strstr(buf_text(&text), "inf"));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_of_xml_are_found),
        cmocka_unit_test(a_heat_map_looks_as_it_did),
        cmocka_unit_test(a_heat_map_says_what_it_shows),
        cmocka_unit_test(marks_that_no_cell_has_are_not_explained),
        cmocka_unit_test(any_label_and_any_value_make_well_formed_pictures),
        cmocka_unit_test(equal_values_have_a_range_too),
        cmocka_unit_test(terminal_maps_look_as_they_did),
        cmocka_unit_test(ramp_goes_from_dark_to_light),
        cmocka_unit_test(a_plot_has_curves_ticks_and_a_marker),
        cmocka_unit_test(plots_of_little_are_well_formed),
        cmocka_unit_test(a_calibration_has_a_dot_and_an_interval_a_bin),
        cmocka_unit_test(a_calibration_of_nothing_is_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
