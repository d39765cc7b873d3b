/* verbs.c - the table of verbs. See verb.h. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "worker/cli/verb.h"

// In the order of `souk help`.
static const struct verb *const verbs[] = {
    &verb_train,        &verb_evaluate,      &verb_predict,
    &verb_recommend,    &verb_explain,       &verb_heatmap,
    &verb_data_inspect, &verb_data_generate, &verb_data_build_histories,
    &verb_config_show,  &verb_config_check,  &verb_config_doc,
    &verb_learn_policy, &verb_simulate,      &verb_ope,
};
enum { NUM_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

// How many words of argv are the verb's name, 0 when it is another.
static int count_words(const struct verb *verb, int argc, char **argv)
{
    const char *name = verb->name;
    for (int i = 0; i < argc; i++) {
        size_t length = strcspn(name, " ");
        if (strlen(argv[i]) != length || memcmp(name, argv[i], length) != 0) return 0;
        if (name[length] == '\0') return i + 1;
        name += length + 1;
    }
    return 0;
}

const struct verb *verb_find(int argc, char **argv, int *num_words_out)
{
    for (unsigned i = 0; i < NUM_VERBS; i++) {
        int num_words = count_words(verbs[i], argc, argv);
        if (num_words == 0) continue;
        *num_words_out = num_words;
        return verbs[i];
    }
    return NULL;
}

// Whether the name of a verb is two words and the first is this one.
static bool is_in_group(const struct verb *verb, const char *first)
{
    size_t length = strlen(first);
    return strncmp(verb->name, first, length) == 0 && verb->name[length] == ' ';
}

// The verbs of two words whose first is this one: "souk config show, souk config check"; false when
// there are none.
static bool list_second_words(const char *first, struct buf *out)
{
    for (unsigned i = 0; i < NUM_VERBS; i++) {
        if (!is_in_group(verbs[i], first)) continue;
        buf_printf(out, "%ssouk %s", out->length ? ", " : "", verbs[i]->name);
    }
    return out->length > 0;
}

souk_status verb_fail_unknown(int argc, char **argv)
{
    const char *names[NUM_VERBS], *nearest;
    struct buf words = {0}, list = {0};
    for (unsigned i = 0; i < NUM_VERBS; i++) names[i] = verbs[i]->name;
    bool has_second = argc > 1 && argv[1][0] != '-';
    buf_printf(&words, "%s%s%s", argv[0], has_second ? " " : "", has_second ? argv[1] : "");

    nearest = text_nearest(words.text, names, NUM_VERBS);
    if (!nearest) nearest = text_nearest(argv[0], names, NUM_VERBS);
    souk_status status;
    if (list_second_words(argv[0], &list) && (!nearest || !has_second))
        status = log_fail(SOUK_EUSAGE, "\"%s\" is not a verb; there are %s", words.text, list.text);
    else if (nearest)
        status = log_fail(SOUK_EUSAGE, "\"%s\" is not a verb; did you mean \"%s\"?", words.text,
                          nearest);
    else
        status = log_fail(SOUK_EUSAGE, "\"%s\" is not a verb; souk help lists them", argv[0]);
    buf_fini(&words);
    buf_fini(&list);
    return status;
}

void verb_print_overview(void)
{
    printf("usage: souk VERB [options]\n\n");
    for (unsigned i = 0; i < NUM_VERBS; i++)
        printf("  %-21s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\n  souk VERB --help     all about a verb\n"
           "  souk help KEY        options of configurations, such as: souk help train.\n"
           "  souk --version       the version\n");
}

bool verb_print_group(const char *first)
{
    bool has_any = false;
    for (unsigned i = 0; i < NUM_VERBS; i++) {
        if (!is_in_group(verbs[i], first)) continue;
        if (!has_any) printf("usage: souk %s VERB [options]\n\n", first);
        printf("  %-15s %s\n", verbs[i]->name, verbs[i]->summary);
        has_any = true;
    }
    if (has_any) printf("\n  souk %s VERB --help     all about a verb\n", first);
    return has_any;
}
