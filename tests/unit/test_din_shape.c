/* Tests of worker/model/din_shape and din_state: what a click model is made of, from the
 * configuration and from a saved model, which may be anybody's. */
#include <string.h>

#include "common/text/json_value.h"
#include "tests/support/cmocka.h"
#include "tests/support/temp.h"
#include "worker/model/din.h"

/* User, who is no feature, item and category; histories of items and categories. */
static void describe(struct sample_format *format)
{
    static const char *const names[] = {"item", "category"};
    memset(format, 0, sizeof *format);
    format->num_fields = format->num_tables = format->num_histories = 2;
    format->num_ids = 3;
    format->user = 2;
    format->item = 0;
    format->has_label = true;
    format->max_history = 50;
    strcpy(format->label, "label");
    strcpy(format->ids[2].name, "user");
    format->ids[2].table = SAMPLE_NO_TABLE;
    format->ids[2].kind = CONFIG_ID_INTEGER;
    for (uint32_t t = 0; t < 2; t++) {
        strcpy(format->tables[t].name, names[t]);
        strcpy(format->ids[t].name, names[t]);
        strcpy(format->histories[t].name, names[t]);
        format->ids[t].table = format->histories[t].table = t;
        format->tables[t].kind = format->ids[t].kind = format->histories[t].kind =
            CONFIG_ID_INTEGER;
        format->targets[t] = (int32_t)t;
    }
}

static souk_status make(const char *dim, const char *hidden, struct din_shape *shape)
{
    struct sample_format format;
    struct config config;
    describe(&format);
    config_init(&config);
    assert_int_equal(config_set(&config, dim), SOUK_OK);
    assert_int_equal(config_set(&config, hidden), SOUK_OK);
    souk_status status = din_shape_make(DIN_ATTENTION, &config, &format, shape);
    config_fini(&config);
    return status;
}

static void save(struct buf *out)
{
    struct sample_format format;
    struct din_shape shape;
    struct json json;
    describe(&format);
    assert_int_equal(make("model.dim=8", "model.hidden=20,10", &shape), SOUK_OK);
    json_init(&json, out);
    json_open(&json, '{');
    din_state_save(&shape, &format, &json);
    json_close(&json);
}

static souk_status load(const char *text, struct din_shape *shape, struct sample_format *format)
{
    void *json = NULL;
    assert_int_equal(json_value_parse(text, strlen(text), "state", &json), SOUK_OK);
    souk_status status = din_state_load(json, DIN_ATTENTION, shape, format);
    json_value_destroy(json);
    return status;
}

static void a_saved_shape_comes_back(void **state)
{
    (void)state;
    struct buf text = {0}, again = {0};
    struct din_shape shape;
    struct sample_format format;
    struct json json;
    save(&text);
    assert_int_equal(load(buf_text(&text), &shape, &format), SOUK_OK);
    assert_int_equal(shape.dim, 8);
    assert_int_equal(shape.num_pairs, 2);
    assert_int_equal(format.user, 2);
    json_init(&json, &again);
    json_open(&json, '{');
    din_state_save(&shape, &format, &json);
    json_close(&json);
    assert_string_equal(buf_text(&again), buf_text(&text));
    buf_fini(&text);
    buf_fini(&again);
}

/* Replaces the first `from` of a good state. */
static void assert_refused(const char *from, const char *to)
{
    struct buf good = {0}, bad = {0};
    struct din_shape shape;
    struct sample_format format;
    save(&good);
    const char *at = strstr(buf_text(&good), from);
    if (!at) fail_msg("no %s in %s", from, buf_text(&good));
    buf_add(&bad, buf_text(&good), (size_t)(at - buf_text(&good)));
    buf_printf(&bad, "%s%s", to, at + strlen(from));
    capture_log_begin();
    souk_status status = load(buf_text(&bad), &shape, &format);
    if (status != SOUK_EDATA) fail_msg("%s was taken", to);
    assert_non_null(strstr(capture_log_text(), "is not that of a click model"));
    capture_log_end();
    buf_fini(&good);
    buf_fini(&bad);
}

static void a_state_out_of_range_is_refused(void **state)
{
    (void)state;
    assert_refused("\"dim\":8", "\"dim\":0");
    assert_refused("\"dim\":8", "\"dim\":4294967304"); // 8, if cut to 32 bits
    assert_refused("\"max_history\":50", "\"max_history\":0");
    assert_refused("\"max_history\":50", "\"max_history\":4294967346");
    assert_refused("\"table\":0", "\"table\":2");
    assert_refused("\"table\":0", "\"table\":4294967296");
    assert_refused("\"table\":0", "\"table\":4294967295"); // none, and a feature
    assert_refused("\"target\":0", "\"target\":2");
    assert_refused("\"target\":0", "\"target\":-2");
    assert_refused("\"num_fields\":2", "\"num_fields\":4");
    assert_refused("\"num_fields\":2", "\"num_fields\":1");
    assert_refused("\"num_fields\":2", "\"num_fields\":4294967298");
    assert_refused("\"width\":20", "\"width\":0");
    assert_refused("\"width\":20", "\"width\":16385");
    assert_refused("\"dropout\":0", "\"dropout\":1");
    assert_refused("\"name\":\"item\"", "\"name\":\"\"");
}

/* The only id without a table is the user's. */
static void roles_have_their_columns(void **state)
{
    (void)state;
    assert_refused("\"user\":2", "\"user\":3");
    assert_refused("\"user\":2", "\"user\":-1");
    assert_refused("\"user\":2", "\"user\":1");
    assert_refused("\"item\":0", "\"item\":2");
    assert_refused("\"item\":0", "\"item\":-2");
}

#define WIDEST "16384,16384,16384,16384,16384,16384,16384,16384"

static void more_parameters_than_can_be_counted_are_refused(void **state)
{
    (void)state;
    struct din_shape shape;
    assert_int_equal(make("model.dim=16", "model.hidden=16384,16384,16384,16384", &shape), SOUK_OK);
    capture_log_begin();
    assert_int_equal(make("model.dim=4096", "model.hidden=" WIDEST, &shape), SOUK_ECONFIG);
    assert_non_null(strstr(capture_log_text(), "more than 1073741824 parameters"));
    capture_log_end();
    assert_refused("\"hidden\":[{\"width\":20}",
                   "\"hidden\":[{\"width\":16384},{\"width\":16384},{\"width\":16384},"
                   "{\"width\":16384},{\"width\":16384},{\"width\":16384}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_shape_comes_back),
        cmocka_unit_test(a_state_out_of_range_is_refused),
        cmocka_unit_test(roles_have_their_columns),
        cmocka_unit_test(more_parameters_than_can_be_counted_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
