"""What an op of the geometry takes for the points at hand: reference, Triton kernel or compiled loop."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from tvae.errors import DependencyError, DeviceError, DomainError, TvaeError

IMPLS = ("auto", "reference", "triton")
_KERNELS = (
    "distance",
    "polar_distance",
    "radius",
    "expmap0",
    "logmap0",
    "project",
    "pairwise_distance",
    "all_pairs_loss",
    "triplet_hinge",
    "pair_hinge",
    "pair_counts",
)
# Ops with a compiled loop, which `auto` takes on a CPU.
_LOOPS = (
    "distance",
    "radius",
    "expmap0",
    "logmap0",
    "project",
    "all_pairs_loss",
    "triplet_hinge",
    "pair_hinge",
)
_KERNEL_DIM = 128
_HAS_TRITON = find_spec("triton") is not None
# Why `auto` last took the reference for an op that has a kernel: first reason kept.
_fallbacks: dict[str, str] = {}


def status() -> dict[str, str]:
    """What `impl="auto"` takes for each op on this machine, and why where it is the reference.

    Example:
        >>> "distance" in status()
        True
    """
    missing = _missing()
    report = {}
    for op in _KERNELS:
        if missing is not None:
            loop = "rust on a CPU, else " if op in _LOOPS else ""
            report[op] = f"{loop}reference ({missing})"
        else:
            met = _fallbacks.get(op)
            loop = "rust on a CPU, else " if op in _LOOPS else ""
            report[op] = f"{loop}triton" + (f" (fell back once: {met})" if met else "")
    return report


def _check_impl(impl: str) -> None:
    if impl not in IMPLS:
        raise DomainError("unknown implementation", path="impl", expected=", ".join(IMPLS), got=impl)


def takes_kernel(op: str, impl: str, *points: Tensor) -> bool:
    """Whether the Triton kernel of `op` takes these points; raises if it was asked for and cannot."""
    _check_impl(impl)
    if impl == "reference":
        return False
    refusal = _refusal(points, interpreter=impl == "triton")
    if refusal is None:
        return True
    error, reason = refusal
    if impl == "triton":
        got = ", ".join(f"{x.dtype} {tuple(x.shape)} on {x.device}" for x in points)
        raise error(reason, path=op, got=got, hint='use impl="auto" or "reference"')
    if not torch.compiler.is_compiling():
        _fallbacks.setdefault(op, reason)
    return False


def on_one_device(op: str, impl: str, x: Tensor, *indices: Tensor) -> bool:
    """Whether the lists of rows lie beside the points; raises if a kernel was asked for and they do not."""
    if all(t.device == x.device for t in indices):
        return True
    if impl == "triton":
        got = ", ".join(str(t.device) for t in (x, *indices))
        raise DeviceError("the Triton kernel needs rows beside the points", path=op, got=got)
    return False


_LOOP_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def takes_loop(op: str, impl: str, *points: Tensor, rows: Tensor | None = None) -> bool:
    """Whether the compiled loop of `op` takes these points; raises if it was asked for and cannot."""
    if impl not in ("auto", "rust"):
        return False
    refusal = loop_refusal(*points)
    if refusal is None and rows is not None and not rows.is_cpu:
        refusal = "the compiled loop needs lists of rows on a CPU"
    if refusal is None and rows is not None and points[0].dim() != 2:
        refusal = "the compiled loop takes points (N, D)"
    if refusal is not None and impl == "rust":
        got = ", ".join(f"{t.dtype} {tuple(t.shape)} on {t.device}" for t in points)
        raise DomainError(refusal, path=op, got=got, hint='use impl="auto" or "reference"')
    return refusal is None


def loop_refusal(*points: Tensor) -> str | None:
    """Why the compiled loop cannot take these points, or None."""
    if torch.compiler.is_compiling():
        return "the compiled loop is not traced"
    dim = points[0].shape[-1] if points[0].dim() else 0
    for x in points:
        if type(x) not in (Tensor, torch.nn.Parameter):
            return "the compiled loop is not traced"
        if not x.is_cpu:
            return "the compiled loop needs points on a CPU"
        if x.dtype not in _LOOP_DTYPES:
            return "the compiled loop takes float32, bfloat16 and float16"
        if x.dim() == 0 or x.shape[-1] != dim or dim == 0:
            return "the compiled loop takes points (..., D) of one dimension D"
    return None


def _missing() -> str | None:
    """Why `auto` can run no kernel at all on this machine, or None."""
    if not _HAS_TRITON:
        return "Triton is not installed"
    return None if torch.cuda.is_available() else "no CUDA device"


def _refusal(points: tuple[Tensor, ...], *, interpreter: bool) -> tuple[type[TvaeError], str] | None:
    """Why no kernel can take these points, as the kind of error and its reason, or None."""
    x = points[0]
    if not _HAS_TRITON:
        return DependencyError, "Triton is not installed"
    if not x.is_cuda and not (interpreter and _interpreted()):
        return DeviceError, "the Triton kernel needs a CUDA tensor"
    if any(other.device != x.device for other in points):
        return DeviceError, "the Triton kernel needs all points on one device"
    if any(p.dtype not in (torch.float32, torch.float64, torch.bfloat16, torch.float16) for p in points):
        return DomainError, "the Triton kernel takes float32, float64, bfloat16 and float16"
    if any(p.dim() == 0 or p.shape[-1] != x.shape[-1] for p in points):
        return DomainError, "the Triton kernel takes points (..., D) of one dimension D"
    if not 1 <= x.shape[-1] <= _KERNEL_DIM:
        return DomainError, f"the Triton kernel takes 1 <= D <= {_KERNEL_DIM}"
    return None


def _interpreted() -> bool:
    from tvae.kernels.scalar import INTERPRETED

    return INTERPRETED
