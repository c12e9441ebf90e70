"""The maps' kernels: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")

NAMES = ["expmap0", "logmap0", "project"]
SLOTS = {"_map_fwd_kernel": 1300, "_map_bwd_kernel": 2300}


@pytest.mark.interpret
@pytest.mark.parametrize("name", NAMES)
def test_interpreted(judge: Callable[[str], None], name: str) -> None:
    judge(name)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("name", SLOTS)
def test_compiled_without_spills(
    compiled: Callable[..., dict[str, int]], name: str, kind: int, dim: int, capability: int
) -> None:
    from tvae.kernels import maps
    from tvae.kernels.conformal import tiling

    kernel = getattr(maps, name)
    _, block_n, block_d = tiling(1_000_000, dim)
    constants = {
        "BLOCK_N": block_n,
        "BLOCK_D": block_d,
        "WIDE": False,
        "RHO": 0.9,
        "MAP": kind,
        "stride_d": 1,
    }
    if "bwd" in name:
        constants |= {"stride_gd": 1}
    usage = compiled(kernel, constants, capability)
    assert usage["spilled"] == usage["libdevice"] == 0
    assert usage["registers"] <= 168
    assert usage["slots"] <= SLOTS[name]


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_on_a_device(name: str, dtype: torch.dtype, compiling: bool) -> None:
    from tvae import geometry

    plain = getattr(geometry, name)
    op = torch.compile(plain, fullgraph=True) if compiling else plain
    extra = {"rho": 0.9} if name == "project" else {}
    for r in (1e-6, 0.3, 0.95, 0.996, 1 - 1e-6):
        x = normalize(torch.randn(1000, 16, dtype=torch.float64), dim=-1) * r
        x = x.to("cuda", dtype).requires_grad_()
        c = torch.tensor(1.0, device="cuda", requires_grad=True)
        g = torch.randn(1000, 16, device="cuda", dtype=dtype)
        y = op(x, c, impl="triton", **extra)
        truth = plain(x, c, impl="reference", **extra)
        half = dtype == torch.bfloat16
        value, gradient = (tol.BFLOAT16,) * 2 if half else (tol.MAP_VALUE, tol.MAP_GRADIENT)
        assert ((y - truth).norm(dim=-1) <= value * truth.norm(dim=-1)).all()
        (gx, gc), (tx, tc) = (torch.autograd.grad(t, (x, c), g) for t in (y, truth))
        assert ((gx - tx).norm(dim=-1) <= gradient * tx.norm(dim=-1)).all()
        assert (gc - tc).abs() <= 1e-3 * tc.abs() + 1e-6
