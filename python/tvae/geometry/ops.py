"""The one visible dispatch of the geometry: reference on any device, a Triton kernel, or a compiled loop.

An implementation asked for by name runs or raises. `impl="auto"` takes a kernel or a loop where there is one
for the tensor at hand and the reference otherwise (`choice.py`); `status()` tells what it takes and why.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tvae.errors import DeviceError, DomainError, TvaeError
from tvae.geometry import counts, hinge, pairwise, poincare, polar, structure
from tvae.geometry.choice import on_one_device, status, takes_kernel, takes_loop
from tvae.geometry.conformal import check_curvature, working_dtype
from tvae.geometry.listed import Listed
from tvae.geometry.mapped import Mapped
from tvae.geometry.paired import PairedDistance

__all__ = [
    "all_pairs_loss",
    "distance",
    "expmap0",
    "logmap0",
    "pair_counts",
    "pair_hinge",
    "pairwise_distance",
    "polar_distance",
    "project",
    "radius",
    "status",
    "triplet_hinge",
]


def distance(x: Tensor, y: Tensor, c: float | Tensor = 1.0, *, impl: str = "auto") -> Tensor:
    """Geodesic distance between paired points; see `tvae.geometry.poincare.distance`.

    Args:
        x: points (..., D) with sqrt(c) |x| < 1.
        y: points whose leading shape broadcasts with that of `x`.
        c: curvature, float or 0-d tensor.
        impl: `auto`, `reference`, `triton` (CUDA, D <= 128; on a CPU in Triton's interpreter alone), or
            `rust` (CPU, not float64), which `auto` takes where it can.

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
    if takes_loop("distance", impl, x, y):
        return _paired(x, y, c)
    if not takes_kernel("distance", impl, x, y):
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
    if not takes_kernel("polar_distance", impl, u, w):
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
    if takes_loop("radius", impl, x):
        return _mapped("radius", x, c)
    if not takes_kernel("radius", impl, x):
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
    if takes_loop("expmap0", impl, v):
        return _mapped("expmap0", v, c)
    if not takes_kernel("expmap0", impl, v):
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
    if takes_loop("logmap0", impl, x):
        return _mapped("logmap0", x, c)
    if not takes_kernel("logmap0", impl, x):
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
    if takes_loop("project", impl, x):
        return _mapped("project", x, c, rho)
    if not takes_kernel("project", impl, x):
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
        impl: `auto`, `reference` or `triton`.

    Returns:
        Distances (N, M).

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0]])
        >>> pairwise_distance(x, x)
        tensor([[0.0000, 1.3863],
                [1.3863, 0.0000]])
    """
    if not takes_kernel("pairwise_distance", impl, x, y):
        return pairwise.pairwise_distance(x, y, c)
    pairwise.check_rows(x, y)
    from tvae.kernels.pairwise import Pairwise

    dtype = torch.promote_types(x.dtype, y.dtype)
    other = None if y is x else y.to(dtype)
    d: Tensor = Pairwise.apply(x.to(dtype), other, _curvature(c, x))  # type: ignore[no-untyped-call]
    return d


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
        impl: `auto`, `reference`, `triton` (CUDA, D <= 128), or `rust` (float32 on a CPU, N = 3^depth).

    Returns:
        The 0-d sum, in the precision of `x`. The gradient of a coinciding pair is 0; NaN points give NaN.

    Raises:
        DomainError: shapes, precision, curvature, power or `impl` are wrong.
        DeviceError, DependencyError: as `distance`; `impl="rust"` and the points are not on a CPU.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0], [-0.6, 0.0]])
        >>> target = torch.tensor([1.3863])
        >>> all_pairs_loss(x, lo=target, hi=target, weight=torch.ones(1), power=2)
        tensor(1.9218)
    """
    if impl != "rust" and takes_kernel("all_pairs_loss", impl, x):
        from tvae.kernels.structure import AllPairs

        bands = structure.check_bands(x, c, lo, hi, weight, power)
        k = _curvature(c, x)
        want = _differentiates(x), _differentiates(k)
        value: Tensor = AllPairs.apply(x, k, bands, power, want)  # type: ignore[no-untyped-call]
        return value
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


