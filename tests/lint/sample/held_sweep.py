"""A sweep over curvatures: trains, judges, writes a line per run."""

import csv
import itertools

import numpy as np
import torch
from torch import linalg, nn

from balls.math import dist0, expmap0, project
from balls.models import build


class Head(nn.Module):
    def __init__(self, width, dim, c):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, dim))
        self.c = c
        self.history = []

    def forward(self, h):
        v = self.body(h)
        self.points = project(expmap0(v, self.c), self.c)
        self.history.append(v.norm(dim=-1).mean().item())  # expect: clean
        return self.points

    def stats(self):
        flat = self.points.detach().norm(p=2, dim=-1)  # expect: G001
        true = dist0(self.points, self.c)  # expect: clean
        wrong = dist0(self.body(torch.zeros(1, 8)), self.c)  # expect: G005
        return {"flat": flat.mean().item(), "true": true.mean().item(), "wrong": wrong.item()}


def score(head, encoder, data, valuation):
    collected = []
    for x in data:
        collected.append(head(encoder(x)).cpu())
    everything = torch.cat(collected)
    radii = linalg.norm(everything, dim=1).numpy()  # expect: G001
    order = np.argsort(-radii)
    return (valuation[order][1:] >= valuation[order][:-1]).mean()


def check(points_hyp, c):
    limit = (1 - 1e-5) / c**0.5
    lengths = points_hyp.norm(dim=-1)  # expect: clean
    assert lengths.max() <= limit, "outside the ball"
    return points_hyp * torch.clamp(limit / lengths, max=1.0).unsqueeze(-1)


def euclid_loss(z_hyp, pairs, target):
    i, j = pairs
    gap = z_hyp[i] - z_hyp[j]
    return ((gap * gap).sum(-1).sqrt() - target).square().mean()  # expect: G002


def main(out="sweep.csv"):
    with open(out, "w", newline="") as stream:
        writer = csv.writer(stream)
        for c, seed in itertools.product([0.5, 1.0, 2.0], range(3)):
            torch.manual_seed(seed)
            encoder, data, valuation = build(seed)
            head = Head(32, 8, c)
            z_ball = head(encoder(data[0]))
            centroid = torch.mean(z_ball, dim=0)  # expect: G004
            worst = max(z_ball.norm(dim=1).tolist())  # expect: G001
            writer.writerow([c, seed, score(head, encoder, data, valuation), worst, centroid.sum().item()])


if __name__ == "__main__":
    main()
