"""The radius kernels: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")

SLOTS = {"_radius_fwd_kernel": 1000, "_radius_bwd_kernel": 1500}


@pytest.mark.interpret
def test_interpreted(judge: Callable[[str], None]) -> None:
    judge("radius")


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize("name", SLOTS)
def test_compiled_without_spills(
    compiled: Callable[..., dict[str, int]], name: str, dim: int, capability: int
) -> None:
    from tvae.kernels import poincare
    from tvae.kernels.conformal import tiling

    _, block_n, block_d = tiling(1_000_000, dim)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": False, "stride_d": 1}
    if "bwd" in name:
        constants |= {"stride_g": 1}
    usage = compiled(getattr(poincare, name), constants, capability)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["registers"] <= 128
    assert usage["slots"] <= SLOTS[name]


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_device(dtype: torch.dtype, compiling: bool) -> None:
    from tvae import geometry

    radius = torch.compile(geometry.radius, fullgraph=True) if compiling else geometry.radius
    for r in (1e-6, 0.3, 0.95, 0.996, 1 - 1e-6):
        x = normalize(torch.randn(1000, 16, dtype=torch.float64), dim=-1) * r
        x = x.to("cuda", dtype).requires_grad_()
        c = torch.tensor(1.0, device="cuda", requires_grad=True)
        d = radius(x, c, impl="triton")
        truth = geometry.radius(x, c, impl="reference")
        half = dtype == torch.bfloat16
        value, gradient = (tol.BFLOAT16,) * 2 if half else (tol.KERNEL_VALUE, tol.KERNEL_GRADIENT)
        torch.testing.assert_close(d, truth, rtol=value, atol=0)
        (gx, gc), (tx, tc) = (torch.autograd.grad(t.float().sum(), (x, c)) for t in (d, truth))
        assert ((gx - tx).norm(dim=-1) <= gradient * tx.norm(dim=-1)).all()
        torch.testing.assert_close(gc, tc, rtol=max(value, tol.KERNEL_CURVATURE), atol=0)


@pytest.mark.gpu
def test_in_a_cuda_graph() -> None:
    from tvae import geometry

    x = 0.1 * torch.randn(64, 16, device="cuda")
    c = torch.tensor(1.0, device="cuda")
    geometry.radius(x, c, impl="triton")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        d = geometry.radius(x, c, impl="triton")
    x.fill_(math.sqrt(0.5) / 4)
    graph.replay()
    torch.testing.assert_close(d, geometry.radius(x, c, impl="reference"))
