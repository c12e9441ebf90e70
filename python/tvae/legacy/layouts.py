"""The predecessor's tensor layouts: which one a state dict has, and where each tensor goes today.

A layout is told by names and shapes alone. The predecessor numbered the layers of a projection in a
list that also held activations and dropout, so the same tensor has another number with dropout than
without, and another with two layers than with one; the tables below undo that. Importable without
torch: shapes come in, names and a `ModelSpec` go out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from msgspec import Struct

Shape = tuple[int, ...]
#: A side of a tensor: a number, or the name of a width that the whole model shares.
Side = int | str
Kind = Literal["plain", "improved"]
Projection = Literal["single", "dual", "shared direction"]

#: The widths that the predecessor's constructors had; it knew operations of 9 trits alone.
WIDTHS = {
    "trits": 9,
    "wide": 256,
    "middle": 128,
    "narrow": 64,
    "latent": 16,
    "first": 32,
    "second": 64,
    "hidden": 64,
}
_MOST_LAYERS = 4

_WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.)+")
_DROPPED = (
    (re.compile(r"^controller\."), "the controller never influenced an output"),
    (re.compile(r"^decoder_B\."), "only branch A was ever decoded after v5.10"),
    (re.compile(r"^state_?net\."), "the state net steered training and computes no output"),
)
_CURVATURE = re.compile(r"^(?:.*\.)?curvature$")
_BALL = re.compile(r"^projection\.(?:proj_[AB]\.)?manifold\.isp_c$")
_PARTS = re.compile(r"^(?:encoder|decoder_A|fc_mu|fc_logvar|projection)")


class Misfit(Struct, frozen=True):
    """A tensor that does not fit the layout: what was expected, what came, and why that is wrong."""

    name: str
    expected: str
    found: str
    why: str


@dataclass(frozen=True)
class Layout:
    """Which model a state dict is of.

    Attributes:
        flat: the spelling of the homeostatic launcher, `encoder_A.0` for `encoder_A.encoder.0`.
        encoder, decoder: plain layers, or improved ones with LayerNorm.
        projection: none, one for both branches, one each, or one each with A's direction for both.
        layers: hidden layers of the projection.
        dropout: whether dropout took part in the numbering of the projection's layers.
    """

    flat: bool = False
    encoder: Kind = "plain"
    decoder: Kind = "plain"
    projection: Projection | None = None
    layers: int = 1
    dropout: bool = False

    def __str__(self) -> str:
        if self.flat:
            return "v5.5 flat"
        if self.projection is None and self.encoder == self.decoder == "plain":
            return "v5.5"
        improved = "improved" in (self.encoder, self.decoder)
        words = ["v5.12 improved" if improved else "v5.11"]
        if improved and self.encoder != self.decoder:
            words.append(f"{self.encoder} encoder, {self.decoder} decoder")
        if self.projection:
            words += [self.projection, f"n{self.layers}", *(["dropout"] if self.dropout else [])]
        return " ".join(words)


@dataclass(frozen=True)
class Found:
    """A state dict understood.

    Attributes:
        layout: which one it is.
        names: today's name of every tensor, by the predecessor's.
        widths: the widths of its layers; `trits` is the depth.
        balls: the tensors that hold a curvature, as softplus^-1(c).
        buffers: tensors that hold a curvature as it is.
        dropped: tensors that no output depends on, each with the reason.
        misfits: what is missing, unknown or of another shape; empty if the file fits.
    """

    layout: Layout
    names: dict[str, str]
    widths: dict[str, int]
    balls: tuple[str, ...]
    buffers: tuple[str, ...]
    dropped: dict[str, str]
    misfits: tuple[Misfit, ...]


def bare(name: str) -> str:
    """A tensor's name without what parallel and compiled models put in front of it.

    Example:
        >>> bare("module._orig_mod.encoder_A.fc_mu.bias")
        'encoder_A.fc_mu.bias'
    """
    return _WRAPPERS.sub("", name)


def is_model(names: set[str]) -> bool:
    """Whether these are the tensors of one of the predecessor's ternary VAEs, whole or not."""
    return any(name.startswith(("encoder_A.", "encoder_B.", "fc_mu_A.", "decoder_A.")) for name in names)


