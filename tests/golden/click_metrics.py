#!/usr/bin/env python3
"""Figures of clicks by definition, for tests/unit/test_click_metrics.c.

    tests/golden/click_metrics.py > tests/golden/click_metrics.inc

AUC compares all pairs; hit rate, NDCG and MRR are means over every order of equal scores, one by
one; nothing is shared with the C code but the definitions in click_metrics.h.
"""
import itertools
import math
import random
import struct

BINS = 20


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def auc(rows):
    clicks = [s for _, s, y in rows if y]
    others = [s for _, s, y in rows if not y]
    if not clicks or not others:
        return None
    wins = sum((c > o) + 0.5 * (c == o) for c in clicks for o in others)
    return wins / len(clicks) / len(others)


def orders(rows):
    """All orders, best score first, in which equal scores may stand."""
    scores = sorted({s for _, s, _ in rows}, reverse=True)
    runs = [[y for _, s, y in rows if s == score] for score in scores]
    for choice in itertools.product(*(list(itertools.permutations(run)) for run in runs)):
        yield [y for run in choice for y in run]


def ranking(rows, k):
    hits = ndcg = mrr = count = 0
    for labels in orders(rows):
        best = sorted(labels, reverse=True)
        gain = sum(y / math.log2(i + 2) for i, y in enumerate(labels[:k]))
        ideal = sum(y / math.log2(i + 2) for i, y in enumerate(best[:k]))
        hits += any(labels[:k])
        ndcg += gain / ideal
        mrr += 1 / (labels.index(1) + 1)
        count += 1
    return hits / count, ndcg / count, mrr / count


def bins(rows):
    """Of n / BINS samples and more, as few as equal scores allow."""
    n, out, seen, bin_rows = len(rows), [], 0, []
    for score in sorted({s for _, s, _ in rows}):
        run = [r for r in rows if r[1] == score]
        before, seen = seen * BINS // n, seen + len(run)
        bin_rows += run
        if seen * BINS // n > before:
            out.append(bin_rows)
            bin_rows = []
    return out


def figures(rows, k):
    n, clicks = len(rows), sum(y for _, _, y in rows)
    clamp = [min(max(s, 1e-7), 1 - 1e-7) for _, s, _ in rows]
    loss = -sum(math.log(p) if y else math.log(1 - p) for p, (_, _, y) in zip(clamp, rows)) / n
    rate = clicks / n
    groups = [[r for r in rows if r[0] == g] for g in sorted({g for g, _, _ in rows})]
    mixed = [g for g in groups if auc(g) is not None]
    ranked = [ranking(g, k) for g in mixed]
    error = sum(abs(sum(s - y for _, s, y in b)) for b in bins(rows)) / n
    return {
        "num_clicks": clicks,
        "auc": auc(rows),
        "log_loss": loss,
        "normalised_entropy": loss / -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate)),
        "calibration": sum(s for _, s, _ in rows) / clicks,
        "calibration_error": error,
        "num_bins": len(bins(rows)),
        "num_groups": len(groups),
        "num_groups_one_class": len(groups) - len(mixed),
        "num_groups_over_k": sum(len(g) > k for g in mixed),
        "gauc": sum(auc(g) * len(g) for g in mixed) / sum(len(g) for g in mixed),
        "hit_rate": sum(r[0] for r in ranked) / len(ranked),
        "ndcg": sum(r[1] for r in ranked) / len(ranked),
        "mrr": sum(r[2] for r in ranked) / len(ranked),
    }


def main():
    random.seed(5)
    sizes = {3: 7, 2**63 + 5: 9, 12: 1, 77: 4, 2**40: 8, 5: 3}  # 5: no clicks
    rows = [(g, f32(random.randrange(6) / 8 + (random.randrange(3) == 0) / 64),
             int(g != 5 and random.random() < 0.2)) for g, size in sizes.items() for _ in range(size)]
    rows[0] = (rows[0][0], 0.0, 1)  # the clamp is needed
    random.shuffle(rows)
    print("/* Written by tests/golden/click_metrics.py. */\n// clang-format off")
    print("static const uint64_t golden_groups[] = {%s};" % ", ".join("%du" % r[0] for r in rows))
    print("static const float golden_scores[] = {%s};" % ", ".join("%.9ff" % r[1] for r in rows))
    print("static const uint8_t golden_labels[] = {%s};" % ", ".join(str(r[2]) for r in rows))
    print("static const struct click_figures golden_figures[] = {")
    for k in 1, 3, 5, 10:
        fields = ", ".join(".%s = %r" % pair for pair in figures(rows, k).items())
        print("    {.k = %d, .num_samples = %d, %s}," % (k, len(rows), fields))
    print("};")


main()
