"""The one visible dispatch of the geometry: reference on any device, or a Triton kernel.

`impl="reference"` and `impl="triton"` run what they name or raise. `impl="auto"` takes a kernel where there
is one for the tensor at hand and the reference otherwise; `status()` tells what it takes and why.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from tvae.errors import DependencyError, DeviceError, DomainError, TvaeError
from tvae.geometry import pairwise, poincare
from tvae.geometry.conformal import check_curvature

IMPLS = ("auto", "reference", "triton")
_KERNELS = ("radius",)
_KERNEL_DIM = 128
_HAS_TRITON = find_spec("triton") is not None
# Why `auto` last took the reference for an op that has a kernel: first reason kept.
_fallbacks: dict[str, str] = {}


def distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Geodesic distance between paired points; see `tvae.geometry.poincare.distance`.

    Args:
        x: points (..., D) with sqrt(c) |x| < 1.
        y: points whose leading shape broadcasts with that of `x`.
        c: curvature, float or 0-d tensor.
        impl: `auto`, `reference` or `triton` (there is no kernel yet: raises).

    Returns:
        Distances of the broadcast leading shape.

    Raises:
        DomainError: shapes, precision, curvature or `impl` are wrong.
        DeviceError: `impl="triton"`.

    Example:
        >>> import torch
        >>> distance(torch.tensor([0.5, 0.0]), torch.tensor([-0.5, 0.0]))
        tensor(2.1972)
    """
    _refuse_kernel("distance", impl)
    return poincare.distance(x, y, c)


def radius(x: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Geodesic distance of each point from the origin; see `tvae.geometry.poincare.radius`.

    Args:
        x: points (..., D) with sqrt(c) |x| < 1.
        c: curvature, float or 0-d tensor.
        impl: `auto`, `reference`, or `triton` (CUDA, D <= 128, not float64; on a CPU in Triton's interpreter
            alone).

    Returns:
        Radii of shape (...).

    Raises:
        DomainError: precision, dimension, curvature or `impl` are wrong.
        DeviceError: `impl="triton"` and the points are not on a CUDA device.
        DependencyError: `impl="triton"` and Triton is not installed.

    Example:
        >>> import torch
        >>> radius(torch.tensor([[0.0, 0.0], [0.6, 0.0]]), impl="reference")
        tensor([0.0000, 1.3863])
    """
    _check_impl(impl)
    if impl == "reference":
        return poincare.radius(x, c)
    refusal = _refusal(x, interpreter=impl == "triton")
    if refusal is not None:
        error, reason = refusal
        if impl == "triton":
            raise error(
                reason, path="x", got=f"{x.dtype} on {x.device.type}", hint='use impl="auto" or "reference"'
            )
        if not torch.compiler.is_compiling():
            _fallbacks.setdefault("radius", reason)
        return poincare.radius(x, c)
    from tvae.kernels.poincare import Radius

    check_curvature(c)
    k = c if isinstance(c, Tensor) else torch.full((), c, dtype=torch.float32, device=x.device)
    d: Tensor = Radius.apply(x.reshape(-1, x.shape[-1]), k)  # type: ignore[no-untyped-call]
    return d.view(x.shape[:-1])


def pairwise_distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Geodesic distance of every row of `x` from every row of `y`; see
    `tvae.geometry.pairwise.pairwise_distance`.

    Args:
        x: points (N, D) with sqrt(c) |x| < 1.
        y: points (M, D); may be `x` itself.
        c: curvature, float or 0-d tensor.
        impl: `auto`, `reference` or `triton` (there is no kernel yet: raises).

    Returns:
        Distances (N, M).

    Raises:
        DomainError: shapes, precision, curvature or `impl` are wrong.
        DeviceError: `impl="triton"`.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0]])
        >>> pairwise_distance(x, x)
        tensor([[0.0000, 1.3863],
                [1.3863, 0.0000]])
    """
    _refuse_kernel("pairwise_distance", impl)
    return pairwise.pairwise_distance(x, y, c)


def status() -> dict[str, str]:
    """What `impl="auto"` takes for each op on this machine, and why where it is the reference.

    Example:
        >>> status()["distance"]
        'reference (no Triton kernel)'
    """
    missing = _missing()
    report = {"distance": "reference (no Triton kernel)", "pairwise_distance": "reference (no Triton kernel)"}
    for op in _KERNELS:
        if missing is not None:
            report[op] = f"reference ({missing})"
        else:
            met = _fallbacks.get(op)
            report[op] = "triton" + (f" (fell back once: {met})" if met else "")
    return report


def _check_impl(impl: str) -> None:
    if impl not in IMPLS:
        raise DomainError("unknown implementation", path="impl", expected=", ".join(IMPLS), got=impl)


def _refuse_kernel(op: str, impl: str) -> None:
    _check_impl(impl)
    if impl == "triton":
        raise DeviceError(f"{op} has no Triton kernel", path="impl", hint='use impl="auto" or "reference"')


def _missing() -> str | None:
    """Why `auto` can run no kernel at all on this machine, or None."""
    if not _HAS_TRITON:
        return "Triton is not installed"
    return None if torch.cuda.is_available() else "no CUDA device"


def _refusal(x: Tensor, *, interpreter: bool) -> tuple[type[TvaeError], str] | None:
    """Why the radius kernel cannot take `x`, as the kind of error and its reason, or None."""
    if not _HAS_TRITON:
        return DependencyError, "Triton is not installed"
    if not x.is_cuda and not (interpreter and _interpreted()):
        return DeviceError, "the Triton kernel needs a CUDA tensor"
    if x.dtype not in (torch.float32, torch.bfloat16, torch.float16):
        return DomainError, "the Triton kernel takes float32, bfloat16 and float16"
    if x.dim() == 0 or not 1 <= x.shape[-1] <= _KERNEL_DIM:
        return DomainError, f"the Triton kernel takes shapes (..., D) with 1 <= D <= {_KERNEL_DIM}"
    return None


def _interpreted() -> bool:
    from tvae.kernels.poincare import INTERPRETED

    return INTERPRETED
