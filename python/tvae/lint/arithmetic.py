"""What operators make of points, lengths and formulas."""

from __future__ import annotations

import ast
from dataclasses import replace

from tvae.lint import names
from tvae.lint.values import (
    BALL,
    BOUNDED,
    CROSS,
    DIFF,
    FORM,
    FREE,
    INNER,
    OTHER,
    PRODUCT,
    SCALED,
    SUM,
    UNKNOWN,
    VECTORS,
    Kind,
    Ledger,
    Value,
)

_POINTED = {Kind.BALL, Kind.DIFF}
_KEPT = {
    Kind.BALL,
    Kind.TANGENT,
    Kind.DIFF,
    Kind.SUM,
    Kind.SQUARE,
    Kind.PRODUCT,
    Kind.CROSS,
    Kind.LENGTH,
    Kind.GAP,
}
_KEPT |= {Kind.HINGE, Kind.FORM}


def combined(
    op: ast.operator, left: Value, right: Value, at: ast.expr, ends: tuple[ast.expr, ast.expr], ledger: Ledger
) -> Value:
    """The value of `left op right`; `at` is the whole expression, `ends` are its operands."""
    match op:
        case ast.Add() | ast.Sub():
            return _sum(op, left, right, at, ends, ledger)
        case ast.Mult():
            return _product(left, right, at, ends, ledger)
        case ast.Div():
            return _quotient(left, right, at, ledger)
        case ast.Pow():
            return power(left, names.literal(ends[1]), ledger)
        case ast.MatMult():
            return inner(left, right, at, ledger)
    ledger.expose(left, right)
    return OTHER if left.kind is right.kind is Kind.OTHER else UNKNOWN


def squared(value: Value) -> Value:
    """Element by element; only squares of vectors are followed."""
    if value.kind in VECTORS:
        return Value(Kind.SQUARE, of=value.kind)
    if value.kind is Kind.LENGTH:
        return replace(value, squared=True)
    return value if value.kind in (Kind.FORM, Kind.GAP, Kind.OTHER) else UNKNOWN


def power(value: Value, exponent: float | None, ledger: Ledger) -> Value:
    """value ** exponent."""
    if value.kind is Kind.HINGE:
        ledger.expose(value)
        return OTHER
    if value.kind is Kind.LENGTH:
        if exponent is None or exponent == 1.0:
            return value
        return replace(value, squared=exponent in (2.0, -2.0), inverse=(exponent < 0) != value.inverse)
    if exponent == 2.0:
        return squared(value)
    return value if value.kind in (Kind.FORM, Kind.GAP, Kind.OTHER) else UNKNOWN


def inner(left: Value, right: Value, at: ast.expr, ledger: Ledger) -> Value:
    """Inner products of rows."""
    ledger.expose(left, right)
    if left.kind is right.kind is Kind.UNIT and left.of is right.of is Kind.BALL:
        ledger.find(at, "G003")
        return OTHER
    return INNER if {left.kind, right.kind} <= _POINTED else UNKNOWN


def reduced(value: Value, at: ast.expr, ledger: Ledger) -> Value | None:
    """The sum over coordinates of squares and products; None: it is neither."""
    if value.kind is Kind.SQUARE:
        if value.of in _POINTED:
            return ledger.length(at, "G001" if value.of is Kind.BALL else "G002", squared=True)
        return INNER
    if value.kind is Kind.CROSS:
        ledger.find(at, "G003")
        return OTHER
    return INNER if value.kind is Kind.PRODUCT else None


def _sum(
    op: ast.operator, left: Value, right: Value, at: ast.expr, ends: tuple[ast.expr, ast.expr], ledger: Ledger
) -> Value:
    kinds = {left.kind, right.kind}
    if Kind.FORM in kinds:
        ledger.excuse(left, right)
        return FORM
    if Kind.LENGTH in kinds:
        return _length_sum(left, right, ends, ledger)
    if kinds & {Kind.GAP, Kind.HINGE}:
        one, other = (left, right) if left.sites else (right, left)
        if other.kind is Kind.OTHER:
            return one
        ledger.expose(left, right)
        return OTHER
    if kinds == {Kind.BALL}:
        return DIFF if isinstance(op, ast.Sub) else SUM
    if Kind.SUM in kinds and kinds <= {Kind.SUM, Kind.BALL, Kind.OTHER, Kind.UNKNOWN}:
        return SUM
    if Kind.FREE in kinds:
        return UNKNOWN if Kind.BALL in kinds else FREE
    for kind in (Kind.DIFF, Kind.BALL, Kind.SQUARE, Kind.TANGENT):
        if kind in kinds:
            return left if left.kind is kind else right
    if kinds == {Kind.PRODUCT}:
        return PRODUCT
    return OTHER if kinds == {Kind.OTHER} else UNKNOWN


