#!/usr/bin/env python3
"""Logs of single choices and what estimators make of them, for tests/unit/test_ope_golden.c.

    apt-get install python3-numpy python3-scipy
    tests/golden/ope/make_ope.py --seed 3 --out tests/golden/ope/rounds
    tests/golden/ope/make_ope.py --seed 4 --items --out tests/golden/ope/items

Writes log.csv, log_bare.csv (without propensities), action_dist.csv, qhat.csv, action_context.csv and expected.json. Nothing is shared
with the C code: the formulas are those of the literature, written with numpy; regressions are
found by plain Newton steps with numpy's solver, quantiles of Student's t by scipy.
"""
import argparse
import json
import math
import os

import numpy as np
from scipy import stats

GRID = [1, 5, 10, 50, 100, 500, 1000, 5000, 10000, math.inf]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def write(path, rows, header=None):
    with open(path, "w") as f:
        if header:
            f.write(header + "\n")
        for row in rows:
            f.write(",".join("%d" % v if v == int(v) else "%.17g" % v for v in row) + "\n")


def make(rng, n, num_actions, num_positions, is_items):
    x = rng.normal(size=(n, 2))
    position = rng.integers(num_positions, size=n)
    taste = rng.normal(size=(num_actions, 2))
    if is_items:  # neither policy looks at x
        pib = softmax(rng.normal(size=(num_positions, num_actions)))[position]
        table = softmax(rng.normal(size=(num_actions, num_positions)).T).T  # (A, K)
        pie = table.T[position]
    else:
        pib = softmax(x @ taste.T * 0.7 + rng.normal(size=num_actions) * 0.5)
        table = pie = softmax(x @ taste.T * 1.5 + rng.normal(size=num_actions) * 0.5)
    action = np.array([rng.choice(num_actions, p=p) for p in pib])
    mean = sigmoid(x @ taste.T + rng.normal(size=num_actions) - 0.3 * position[:, None])
    reward = (rng.random(n) < mean[np.arange(n), action]).astype(float)
    if is_items:
        q = np.clip(mean.mean(0)[:, None] + rng.normal(size=(num_actions, num_positions)) * 0.1,
                    0.01, 0.99)
    else:
        q = np.clip(mean + rng.normal(size=mean.shape) * 0.1, 0.01, 0.99)
    context = np.hstack([taste, rng.integers(3, size=(num_actions, 1))])
    return dict(x=x, position=position, action=action, reward=reward,
                pscore=pib[np.arange(n), action], table=table, pie=pie, q=q, context=context)


# ---- models of rewards and propensities ----

def newton(gradient_and_hessian, size):
    w = np.zeros(size)
    for _ in range(100):
        g, h = gradient_and_hessian(w)
        step = np.linalg.solve(h, g)
        w = w - step
        if np.abs(step).max() < 1e-14:
            break
    return w


def fit_logistic(z, y, s, c):
    z = np.hstack([z, np.ones((len(z), 1))])
    ridge = np.ones(z.shape[1])
    ridge[-1] = 0

    def derivatives(w):
        p = sigmoid(z @ w)
        return (c * z.T @ (s * (p - y)) + ridge * w,
                c * (z * (s * p * (1 - p))[:, None]).T @ z + np.diag(ridge))
    return newton(derivatives, z.shape[1])


def logistic_rewards(d, s, c, use_context):
    n, num_actions = d["pie"].shape
    features = d["context"] if use_context else np.eye(num_actions)
    q = np.zeros((n, num_actions))
    for k in range(d["position"].max() + 1):
        at = d["position"] == k
        w = fit_logistic(np.hstack([d["x"], features[d["action"]]])[at], d["reward"][at], s[at], c)
        for a in range(num_actions):
            z = np.hstack([d["x"][at], np.tile(features[a], (at.sum(), 1)),
                           np.ones((at.sum(), 1))])
            q[at, a] = sigmoid(z @ w)
    return q


def smoothed_rewards(d, s, pseudo):
    n, num_actions = d["pie"].shape
    q = np.zeros((n, num_actions))
    for k in range(d["position"].max() + 1):
        for a in range(num_actions):
            at = (d["position"] == k) & (d["action"] == a)
            q[d["position"] == k, a] = ((s[at] * d["reward"][at]).sum()
                                        + pseudo * d["reward"].mean()) / (s[at].sum() + pseudo)
    return q


def frequency_propensities(d):
    p = np.zeros(len(d["action"]))
    for i in range(len(p)):
        same = d["position"] == d["position"][i]
        p[i] = (d["action"][same] == d["action"][i]).mean()
    return p


def logistic_propensities(d, c):
    out = np.zeros(len(d["action"]))
    for k in range(d["position"].max() + 1):
        at = d["position"] == k
        z = np.hstack([d["x"][at], np.ones((at.sum(), 1))])
        seen, choice = np.unique(d["action"][at], return_inverse=True)
        num, width = len(seen), z.shape[1]
        hot = np.eye(num)[choice]

        def derivatives(w):
            w = w.reshape(num, width)
            p = softmax(z @ w.T)
            g = c * (p - hot).T @ z + w
            h = np.eye(num * width)
            for i in range(len(z)):
                h += c * np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(z[i], z[i]))
            return g.ravel(), h
        w = newton(derivatives, num * width).reshape(num, width)
        out[at] = softmax(z @ w.T)[np.arange(at.sum()), choice]
    return out


# ---- estimators ----