def understand(shapes: Mapping[str, Shape], *, dropout: bool = False) -> Found:
    """Tell the layout of a state dict and account for every tensor in it.

    Args:
        shapes: by the predecessor's name, without wrappers (`bare`).
        dropout: whether the projection had dropout, where a damaged file fits with and without.

    Example:
        >>> found = understand({"encoder_A.encoder.0.weight": (256, 9)})
        >>> str(found.layout), len(found.misfits)
        ('v5.5', 25)
    """
    names = set(shapes)
    first = Layout(
        flat=_count(names, r"^(?:encoder_[AB]|decoder_A)\.\d|^fc_(?:mu|logvar)_[AB]\.")
        > _count(names, r"^(?:encoder_[AB]\.(?:encoder|fc_)|decoder_A\.decoder)"),
        encoder=_kind(names, r"^encoder_[AB]\.encoder"),
        decoder=_kind(names, r"^decoder_A\.decoder"),
        projection=_projection(names),
    )
    candidates = [first]
    if first.projection is not None:
        candidates = [
            replace(first, layers=layers, dropout=dropout)
            for layers, dropout in product(range(1, _MOST_LAYERS + 1), (False, True))
        ]
    # A damaged file fits none of them: the one that it misses least is what it was meant to be.
    found = (_account(layout, shapes) for layout in candidates)
    return min(found, key=lambda one: (len(one.misfits), one.layout.dropout != dropout))


def expected(layout: Layout) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    """Every tensor of a layout: the predecessor's name, today's name, the shape."""
    for branch in "AB":
        yield from _encoder(layout, branch)
    yield from _decoder(layout)
    for prefix, target, parts in _projections(layout):
        if "direction" in parts:
            yield from _direction(layout, f"{prefix}.direction_net", f"projection.{target}.direction")
        net = f"{prefix}.radius_net" if "direction" in parts else prefix
        yield from _radius(layout, net, f"projection.{target}")


def _encoder(layout: Layout, branch: str) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    new = f"encoder.{branch}"
    old = f"encoder_{branch}" if layout.flat else f"encoder_{branch}.encoder"
    sides: list[Side] = ["trits", "wide", "middle", "narrow"]
    step = 4 if layout.encoder == "improved" else 2
    for k in range(3):
        yield from _linear(f"{old}.{step * k}", f"{new}.hidden.linear.{k}", sides[k + 1], sides[k])
        if layout.encoder == "improved":
            yield from _norm(f"{old}.{step * k + 1}", f"{new}.hidden.norm.{k}", sides[k + 1])
    for head in ("mu", "logvar"):
        name = f"fc_{head}_{branch}" if layout.flat else f"encoder_{branch}.fc_{head}"
        yield from _linear(name, f"{new}.{head}", "latent", "narrow")


def _decoder(layout: Layout) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    old = "decoder_A" if layout.flat else "decoder_A.decoder"
    sides: list[Side] = ["latent", "first", "second"]
    step = 4 if layout.decoder == "improved" else 2
    for k in range(2):
        yield from _linear(f"{old}.{step * k}", f"decoder.hidden.linear.{k}", sides[k + 1], sides[k])
        if layout.decoder == "improved":
            yield from _norm(f"{old}.{step * k + 1}", f"decoder.hidden.norm.{k}", sides[k + 1])
    yield from _linear(f"{old}.{2 * step}", "decoder.logits", "logits", "second")


def _projections(layout: Layout) -> list[tuple[str, str, tuple[str, ...]]]:
    both = ("direction", "radius")
    match layout.projection:
        case None:
            return []
        case "single":
            return [("projection", "B", both)]
        case "dual":
            return [("projection.proj_A", "A", both), ("projection.proj_B", "B", both)]
        case "shared direction":
            return [("projection.proj_A", "A", both), ("projection.proj_B_radius", "B", ("radius",))]


def _direction(layout: Layout, old: str, new: str) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    step = 4 if layout.dropout else 3
    for k in range(layout.layers):
        yield from _linear(
            f"{old}.{step * k}", f"{new}.hidden.linear.{k}", "hidden", "hidden" if k else "latent"
        )
        yield from _norm(f"{old}.{step * k + 1}", f"{new}.hidden.norm.{k}", "hidden")
    yield from _linear(f"{old}.{step * layout.layers}", f"{new}.out", "latent", "hidden")


def _radius(layout: Layout, old: str, new: str) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    step = 3 if layout.dropout else 2
    for k in range(layout.layers):
        yield from _linear(
            f"{old}.{step * k}", f"{new}.radius.linear.{k}", "radius", "radius" if k else "latent"
        )
    yield from _linear(f"{old}.{step * layout.layers}", f"{new}.radius_out", 1, "radius")


def _linear(old: str, new: str, rows: Side, columns: Side) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    yield f"{old}.weight", f"{new}.weight", (rows, columns)
    yield f"{old}.bias", f"{new}.bias", (rows,)


