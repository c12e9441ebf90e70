"""The kernels over pairs in Triton's interpreter against their float64 references: a program of its own.

    python interpreted_pairs.py

Prints one JSON object, name of a check -> number, as `interpreted.py`.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterable

import numpy as np
import torch
from interpreted import Guard, poisoned, sphere, worst
from torch import Tensor

from tvae import geometry
from tvae.geometry.structure import agreement

RADII = (1e-6, 1e-2, 0.5, 0.95, 0.996, 1 - 1e-6)
DEPTH = 3
BANDS = {
    "lo": torch.tensor([0.3, 0.1, 0.05]),
    "hi": torch.tensor([0.5, 0.1, 0.05]),
    "weight": torch.tensor([1.0, 2.0, 3.0]),
}
Call = Callable[..., Tensor]
Errors = tuple[float, float, float]


def compare(call: Call, points: Iterable[Tensor], c: float) -> Errors:
    """Errors of value, gradient and curvature gradient of `call(*points, c, impl=...)`.

    Of a matrix each row and entry counts by itself; of a sum over pairs the gradient counts as a whole.
    """
    points = tuple(p.requires_grad_() for p in points)
    k = torch.tensor(c, dtype=torch.promote_types(points[0].dtype, torch.float32), requires_grad=True)
    out = call(*points, k, impl="triton")
    g = poisoned(torch.rand(out.shape, dtype=out.dtype) + 0.1)
    exact = tuple(p.detach().double().requires_grad_() for p in points)
    wide = torch.tensor(k.item(), dtype=torch.float64, requires_grad=True)
    truth = call(*exact, wide, impl="reference")
    *gx, gk = torch.autograd.grad(out, (*points, k), g)
    *tx, tk = torch.autograd.grad(truth, (*exact, wide), g.double())
    flat = [(a.flatten(), b.flatten()) if out.dim() == 0 else (a, b) for a, b in zip(gx, tx, strict=True)]
    slopes = [float((a - b).norm() / b.norm()) if out.dim() == 0 else worst(a, b) for a, b in flat]
    size = tk.abs().item()
    return worst(out.flatten(), truth.flatten()), max(slopes), abs(gk.item() - tk.item()) / (size or 1.0)


def near(x: Tensor, gap: float, r: float, c: float) -> Tensor:
    return x.double() + sphere(*x.shape, gap * min(1 - r * r, r), c)


def rules(scale: float) -> dict[str, Call]:
    """Each loss over points of all 27 operations, its lengths in units of `scale`."""
    bands = {name: t if name == "weight" else t * scale for name, t in BANDS.items()}
    triplets = torch.randint(27, (3, 40), generator=torch.Generator().manual_seed(1))
    pairs = triplets[:2].int()
    level = agreement(pairs[0], pairs[1], DEPTH)
    return {
        "bands": lambda x, c, impl: geometry.all_pairs_loss(x, c, impl=impl, **bands),
        "stress": lambda x, c, impl: geometry.all_pairs_loss(x, c, power=2, impl=impl, **bands),
        "triplets": lambda x, c, impl: geometry.triplet_hinge(x, triplets, c, margin=0.1 * scale, impl=impl),
        "pairs": lambda x, c, impl: geometry.pair_hinge(x, pairs, c, level=level, impl=impl, **bands),
        "pairs squared": lambda x, c, impl: geometry.pair_hinge(
            x, pairs, c, level=level, power=2, reduction="sum", impl=impl, **bands
        ),
    }


def matrix(x: Tensor, y: Tensor, c: Tensor, impl: str) -> Tensor:
    return geometry.pairwise_distance(x, y, c, impl=impl)


def itself(x: Tensor, c: Tensor, impl: str) -> Tensor:
    return geometry.pairwise_distance(x, x, c, impl=impl)


def matrices() -> dict[str, Errors]:
    found = []
    for c, r, kind in [(c, r, "random") for c in (1.0, 1e-3) for r in RADII] + [
        (1.0, r, "near") for r in RADII
    ]:
        x = sphere(3, 5, r, c).float()
        y = sphere(2, 5, r, c) if kind == "random" else near(x, 1e-2, r, c)
        found.append(compare(matrix, (x, y.float()), c))
    wide = compare(matrix, (sphere(3, 5, 0.996, 0.7), sphere(2, 5, 0.9, 0.7)), 0.7)
    return {"matrix": tuple(np.array(found).max(0)), "matrix float64": wide}


def losses() -> dict[str, Errors]:
    found = {}
    for name in rules(1.0):
        errors = []
        for c, r in [(1.0, r) for r in RADII] + [(1e-3, 0.5)]:
            base = sphere(9, 4, r, c)
            x = near(base.repeat(3, 1), 1e-2, r, c).float()
            reach = geometry.pairwise_distance(x, x, c).max().item()
            errors.append(compare(rules(reach)[name], (x,), c))
        found[name] = tuple(np.array(errors).max(0))
        if name in ("stress", "triplets"):  # the interpreter is slow in float64
            found[f"{name} float64"] = compare(rules(1.0)[name], (sphere(27, 3, 0.8, 0.7),), 0.7)
    return found


def shapes() -> dict[str, float]:
    """Odd sizes, more than one block, several chunks of coordinates, strides, all in poisoned buffers."""
    report = {}
    torch.empty = guard = Guard()
    for n, m, dim in ((1, 1, 1), (33, 2, 2), (2, 65, 16), (3, 34, 17)):
        points = tuple(poisoned(sphere(rows, dim, 0.7, 1.0).float()) for rows in (n, m))
        report[f"shape {n}x{m}x{dim}"] = max(compare(matrix, points, 1.0)[:2])
    report["shape 34 itself"] = max(compare(itself, (poisoned(sphere(34, 3, 0.7, 1.0).float()),), 1.0)[:2])
    for n, dim in ((1, 2), (27, 17), (70, 3)):
        bands = {name: t.repeat(2)[:4] for name, t in BANDS.items()}

        def loss(x: Tensor, c: Tensor, impl: str, bands: dict[str, Tensor] = bands) -> Tensor:
            return geometry.all_pairs_loss(x, c, impl=impl, power=2, **bands)

        x = poisoned(sphere(n, dim, 0.7, 1.0).float())
        truth = loss(x.double(), torch.tensor(1.0), "reference")
        with torch.no_grad():
            value = loss(x, torch.tensor(1.0), "triton")
        report[f"shape {n}x{dim} value"] = abs(value.item() - truth.item()) / (truth.item() or 1.0)
        if n > 1:
            report[f"shape {n}x{dim}"] = max(compare(loss, (x,), 1.0)[:2])
    for listed in (1, 70):
        triplets = torch.randint(40, (listed, 6), dtype=torch.int32).t()[::2]
        x = poisoned(sphere(40, 18, 0.7, 1.0).float())

        def hinge(x: Tensor, c: Tensor, impl: str, triplets: Tensor = triplets) -> Tensor:
            return geometry.triplet_hinge(x, triplets, c, margin=1.0, impl=impl)

        report[f"shape {listed} triplets"] = max(compare(hinge, (x,), 1.0)[:2])
    torch.empty = guard.empty
    return {**report, "written outside": guard.written(), "buffers": float(len(guard.buffers))}


def edges() -> dict[str, float]:
    rows = [[0.0, 0.0], [0.0, 0.0], [1e-30, 0.0], [1.0, 0.0], [3.0, 4.0], [0.3, 0.4]]
    still = torch.tensor(rows).repeat(5, 1)[:27].requires_grad_()
    broken = still.detach().clone()
    broken[4, 0] = math.nan
    broken.requires_grad_()
    c = torch.tensor(1.0, requires_grad=True)
    finite, nan, half = True, True, 0.0
    calls = {**rules(1.0), "itself": itself}
    for call in calls.values():
        out = call(still, c, impl="triton").sum()
        finite &= all(bool(t.isfinite().all()) for t in (out, *torch.autograd.grad(out, (still, c))))
        out = call(broken, c, impl="triton").sum()
        gx, gc = torch.autograd.grad(out, (broken, c))
        nan &= bool(out.isnan() and gx[4].isnan().any() and gc.isnan())
        low = still.detach().clamp(-0.5, 0.5).bfloat16()
        got = call(low, c.detach(), impl="triton")
        assert got.dtype == torch.bfloat16
        truth = call(low.double(), c.detach(), impl="reference")
        half = max(half, float((got.double() - truth).norm() / truth.norm()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert call(still, c, impl="triton").dtype == torch.float32
    same = torch.zeros(4, 3, requires_grad=True)
    d = geometry.pairwise_distance(same, same, impl="triton")
    (g,) = torch.autograd.grad(d.sum(), same)
    return {
        "finite": float(finite),
        "nan": float(nan),
        "bfloat16": half,
        "coinciding": float(d.detach().abs().sum() + g.abs().sum()),
        "empty": empty(),
        "missing row": float(missing().isnan()),
    }


def missing() -> Tensor:
    """What the kernel, which cannot raise, makes of a row that does not exist."""
    from tvae.kernels.hinge import triplet_hinge

    one, rows = torch.tensor(1.0), torch.tensor([[0], [1], [9]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, whose maximum of NaN alone is noteworthy
        return triplet_hinge(torch.zeros(9, 2), rows, one, one.double(), gradient=True)[0]


def empty() -> float:
    none, some = torch.zeros(0, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    total = 0.0
    for x, y in ((none, some), (some, none), (none, none)):
        d = geometry.pairwise_distance(x, y, impl="triton")
        assert d.shape == (len(x), len(y))
        total += sum(float(g.abs().sum()) for g in torch.autograd.grad(d.sum(), (x, y), allow_unused=True))
    value = geometry.all_pairs_loss(none, impl="triton", **BANDS)
    nothing = torch.zeros(3, 0, dtype=torch.int64)
    hinge = geometry.triplet_hinge(some, nothing, margin=1.0, impl="triton")
    listed = geometry.pair_hinge(some, nothing[:2], level=nothing[0], impl="triton", **BANDS)
    counts = geometry.pair_counts(none, depth=2, impl="triton")
    (gx,) = torch.autograd.grad(hinge + listed, some)
    return total + float((value + hinge + listed).detach() + counts.sum() + gx.abs().sum())


def counted() -> dict[str, float]:
    """Counts agree but for distances within rounding of an edge."""
    x = sphere(70, 3, 0.9, 1.0).float()
    ours, truth = (geometry.pair_counts(x, depth=4, resolution=64, impl=i) for i in ("triton", "reference"))
    moved = (ours - truth).cumsum(1).abs().sum()
    broken = x[:10].clone()
    broken[3, 0] = math.nan
    lost = geometry.pair_counts(broken, depth=3, resolution=1, impl="triton")
    return {
        "counts missed": float((ours.sum(1) - truth.sum(1)).abs().sum()),
        "counts moved": float(moved / truth.sum()),
        "counts of nan": float(lost[:, -1].sum()),
    }


if __name__ == "__main__":
    np.seterr(divide="ignore", over="ignore", invalid="ignore")  # of lanes that a select then drops
    torch.manual_seed(0)
    torch.set_num_threads(1)
    names = ("value", "gradient", "curvature")
    report = {}
    for op, errors in {**matrices(), **losses()}.items():
        report |= {f"{op}: {name}": float(e) for name, e in zip(names, errors, strict=True)}
    report |= {**shapes(), **edges(), **counted()}
    json.dump(report, sys.stdout)
