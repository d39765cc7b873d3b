#!/usr/bin/env python3
"""Golden cases of whole models, computed by PyTorch in double precision: DIN, base (pooled histories) and NCF.

    apt-get install python3-torch
    tests/golden/make_din.py --seed 1 --out tests/golden/din
    tests/golden/make_din.py --seed 2 --out tests/golden/din_dice --attention-activation dice --softmax --pool sum

Each writes OUT/din.txt, OUT/base.txt and OUT/ncf.txt: one array a line, `name count value...`, lines beginning
with # are remarks. Weights are fp32 numbers, written so that they are read back exactly.

    label user item category          the batch; histories lie end to end in
    row_start hist_item hist_category   rows [row_start[b], row_start[b + 1]); some are empty
    user.w item.w category.w          tables, (rows, dim); target and history share them
    attention.w top.w                 weight, bias, alpha (PReLU, Dice) of each layer in turn
    NAME.grad                         gradient of the mean loss of the batch
    NAME.after                        after three steps over the same batch: Adagrad on tables, Adam on the others
    attention.moving top.moving       mean, variance of each Dice before (0, 1) and (.after) behind these steps
    loss logits                       of the first step; losses: of all three

DIN: q = [item, category] of the target, k_j the same of behaviour j, a_j = MLP([q, k_j, q - k_j, q * k_j]),
softmax or none, v = sum_j a_j k_j, logit = MLP([user, q, v]). base: v is the mean or the sum of k_j.
NCF: logit = MLP([user, item]). Nothing of Souk takes part in this file.
"""
import argparse
import os
import sys

SYSTEM_PYTHON = "/usr/bin/python3"  # apt's python3-torch is for this one, which another may hide
try:
    import numpy as np
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as missing:
    if os.path.exists(SYSTEM_PYTHON) and not os.path.samefile(sys.executable, SYSTEM_PYTHON):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    sys.exit(f"make_din.py: {missing}; install PyTorch: apt-get install python3-torch")

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--seed", type=int, default=1)
p.add_argument("--out", required=True)
p.add_argument("--samples", type=int, default=13)
p.add_argument("--history", type=int, default=9, help="the longest")
p.add_argument("--dim", type=int, default=5, help="of each table")
p.add_argument("--users", type=int, default=7)
p.add_argument("--items", type=int, default=11)
p.add_argument("--categories", type=int, default=3)
p.add_argument("--attention", type=int, nargs="+", default=[12, 6], help="widths of hidden layers")
p.add_argument("--attention-activation", choices=["sigmoid", "relu", "prelu", "dice"], default="sigmoid")
p.add_argument("--softmax", action="store_true", help="over behaviours, of scores / sqrt(2 dim)")
p.add_argument("--top", type=int, nargs="+", default=[10, 7], help="widths of DIN's and base's hidden layers")
p.add_argument("--top-activation", choices=["relu", "prelu", "dice"], default="dice")
p.add_argument("--ncf", type=int, nargs="+", default=[12, 6], help="widths of NCF's hidden layers, ReLU")
p.add_argument("--pool", choices=["mean", "sum"], default="mean", help="of base")
p.add_argument("--lr-table", type=float, default=0.05)
p.add_argument("--lr-dense", type=float, default=0.001)
p.add_argument("--steps", type=int, default=3)
args = p.parse_args()
torch.set_default_dtype(torch.float64)


