"""What the tests of the kernels over pairs share: how each is called, judged, and checked on a device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol

Report = Callable[[str], dict[str, float]]
Usage = dict[str, int]
Compile = Callable[..., Usage]
DTYPES = (torch.float32, torch.float64, torch.bfloat16)
TARGETS = [(16, 80), (2, 90), (16, 90), (128, 90)]
POINTERS = {
    "code_ptr": "*i32",
    "counts_ptr": "*i64",
    "index_ptr": "*i32",
    "level_ptr": "*i32",
    "margin_ptr": "*fp64",
}


def judge(report: dict[str, float], op: str, *, wide: bool = False) -> None:
    """Holds what the interpreter found of an op against the tolerances."""
    value, gradient, curvature = (
        (tol.FLOAT64_VALUE, tol.FLOAT64_GRADIENT, tol.FLOAT64_CURVATURE)
        if wide
        else (tol.KERNEL_VALUE, tol.KERNEL_GRADIENT, tol.KERNEL_CURVATURE)
    )
    name = f"{op} float64" if wide else op
    assert report[f"{name}: value"] <= value
    assert report[f"{name}: gradient"] <= gradient
    assert report[f"{name}: curvature"] <= curvature


def per_pair(slots: int, tile: tuple[int, int, int]) -> float:
    """Instructions a pair, of those that a thread executes for a tile of rows, columns and warps."""
    rows, columns, warps = tile
    return slots * warps * 32 / (rows * columns)


def calls(n: int, depth: int) -> dict[str, Callable[..., Tensor]]:
    from tvae import geometry
    from tvae.geometry.structure import agreement

    lo = torch.linspace(3.0, 1.0, depth, device="cuda")
    bands = {"lo": lo, "hi": lo + 0.1, "weight": torch.ones(depth, device="cuda")}
    rows = torch.randint(n, (3, 5000), device="cuda")
    level = agreement(rows[0], rows[1], depth)
    return {
        "matrix": lambda x, c, impl: geometry.pairwise_distance(x[:300], x[300:], c, impl=impl).sum(),
        "itself": lambda x, c, impl: geometry.pairwise_distance(x, x, c, impl=impl).sum(),
        "bands": lambda x, c, impl: geometry.all_pairs_loss(x, c, impl=impl, **bands),
        "stress": lambda x, c, impl: geometry.all_pairs_loss(x, c, power=2, impl=impl, **bands),
        "triplets": lambda x, c, impl: geometry.triplet_hinge(x, rows, c, margin=0.5, impl=impl),
        "pairs": lambda x, c, impl: geometry.pair_hinge(x, rows[:2], c, level=level, impl=impl, **bands),
    }


def device_points(r: float, dtype: torch.dtype, dim: int = 16) -> tuple[Tensor, Tensor]:
    x = normalize(torch.randn(729, dim, dtype=torch.float64), dim=-1) * r
    return x.to("cuda", dtype).requires_grad_(), torch.tensor(1.0, device="cuda", requires_grad=True)


def check_on_a_device(name: str, dtype: torch.dtype, *, compiling: bool) -> None:
    """Value and gradients on CUDA against the float64 reference there."""
    plain = calls(729, 6)[name]
    call = torch.compile(plain, fullgraph=True) if compiling else plain
    for r, dim in ((1e-6, 16), (0.3, 2), (0.95, 16), (0.996, 40), (1 - 1e-6, 16)):
        x, c = device_points(r, dtype, dim)
        got, truth = call(x, c, impl="triton"), plain(x.double(), c.double(), impl="reference")
        half = dtype == torch.bfloat16
        torch.testing.assert_close(got.double(), truth, rtol=tol.BFLOAT16 if half else tol.ALL_PAIRS, atol=0)
        gx, gc = torch.autograd.grad(got, (x, c))
        tx, tc = torch.autograd.grad(truth, (x, c))
        assert (gx.double() - tx).norm() <= (tol.BFLOAT16 if half else 5 * tol.ALL_PAIRS) * tx.norm()
        torch.testing.assert_close(gc, tc, rtol=tol.BFLOAT16 if half else tol.KERNEL_CURVATURE, atol=1e-6)


def check_in_a_cuda_graph(name: str) -> None:
    """A captured step sees points that were changed in place."""
    call = calls(729, 6)[name]
    x, c = device_points(0.9, torch.float32)

    def step() -> tuple[Tensor, ...]:
        value = call(x, c, impl="triton")
        return value, *torch.autograd.grad(value, (x, c))

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    with torch.no_grad():
        x.mul_(0.5)
    graph.replay()
    for got, truth in zip(captured, step(), strict=True):
        torch.testing.assert_close(got, truth, rtol=1e-4, atol=1e-6)
