"""The value of an expression: names, items, operators, and calls by what is called."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from tvae.lint import arithmetic, names
from tvae.lint.operations import Call, applied
from tvae.lint.values import (
    BALL,
    FORM,
    FREE,
    LENGTHS,
    OTHER,
    TANGENT,
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
_BUILTINS = {"abs", "float", "int", "len", "list", "max", "min", "reversed", "sorted", "sum", "tuple", "type", "pow"}
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
        return self.methods.get(name) or next((one for base in self.bases if (one := base.method(name))), None)

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
    def inline(self, function: Function, call: ast.Call, values: list[Value], keywords: Env, scope: Scope) -> Value:
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
                return self._call(node, scope)
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
        for child in ast.iter_child_nodes(node):  # f-strings, yields, slices
            if isinstance(child, ast.expr):
                self.ledger.expose(self.value(child, scope))
        return OTHER if isinstance(node, ast.JoinedStr) else UNKNOWN

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

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        values: list[Value] = []
        for one in node.args:
            values.append(self.value(one, scope))
        keywords = {one.arg: self.value(one.value, scope) for one in node.keywords if one.arg}
        for one in node.keywords:
            if one.arg is None:
                self.value(one.value, scope)
        name, dotted = self._name_of(node.func), self.dotted(node.func)
        receiver = self.value(node.func.value, scope) if isinstance(node.func, ast.Attribute) else UNKNOWN
        base = self.dotted(node.func.value) if isinstance(node.func, ast.Attribute) else dotted.rpartition(".")[0]
        if (made := self._by_receiver(node, name, base, receiver, values, keywords)) is not None:
            return made
        called = self.value(node.func, scope)
        if called.kind is Kind.FUNCTION and isinstance(called.ref, Function):
            return self.inline(called.ref, node, [*called.items, *values], keywords, scope)
        if called.kind is Kind.CLASS and isinstance(called.ref, ClassInfo):
            return self._constructed(called.ref, node, values, keywords, scope)
        if called.kind is Kind.OBJECT and isinstance(called.ref, ClassInfo):
            method = called.ref.method("forward") or called.ref.method("__call__")
            if method is not None:
                return self.inline(method, node, [called, *values], keywords, scope)
        if called.kind is Kind.MODULE and called.ref != "model":
            return self._module(called, node, values, keywords)
        return self._operation(node, name, dotted, receiver, values, keywords, scope)

    def _constructed(
        self, info: ClassInfo, node: ast.Call, values: list[Value], keywords: Env, scope: Scope
    ) -> Value:
        made = Value(Kind.OBJECT, ref=info)
        if (start := info.method("__init__")) is not None:
            self.inline(start, node, [made, *values], keywords, scope)
        else:
            self.ledger.expose(*values, *keywords.values())
        return made

    def _by_receiver(
        self, node: ast.Call, name: str, base: str, receiver: Value, values: list[Value], keywords: Env
    ) -> Value | None:
        """Calls that mean something by their name and by where they come from."""
        library = base.split(".")[0] in names.LIBRARIES
        if library or receiver.kind in TENSORS or names.other_space(base):
            return None
        if receiver.kind is Kind.MANIFOLD:
            ball = receiver.ref == "ball"
            if not ball:
                return UNKNOWN
        else:
            ball = names.geometric(base)
        if name in names.CONFORMAL:
            return FORM
        takes = names.CONSUMERS.get(name) or (names.CONSUMERS_OF_BALL.get(name) if ball else None)
        if takes is not None:
            self._consumed(node, [*values, *keywords.values()][:takes])
        if name in names.LOGARITHMS and (takes is not None or ball):
            return TANGENT
        if takes is not None:
            return OTHER
        if name in names.PRODUCERS or (ball and name in names.PRODUCERS_OF_BALL):
            self.ledger.expose(*values)
            return BALL
        if name == "norm" and ball:  # the Riemannian norm of a tangent vector
            return OTHER
        if name == "ManifoldParameter" or (name == "ManifoldTensor"):
            manifold = keywords.get("manifold", UNKNOWN)
            return BALL if manifold.ref == "ball" else UNKNOWN
        if name in names.BALLS:
            return Value(Kind.MANIFOLD, ref="ball")
        if name and name[0].isupper() and names.other_space(name) and names.geometric(base or "manifold"):
            return Value(Kind.MANIFOLD, ref="other")
        if name == "embed" and receiver.kind is Kind.MODULE and receiver.ref == "model":
            return BALL
        if f"{base}.{name}" == "tvae.load":
            return Value(Kind.MODULE, ref="model")
        return None

    def _consumed(self, node: ast.Call, points: list[Value]) -> None:
        kinds = {one.kind for one in points}
        if Kind.UNIT in kinds:
            self.ledger.find(node, "G005", "directions lie on the rim, infinitely far away")
        elif Kind.TANGENT in kinds:
            self.ledger.find(node, "G005", "these are tangent vectors")
        elif Kind.FREE in kinds:
            self.ledger.find(node, "G005", "these are unbounded")
        self.ledger.expose(*points)

    def _module(self, called: Value, node: ast.Call, values: list[Value], keywords: Env) -> Value:
        if called.ref == "free":
            self.ledger.expose(*values)
            return FREE
        if isinstance(called.ref, str) and called.ref.startswith("op:"):
            found = applied(self._as_call(called.ref[3:], node, values, list(node.args), keywords), self.ledger)
            return UNKNOWN if found is None else found
        self.ledger.expose(*values)
        return UNKNOWN

    def _operation(
        self, node: ast.Call, name: str, dotted: str, receiver: Value, values: list[Value], keywords: Env, scope: Scope
    ) -> Value:
        library = dotted.split(".")[0] in names.LIBRARIES
        if library and (made := self._module_made(name, dotted, node)) is not None:
            return made
        exprs = list(node.args)
        if isinstance(node.func, ast.Attribute) and not library:
            if receiver.kind is Kind.MODULE and receiver.ref == "estimator":
                return self._estimated(node, values)
            if name in ("append", "extend", "add") and (path := path_of(node.func.value)) and values:
                self._gathered(path, receiver, values[0], scope)
                return OTHER
            if name in ("get", "pop") and exprs and isinstance(exprs[0], ast.Constant):
                held = receiver.item(exprs[0].value)
                return held if held is not None else self.named(str(exprs[0].value))
            values, exprs = [receiver, *values], [node.func.value, *exprs]
        elif not library and name not in _BUILTINS and name not in ("save_for_backward",):
            self.ledger.expose(*values, *keywords.values())
            return self.named(name)
        known = {one.kind for one in values[:3]} - {Kind.UNKNOWN}
        if known or name.startswith(("randn", "standard_normal", "tanh", "sigmoid")):
            found = applied(self._as_call(name, node, values, exprs, keywords), self.ledger)
            if found is not None:
                return found
        self.ledger.expose(*values, *keywords.values())
        return UNKNOWN

    def _as_call(
        self, name: str, node: ast.Call, values: list[Value], exprs: list[ast.expr], keywords: Env
    ) -> Call:
        given = {one.arg: one.value for one in node.keywords if one.arg}
        if not values:
            for key in ("input", "x", "a"):
                if key in keywords:
                    values, exprs = [keywords[key]], [given[key]]
                    break
        short = name[:-1] if name.endswith("_") and not name.startswith("_") else name
        return Call(short, node, values, exprs, keywords, given)

    def _module_made(self, name: str, dotted: str, node: ast.Call) -> Value | None:
        if name in names.LOSS_MODULES:
            return Value(Kind.MODULE, ref=f"op:{names.LOSS_MODULES[name]}")
        if name in names.FREE_MODULES and dotted.startswith("torch"):
            text = ast.unparse(node)
            bounded = name == "Sequential" and ("Tanh" in text or "Sigmoid" in text or names.geometric(text))
            return Value(Kind.MODULE, ref="any" if bounded or "*" in text else "free")
        if name in names.ESTIMATORS:
            metric = any(one.arg in ("affinity", "metric") for one in node.keywords)
            return Value(Kind.MODULE, ref="any" if metric else "estimator")
        return None

    def _estimated(self, node: ast.Call, values: list[Value]) -> Value:
        if any(value.kind is Kind.BALL for value in values):
            self.ledger.find(node, "G002")
        self.ledger.expose(*values)
        return OTHER

    def _gathered(self, path: str, receiver: Value, value: Value, scope: Scope) -> None:
        held = receiver.items if receiver.kind is Kind.TUPLE else ()
        scope.env[path] = Value(Kind.TUPLE, items=(join(*held, value),))

    def _name_of(self, func: ast.expr) -> str:
        if isinstance(func, ast.Attribute):
            return func.attr
        if isinstance(func, ast.Name):
            return self.imports.get(func.id, func.id).rpartition(".")[2]
        return ""