def _norm(old: str, new: str, width: Side) -> Iterator[tuple[str, str, tuple[Side, ...]]]:
    yield f"{old}.weight", f"{new}.weight", (width,)
    yield f"{old}.bias", f"{new}.bias", (width,)


def _count(names: set[str], pattern: str) -> int:
    return sum(re.search(pattern, name) is not None for name in names)


def _kind(names: set[str], stem: str) -> Kind:
    """Improved parts have their layers at 0, 1, 4, 5, 8 and 9, plain ones at 0, 2 and 4."""
    improved, plain = _count(names, rf"{stem}\.[1589]\."), _count(names, rf"{stem}\.2\.")
    return "improved" if improved > plain else "plain"


def _projection(names: set[str]) -> Projection | None:
    if any(name.startswith("projection.proj_B_radius.") for name in names):
        return "shared direction"
    if any(name.startswith(("projection.proj_A.", "projection.proj_B.")) for name in names):
        return "dual"
    return "single" if any(name.startswith("projection.") for name in names) else None


def _account(layout: Layout, shapes: Mapping[str, Shape]) -> Found:
    """What every tensor is in this layout."""
    wanted = {old: (new, sides) for old, new, sides in expected(layout)}
    widths = _widths(wanted, shapes)
    balls = tuple(sorted(name for name in shapes if _BALL.match(name) and layout.projection))
    buffers = tuple(sorted(name for name in shapes if _CURVATURE.match(name)))
    misfits: list[Misfit] = []
    for old, (_, sides) in wanted.items():
        shape = tuple(widths[side] if isinstance(side, str) else side for side in sides)
        if old not in shapes:
            misfits.append(Misfit(old, str(shape), "-", "missing in the file"))
        elif shapes[old] != shape:
            misfits.append(Misfit(old, str(shape), str(shapes[old]), "another shape"))
    dropped: dict[str, str] = {}
    for name in shapes.keys() - wanted.keys() - set(balls) - set(buffers):
        if (reason := _reason(name, layout)) is None:
            misfits.append(Misfit(name, "-", str(shapes[name]), "unknown to this layout"))
        else:
            dropped[name] = reason
    misfits += [
        Misfit(name, "one number", str(shapes[name]), "another shape")
        for name in (*balls, *buffers)
        if _elements(shapes[name]) != 1
    ]
    if misfits and layout.projection and not balls:
        # Alone they are no fault: files before v5.11.11 have none.
        misfits += [
            Misfit(f"{prefix}.manifold.isp_c", "()", "-", "missing, which alone would be no fault")
            for prefix, _, parts in _projections(layout)
            if "direction" in parts
        ]
    return Found(
        layout,
        {old: new for old, (new, _) in wanted.items() if old in shapes},
        widths,
        balls,
        buffers,
        dict(sorted(dropped.items())),
        tuple(sorted(misfits, key=lambda one: one.name)),
    )


def _reason(name: str, layout: Layout) -> str | None:
    """Why no output depends on a tensor; None if nothing says that."""
    for pattern, reason in _DROPPED:
        if pattern.match(name):
            return reason
    if layout.projection is None and layout.encoder == "plain" and not _PARTS.match(name):
        return "belongs to no part that later programs read"
    return None


def _widths(
    wanted: Mapping[str, tuple[str, tuple[Side, ...]]], shapes: Mapping[str, Shape]
) -> dict[str, int]:
    """The widths that most tensors agree on, so that a wrong one is the culprit and not all the others."""
    votes: dict[str, Counter[int]] = {}
    for old, (_, sides) in wanted.items():
        shape = shapes.get(old, ())
        if len(shape) != len(sides):
            continue
        for side, length in zip(sides, shape, strict=True):
            if isinstance(side, str) and length > 0:
                votes.setdefault(side, Counter())[length] += 1
    # Three logits a trit: those that are not divisible by three are no witnesses.
    for length, count in votes.pop("logits", Counter()).items():
        if length % 3 == 0:
            votes.setdefault("trits", Counter())[length // 3] += count
    found: dict[str, int] = {}
    defaults = WIDTHS | {"radius": 0}
    for side, usual in defaults.items():
        if side == "radius":
            usual = max(32, found["hidden"] // 2)
        counts = votes.get(side, Counter({usual: 1}))
        found[side] = max(counts, key=lambda length: (counts[length], length == usual, -length))
    return found | {"logits": 3 * found["trits"]}


def _elements(shape: Shape) -> int:
    count = 1
    for length in shape:
        count *= length
    return count
