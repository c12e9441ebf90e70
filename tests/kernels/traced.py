"""Traces every kernel's op into one graph on CUDA tensors that exist by shape alone: a program of its own.

Dynamo traces forward and backward of an op here, as on a device; to compile the graph takes a device.
Prints one JSON object, op -> shape of its result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import torch
import torch.utils._triton
from torch import Tensor

# Dynamo knows kernels by Triton's types, which it looks for only where there is a device.
torch.utils._triton.has_triton = lambda *_: True

from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

from tvae import geometry  # noqa: E402


def points(*shape: int) -> Tensor:
    return torch.empty(shape, device="cuda").requires_grad_()


def ops() -> dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]]:
    band, rows = torch.ones(4, device="cuda"), torch.zeros(3, 50, dtype=torch.int32, device="cuda")
    bands = {"lo": band, "hi": band, "weight": band}
    x, y, r, c = points(60, 16), points(60, 16), points(60), points()
    return {
        "distance": (geometry.distance, (x, y, c)),
        "radius": (geometry.radius, (x, c)),
        "expmap0": (geometry.expmap0, (x, c)),
        "logmap0": (geometry.logmap0, (x, c)),
        "project": (lambda x, c: geometry.project(x, c, rho=0.9), (x, c)),
        "polar_distance": (geometry.polar_distance, (r, x, r, y, c)),
        "pairwise_distance": (geometry.pairwise_distance, (x, y, c)),
        "pairwise_distance itself": (lambda x, c: geometry.pairwise_distance(x, x, c), (x, c)),
        "all_pairs_loss": (lambda x, c: geometry.all_pairs_loss(x, c, power=2, **bands), (x, c)),
        "triplet_hinge": (lambda x, c: geometry.triplet_hinge(x, rows, c, margin=0.5), (x, c)),
        "pair_hinge": (lambda x, c: geometry.pair_hinge(x, rows[:2], c, level=rows[0], **bands), (x, c)),
        "pair_counts": (lambda x: geometry.pair_counts(x, depth=4, resolution=64), (x,)),
    }


if __name__ == "__main__":
    shapes = {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        for name, (op, inputs) in ops().items():
            torch._dynamo.reset()
            result = torch.compile(op, fullgraph=True, backend="eager")(*inputs)
            assert result.device.type == "cuda"
            assert result.requires_grad or name == "pair_counts"
            shapes[name] = list(result.shape)
    fell_back = [line for line in geometry.status().values() if "fell back" in line]
    assert not fell_back, fell_back
    json.dump(shapes, sys.stdout)
