"""Counts of pairs: right in the interpreter, compiled for two GPUs without spills, right on a device."""

from __future__ import annotations

import pytest
import torch

import kernel_cases as cases

pytest.importorskip("triton", reason="Triton is not installed")

SLOTS = 120  # instructions a pair


@pytest.mark.interpret
def test_interpreted(interpreted: cases.Report) -> None:
    report = interpreted("pairs")
    assert report["counts missed"] == 0
    assert report["counts moved"] <= 1e-3  # a distance within rounding of an edge
    assert report["counts of nan"] == 9


@pytest.mark.parametrize("capability", [80, 90])
def test_compiled_without_spills(compiled: cases.Compile, capability: int) -> None:
    from tvae.kernels.counts import _counts_kernel
    from tvae.kernels.structure import tiling

    tile = block_i, block_j, warps = tiling(torch.float32, gradient=False)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": 16, "BINS": 27 * 4096, "SHIFT": 11}
    used = compiled(_counts_kernel, constants, capability, warps=warps, kinds=cases.POINTERS)
    assert used["spilled"] == used["libdevice"] == 0
    assert cases.per_pair(used["loop"], tile) <= SLOTS


@pytest.mark.gpu
def test_on_a_device() -> None:
    from tvae import geometry

    x, _ = cases.device_points(0.9, torch.float32)
    ours, truth = (
        geometry.pair_order(geometry.pair_counts(x, depth=6, resolution=65_536, impl=impl))
        for impl in ("triton", "reference")
    )
    assert (ours.correlation - truth.correlation).abs() <= 2 * truth.correlation_bound
    torch.testing.assert_close(ours.inversions, truth.inversions, rtol=0, atol=1e-5)
