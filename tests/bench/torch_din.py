#!/usr/bin/env python3
"""The other side of `make bench-din`: DIN in PyTorch on one core, of the formulas of the paper.

    OMP_NUM_THREADS=1 taskset -c 0 tests/bench/torch_din.py SAMPLES.tsv [--steps N]

Columns label, user, item, category, hist_item, hist_category. q = [item, category] of the candidate, k_j of behaviour
j; a_j = MLP 80-40-1 of [q, k_j, q - k_j, q * k_j] with sigmoids; v = sum a_j k_j; logit = MLP 200-80-1 of [user, q, v]
with Dice. Tables N(0, 0.01), sparse Adagrad 0.05; the rest Adam 0.001. Batches are padded to their longest history,
which is what such programs do. Time is that of steps alone: reading, and making tensors of a batch, are left out.
Prints `torch SAMPLES_PER_S LOSS`.
"""
import argparse
import itertools
import time
import torch
from torch import nn

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("samples")
parser.add_argument("--dim", type=int, default=16)
parser.add_argument("--batch", type=int, default=1024)
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(options.seed)


def ids(text):
    return [int(i) for i in text.split(",")] if text else []


def read(path, count):
    with open(path) as lines:
        next(lines)
        for line in itertools.islice(lines, count):
            label, user, item, category, items, categories = line.rstrip("\n").split("\t")
            yield float(label), int(user), int(item), int(category), ids(items), ids(categories)


class Dense:
    """Numbers ids from 1; 0 is what histories are padded with."""

    def __init__(self):
        self.known = {}

    def __call__(self, key):
        return self.known.setdefault(key, len(self.known) + 1)


users, items, categories = Dense(), Dense(), Dense()
samples = [(y, users(u), items(i), categories(c), [items(j) for j in hi], [categories(j) for j in hc])
           for y, u, i, c, hi, hc in read(options.samples, options.steps * options.batch * 4)]
order = torch.randperm(len(samples)).tolist()


def padded(lists):
    width = max(1, max(map(len, lists)))
    return torch.tensor([row + [0] * (width - len(row)) for row in lists])


def tensors(batch):
    y, u, i, c, hi, hc = zip(*batch)
    history = padded(hi)
    return torch.tensor(y), torch.tensor(u), torch.tensor(i), torch.tensor(c), history, padded(hc), (history > 0).float()


class Dice(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.normal = nn.BatchNorm1d(width, eps=1e-8, affine=False)
        self.alpha = nn.Parameter(torch.zeros(width))

    def forward(self, s):
        p = torch.sigmoid(self.normal(s))
        return s * (p + (1 - p) * self.alpha)


class Din(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(len(t.known) + 1, dim, sparse=True) for t in (users, items, categories))
        for table in self.tables:
            nn.init.normal_(table.weight, 0, 0.01)
        self.score = nn.Sequential(nn.Linear(8 * dim, 80), nn.Sigmoid(), nn.Linear(80, 40), nn.Sigmoid(), nn.Linear(40, 1))
        self.top = nn.Sequential(nn.Linear(5 * dim, 200), Dice(200), nn.Linear(200, 80), Dice(80), nn.Linear(80, 1))

    def forward(self, u, i, c, hi, hc, real):
        user, item, category = self.tables
        q = torch.cat((item(i), category(c)), 1)
        k = torch.cat((item(hi), category(hc)), 2)
        query = q.unsqueeze(1).expand(k.shape)
        weights = self.score(torch.cat((query, k, query - k, query * k), 2)).squeeze(2) * real
        v = torch.matmul(weights.unsqueeze(1), k).squeeze(1)
        return self.top(torch.cat((user(u), q, v), 1)).squeeze(1)


model = Din(options.dim)
rest = [w for part in (model.score, model.top) for w in part.parameters()]
optimizers = torch.optim.Adagrad(model.tables.parameters(), lr=0.05), torch.optim.Adam(rest, lr=0.001)
spent = loss_sum = 0.0
num_steps = min(options.steps, len(order) // options.batch)
for step in range(num_steps):
    y, *columns = tensors([samples[b] for b in order[step * options.batch:(step + 1) * options.batch]])
    start = time.perf_counter()
    loss = nn.functional.binary_cross_entropy_with_logits(model(*columns), y)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    spent += time.perf_counter() - start
    loss_sum += float(loss)
print(f"torch {num_steps * options.batch / spent:.0f} {loss_sum / num_steps:.4f}")
