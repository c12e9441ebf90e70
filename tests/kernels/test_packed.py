"""Packed points: odd shapes and edges of all kernels that read them, and the packing compiled unspilled."""

from __future__ import annotations

import pytest

import kernel_cases as cases
import tolerances as tol

pytest.importorskip("triton", reason="Triton is not installed")


@pytest.mark.interpret
def test_interpreted_shapes_and_edges(interpreted: cases.Report) -> None:
    report = interpreted("pairs")
    shapes = {name: error for name, error in report.items() if name.startswith("shape")}
    assert len(shapes) == 12
    assert all(error <= tol.KERNEL_VALUE for error in shapes.values()), shapes
    assert report["buffers"] >= 60
    assert report["written outside"] == report["coinciding"] == report["empty"] == 0
    assert report["finite"] == report["nan"] == 1
    assert report["bfloat16"] <= tol.BFLOAT16


@pytest.mark.parametrize(("dim", "wide"), [(16, False), (128, False), (16, True)])
def test_compiled_without_spills(compiled: cases.Compile, dim: int, wide: bool) -> None:
    from tvae.kernels.packed import _pack_kernel

    constants = {"DIM": dim, "BLOCK_D": dim, "WIDE": wide, "stride_d": 1}
    used = compiled(_pack_kernel, constants, 90, kinds=cases.POINTERS, wide=wide)
    assert used["spilled"] == used["libdevice"] == 0
