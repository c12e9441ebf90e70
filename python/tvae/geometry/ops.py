"""The one visible dispatch of the geometry: reference on any device, or a Triton kernel.

`impl="reference"` and `impl="triton"` run what they name or raise. `impl="auto"` takes a kernel where there
is one for the tensor at hand and the reference otherwise; `status()` tells what it takes and why.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from tvae.errors import DependencyError, DeviceError, DomainError, TvaeError
from tvae.geometry import pairwise, poincare, polar, structure
from tvae.geometry.conformal import check_curvature

IMPLS = ("auto", "reference", "triton")
_KERNELS = ("distance", "polar_distance", "radius", "expmap0", "logmap0", "project")
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
        impl: `auto`, `reference`, or `triton` (CUDA, D <= 128; on a CPU in Triton's interpreter alone).

    Returns:
        Distances of the broadcast leading shape.

    Raises:
        DomainError: shapes, precision, curvature or `impl` are wrong.
        DeviceError: `impl="triton"` and the points are not on one CUDA device.
        DependencyError: `impl="triton"` and Triton is not installed.

    Example:
        >>> import torch
        >>> distance(torch.tensor([0.5, 0.0]), torch.tensor([-0.5, 0.0]))
        tensor(2.1972)
    """
    if not _kernel("distance", impl, x, y):
        return poincare.distance(x, y, c)
    from tvae.kernels.distance import Distance

    dtype = torch.promote_types(x.dtype, y.dtype)
    x, y = torch.broadcast_tensors(x.to(dtype), y.to(dtype))  # type: ignore[no-untyped-call]
    a, b = (t.reshape(-1, t.shape[-1]) for t in (x, y))
    d: Tensor = Distance.apply(a, b, _curvature(c, a))  # type: ignore[no-untyped-call]
    return d.view(x.shape[:-1])


def polar_distance(
    r: Tensor, u: Tensor, s: Tensor, w: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto"
) -> Tensor:
    """Geodesic distance between points given by radius and direction, accurate far past the rim; see
    `tvae.geometry.polar.polar_distance`.

    Args:
        r: hyperbolic radii (...) of the first points.
        u: unit directions (..., D) of the first points.
        s: hyperbolic radii of the second points.
        w: unit directions of the second points. Leading shapes broadcast.
        c: curvature, float or 0-d tensor.
        impl: as for `distance`.

    Returns:
        Distances of the broadcast leading shape.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`.

    Example:
        >>> import torch
        >>> east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> polar_distance(torch.tensor(40.0), east, torch.tensor(40.0), north)
        tensor(79.3069)
    """
    if not _kernel("polar_distance", impl, u, w):
        return polar.polar_distance(r, u, s, w, c)
    from tvae.kernels.polar import PolarDistance

    dtype = torch.promote_types(torch.promote_types(r.dtype, u.dtype), torch.promote_types(s.dtype, w.dtype))
    points = [t.to(dtype) for t in (r.unsqueeze(-1), u, s.unsqueeze(-1), w)]
    shape = torch.broadcast_shapes(*[t.shape for t in points])  # type: ignore[no-untyped-call]
    rows = [t.expand(*shape[:-1], t.shape[-1]).reshape(-1, t.shape[-1]) for t in points]
    d: Tensor = PolarDistance.apply(rows[0][:, 0], rows[1], rows[2][:, 0], rows[3], _curvature(c, u))  # type: ignore[no-untyped-call]
    return d.view(shape[:-1])


