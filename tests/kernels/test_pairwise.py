"""The distance matrix: right in the interpreter, compiled for two GPUs unspilled, right on a device."""

from __future__ import annotations

import pytest
import torch

import kernel_cases as cases

pytest.importorskip("triton", reason="Triton is not installed")

# Instructions a pair, forward and backward. An H200 issues 33.4e12 a second: the matrix of depth 9 takes
# 1.4 ms at 120 and its gradient 1.7 ms at 146.
SLOTS = (120, 146)


@pytest.mark.interpret
@pytest.mark.parametrize("wide", [False, True])
def test_interpreted(interpreted: cases.Report, wide: bool) -> None:
    cases.judge(interpreted("pairs"), "matrix", wide=wide)


@pytest.mark.parametrize(("dim", "capability"), cases.TARGETS)
@pytest.mark.parametrize("gradient", [False, True])
def test_compiled_without_spills(compiled: cases.Compile, gradient: bool, dim: int, capability: int) -> None:
    used = usage(compiled, dim, capability, gradient=gradient)
    assert used["spilled"] == used["libdevice"] == 0
    if dim == 16:
        from tvae.kernels.pairwise import tiling

        slots = used["loop" if gradient else "slots"]
        assert cases.per_pair(slots, tiling(torch.float32, gradient=gradient)) <= SLOTS[gradient]


def test_float64_compiled_without_spills(compiled: cases.Compile) -> None:
    assert usage(compiled, 16, 90, gradient=True, wide=True)["spilled"] == 0


def usage(
    compiled: cases.Compile, dim: int, capability: int, *, gradient: bool, wide: bool = False
) -> cases.Usage:
    from tvae.kernels import pairwise

    block_i, block_j, warps = pairwise.tiling(torch.float64 if wide else torch.float32, gradient=gradient)
    constants = {"BLOCK_I": block_i, "BLOCK_J": block_j, "DIM": dim}
    kernel = pairwise._pairwise_fwd_kernel
    if gradient:
        constants |= {"SAME": False, "WANT_C": True}
        kernel = pairwise._pairwise_bwd_kernel
    return compiled(kernel, constants, capability, warps=warps, kinds=cases.POINTERS, wide=wide)


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", cases.DTYPES)
@pytest.mark.parametrize("name", ["matrix", "itself"])
def test_on_a_device(name: str, dtype: torch.dtype, compiling: bool) -> None:
    cases.check_on_a_device(name, dtype, compiling=compiling)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["matrix", "itself"])
def test_in_a_cuda_graph(name: str) -> None:
    cases.check_in_a_cuda_graph(name)
