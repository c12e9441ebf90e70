"""The distance kernels: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")

# Instructions a thread of 128 executes for a tile of 2048 elements, slow paths included.
SLOTS = {"_distance_fwd_kernel": 1400, "_distance_bwd_kernel": 2600}


@pytest.mark.interpret
def test_interpreted(judge: Callable[[str], None]) -> None:
    judge("distance")


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize("name", SLOTS)
def test_compiled_without_spills(
    compiled: Callable[..., dict[str, int]], name: str, dim: int, capability: int
) -> None:
    from tvae.kernels import distance
    from tvae.kernels.conformal import tiling

    kernel = getattr(distance, name)
    _, block_n, block_d = tiling(1_000_000, dim)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": False, "stride_xd": 1, "stride_yd": 1}
    if "bwd" in name:
        constants |= {"stride_g": 1, "WANT_X": True, "WANT_Y": True}
    usage = compiled(kernel, constants, capability)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["registers"] <= 224
    assert usage["slots"] <= SLOTS[name]


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_on_a_device(dtype: torch.dtype, compiling: bool) -> None:
    from tvae import geometry

    distance = torch.compile(geometry.distance, fullgraph=True) if compiling else geometry.distance
    for r in (1e-6, 0.3, 0.95, 0.996, 1 - 1e-6):
        x, y = (normalize(torch.randn(1000, 16, dtype=torch.float64), dim=-1) * r for _ in range(2))
        x, y = (t.to("cuda", dtype).requires_grad_() for t in (x, y))
        c = torch.tensor(1.0, device="cuda", requires_grad=True)
        d = distance(x, y, c, impl="triton")
        truth = geometry.distance(x, y, c, impl="reference")
        half = dtype == torch.bfloat16
        value, gradient = (tol.BFLOAT16,) * 2 if half else (tol.KERNEL_VALUE, tol.KERNEL_GRADIENT)
        torch.testing.assert_close(d, truth, rtol=value, atol=0)
        got, exact = (torch.autograd.grad(t.float().sum(), (x, y, c)) for t in (d, truth))
        for a, b in zip(got[:2], exact[:2], strict=True):
            assert ((a - b).norm(dim=-1) <= gradient * b.norm(dim=-1)).all()
        torch.testing.assert_close(got[2], exact[2], rtol=max(value, tol.KERNEL_CURVATURE), atol=0)
