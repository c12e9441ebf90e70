"""The loss over all pairs: right in the interpreter, compiled for two GPUs unspilled, right on a device."""

from __future__ import annotations

import pytest
import torch

import kernel_cases as cases

pytest.importorskip("triton", reason="Triton is not installed")

# Instructions a pair without and with a gradient. An H200 issues 33.4e12 a second: the 193.7 million pairs of
# depth 9 take 1.1 ms at 189, twice as many, for a gradient, 1.7 ms at 146.
SLOTS = (110, 146)


@pytest.mark.interpret
@pytest.mark.parametrize(("op", "wide"), [("bands", False), ("stress", False), ("stress", True)])
def test_interpreted(interpreted: cases.Report, op: str, wide: bool) -> None:
    cases.judge(interpreted("pairs"), op, wide=wide)


@pytest.mark.parametrize(("dim", "capability"), cases.TARGETS)
@pytest.mark.parametrize("gradient", [False, True])
def test_compiled_without_spills(compiled: cases.Compile, gradient: bool, dim: int, capability: int) -> None:
    used = usage(compiled, dim, capability, gradient=gradient)
    assert used["spilled"] == used["libdevice"] == 0
    if dim == 16:
        from tvae.kernels.structure import tiling

        slots = cases.per_pair(used["loop"], tiling(torch.float32, gradient=gradient))
        assert slots <= SLOTS[gradient]


def test_float64_compiled_without_spills(compiled: cases.Compile) -> None:
    assert usage(compiled, 16, 90, gradient=True, wide=True)["spilled"] == 0


def usage(
    compiled: cases.Compile, dim: int, capability: int, *, gradient: bool, wide: bool = False
) -> cases.Usage:
    from tvae.kernels import structure

    block_i, block_j, warps = structure.tiling(torch.float64 if wide else torch.float32, gradient=gradient)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": dim, "SQUARED": True, "GRAD": gradient}
    constants |= {"WANT_C": gradient}
    kernel = structure._all_pairs_kernel
    return compiled(kernel, constants, capability, warps=warps, kinds=cases.POINTERS, wide=wide)


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", cases.DTYPES)
@pytest.mark.parametrize("name", ["bands", "stress"])
def test_on_a_device(name: str, dtype: torch.dtype, compiling: bool) -> None:
    cases.check_on_a_device(name, dtype, compiling=compiling)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["bands", "stress"])
def test_in_a_cuda_graph(name: str) -> None:
    cases.check_in_a_cuda_graph(name)
