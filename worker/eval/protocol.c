/* protocol.c - see protocol.h. */
#include "worker/eval/protocol.h"

static const char one_group[] = "all rows are of one user, or no column says whose they are: gauc "
                                "is auc, hr, ndcg and mrr are of "
                                "all rows as one list";

static void add_clicks(const struct click_figures *clicks, const char *separator, struct buf *out)
{
    static const char *const statements[] = {
        "each row once, over all workers; rows of the tables as fp32",
        "auc: over all pairs of a click and another row, equal scores count half",
        "gauc: mean of the users' aucs, weighted by their rows",
        "users with rows of one class only (groups_one_class) are left out of gauc, hr, ndcg, mrr",
        "a user's candidates are its rows in the data; equal scores: mean over their orders",
        "ndcg with gains 0 and 1; mrr of a user's first click; all three are means over users",
        "normalised_entropy: log_loss over the entropy of base_rate",
        "calibration: predicted clicks over observed ones",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        buf_printf(out, "%s%s", statements[i], separator);
    if (clicks->num_groups == 1) buf_printf(out, "%s%s", one_group, separator);
    buf_printf(out, "hr@%u: users with a click among their first %u%s", clicks->k, clicks->k,
               separator);
    buf_printf(out, "log_loss: natural logarithm, scores within %g..1-%g%s", CLICK_CLAMP,
               CLICK_CLAMP, separator);
    buf_printf(out,
               "calibration_error: mean |predicted - observed| over %d bins of equal size, equal "
               "scores together",
               CLICK_BINS);
}

void protocol_add(const struct evaluation *evaluation, const char *separator, struct buf *out)
{
    if (evaluation->clicks.k > 0)
        add_clicks(&evaluation->clicks, separator, out);
    else
        buf_add_text(out, "each row once, as it is in the file; rows of the tables as fp32; "
                          "unknown users and items are scored by the mean and the known biases, "
                          "and count");
}

void protocol_add_short(const struct evaluation *evaluation, const char *separator, struct buf *out)
{
    if (evaluation->clicks.k == 0) {
        protocol_add(evaluation, separator, out);
        return;
    }
    buf_printf(out, "each row once, over all workers; equal scores count half%s", separator);
    if (evaluation->clicks.num_groups == 1)
        buf_add_text(out, one_group);
    else
        buf_add_text(out, "gauc, hr, ndcg, mrr: users with rows of one class only are left out");
}
