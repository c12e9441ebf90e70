"""The schema as a tree of dotted keys: what each may hold, in words and as a type."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields

from tvae.config.schema import Config

_NOUNS: dict[object, str] = {float: "number", int: "integer", bool: "true or false", str: "text"}


class Shape(Struct, frozen=True, kw_only=True):
    """What one key may hold: a section with children, or a leaf with a type."""

    annotation: Any
    children: dict[str, Shape] = {}
    section: bool = False
    nullable: bool = False
    default: Any = NODEFAULT
    description: str = ""


def _members(annotation: object) -> tuple[list[object], list[Meta]]:
    """The alternatives of a possibly annotated union, and the remarks on the whole of it."""
    remarks: list[Meta] = []
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        remarks = [remark for remark in extra if isinstance(remark, Meta)]
    if get_origin(annotation) in (Union, UnionType):
        return list(get_args(annotation)), remarks
    return [annotation], remarks


def alternatives(annotation: object) -> list[object]:
    """The bare types that a key may hold, remarks and unions taken off.

    Example:
        >>> alternatives(Annotated[Annotated[float, Meta(gt=0.0)] | None, Meta(description="a limit")])
        [<class 'float'>, <class 'NoneType'>]
    """
    members, _ = _members(annotation)
    if len(members) == 1 and get_origin(members[0]) is not Annotated:
        return members
    return [bare for member in members for bare in alternatives(member)]


def _is_section(member: object) -> bool:
    return get_origin(member) is dict or (isinstance(member, type) and issubclass(member, Struct))


def is_mapping(annotation: object) -> bool:
    """Whether a key holds a mapping from names to sections that all have the same keys.

    Example:
        >>> is_mapping(dict[str, Shape]), is_mapping(Shape)
        (True, False)
    """
    return any(get_origin(member) is dict for member in alternatives(annotation))


def shape(annotation: Any, default: Any = NODEFAULT) -> Shape:
    """The shape of an annotation, children and all."""
    members, remarks = _members(annotation)
    children: dict[str, Shape] = {}
    for member in members:
        if isinstance(member, type) and issubclass(member, Struct):
            for field in fields(member):
                made = field.default_factory
                children[field.name] = shape(field.type, field.default if made is NODEFAULT else made())
        elif get_origin(member) is dict:
            names, value = get_args(member)
            children = {name: shape(value) for name in get_args(names)}
    return Shape(
        annotation=annotation,
        children=children,
        section=any(_is_section(member) for member in members),
        nullable=NoneType in members,
        default=default,
        description=next((remark.description for remark in remarks if remark.description), ""),
    )


@cache
def root() -> Shape:
    """The shape of the whole config."""
    return shape(Config)


def every_key(within: Shape | None = None, prefix: str = "") -> Iterator[tuple[str, Shape]]:
    """Every dotted key below a section, sections before their children.

    Example:
        >>> "optim.lr" in dict(every_key())
        True
    """
    for name, child in (within or root()).children.items():
        path = f"{prefix}{name}"
        yield path, child
        yield from every_key(child, f"{path}.") if child.children else ()


def find(path: str) -> Shape | None:
    """The shape at a dotted key, or None if there is no such key."""
    here: Shape | None = root()
    for name in path.split("."):
        here = here.children.get(name) if here else None
    return here


def leaves(values: object, prefix: str = "") -> dict[str, object]:
    """Nested mappings as one flat mapping by dotted key; an empty mapping stays as a value.

    Example:
        >>> leaves({"optim": {"lr": 0.1}, "parts": {}})
        {'optim.lr': 0.1, 'parts': {}}
    """
    flat: dict[str, object] = {}
    if isinstance(values, dict):
        for name, value in values.items():
            path = f"{prefix}{name}"
            flat |= leaves(value, f"{path}.") if isinstance(value, dict) and value else {path: value}
    return flat


def _bounds(metas: list[Meta]) -> str:
    lower = upper = step = ""
    for meta in metas:
        step = f"a multiple of {meta.multiple_of:g}" if meta.multiple_of is not None else step
        lower = (
            f">= {meta.ge:g}" if meta.ge is not None else f"> {meta.gt:g}" if meta.gt is not None else lower
        )
        upper = (
            f"<= {meta.le:g}" if meta.le is not None else f"< {meta.lt:g}" if meta.lt is not None else upper
        )
        # The one bound that nobody would recognise in digits.
        upper = "< 2^63" if meta.le == 2**63 - 1 else upper
    return " and ".join(bound for bound in (lower, upper, step) if bound)


def words(annotation: Any) -> tuple[str, str]:
    """What an annotation allows: a noun and a range, each possibly of several alternatives.

    Example:
        >>> words(Annotated[float, Meta(gt=0.0)] | None)
        ('number or null', '> 0')
    """
    nouns: list[str] = []
    ranges: list[str] = []
    members, outer = _members(annotation)
    for member in members:
        inner, metas = _members(member)
        if len(inner) > 1 or get_origin(inner[0]) is Annotated:
            noun, bounds = words(inner[0] if len(inner) == 1 else Union[tuple(inner)])  # noqa: UP007
        elif inner[0] is NoneType:
            noun, bounds = "null", ""
        elif get_origin(inner[0]) is Literal:
            noun, bounds = " | ".join(str(choice) for choice in get_args(inner[0])), ""
        elif get_origin(inner[0]) is tuple:
            entry = get_args(inner[0])[0]
            noun, bounds = words(entry)
            if _is_section(entry):
                noun = f"{{{', '.join(field.name for field in fields(entry))}}} entrie"
            least = next((meta.min_length for meta in [*outer, *metas] if meta.min_length), 0)
            noun = f"list of {f'{least} or more ' if least else ''}{noun}s"
        elif _is_section(inner[0]):
            noun, bounds = "section", ""
        else:
            noun, bounds = _NOUNS.get(inner[0], str(inner[0])), _bounds([*outer, *metas])
        nouns.append(noun)
        ranges += [bounds] if bounds else []
    return " or ".join(nouns), ", ".join(ranges)


def expected(at: Shape) -> str:
    """What a key may hold, as the end of "expected ..."."""
    if at.section:
        return "a section of " + ", ".join(at.children) + (" or null" if at.nullable else "")
    noun, bounds = words(at.annotation)
    if any(meta.pattern for meta in _members(at.annotation)[1]):
        return at.description
    return f"{noun} {bounds}".strip() if " or " not in noun or not bounds else f"{noun}, {bounds}"


def default_of(at: Shape) -> object:
    """The default of a leaf as a plain value."""
    return None if at.default is NODEFAULT else msgspec.to_builtins(at.default)
