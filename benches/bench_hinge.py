"""The triplet hinge, value and gradient: geoopt, eager torch, torch.compile and the compiled loop.

    python benches/bench_hinge.py [--triplets 512 19683 200000] [--seconds 1.0]

Triplets of all 19,683 operations in 16 dimensions, as `tvae.mining.triplets` draws them; one thread,
contenders interleaved. Ours is compared with the float64 reference before anything is timed. Prints the
median and the ratio to geoopt.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from bench_geometry import interleave, log1p_distance, points, report
from tvae import TernarySpace, geometry, mining

MARGIN = 0.5
TOLERANCE = 1e-5


def hinge_of(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def hinge(x: Tensor, triplets: Tensor) -> Tensor:
        a, p, q = triplets
        anchors = x[a]
        return torch.relu(distance(anchors, x[p]) - distance(anchors, x[q]) + MARGIN).mean()

    return hinge


def ours(x: Tensor, triplets: Tensor) -> Tensor:
    return geometry.triplet_hinge(x, triplets, margin=MARGIN)


def gradient(hinge: Callable[[Tensor, Tensor], Tensor], x: Tensor, triplets: Tensor) -> Callable[[], Tensor]:
    return lambda: torch.autograd.grad(hinge(x, triplets), x)[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triplets", type=int, nargs="+", default=[512, 19_683, 200_000])
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    import geoopt

    rows = {
        "geoopt": hinge_of(geoopt.PoincareBall(c=1.0).dist),
        "eager": hinge_of(log1p_distance),
        "compile": torch.compile(hinge_of(log1p_distance), dynamic=False),
        "tvae": ours,
    }
    space = TernarySpace(9)
    x = points(space.size).requires_grad_()
    exact = x.detach().double().requires_grad_()
    print(f"{'operation':28} {'code':8} {'median':>14}  {'[10 % .. 90 %]':>23}  geoopt / it")
    for n in args.triplets:
        triplets = torch.from_numpy(mining.triplets(space, n, seed=0))
        truth = gradient(ours, exact, triplets)()
        error = float((gradient(ours, x, triplets)().double() - truth).norm() / truth.norm())
        if not error <= TOLERANCE:
            sys.exit(f"the gradient is wrong by {error:.1e}, nothing is timed")
        calls = {name: gradient(hinge, x, triplets) for name, hinge in rows.items()}
        report(f"triplets T={n} fwd+bwd", interleave(calls, args.seconds))


if __name__ == "__main__":
    main()