def triplet_hinge(
    x: Tensor,
    triplets: Tensor,
    c: float | Tensor = 1.0,
    *,
    margin: float,
    reduction: str = "mean",
    impl: str = "auto",
) -> Tensor:
    """Mean or sum over triplets (a, p, q) of rows of max(d(a, p) - d(a, q) + margin, 0), in one pass; see
    `tvae.geometry.hinge.triplet_hinge`.

    Args:
        x: points (N, D); past the rim alpha is clamped.
        triplets: rows of anchors, positives and negatives, int32 or int64 (3, T).
        c: curvature, float or 0-d tensor.
        margin: by how much the negative must be farther, in units of the ball.
        reduction: `mean` over the T triplets or `sum`.
        impl: as for `distance`. A row that does not exist raises on a CPU and gives NaN in
            the kernel.

    Returns:
        0-d tensor in the precision of `x`.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`, and for margin, rows and reduction.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0], [0.6, 0.0], [0.0, 0.5]])
        >>> triplet_hinge(x, torch.tensor([[0], [1], [2]]), margin=1.0)
        tensor(1.2877)
    """
    if takes_loop("triplet_hinge", impl, x, rows=triplets):
        hinge.check_triplets(x, triplets, c, margin, reduction)
        return _listed(x, triplets, c, None, margin, False, hinge.scale_of(triplets, reduction))
    if takes_kernel("triplet_hinge", impl, x) and on_one_device("triplet_hinge", impl, x, triplets):
        from tvae.kernels.hinge import TripletHinge

        hinge.check_triplets(x, triplets, c, margin, reduction)
        k, scale = _curvature(c, x), hinge.scale_of(triplets, reduction)
        value: Tensor = TripletHinge.apply(x, triplets, k, margin, scale, _differentiates(x, k))  # type: ignore[no-untyped-call]
        return value
    return hinge.triplet_hinge(x, triplets, c, margin=margin, reduction=reduction)


def pair_hinge(
    x: Tensor,
    pairs: Tensor,
    c: float | Tensor = 1.0,
    *,
    level: Tensor,
    lo: Tensor,
    hi: Tensor,
    weight: Tensor,
    power: int = 1,
    reduction: str = "mean",
    impl: str = "auto",
) -> Tensor:
    """Mean or sum over listed pairs of weight[k] e^power, e = max(d - hi[k], lo[k] - d, 0), in one pass; see
    `tvae.geometry.hinge.pair_hinge`.

    Args:
        x: points (N, D); past the rim alpha is clamped.
        pairs: rows of both ends, int32 or int64 (2, P).
        c: curvature, float or 0-d tensor.
        level: k of each pair, int32 or int64 (P,); outside 0..L-1 a pair weighs nothing.
        lo: shortest distances of each level, (L,). No gradient flows into the bands.
        hi: longest distances of each level, (L,).
        weight: factor of each level, (L,).
        power: 1 or 2.
        reduction: `mean` over the P pairs or `sum`.
        impl: as for `triplet_hinge`.

    Returns:
        0-d tensor in the precision of `x`.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`, and for rows, levels, bands, power and
            reduction.

    Example:
        >>> import torch
        >>> x, band = torch.tensor([[0.0, 0.0], [0.6, 0.0]]), torch.tensor([1.0])
        >>> pair_hinge(x, torch.tensor([[0], [1]]), level=torch.tensor([0]), lo=band, hi=band, weight=band)
        tensor(0.3863)
    """
    if takes_loop("pair_hinge", impl, x, rows=pairs):
        hinge.check_pairs(x, pairs, c, level, (lo, hi, weight), power, reduction)
        table = torch.stack([t.detach().float() for t in (lo, hi, weight)]).t().tolist()
        return _listed(x, pairs, c, (level, table), 0.0, power == 2, hinge.scale_of(pairs, reduction))
    if takes_kernel("pair_hinge", impl, x) and on_one_device("pair_hinge", impl, x, pairs, level):
        from tvae.kernels.hinge import PairHinge

        hinge.check_pairs(x, pairs, c, level, (lo, hi, weight), power, reduction)
        k, scale = _curvature(c, x), hinge.scale_of(pairs, reduction)
        bands = torch.stack([t.detach().to(x.device) for t in (lo, hi, weight)])
        wanted = _differentiates(x, k)
        value: Tensor = PairHinge.apply(x, pairs, level, k, bands, power, scale, wanted)  # type: ignore[no-untyped-call]
        return value
    return hinge.pair_hinge(
        x, pairs, c, level=level, lo=lo, hi=hi, weight=weight, power=power, reduction=reduction
    )


