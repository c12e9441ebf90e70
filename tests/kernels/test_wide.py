"""The kernels of rows hold float64 points without spills too; those over pairs have theirs beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

BACKWARDS = {
    "distance": ("_distance_bwd_kernel", {"stride_xd": 1, "stride_yd": 1, "WANT_X": True, "WANT_Y": True}),
    "poincare": ("_radius_bwd_kernel", {"stride_d": 1}),
    "maps": ("_map_bwd_kernel", {"stride_d": 1, "stride_gd": 1, "RHO": 0.9, "MAP": 0}),
    "polar": ("_polar_bwd_kernel", {f"stride_{name}": 1 for name in ("r", "s", "ud", "wd")}),
}


@pytest.mark.parametrize("module", BACKWARDS)
def test_float64_compiled_without_spills(compiled: Callable[..., dict[str, int]], module: str) -> None:
    from importlib import import_module

    from tvae.kernels.conformal import tiling

    name, constants = BACKWARDS[module]
    kernel = getattr(import_module(f"tvae.kernels.{module}"), name)
    _, block_n, block_d = tiling(1_000_000, 16, torch.float64)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": True, **constants}
    usage = compiled(kernel, constants, 90, wide=True)
    assert usage["spilled"] == usage["libdevice"] == 0