def _length_sum(left: Value, right: Value, ends: tuple[ast.expr, ast.expr], ledger: Ledger) -> Value:
    if left.kind is right.kind:
        if left.squared and right.squared:  # |x|^2 + |y|^2 - 2 <x, y>
            return replace(left, sites=left.sites | right.sites)
        ledger.expose(left, right)
        return OTHER
    length, end = (left, ends[1]) if left.kind is Kind.LENGTH else (right, ends[0])
    if names.is_tiny(end):
        return length
    if names.is_curvature(end):
        if length.squared:
            ledger.excuse(length)
            return FORM
        if names.literal(end) is not None:
            return Value(Kind.GAP, sites=length.sites)
    if names.is_bound(end):
        return Value(Kind.HINGE, sites=length.sites)
    ledger.expose(length)
    return OTHER


def _product(
    left: Value, right: Value, at: ast.expr, ends: tuple[ast.expr, ast.expr], ledger: Ledger
) -> Value:
    kinds = {left.kind, right.kind}
    if left.kind is right.kind and left.kind in VECTORS | {Kind.LENGTH}:
        return _product_of_alike(left, right, ends)
    if Kind.FORM in kinds:
        ledger.excuse(left, right)
        return FORM if kinds <= {Kind.FORM, Kind.LENGTH, Kind.GAP, Kind.OTHER, Kind.UNKNOWN} else UNKNOWN
    if Kind.LENGTH in kinds and kinds & (VECTORS | {Kind.SCALED}):
        length = left if left.kind is Kind.LENGTH else right
        vector, factor = (right, ends[0]) if length is left else (left, ends[1])
        if not length.inverse:
            ledger.expose(length)
            return UNKNOWN
        ledger.excuse(length)
        plain = isinstance(factor, ast.BinOp) and names.literal(factor.left) == 1.0
        return _direction(vector) if plain else UNKNOWN
    for one, other, end in ((left, right, ends[1]), (right, left, ends[0])):
        number = names.literal(end)
        if one.kind is Kind.BOUNDED:
            if other.kind is Kind.UNIT:
                return BALL
            return SCALED if other.kind in (Kind.FREE, Kind.TANGENT) else BOUNDED
        if one.kind is Kind.SUM and number is not None and number < 1.0:
            ledger.find(at, "G004")
            return BALL
        if one.kind is Kind.UNIT and number is not None:
            return BALL if abs(number) < 1.0 else UNKNOWN
        if one.kind is Kind.FREE:
            return FREE if number is not None and abs(number) >= 1.0 else UNKNOWN
        if one.kind in _KEPT and other.kind in (Kind.UNKNOWN, Kind.OTHER, Kind.LENGTH):
            return replace(one, sites=one.sites | other.sites)
    ledger.expose(left, right)
    return OTHER if kinds == {Kind.OTHER} else UNKNOWN


def _product_of_alike(left: Value, right: Value, ends: tuple[ast.expr, ast.expr]) -> Value:
    if left.kind is Kind.LENGTH:
        same = ast.dump(ends[0]) == ast.dump(ends[1])
        return replace(left, sites=left.sites | right.sites, squared=left.squared or right.squared or same)
    if ast.dump(ends[0]) == ast.dump(ends[1]):
        return squared(left)
    if left.kind is Kind.UNIT:
        return CROSS if left.of is right.of is Kind.BALL else UNKNOWN
    return PRODUCT if left.kind in _POINTED else UNKNOWN


def _quotient(left: Value, right: Value, at: ast.expr, ledger: Ledger) -> Value:
    if right.kind is Kind.LENGTH:
        if left.kind is Kind.LENGTH:
            return replace(left, sites=left.sites | right.sites, squared=left.squared and not right.squared)
        if left.kind in VECTORS | {Kind.SCALED}:
            ledger.excuse(right)
            return UNKNOWN if right.squared else _direction(left)
        if left.kind in (Kind.FORM, Kind.GAP):
            ledger.excuse(left, right)
            return FORM
        if ledger.all_proper(right) and not (
            isinstance(at, ast.BinOp) and names.literal(at.left) is not None
        ):
            return UNKNOWN  # artanh(n) / n, whatever the rest of the numerator is
        return replace(right, inverse=not right.inverse)
    if right.kind is Kind.FORM or left.kind is Kind.FORM:
        ledger.excuse(left, right)
        return UNKNOWN if left.kind in VECTORS else FORM
    if right.kind is Kind.GAP:
        return Value(Kind.GAP, sites=left.sites | right.sites)
    if left.kind is Kind.SUM:
        ledger.find(at, "G004")
        return BALL
    if left.kind in _KEPT | {Kind.BOUNDED} and right.kind in (Kind.UNKNOWN, Kind.OTHER):
        return left
    ledger.expose(left, right)
    return OTHER if left.kind is right.kind is Kind.OTHER else UNKNOWN


def _direction(vector: Value) -> Value:
    if vector.kind is Kind.SCALED:
        return BALL
    return Value(Kind.UNIT, of=vector.of if vector.kind is Kind.UNIT else vector.kind)
