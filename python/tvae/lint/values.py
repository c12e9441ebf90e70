"""What the lint knows about a value, and what is left of it where branches meet."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import reduce


class Kind(Enum):
    """Kinds of values: tensors first, then lengths and what formulas make of them, then containers."""

    UNKNOWN = auto()
    OTHER = auto()  # known, and no point of anything: numbers, masks, losses, hyperbolic radii
    BALL = auto()
    FREE = auto()  # Euclidean and unbounded: outputs of linear maps, latents, normal noise
    TANGENT = auto()
    UNIT = auto()  # directions; `of` is what they are directions of
    DIFF = auto()  # differences of ball points
    SUM = auto()  # sums of ball points: a centroid once they are divided
    SQUARE = auto()  # element by element, of the kind `of`
    PRODUCT = auto()  # element by element, of two different sets of ball points
    CROSS = auto()  # the same of two sets of directions of ball points: sums to cosines
    BOUNDED = auto()  # outputs of tanh and sigmoid
    SCALED = auto()  # BOUNDED times a free vector: a ball point once divided by its length
    LENGTH = auto()  # Euclidean lengths; `sites` are the reductions that made them
    GAP = auto()  # 1 + |x| or 1 - |x|, inside artanh written with logarithms
    HINGE = auto()  # |x| less a bound
    FORM = auto()  # 1 - c |x|^2 and what such factors go into: formulas of the ball
    EITHER = auto()  # `items`: the values if the condition `ref` holds, and if not
    TUPLE = auto()
    DICT = auto()  # `keys` and `items`
    MANIFOLD = auto()  # `ref`: "ball" or "other"
    MODULE = auto()  # `ref`: what calling it does
    FUNCTION = auto()  # `ref`: its definition, `items`: the bound object
    OBJECT = auto()  # `ref`: the class, defined in the same file
    CLASS = auto()


@dataclass(frozen=True)
class Value:
    """A kind and what goes with it."""

    kind: Kind = Kind.UNKNOWN
    sites: frozenset[int] = frozenset()
    squared: bool = False
    inverse: bool = False
    of: Kind | None = None
    items: tuple[Value, ...] = ()
    keys: tuple[str, ...] = ()
    ref: object = None

    def item(self, key: object) -> Value | None:
        """The item under an index or a key, if that is known."""
        if self.kind is Kind.TUPLE and isinstance(key, int) and -len(self.items) <= key < len(self.items):
            return self.items[key]
        if self.kind is Kind.DICT and isinstance(key, str) and key in self.keys:
            return self.items[self.keys.index(key)]
        return None

    @property
    def element(self) -> Value:
        """What a loop over it yields."""
        if self.kind in (Kind.TUPLE, Kind.DICT):
            return OTHER if self.kind is Kind.DICT else join(*self.items)
        return self if self.kind in TENSORS or self.kind is Kind.LENGTH else UNKNOWN


UNKNOWN, OTHER, BALL, FREE = (Value(kind) for kind in (Kind.UNKNOWN, Kind.OTHER, Kind.BALL, Kind.FREE))
TANGENT, DIFF, SUM, PRODUCT = (Value(kind) for kind in (Kind.TANGENT, Kind.DIFF, Kind.SUM, Kind.PRODUCT))
CROSS, BOUNDED, SCALED, FORM = (Value(kind) for kind in (Kind.CROSS, Kind.BOUNDED, Kind.SCALED, Kind.FORM))
INNER = Value(Kind.LENGTH, squared=True)

VECTORS = {Kind.BALL, Kind.FREE, Kind.TANGENT, Kind.UNIT, Kind.DIFF, Kind.SUM}
TENSORS = VECTORS | {Kind.SQUARE, Kind.PRODUCT, Kind.CROSS, Kind.BOUNDED, Kind.SCALED}
LENGTHS = {Kind.LENGTH, Kind.GAP, Kind.HINGE}


def join(*values: Value) -> Value:
    """What is known where branches meet.

    What may be a ball point counts as one; what is unbounded counts so only if it is on every path.
    """
    return reduce(_join, values) if values else UNKNOWN


def _join(a: Value, b: Value) -> Value:
    if a == b:
        return a
    a, b = settled(a), settled(b)
    kinds = {a.kind, b.kind}
    if Kind.LENGTH in kinds and kinds <= {Kind.LENGTH, Kind.UNKNOWN, Kind.OTHER}:
        one = a if a.kind is Kind.LENGTH else b
        return replace(one, sites=a.sites | b.sites, squared=a.squared and b.squared)
    if len(kinds) == 1:
        return _joined_alike(a, b)
    if Kind.BALL in kinds:
        return BALL
    for lasting in (Kind.GAP, Kind.HINGE, Kind.DIFF, Kind.SQUARE, Kind.SUM):
        if lasting in kinds:
            one = a if a.kind is lasting else b
            return replace(one, sites=a.sites | b.sites)
    if Kind.OTHER in kinds:  # None or a number until something better comes
        one = b if a.kind is Kind.OTHER else a
        return UNKNOWN if one.kind in (Kind.FREE, Kind.TANGENT, Kind.UNIT) else one
    return UNKNOWN


def _joined_alike(a: Value, b: Value) -> Value:
    if a.kind is Kind.TUPLE:
        if len(a.items) == len(b.items):
            return Value(Kind.TUPLE, items=tuple(map(_join, a.items, b.items)))
        longer = a if len(a.items) > len(b.items) else b
        return Value(Kind.TUPLE, items=(join(*a.items, *b.items),) * len(longer.items))
    if a.kind is Kind.DICT:
        keys = tuple(dict.fromkeys(a.keys + b.keys))
        pairs = [[found for one in (a, b) if (found := one.item(key)) is not None] for key in keys]
        return Value(Kind.DICT, keys=keys, items=tuple(join(*found) for found in pairs))
    if a.kind is Kind.UNIT:
        return Value(Kind.UNIT, of=Kind.BALL if Kind.BALL in (a.of, b.of) else a.of)
    if a.kind is Kind.SQUARE:
        return a if a.of in (Kind.BALL, Kind.DIFF) else b
    if a.kind in LENGTHS:
        return replace(a, sites=a.sites | b.sites, squared=a.squared and b.squared)
    return Value(a.kind) if a.kind in TENSORS else UNKNOWN


def settled(value: Value) -> Value:
    """A value whose condition is not known here: what both of its sides have in common."""
    return join(*value.items) if value.kind is Kind.EITHER else value


def fork(test: str, yes: Value, no: Value) -> Value:
    """What a variable holds after `if test`; the condition is kept where it decides about the ball."""
    if yes == no:
        return yes
    sides = {settled(yes).kind, settled(no).kind}
    plain = {Kind.BALL, Kind.FREE, Kind.TANGENT, Kind.UNKNOWN}
    if Kind.BALL in sides and len(sides) == 2 and sides <= plain:
        return Value(Kind.EITHER, ref=test, items=(settled(yes), settled(no)))
    return join(yes, no)


@dataclass
class Site:
    """A reduction that is a finding unless every use of what it gives is a proper one."""

    node: ast.expr
    code: str
    detail: str = ""
    proper: bool = False
    improper: bool = False

    @property
    def wrong(self) -> bool:
        return self.improper or not self.proper


@dataclass
class Ledger:
    """The reductions seen, and what became of them."""

    sites: list[Site] = field(default_factory=list)
    _numbers: dict[tuple[int, str], int] = field(default_factory=dict)

    def length(self, node: ast.expr, code: str, *, squared: bool = False) -> Value:
        """The Euclidean length that `node` computes from points of the ball."""
        return Value(Kind.LENGTH, sites=frozenset([self._number(node, code)]), squared=squared)

    def find(self, node: ast.expr, code: str, detail: str = "") -> None:
        """A finding whatever comes of it."""
        site = self.sites[self._number(node, code)]
        site.improper = True
        site.detail = detail

    def excuse(self, *values: Value) -> None:
        """Lengths go where they belong: a direction, a bound, a formula of the ball."""
        for value in values:
            for number in value.sites:
                self.sites[number].proper = True

    def expose(self, *values: Value) -> None:
        """Lengths are passed on as if they were radii or distances."""
        for value in values:
            for number in value.sites:
                self.sites[number].improper = True
            self.expose(*value.items)

    def all_proper(self, value: Value) -> bool:
        """Whether every length in `value` has gone where it belongs before."""
        return bool(value.sites) and all(self.sites[number].proper for number in value.sites)

    def _number(self, node: ast.expr, code: str) -> int:
        number = self._numbers.setdefault((id(node), code), len(self.sites))
        if number == len(self.sites):
            self.sites.append(Site(node, code))
        return number
