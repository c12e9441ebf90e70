"""Listed hinges: right in the interpreter, compiled for two GPUs unspilled, right on a device."""

from __future__ import annotations

import pytest
import torch

import kernel_cases as cases

pytest.importorskip("triton", reason="Triton is not installed")

# Instructions a thread of 128 executes for a tile of 1024 elements, slow paths included.
SLOTS = {"_triplet_kernel": 3200, "_pair_kernel": 2200}


@pytest.mark.interpret
@pytest.mark.parametrize(
    ("op", "wide"), [("triplets", False), ("pairs", False), ("pairs squared", False), ("triplets", True)]
)
def test_interpreted(interpreted: cases.Report, op: str, wide: bool) -> None:
    cases.judge(interpreted("pairs"), op, wide=wide)


@pytest.mark.interpret
def test_a_row_that_does_not_exist_shows_in_the_value(interpreted: cases.Report) -> None:
    assert interpreted("pairs")["missing row"] == 1


@pytest.mark.parametrize(("dim", "capability"), cases.TARGETS)
@pytest.mark.parametrize("name", SLOTS)
def test_compiled_without_spills(compiled: cases.Compile, name: str, dim: int, capability: int) -> None:
    used = usage(compiled, name, dim, capability)
    assert used["spilled"] == used["libdevice"] == 0
    assert used["slots"] <= SLOTS[name]


@pytest.mark.parametrize("name", SLOTS)
def test_float64_compiled_without_spills(compiled: cases.Compile, name: str) -> None:
    assert usage(compiled, name, 16, 90, wide=True)["spilled"] == 0


def usage(
    compiled: cases.Compile, name: str, dim: int, capability: int, *, wide: bool = False
) -> cases.Usage:
    from tvae.kernels import hinge

    _, block_n, block_d = hinge.tiling(1_000_000, dim, torch.float64 if wide else torch.float32)
    constants = {"BLOCK_N": block_n, "BLOCK_D": block_d, "WIDE": wide, "GRAD": True, "stride_d": 1}
    constants |= {"stride_t": 1} if "triplet" in name else {"stride_p": 1, "stride_l": 1, "SQUARED": True}
    return compiled(getattr(hinge, name), constants, capability, kinds=cases.POINTERS, wide=wide)


@pytest.mark.gpu
@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("dtype", cases.DTYPES)
@pytest.mark.parametrize("name", ["triplets", "pairs"])
def test_on_a_device(name: str, dtype: torch.dtype, compiling: bool) -> None:
    cases.check_on_a_device(name, dtype, compiling=compiling)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["triplets", "pairs"])
def test_in_a_cuda_graph(name: str) -> None:
    cases.check_in_a_cuda_graph(name)