def radius(x: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Geodesic distance of each point from the origin; see `tvae.geometry.poincare.radius`.

    Args:
        x: points (..., D) with sqrt(c) |x| < 1.
        c: curvature, float or 0-d tensor.
        impl: as for `distance`.

    Returns:
        Radii of shape (...).

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`.

    Example:
        >>> import torch
        >>> radius(torch.tensor([[0.0, 0.0], [0.6, 0.0]]), impl="reference")
        tensor([0.0000, 1.3863])
    """
    if not _kernel("radius", impl, x):
        return poincare.radius(x, c)
    from tvae.kernels.poincare import Radius

    d: Tensor = Radius.apply(x.reshape(-1, x.shape[-1]), _curvature(c, x))  # type: ignore[no-untyped-call]
    return d.view(x.shape[:-1])


def expmap0(v: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Point that the tangent vector `v` at the origin leads to; see `tvae.geometry.poincare.expmap0`.

    Args:
        v: tangent vectors (..., D), any length.
        c: curvature, float or 0-d tensor.
        impl: as for `distance`.

    Returns:
        Points of the shape of `v`.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`.

    Example:
        >>> import torch
        >>> expmap0(torch.tensor([1.0, 0.0]))
        tensor([0.7616, 0.0000])
    """
    if not _kernel("expmap0", impl, v):
        return poincare.expmap0(v, c)
    from tvae.kernels.maps import EXPMAP

    return _radial_map(v, c, EXPMAP)


def logmap0(x: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Tangent vector at the origin that leads to `x`; see `tvae.geometry.poincare.logmap0`.

    Args:
        x: points (..., D) with sqrt(c) |x| < 1.
        c: curvature, float or 0-d tensor.
        impl: as for `distance`.

    Returns:
        Tangent vectors of the shape of `x`.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`.

    Example:
        >>> import torch
        >>> logmap0(torch.tensor([0.6, 0.0]))
        tensor([0.6931, 0.0000])
    """
    if not _kernel("logmap0", impl, x):
        return poincare.logmap0(x, c)
    from tvae.kernels.maps import LOGMAP

    return _radial_map(x, c, LOGMAP)


def project(x: Tensor, c: float | Tensor = 1.0, *, rho: float, impl: str = "auto") -> Tensor:
    """Nearest point with sqrt(c) |x| <= rho; see `tvae.geometry.poincare.project`.

    Args:
        x: vectors (..., D), inside the ball or not.
        c: curvature, float or 0-d tensor.
        rho: largest sqrt(c) |x|, in (0, 1).
        impl: as for `distance`.

    Returns:
        Points of the shape of `x`.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`, and `rho` outside (0, 1).

    Example:
        >>> import torch
        >>> project(torch.tensor([3.0, 4.0]), rho=0.5)
        tensor([0.3000, 0.4000])
    """
    poincare.check_rho(rho)
    if not _kernel("project", impl, x):
        return poincare.project(x, c, rho=rho)
    from tvae.kernels.maps import PROJECT

    return _radial_map(x, c, PROJECT, rho)


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


def all_pairs_loss(
    x: Tensor,
    c: float | Tensor = 1.0,
    *,
    lo: Tensor,
    hi: Tensor,
    weight: Tensor,
    power: int = 1,
    impl: str = "auto",
) -> Tensor:
    """Sum over all pairs of operations of weight[k] e^power, where k = v(i - j), d is their distance and

        e = max(d - hi[k], lo[k] - d, 0)

    With power 1 every pair is held in the band of its level; with power 2 and lo = hi it is the stress
    weight[k] (d - lo[k])^2. The matrix of pairs is never formed, the gradient comes from the same pass.

    Args:
        x: points (N, D), row i of operation i, N <= 3^depth; past the rim alpha is clamped.
        c: curvature, float or 0-d tensor.
        lo: shortest distances of each level, (depth,). No gradient flows into the bands.
        hi: longest distances of each level, (depth,).
        weight: factor of each level, (depth,).
        power: 1 or 2.
        impl: `auto`, `reference`, or `rust` (float32 on a CPU, N = 3^depth).

    Returns:
        The 0-d sum, in the precision of `x`. The gradient of a coinciding pair is 0; NaN points give NaN.

    Raises:
        DomainError: shapes, precision, curvature, power or `impl` are wrong.
        DeviceError: `impl="rust"` and the points are not on a CPU.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0], [-0.6, 0.0]])
        >>> target = torch.tensor([1.3863])
        >>> all_pairs_loss(x, lo=target, hi=target, weight=torch.ones(1), power=2)
        tensor(1.9218)
    """
    if impl not in ("auto", "reference", "rust"):
        raise DomainError("unknown implementation", path="impl", expected="auto, reference, rust", got=impl)
    refusal: tuple[type[TvaeError], str] | None = None
    if x.device.type != "cpu":
        refusal = DeviceError, "the compiled loop needs points on a CPU"
    elif x.dtype not in (torch.float32, torch.bfloat16, torch.float16) or len(x) != 3 ** lo.numel():
        refusal = DomainError, "the compiled loop takes float32 points of all 3^depth operations"
    if impl == "rust" and refusal is not None:
        error, reason = refusal
        raise error(reason, path="x", got=f"{x.dtype} {tuple(x.shape)}", hint='use impl="auto"')
    compiling = torch.compiler.is_compiling()
    rust = impl == "rust" or (impl == "auto" and refusal is None and not compiling)
    return structure.all_pairs_loss(x, c, lo=lo, hi=hi, weight=weight, power=power, rust=rust)


def status() -> dict[str, str]:
    """What `impl="auto"` takes for each op on this machine, and why where it is the reference.

    Example:
        >>> status()["pairwise_distance"]
        'reference (no Triton kernel)'
    """
    missing = _missing()
    report = {
        "pairwise_distance": "reference (no Triton kernel)",
        "all_pairs_loss": "rust on a CPU, reference elsewhere (no Triton kernel)",
    }
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


def _kernel(op: str, impl: str, *points: Tensor) -> bool:
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


def _curvature(c: float | Tensor, like: Tensor) -> Tensor:
    """The curvature as the 0-d tensor that a kernel reads."""
    check_curvature(c)
    return c if isinstance(c, Tensor) else torch.full((), c, dtype=torch.float64, device=like.device)


def _radial_map(x: Tensor, c: float | Tensor, kind: int, rho: float = 0.5) -> Tensor:
    from tvae.kernels.maps import RadialMap

    rows = x.reshape(-1, x.shape[-1])
    y: Tensor = RadialMap.apply(rows, _curvature(c, x), kind, rho)  # type: ignore[no-untyped-call]
    return y.view(x.shape)
