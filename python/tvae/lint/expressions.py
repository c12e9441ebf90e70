"""The value of an expression: names, items, operators; calls are followed in `calls`."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from tvae.lint import arithmetic, names
from tvae.lint.values import (
    LENGTHS,
    OTHER,
    TENSORS,
    UNKNOWN,
    Kind,
    Ledger,
    Value,
    fork,
    join,
    settled,
)

Env = dict[str, Value]
Function = ast.FunctionDef | ast.AsyncFunctionDef
_SAME_ATTRIBUTES = {"H", "T", "data", "mT", "real"}
_PLAIN_ATTRIBUTES = {"device", "dtype", "ndim", "shape", "is_cuda", "requires_grad", "size"}
_BUILTINS = {
    "abs",
    "float",
    "int",
    "len",
    "list",
    "max",
    "min",
    "reversed",
    "sorted",
    "sum",
    "tuple",
    "type",
    "pow",
}
_BUILTINS |= {"hasattr", "id", "isinstance"}


@dataclass
class Scope:
    """Where a statement is: its variables, those around it, its class, and what it has returned so far."""

    env: Env = field(default_factory=dict)
    outer: Scope | None = None
    returned: list[Value] = field(default_factory=list)
    inlined: bool = False

    def get(self, path: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if path in scope.env:
                return scope.env[path]
            scope = scope.outer
        return None


@dataclass(eq=False)
class ClassInfo:
    """A class of the file: its methods, its bases of the file, and what its attributes were seen to hold."""

    node: ast.ClassDef
    methods: dict[str, Function]
    bases: list[ClassInfo]
    attributes: dict[str, Value] = field(default_factory=dict)

    def method(self, name: str) -> Function | None:
        return self.methods.get(name) or next(
            (one for base in self.bases if (one := base.method(name))), None
        )

    def attribute(self, name: str) -> Value | None:
        if name in self.attributes:
            return self.attributes[name]
        return next((one for base in self.bases if (one := base.attribute(name))), None)


def path_of(node: ast.expr) -> str | None:
    """The dotted path of a variable, an attribute or a constant item: `self.x`, `out['z']`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return f"{base}.{node.attr}" if base else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        base = path_of(node.value)
        return f"{base}[{node.slice.value!r}]" if base else None
    return None