def t_quantile(p, freedom):
    t = stats.t.ppf(p, freedom)  # good to 1e-9; a step of Newton's method for the other digits
    return t - (stats.t.cdf(t, freedom) - p) / stats.t.pdf(t, freedom)


def figures(x):
    n, mean, var, top = len(x), x.mean(), x.var(), x.max()
    t = t_quantile(0.95, n - 1)
    return {"value": mean, "stderr": x.std(ddof=1) / math.sqrt(n),
            "student_t_lb_0.05": mean - t * math.sqrt(var / (n - 1)),
            "hoeffding_lb_0.05": mean - top * math.sqrt(math.log(20) / (2 * n)),
            "bernstein_lb_0.05": mean - 7 * top * math.log(40) / (3 * (n - 1))
            - math.sqrt(2 * math.log(40) * var / (n - 1))}


def slope(rounds_of):
    rows = []
    for lam in GRID:
        x = rounds_of(lam)
        rows.append((x.mean(), t_quantile(0.9, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)), lam))
    order = sorted(rows, key=lambda row: (-row[1], -row[2]))
    best = order[0]
    for i in range(1, len(order)):
        if any(abs(order[i][0] - e[0]) > order[i][1] + (math.sqrt(6) - 1) * e[1]
               for e in order[:i]):
            break
        best = order[i]
    return {"value": best[0], "best_lambda": "inf" if math.isinf(best[2]) else best[2]}


def shrink(w, lam):
    return w if math.isinf(lam) else lam * w / (w * w + lam)


def estimate(d, q, pscore):
    n = len(d["action"])
    r, i = d["reward"], np.arange(n)
    w = d["pie"][i, d["action"]] / pscore
    qa, qpi = q[i, d["action"]], (d["pie"] * q).sum(1) / d["pie"].sum(1)

    def ipw(v):
        return v * r

    def dr(v):
        return qpi + v * (r - qa)
    return {
        "ipw": figures(ipw(w)), "ipw_clip5": figures(ipw(np.minimum(w, 5))),
        "snipw": figures(ipw(w) / w.mean()), "dm": figures(qpi), "dr": figures(dr(w)),
        "dr_clip5": figures(dr(np.minimum(w, 5))), "sndr": figures(dr(w / w.mean())),
        "switch-dr_lam5": figures(dr(w * (w <= 5))), "dr-os_lam5": figures(dr(shrink(w, 5))),
        "sg-ipw_lam0.1": figures(ipw(w / (0.9 + 0.1 * w))),
        "sg-dr_lam0.1": figures(dr(w / (0.9 + 0.1 * w))),
        "ipw_slope": slope(lambda l: ipw(np.minimum(w, l))),
        "dr_slope": slope(lambda l: dr(np.minimum(w, l))),
        "switch-dr_slope": slope(lambda l: dr(w * (w <= l))),
        "dr-os_slope": slope(lambda l: dr(shrink(w, l))),
    }


def weighted(d, rewards_of):
    w = d["pie"][np.arange(len(d["action"])), d["action"]] / d["pscore"]
    out = {}
    for name, s in (("iw", w), ("mrdr", w * (1 - d["pscore"]) / d["pscore"])):
        e = estimate(d, rewards_of(s), d["pscore"])
        out["dm_with_%s_fit" % name] = {"value": e["dm"]["value"]}
        out["dr_with_%s_fit" % name] = {"value": e["dr"]["value"]}
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--items", action="store_true", help="policy and rewards a row an action")
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    d = make(rng, options.rounds, 5, 2 if options.items else 1, options.items)
    n, ones = options.rounds, np.ones(options.rounds)
    os.makedirs(options.out, exist_ok=True)
    header = "action,position,reward,pscore,x0,x1" if options.items else "action,reward,pscore,x0,x1"
    columns = [d["action"], d["position"], d["reward"], d["pscore"], d["x"][:, 0], d["x"][:, 1]]
    if not options.items:
        del columns[1]
    write(os.path.join(options.out, "log.csv"), zip(*columns), header)
    names = "# pos0,pos1 (a row an action)" if options.items else "a0,a1,a2,a3,a4"
    write(os.path.join(options.out, "action_dist.csv"), d["table"], names)
    write(os.path.join(options.out, "qhat.csv"), d["q"], names)
    write(os.path.join(options.out, "action_context.csv"), d["context"])

    q = d["q"].T[d["position"]] if options.items else d["q"]
    w = d["pie"][np.arange(n), d["action"]] / d["pscore"]
    del columns[-3]
    write(os.path.join(options.out, "log_bare.csv"), zip(*columns), header.replace("pscore,", ""))

    def smoothed(s):
        return smoothed_rewards(d, s, 10)

    def logistic(s):
        return logistic_rewards(d, s, 1, False)
    expected = {
        "n_rounds": n, "behavior_mean_reward": d["reward"].mean(),
        "max_weight": w.max(), "mean_weight": w.mean(), "ess": w.sum() ** 2 / (w * w).sum(),
        "file": estimate(d, q, d["pscore"]),
        "smoothed": {**estimate(d, smoothed(ones), d["pscore"]), **weighted(d, smoothed)},
        "logistic": {**estimate(d, logistic(ones), d["pscore"]), **weighted(d, logistic)},
        "logistic_context": estimate(d, logistic_rewards(d, ones, 100, True), d["pscore"]),
        "frequencies": estimate(d, q, frequency_propensities(d)),
        "regressed": estimate(d, q, logistic_propensities(d, 100)),
    }
    with open(os.path.join(options.out, "expected.json"), "w") as f:
        json.dump(expected, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
