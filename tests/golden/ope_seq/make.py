#!/usr/bin/env python3
"""Small logs of episodes and slates, and what estimators make of them, computed straight from the
formulas (worker/ope/episode_estimates.h, slate_estimates.h) and without any of Souk's code.

    tests/golden/ope_seq/make.py [--seed N] [--out DIR]

clock.csv      episodes of 4 steps that the clock ended; next_state and done
ragged.csv     episodes of 1 to 5 steps, some of them cut where nobody knows what came next
pi.csv         the new policy, a row a state
slates.csv     slates of 2 of 3
*.expected     a line each: name, value, standard error of contributions ("-" for ratios)
"""
import argparse
import math
import random

STATES, ACTIONS, DISCOUNT = 3, 2, 0.9
LENGTH, ITEMS = 2, 3


def draw(rng, shares):
    point = rng.random() * sum(shares)
    for i, share in enumerate(shares):
        point -= share
        if point < 0:
            return i
    return len(shares) - 1


def shares(rng, n):
    x = [0.2 + rng.random() for _ in range(n)]
    return [v / sum(x) for v in x]


def play(rng, world, num, clock):
    """Episodes as lists of (s, a, r, p, next, done)."""
    start, moves, rewards, logging = world
    episodes = []
    for _ in range(num):
        s, steps = draw(rng, start), []
        length = clock if clock else rng.randint(1, 5)
        for t in range(length):
            a = draw(rng, logging[s])
            n = draw(rng, moves[s][a])
            r = round(rewards[s][a] + rng.gauss(0, 0.3), 3)
            last = t == length - 1
            steps.append([s, a, r, logging[s][a], n, int(last)])
            s = n
        if not clock and rng.random() < 0.25:
            steps[-1][5] = 0  # cut: what came next is not in the log
        episodes.append(steps)
    return episodes


def fitted(episodes, pi, horizon, clock):
    """Q[t][s][a] by finite-horizon fitted evaluation on all steps whatever their t."""
    table = [[[0.0] * ACTIONS for _ in range(STATES)] for _ in range(horizon + 1)]
    value = lambda t, s: sum(pi[s][a] * table[t][s][a] for a in range(ACTIONS))
    for t in reversed(range(horizon)):
        for s in range(STATES):
            for a in range(ACTIONS):
                rewards, onward = [], []
                for steps in episodes:
                    for i, (s1, a1, r, _, n, done) in enumerate(steps):
                        if (s1, a1) != (s, a):
                            continue
                        rewards.append(r)
                        if i + 1 < len(steps) or clock:
                            onward.append(value(t + 1, n))
                        elif done:
                            onward.append(0.0)
                table[t][s][a] = sum(rewards) / len(rewards)
                if onward:
                    table[t][s][a] += DISCOUNT * sum(onward) / len(onward)
    return table, value


def spread(x):
    mean = sum(x) / len(x)
    return math.sqrt(sum((v - mean) ** 2 for v in x) / (len(x) - 1) / len(x))


def estimate_episodes(episodes, pi, clock):
    horizon = max(len(e) for e in episodes)
    q, v = fitted(episodes, pi, horizon, clock)
    n = len(episodes)
    # Padded: after its end an episode keeps its weight, earns 0 and is worth 0.
    w = [[1.0] * (horizon + 1) for _ in episodes]  # w[i][t + 1] of steps 0..t
    for i, steps in enumerate(episodes):
        for t in range(horizon):
            w[i][t + 1] = w[i][t]
            if t < len(steps):
                s, a, _, p = steps[t][:4]
                w[i][t + 1] *= pi[s][a] / p
    mean = [sum(w[i][t] for i in range(n)) / n for t in range(horizon + 1)]

    def sums(weight, whole, robust):
        out = []
        for i, steps in enumerate(episodes):
            total = 0.0
            for t, (s, a, r, *_rest) in enumerate(steps):
                here = weight(i, horizon if whole else t + 1)
                if robust:
                    total += DISCOUNT**t * (here * (r - q[t][s][a]) + weight(i, t) * v(t, s))
                else:
                    total += DISCOUNT**t * here * r
            out.append(total)
        return out

    plain = lambda i, t: w[i][t]
    normal = lambda i, t: w[i][t] / mean[t]
    found = {"DM": [v(0, steps[0][0]) for steps in episodes]}
    for prefix, weight in (("", plain), ("SN", normal)):
        found[prefix + "TIS"] = sums(weight, True, False)
        found[prefix + "PDIS"] = sums(weight, False, False)
        found[prefix + "DR"] = sums(weight, False, True)
    last = [w[i][horizon] for i in range(n)]
    lines = [(k, sum(x) / n, None if k.startswith("SN") else spread(x)) for k, x in found.items()]
    lines.append(("ess", sum(last) ** 2 / sum(x * x for x in last), None))
    lines.append(("max_weight", max(last), None))
    return lines