class Expressions(ABC):
    """Evaluates expressions; calls of the file's own functions are left to `inline`."""

    def __init__(self, *, topical: bool) -> None:
        self.topical = topical
        self.ledger = Ledger()
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassInfo] = {}

    @abstractmethod
    def call(self, node: ast.Call, scope: Scope) -> Value:
        """The value of a call."""

    @abstractmethod
    def inline(
        self, function: Function, call: ast.Call, values: list[Value], keywords: Env, scope: Scope
    ) -> Value:
        """The value of a call of a function of this file; `values` begins with the bound object."""

    @abstractmethod
    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target."""

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """What an expression is worth where its conditions are not known."""
        return settled(self.raw(node, scope)) if node is not None else OTHER

    def raw(self, node: ast.expr, scope: Scope) -> Value:
        """The same, with the condition that it hangs on."""
        match node:
            case ast.Name(id=name):
                found = scope.get(name)
                return self.named(name) if found is None else found
            case ast.Constant():
                return OTHER
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Subscript():
                return self._item(node, scope)
            case ast.Call():
                return self.call(node, scope)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.value(left, scope), self.value(right, scope)
                return arithmetic.combined(op, a, b, node, (left, right), self.ledger)
            case ast.UnaryOp(op=op, operand=operand):
                value = self.value(operand, scope)
                if not isinstance(op, (ast.USub, ast.UAdd)):
                    self.ledger.excuse(value)
                    return OTHER
                return value
            case ast.Compare():
                return self._comparison(node, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.value(test, scope)
                yes = settled(self.raw(body, self.refined(scope, test, holds=True)))
                no = settled(self.raw(orelse, self.refined(scope, test, holds=False)))
                return fork(ast.dump(test), yes, no)
            case ast.BoolOp(values=parts):
                return join(*(self.value(part, scope) for part in parts))
            case ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
                return Value(Kind.TUPLE, items=tuple(self._element(one, scope) for one in elts))
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, scope)
            case ast.NamedExpr(target=target, value=inner):
                value = self.raw(inner, scope)
                self.bind(target, value, scope)
                return value
            case ast.Lambda(args=args, body=body):
                inside = Scope(outer=scope)
                inside.env.update({one.arg: self.named(one.arg) for one in [*args.args, *args.kwonlyargs]})
                self.ledger.expose(self.value(body, inside))
                return UNKNOWN
            case ast.Starred(value=inner) | ast.Await(value=inner):
                return self.value(inner, scope)
        # What is printed was either used properly elsewhere, or it is a finding for want of a proper use.
        printed = isinstance(node, (ast.JoinedStr, ast.FormattedValue))
        for child in ast.iter_child_nodes(node):  # f-strings, yields, slices
            if isinstance(child, ast.expr):
                value = self.value(child, scope)
                if not printed:
                    self.ledger.expose(value)
        return OTHER if printed else UNKNOWN

    def named(self, name: str) -> Value:
        """What a name alone says."""
        return names.by_name(name, topical=self.topical)

    def refined(self, scope: Scope, test: ast.expr, *, holds: bool) -> Scope:
        """The scope where a test holds, or does not: values that hung on it are known there."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.refined(scope, test.operand, holds=not holds)
        dump = ast.dump(test)
        known = {
            path: value.items[0 if holds else 1]
            for path, value in scope.env.items()
            if value.kind is Kind.EITHER and value.ref == dump
        }
        return Scope({**scope.env, **known}, scope.outer, scope.returned, scope.inlined) if known else scope

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression refers to, imports resolved."""
        path = path_of(node) or ""
        head, dot, rest = path.partition(".")
        return f"{self.imports.get(head, head)}{dot}{rest}"

    def _element(self, node: ast.expr, scope: Scope) -> Value:
        value = self.raw(node, scope)
        return settled(value).element if isinstance(node, ast.Starred) else value

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        path = path_of(node)
        if path is not None and (found := scope.get(path)) is not None:
            return found
        base = self.value(node.value, scope)
        if base.kind is Kind.OBJECT and isinstance(base.ref, ClassInfo):
            if (held := base.ref.attribute(node.attr)) is not None and held.kind is not Kind.UNKNOWN:
                return held
            if (method := base.ref.method(node.attr)) is not None:
                return Value(Kind.FUNCTION, ref=method, items=(base,))
        if base.kind in TENSORS | LENGTHS:
            if node.attr in _SAME_ATTRIBUTES:
                return base
            return OTHER if node.attr in _PLAIN_ATTRIBUTES else UNKNOWN
        return self.named(node.attr)

    def _item(self, node: ast.Subscript, scope: Scope) -> Value:
        path = path_of(node)
        if path is not None and (found := scope.get(path)) is not None:
            return found
        base = self.value(node.value, scope)
        index = self.value(node.slice, scope)
        self.ledger.expose(index)
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(node.slice, ast.UnaryOp) and (number := names.literal(node.slice)) is not None:
            key = int(number)
        if (held := base.item(key)) is not None:
            return held
        if base.kind in (Kind.TUPLE, Kind.DICT):
            return join(*base.items)
        if base.kind in TENSORS | LENGTHS | {Kind.FORM}:
            return base
        return self.named(key) if isinstance(key, str) else UNKNOWN

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope) -> Value:
        found = [self.value(one, scope) for one in values]
        written = [key.value if isinstance(key, ast.Constant) else None for key in keys]
        if all(isinstance(key, str) for key in written):
            return Value(Kind.DICT, keys=tuple(map(str, written)), items=tuple(found))
        return Value(Kind.TUPLE, items=tuple(found))

    def _comparison(self, node: ast.Compare, scope: Scope) -> Value:
        ends = [node.left, *node.comparators]
        values = [self.value(one, scope) for one in ends]
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return OTHER
        for k, value in enumerate(values):
            others = [end for j, end in enumerate(ends) if j != k]
            if value.kind is Kind.LENGTH and not all(map(names.is_bound, others)):
                self.ledger.expose(value)
            else:
                self.ledger.excuse(value)
        return OTHER

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Value:
        inside = Scope(outer=scope)
        for part in node.generators:
            self.bind(part.target, self.iterated(part.iter, inside), inside)
            for test in part.ifs:
                self.ledger.excuse(self.value(test, inside))
        if isinstance(node, ast.DictComp):
            self.value(node.key, inside)
            return Value(Kind.TUPLE, items=(self.value(node.value, inside),))
        return Value(Kind.TUPLE, items=(self.value(node.elt, inside),))

    def iterated(self, node: ast.expr, scope: Scope) -> Value:
        """What a loop over an expression yields."""
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name == "zip":
                return Value(Kind.TUPLE, items=tuple(self.value(one, scope).element for one in node.args))
            if name == "enumerate" and node.args:
                return Value(Kind.TUPLE, items=(OTHER, self.iterated(node.args[0], scope)))
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values"):
                base = self.value(node.func.value, scope)
                held = join(*base.items) if base.kind in (Kind.DICT, Kind.TUPLE) else UNKNOWN
                return Value(Kind.TUPLE, items=(OTHER, held)) if node.func.attr == "items" else held
        return self.value(node, scope).element