@torch.no_grad()
def pair_counts(
    x: Tensor, c: float | Tensor = 1.0, *, depth: int, resolution: int = 4096, impl: str = "auto"
) -> Tensor:
    """Number of pairs i < j at each level v(i - j) whose distance lies in each bin; see
    `tvae.geometry.counts.pair_counts`.

    Args:
        x: points (N, D), row i of operation i, N <= 3^depth.
        c: curvature, float or 0-d tensor.
        depth: digits of the space, the number of levels.
        resolution: bins of an octave, a power of two up to 65,536.
        impl: `auto`, `reference` or `triton`.

    Returns:
        int64 (depth, 27 resolution + 1), the last column that of NaN; `pair_order` reads the order off it.

    Raises:
        DomainError, DeviceError, DependencyError: as `distance`, and for depth and resolution.

    Example:
        >>> import torch
        >>> int(pair_counts(0.1 * torch.ones(9, 3), depth=2).sum())
        36
    """
    if not takes_kernel("pair_counts", impl, x):
        return counts.pair_counts(x, c, depth=depth, resolution=resolution)
    counts.check_counted(x, c, depth, resolution)
    from tvae.kernels.counts import pair_counts as counted

    k = _curvature(c, x).to(x.device, working_dtype(x.dtype))
    first, octaves = counts.FIRST_OCTAVE, counts.OCTAVES
    return counted(x, k, depth=depth, resolution=resolution, first_octave=first, octaves=octaves)


def _paired(x: Tensor, y: Tensor, c: float | Tensor) -> Tensor:
    check_curvature(c)
    if x.shape != y.shape:
        x, y = torch.broadcast_tensors(x, y)  # type: ignore[no-untyped-call]
    d: Tensor = PairedDistance.apply(_rows(x), _rows(y), c)  # type: ignore[no-untyped-call]
    if x.dtype == y.dtype == torch.float32:
        return d if x.dim() == 2 else d.view(x.shape[:-1])
    return d.to(torch.promote_types(x.dtype, y.dtype)).view(x.shape[:-1])


def _mapped(kind: str, x: Tensor, c: float | Tensor, rho: float = 0.5) -> Tensor:
    check_curvature(c)
    y: Tensor = Mapped.apply(_rows(x), c, kind, rho)  # type: ignore[no-untyped-call]
    return y.to(x.dtype).view(x.shape[:-1] if kind == "radius" else x.shape)


def _listed(
    x: Tensor,
    rows: Tensor,
    c: float | Tensor,
    bands: tuple[Tensor, list[list[float]]] | None,
    margin: float,
    squared: bool,
    scale: float,
) -> Tensor:
    total: Tensor = Listed.apply(_rows(x), c, rows, bands, margin, squared)  # type: ignore[no-untyped-call]
    return (total * scale).to(x.dtype)


def _rows(x: Tensor) -> Tensor:
    """Contiguous float32 points (N, D): `x` itself, as it nearly always is, without a dispatched call."""
    if x.dim() == 2 and x.dtype == torch.float32 and x.is_contiguous():
        return x
    return x.float().reshape(-1, x.shape[-1]).contiguous()


def _curvature(c: float | Tensor, like: Tensor) -> Tensor:
    """The curvature as the 0-d tensor that a kernel reads."""
    check_curvature(c)
    return c if isinstance(c, Tensor) else torch.full((), c, dtype=torch.float64, device=like.device)


def _differentiates(*leaves: Tensor) -> bool:
    """Whether a gradient of any of these will be asked for."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in leaves)


def _radial_map(x: Tensor, c: float | Tensor, kind: int, rho: float = 0.5) -> Tensor:
    from tvae.kernels.maps import RadialMap

    rows = x.reshape(-1, x.shape[-1])
    y: Tensor = RadialMap.apply(rows, _curvature(c, x), kind, rho)  # type: ignore[no-untyped-call]
    return y.view(x.shape)