class Dice(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm, self.alpha = nn.BatchNorm1d(n, eps=1e-8, affine=False), nn.Parameter(torch.zeros(n))

    def forward(self, x):
        gate = torch.sigmoid(self.norm(x))
        return gate * x + (1 - gate) * self.alpha * x


ACTIVATIONS = {"sigmoid": lambda n: nn.Sigmoid(), "relu": lambda n: nn.ReLU(), "prelu": lambda n: nn.PReLU(n), "dice": Dice}


def mlp(n, widths, activation):
    layers = []
    for m in widths:
        layers += [nn.Linear(n, m), ACTIVATIONS[activation](m)]
        n = m
    return nn.Sequential(*layers, nn.Linear(n, 1))


def make_batch(rng):
    lengths = rng.integers(0, args.history + 1, args.samples)
    lengths[0] = args.history
    if args.samples > 2:
        lengths[1:3] = 0, 1
    rows = int(lengths.sum())
    item_category = rng.integers(0, args.categories, args.items)
    b = {"label": rng.integers(0, 2, args.samples), "user": rng.integers(0, args.users, args.samples),
         "item": rng.integers(0, args.items, args.samples), "hist_item": rng.integers(0, args.items, rows),
         "row_start": np.concatenate([[0], np.cumsum(lengths)])}
    b["category"], b["hist_category"] = item_category[b["item"]], item_category[b["hist_item"]]
    return b


class Model(nn.Module):
    """What the three have in common: tables, the batch as tensors, rows and the samples that they belong to."""

    def __init__(self, batch):
        super().__init__()
        self.batch = {k: torch.from_numpy(v.astype(np.int64)) for k, v in batch.items()}
        self.sample = torch.repeat_interleave(torch.arange(args.samples), torch.diff(self.batch["row_start"]))
        self.user, self.item = nn.Embedding(args.users, args.dim), nn.Embedding(args.items, args.dim)

    def pool(self, rows):
        return torch.zeros(args.samples, rows.shape[1]).index_add(0, self.sample, rows)


class Base(Model):
    def __init__(self, batch):
        super().__init__(batch)
        self.category = nn.Embedding(args.categories, args.dim)
        self.top = mlp(5 * args.dim, args.top, args.top_activation)

    def history(self, q, k):
        pooled = self.pool(k)
        count = self.pool(torch.ones(len(k), 1)) if args.pool == "mean" else torch.ones(args.samples, 1)
        return pooled / count.clamp(min=1)

    def forward(self):
        b = self.batch
        q = torch.cat([self.item(b["item"]), self.category(b["category"])], -1)
        k = torch.cat([self.item(b["hist_item"]), self.category(b["hist_category"])], -1)
        return self.top(torch.cat([self.user(b["user"]), q, self.history(q, k)], -1)).squeeze(-1)


class Din(Base):
    def __init__(self, batch):
        super().__init__(batch)
        self.attention = mlp(8 * args.dim, args.attention, args.attention_activation)

    def history(self, q, k):
        q = q[self.sample]
        a = self.attention(torch.cat([q, k, q - k, q * k], -1))
        if args.softmax:
            e = torch.exp(a / (2 * args.dim) ** 0.5)
            a = e / self.pool(e)[self.sample]
        return self.pool(a * k)


class Ncf(Model):
    def __init__(self, batch):
        super().__init__(batch)
        self.top = mlp(2 * args.dim, args.ncf, "relu")

    def forward(self):
        return self.top(torch.cat([self.user(self.batch["user"]), self.item(self.batch["item"])], -1)).squeeze(-1)


def parts(model):
    """Name -> parameters of each part, in the order in which they are laid out."""
    named = {n: list(m.parameters()) for n, m in model.named_children()}
    return {n: named[n] for n in ("user", "item", "category", "attention", "top") if n in named}


def flat(tensors):
    return np.concatenate([t.detach().numpy().ravel() for t in tensors]) if tensors else np.empty(0)


def moving(module):
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d)]
    return flat([t for m in norms for t in (m.running_mean, m.running_var)])


def randomise(model):
    """Larger weights than one would train from, so that no gradient is lost in rounding; exact in fp32."""
    with torch.no_grad():
        for name, tensors in parts(model).items():
            for w in tensors:
                scale = 0.6 if name in ("user", "item", "category") else 1.0 / (w.shape[-1] ** 0.5 if w.dim() > 1 else 4)
                w.copy_(torch.randn(w.shape).mul_(scale).to(torch.float32).to(torch.float64))


def train(model, out):
    tables = [w for n in ("user", "item", "category") for w in parts(model).get(n, [])]
    dense = [w for w in model.parameters() if not any(w is t for t in tables)]
    optimizers = torch.optim.Adagrad(tables, lr=args.lr_table), torch.optim.Adam(dense, lr=args.lr_dense)
    losses = []
    for step in range(args.steps):
        logits = model()
        loss = F.binary_cross_entropy_with_logits(logits, model.batch["label"].double())
        losses.append(float(loss))
        for o in optimizers:
            o.zero_grad()
        loss.backward()
        if step == 0:
            out["loss"], out["logits"] = np.array(losses), logits.detach().numpy()
            for name, tensors in parts(model).items():
                out[name + ".grad"] = flat([w.grad for w in tensors])
        for o in optimizers:
            o.step()
    out["losses"] = np.array(losses)


def write(path, arrays):
    with open(path, "w") as f:
        f.write("# tests/golden/make_din.py " + " ".join(sys.argv[1:]) + "\n")
        for name, values in arrays.items():
            f.write(" ".join([name, str(len(values))] + ["%.9g" % v for v in values]) + "\n")


def make_case(name, kind, batch, sizes):
    model = kind(batch)
    randomise(model)
    model.train()
    out = {k: np.array(v) for k, v in sizes.items()}
    out.update(batch)
    for part, tensors in parts(model).items():
        out[part + ".w"] = flat(tensors)
        if len(moving(getattr(model, part))):
            out[part + ".moving"] = moving(getattr(model, part))
    train(model, out)
    for part, tensors in parts(model).items():
        out[part + ".after"] = flat(tensors)
        if part + ".moving" in out:
            out[part + ".moving.after"] = moving(getattr(model, part))
    write(os.path.join(args.out, name + ".txt"), out)


torch.manual_seed(args.seed)
os.makedirs(args.out, exist_ok=True)
batch = make_batch(np.random.default_rng(args.seed))
activations = ["sigmoid", "relu", "prelu", "dice"]
sizes = {"dim": [args.dim], "lr_table": [args.lr_table], "lr_dense": [args.lr_dense]}
top = {"top_widths": args.top, "top_activation": [activations.index(args.top_activation)]}
attention = {"attention_widths": args.attention, "softmax": [int(args.softmax)],
             "attention_activation": [activations.index(args.attention_activation)]}
make_case("din", Din, batch, {**sizes, **top, **attention})
make_case("base", Base, batch, {**sizes, **top, "pool_is_mean": [int(args.pool == "mean")]})
ncf = {k: v for k, v in batch.items() if k in ("label", "user", "item")}
make_case("ncf", Ncf, {**ncf, "row_start": np.zeros(args.samples + 1, np.int64)},
          {**sizes, "top_widths": args.ncf, "top_activation": [activations.index("relu")]})
