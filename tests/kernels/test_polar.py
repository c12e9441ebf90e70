"""The polar distance: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")

SLOTS = {"_polar_fwd_kernel": 3000, "_polar_bwd_kernel": 6000}


@pytest.mark.interpret
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_interpreted(interpreted: Callable[[str], dict[str, float]], dtype: str) -> None:
    report = interpreted("polar")
    value, gradient, curvature = (
        (tol.KERNEL_VALUE, tol.KERNEL_GRADIENT, tol.KERNEL_CURVATURE)
        if dtype == "float32"
        else (tol.FLOAT64_VALUE, tol.FLOAT64_GRADIENT, tol.FLOAT64_CURVATURE)
    )
    assert report[f"value {dtype}"] <= value
    assert all(report[f"{name} {dtype}"] <= gradient for name in ("r", "u", "s", "w"))
    assert report[f"curvature {dtype}"] <= curvature


@pytest.mark.interpret
def test_interpreted_edges(interpreted: Callable[[str], dict[str, float]]) -> None:
    report = interpreted("polar")
    assert report["shapes"] <= tol.KERNEL_GRADIENT
    assert report["coinciding"] == report["empty"] == 0
    assert report["nan"] == 1


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize("name", SLOTS)
def test_compiled_without_spills(
    compiled: Callable[..., dict[str, int]], name: str, dim: int, capability: int
) -> None:
    from tvae.kernels import polar
    from tvae.kernels.conformal import tiling

    _, block_n, block_d = tiling(1_000_000, dim, torch.float64)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": False}
    constants |= {f"stride_{arg}": 1 for arg in ("r", "s", "ud", "wd")}
    if "bwd" in name:
        constants |= {"stride_g": 1}
    usage = compiled(getattr(polar, name), constants, capability)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["slots"] <= SLOTS[name]


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
def test_on_a_device(compiling: bool) -> None:
    from tvae import geometry

    op = torch.compile(geometry.polar_distance, fullgraph=True) if compiling else geometry.polar_distance
    for radius in (1e-3, 1.0, 10.0, 40.0):
        r, s = (radius * (0.5 + torch.rand(1000, device="cuda")) for _ in range(2))
        u, w = (normalize(torch.randn(1000, 16, device="cuda"), dim=-1) for _ in range(2))
        leaves = [t.requires_grad_() for t in (r, u, s, w)]
        d, truth = op(*leaves, impl="triton"), geometry.polar_distance(*leaves, impl="reference")
        torch.testing.assert_close(d, truth, rtol=tol.KERNEL_VALUE, atol=0)
        got, exact = (torch.autograd.grad(t.sum(), leaves) for t in (d, truth))
        assert all((a - b).norm() <= tol.KERNEL_GRADIENT * b.norm() for a, b in zip(got, exact, strict=True))