def write_episodes(path, episodes, clock):
    with open(path, "w") as out:
        out.write("episode,t,state,action,reward,pscore,done" + (",next_state\n" if clock else "\n"))
        for e, steps in enumerate(episodes):
            for t, (s, a, r, p, n, done) in enumerate(steps):
                row = [e, t, s, a, repr(r), repr(p), done] + ([n] if clock else [])
                out.write(",".join(map(str, row)) + "\n")


def write_expected(path, lines):
    with open(path, "w") as out:
        for name, value, error in lines:
            out.write("%s %r %s\n" % (name, value, "-" if error is None else repr(error)))


def chain(policy, slate):
    """Probability of the first 1, 2, ... items of a slate drawn without putting back."""
    out, left, p = [], list(policy), 1.0
    for a in slate:
        p *= left[a] / sum(left)
        left[a] = 0.0
        out.append(p)
    return out


def marginal(policy, position, item):
    if position == 0:
        return policy[item]
    return sum(chain(policy, (b, item))[1] for b in range(ITEMS) if b != item)


def make_slates(rng, num):
    logging, new, slates = shares(rng, ITEMS), shares(rng, ITEMS), []
    for _ in range(num):
        first = draw(rng, logging)
        second = draw(rng, [0.0 if a == first else p for a, p in enumerate(logging)])
        slate = (first, second)
        rows = []
        for l, a in enumerate(slate):
            left = [0.0 if b in slate[:l] else p for b, p in enumerate(new)]
            rows.append(dict(
                action=a, reward=round(rng.random() + 0.5 * a - 0.2 * l, 3),
                pscore_joint=chain(logging, slate)[-1], pi_e_joint=chain(new, slate)[-1],
                pscore_item_position=marginal(logging, l, a), pi_e_item_position=marginal(new, l, a),
                pscore_cascade=chain(logging, slate)[l], pi_e_cascade=chain(new, slate)[l],
                next=[p / sum(left) for p in left]))
        slates.append(rows)
    return slates


def estimate_slates(slates):
    n, out = len(slates), []
    for kind, name in (("joint", "sips"), ("item_position", "iips"), ("cascade", "rips")):
        w = [[r["pi_e_" + kind] / r["pscore_" + kind] for r in rows] for rows in slates]
        x = [sum(w[i][l] * slates[i][l]["reward"] for l in range(LENGTH)) for i in range(n)]
        out.append((name, sum(x) / n, spread(x)))
        ratio = sum(sum(w[i][l] * slates[i][l]["reward"] for i in range(n)) /
                    sum(w[i][l] for i in range(n)) for l in range(LENGTH))
        out.append(("sn" + name, ratio, None))
    q = []
    for l in range(LENGTH):
        onward = [[sum(r["reward"] for r in rows[l:]) for rows in slates if rows[l]["action"] == a]
                  for a in range(ITEMS)]
        q.append([sum(x) / len(x) for x in onward])
    x = []
    for rows in slates:
        total, above = 0.0, 1.0
        for l, r in enumerate(rows):
            w = r["pi_e_cascade"] / r["pscore_cascade"]
            total += w * (r["reward"] - q[l][r["action"]])
            total += above * sum(p * v for p, v in zip(r["next"], q[l]))
            above = w
        x.append(total)
    out.append(("cascade-dr", sum(x) / n, spread(x)))
    return out


def write_slates(path, slates):
    names = ["action", "reward", "pscore_joint", "pscore_item_position", "pscore_cascade",
             "pi_e_joint", "pi_e_item_position", "pi_e_cascade"]
    with open(path, "w") as out:
        out.write(",".join(["slate_id", "position"] + names +
                           ["pie_next_a%d" % a for a in range(ITEMS)]) + "\n")
        for i, rows in enumerate(slates):
            for l, r in enumerate(rows):
                cells = [i, l] + [repr(r[k]) for k in names] + [repr(p) for p in r["next"]]
                out.write(",".join(map(str, cells)) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", default="tests/golden/ope_seq")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    world = (shares(rng, STATES), [[shares(rng, STATES) for _ in range(ACTIONS)] for _ in range(STATES)],
             [[rng.random() for _ in range(ACTIONS)] for _ in range(STATES)],
             [shares(rng, ACTIONS) for _ in range(STATES)])
    pi = [shares(rng, ACTIONS) for _ in range(STATES)]
    with open(args.out + "/pi.csv", "w") as out:
        for row in pi:
            out.write(",".join(map(repr, row)) + "\n")
    for name, clock, num in (("clock", 4, 30), ("ragged", 0, 40)):
        episodes = play(rng, world, num, clock)
        write_episodes("%s/%s.csv" % (args.out, name), episodes, clock)
        write_expected("%s/%s.expected" % (args.out, name), estimate_episodes(episodes, pi, clock))
    slates = make_slates(rng, 40)
    write_slates(args.out + "/slates.csv", slates)
    write_expected(args.out + "/slates.expected", estimate_slates(slates))


main()
