"""Golden numbers of tests/unit/test_optimizer.c, in double precision, from the formulas in the papers
(not from server/optimizer.c): python3 tests/golden/optimizers.py > tests/golden/optimizers.inc"""
from math import copysign, sqrt

START = [0.5, -0.25, 0.0]
GRADIENTS = [[0.1, -0.2, 0.3], [-0.4, 0.05, 0.0], [0.25, 0.25, -1.5], [0.01, -3.0, 0.7]]
LR = 0.1


def sgd(w, g, s):
    return [wi - LR * gi for wi, gi in zip(w, g)]


def momentum(w, g, s, mu=0.9):
    s["v"] = [mu * v + gi for v, gi in zip(s.get("v", [0] * len(w)), g)]
    return [wi - LR * v for wi, v in zip(w, s["v"])]


def adagrad(w, g, s, eps=1e-6, start=0.1):
    s["n"] = [n + gi * gi for n, gi in zip(s.get("n", [start] * len(w)), g)]
    return [wi - LR * gi / (sqrt(n) + eps) for wi, gi, n in zip(w, g, s["n"])]


def rowwise_adagrad(w, g, s, eps=1e-6, start=0.1):
    s["n"] = s.get("n", start) + sum(gi * gi for gi in g) / len(g)
    return [wi - LR * gi / (sqrt(s["n"]) + eps) for wi, gi in zip(w, g)]


def adam(w, g, s, b1=0.9, b2=0.99, eps=1e-6):
    t = s["t"] = s.get("t", 0) + 1
    s["m"] = [b1 * m + (1 - b1) * gi for m, gi in zip(s.get("m", [0] * len(w)), g)]
    s["v"] = [b2 * v + (1 - b2) * gi * gi for v, gi in zip(s.get("v", [0] * len(w)), g)]
    return [wi - LR * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps) for wi, m, v in zip(w, s["m"], s["v"])]


def ftrl(w, g, s, alpha=0.5, beta=1.0, l1=0.05, l2=0.1):
    """Algorithm 1 of McMahan et al. 2013; z starts where its closed form gives the weights at hand."""
    if not s:
        s["n"] = [0.0] * len(w)
        s["z"] = [-wi * (beta / alpha + l2) - (copysign(l1, wi) if wi else 0.0) for wi in w]
    new = []
    for i, (wi, gi) in enumerate(zip(w, g)):
        sigma = (sqrt(s["n"][i] + gi * gi) - sqrt(s["n"][i])) / alpha
        s["z"][i] += gi - sigma * wi
        s["n"][i] += gi * gi
        z, n = s["z"][i], s["n"][i]
        new.append(0.0 if abs(z) <= l1 else -(z - copysign(l1, z)) / ((beta + sqrt(n)) / alpha + l2))
    return new


for step in (sgd, momentum, adagrad, rowwise_adagrad, adam, ftrl):
    w, s = START, {}
    print("    {SOUK_OPT_%s," % step.__name__.upper())
    print("     {", end="")
    for k, g in enumerate(GRADIENTS):
        w = step(w, g, s)
        print("{%s}" % ", ".join("%.9f" % x for x in w), end="}},\n" if k == 3 else ",\n      ")
