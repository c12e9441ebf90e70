"""The kernels over pairs: right in the interpreter, compiled for two GPUs unspilled, right on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")

Report = Callable[[str], dict[str, float]]
Compile = Callable[..., dict[str, int]]
OPS = ("matrix", "bands", "stress", "triplets", "pairs", "pairs squared")
POINTERS = {
    "code_ptr": "*i32",
    "counts_ptr": "*i64",
    "index_ptr": "*i32",
    "level_ptr": "*i32",
    "margin_ptr": "*fp64",
}
# Instructions a pair of the inner loop. An H200 issues 33.4e12 a second, so that the 387.4 million ordered
# pairs of depth 9 take 1.7 ms at 146 with a gradient, and the 193.7 million unordered ones 1.1 ms at 189
# without.
SLOTS = {"all pairs": (110, 146), "matrix": (120, 146), "counts": (120,)}
TARGETS = [(16, 80), (2, 90), (16, 90), (128, 90)]
LISTED = {"_triplet_kernel": 3200, "_pair_kernel": 2200}


@pytest.mark.interpret
@pytest.mark.parametrize("op", OPS)
def test_interpreted(interpreted: Report, op: str) -> None:
    report = interpreted("pairs")
    assert report[f"{op}: value"] <= tol.KERNEL_VALUE
    assert report[f"{op}: gradient"] <= tol.KERNEL_GRADIENT
    assert report[f"{op}: curvature"] <= tol.KERNEL_CURVATURE


@pytest.mark.interpret
@pytest.mark.parametrize("op", ["matrix", "stress", "triplets"])
def test_interpreted_in_float64(interpreted: Report, op: str) -> None:
    report = interpreted("pairs")
    assert report[f"{op} float64: value"] <= tol.FLOAT64_VALUE
    assert report[f"{op} float64: gradient"] <= tol.FLOAT64_GRADIENT
    assert report[f"{op} float64: curvature"] <= tol.FLOAT64_CURVATURE


@pytest.mark.interpret
def test_interpreted_shapes_and_edges(interpreted: Report) -> None:
    report = interpreted("pairs")
    shapes = {name: error for name, error in report.items() if name.startswith("shape")}
    assert len(shapes) == 12
    assert all(error <= tol.KERNEL_VALUE for error in shapes.values()), shapes
    assert report["buffers"] >= 60
    assert report["written outside"] == report["coinciding"] == report["empty"] == 0
    assert report["finite"] == report["nan"] == report["missing row"] == 1
    assert report["bfloat16"] <= tol.BFLOAT16


@pytest.mark.interpret
def test_interpreted_counts(interpreted: Report) -> None:
    report = interpreted("pairs")
    assert report["counts missed"] == 0
    assert report["counts moved"] <= 1e-3  # a distance within rounding of an edge
    assert report["counts of nan"] == 9


@pytest.mark.parametrize(("dim", "capability"), TARGETS)
@pytest.mark.parametrize("gradient", [False, True])
def test_all_pairs_compiled_without_spills(
    compiled: Compile, gradient: bool, dim: int, capability: int
) -> None:
    usage, per_pair = structure_usage(compiled, dim, capability, gradient=gradient)
    assert usage["spilled"] == usage["libdevice"] == 0
    if dim == 16:
        assert per_pair <= SLOTS["all pairs"][gradient]


@pytest.mark.parametrize(("dim", "capability"), TARGETS)
def test_the_matrix_compiled_without_spills(compiled: Compile, dim: int, capability: int) -> None:
    for gradient in (False, True):
        usage, per_pair = matrix_usage(compiled, dim, capability, gradient=gradient)
        assert usage["spilled"] == usage["libdevice"] == 0
        if dim == 16:
            assert per_pair <= SLOTS["matrix"][gradient]


@pytest.mark.parametrize("capability", [80, 90])
def test_counts_compiled_without_spills(compiled: Compile, capability: int) -> None:
    from tvae.kernels.counts import _counts_kernel
    from tvae.kernels.structure import tiling

    block_i, block_j, warps = tiling(torch.float32, gradient=False)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": 16, "BINS": 27 * 4096, "SHIFT": 11}
    usage = compiled(_counts_kernel, constants, capability, warps=warps, kinds=POINTERS)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["loop"] * warps * 32 / (block_i * block_j) <= SLOTS["counts"][0]


@pytest.mark.parametrize(("dim", "capability"), TARGETS)
@pytest.mark.parametrize("name", LISTED)
def test_hinges_compiled_without_spills(compiled: Compile, name: str, dim: int, capability: int) -> None:
    usage = hinge_usage(compiled, name, dim, capability)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["slots"] <= LISTED[name]


def test_float64_compiled_without_spills(compiled: Compile) -> None:
    found = [
        usage(compiled, 16, 90, gradient=True, wide=True)[0] for usage in (structure_usage, matrix_usage)
    ]
    found += [hinge_usage(compiled, name, 16, 90, wide=True) for name in LISTED]
    assert [usage["spilled"] for usage in found] == [0] * 4


def structure_usage(
    compiled: Compile, dim: int, capability: int, *, gradient: bool, wide: bool = False
) -> tuple[dict[str, int], float]:
    from tvae.kernels import structure

    block_i, block_j, warps = structure.tiling(torch.float64 if wide else torch.float32, gradient=gradient)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": dim, "SQUARED": True, "GRAD": gradient}
    constants |= {"WANT_C": gradient}
    usage = compiled(
        structure._all_pairs_kernel, constants, capability, warps=warps, kinds=POINTERS, wide=wide
    )
    return usage, usage["loop"] * warps * 32 / (block_i * block_j)


def matrix_usage(
    compiled: Compile, dim: int, capability: int, *, gradient: bool, wide: bool = False
) -> tuple[dict[str, int], float]:
    from tvae.kernels import pairwise

    block_i, block_j, warps = pairwise.tiling(torch.float64 if wide else torch.float32, gradient=gradient)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": dim}
    kernel = pairwise._pairwise_fwd_kernel
    if gradient:
        constants |= {"SAME": False, "WANT_C": True}
        kernel = pairwise._pairwise_bwd_kernel
    usage = compiled(kernel, constants, capability, warps=warps, kinds=POINTERS, wide=wide)
    return usage, usage["loop" if gradient else "slots"] * warps * 32 / (block_i * block_j)


def hinge_usage(
    compiled: Compile, name: str, dim: int, capability: int, *, wide: bool = False
) -> dict[str, int]:
    from tvae.kernels import hinge

    _, block_n, block_d = hinge.tiling(1_000_000, dim, torch.float64 if wide else torch.float32)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": wide, "GRAD": True, "stride_d": 1}
    constants |= {"stride_t": 1} if "triplet" in name else {"stride_p": 1, "stride_l": 1, "SQUARED": True}
    return compiled(getattr(hinge, name), constants, capability, kinds=POINTERS, wide=wide)


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


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["matrix", "itself", "bands", "stress", "triplets", "pairs"])
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_on_a_device(dtype: torch.dtype, compiling: bool, name: str) -> None:
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


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["itself", "stress", "triplets", "pairs"])
def test_in_a_cuda_graph(name: str) -> None:
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


@pytest.mark.gpu
def test_counts_on_a_device() -> None:
    from tvae import geometry

    x, _ = device_points(0.9, torch.float32)
    ours, truth = (
        geometry.pair_order(geometry.pair_counts(x, depth=6, resolution=65_536, impl=impl))
        for impl in ("triton", "reference")
    )
    assert (ours.correlation - truth.correlation).abs() <= 2 * truth.correlation_bound
    torch.testing.assert_close(ours.inversions, truth.inversions, rtol=0, atol=1e-5)
