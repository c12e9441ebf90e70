"""Numbers of old configs in today's units."""

from __future__ import annotations

import math

from tvae.legacy.config.action import Refused

#: Operations of the one space that the predecessor knew.
OPERATIONS = 19683


def number(value: object) -> float:
    """A finite number, and no truth value.

    Raises:
        Refused: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise Refused(f"{value!r} is no number; write one")
    return float(value)


def whole(value: object) -> int:
    """A whole number.

    Raises:
        Refused: if it is none.
    """
    found = number(value)
    if found != int(found):
        raise Refused(f"{value!r} is no whole number; write one")
    return int(found)


def fraction(percent: object) -> float:
    """A share in [0, 1] from a percentage.

    Raises:
        Refused: if it is no percentage.

    Example:
        >>> fraction(99.7)
        0.997
    """
    share = number(percent) / 100.0
    if not 0.0 <= share <= 1.0:
        raise Refused(f"{percent!r} is no percentage; write one from 0 to 100")
    return round(share, 10)


def radius(norm: float, c: float) -> float:
    """The hyperbolic radius of a point of Euclidean norm `norm`: 2 artanh(sqrt(c) norm) / sqrt(c).

    Raises:
        Refused: if there is no such point in the ball of curvature c.

    Example:
        >>> round(radius(0.95, 1.0), 4)
        3.6636
    """
    root = math.sqrt(c) if c > 0.0 else math.inf
    if not 0.0 < root * norm < 1.0:
        raise Refused(
            f"{norm:g} lies outside the ball of curvature {c:g}, whose radius is {1.0 / root:.4g}; "
            f"give one inside it"
        )
    return 2.0 * math.atanh(root * norm) / root


def share_of_radius(norm: float, *, limit: float, c: float) -> float:
    """A Euclidean radius as a share of the hyperbolic radius of the limit, as targets are given today.

    Example:
        >>> round(share_of_radius(0.9, limit=0.95, c=1.0), 4)
        0.8037
    """
    return round(radius(norm, c) / radius(limit, c), 6)


def ratio(value: object, whole: float) -> float:
    """A number over another one, such as a rate over the peak rate.

    Raises:
        Refused: if that makes no sense.

    Example:
        >>> ratio(5e-4, 1e-3)
        0.5
    """
    if not 0.0 < whole < 1e300:
        raise Refused(f"it is relative to {whole!r}, which makes no sense; correct that first")
    return round(number(value) / whole, 10)


def steps(operations: float, batch: int) -> int:
    """Batches in one pass over the operations.

    Example:
        >>> steps(19683, 512)
        39
    """
    return max(1, math.ceil(operations / max(batch, 1)))


def evaluations(epochs: float, every: int) -> int:
    """Epochs of patience as evaluations of patience.

    Example:
        >>> evaluations(150, 5)
        30
    """
    return max(1, math.ceil(epochs / max(every, 1)))
