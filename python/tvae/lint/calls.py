"""The value of a call, by what is called and where that comes from."""

from __future__ import annotations

import ast

from tvae.lint import names
from tvae.lint.expressions import ClassInfo, Env, Expressions, Function, Scope, path_of
from tvae.lint.operations import INVERSES, OPERATORS, Call, applied
from tvae.lint.values import BALL, FORM, FREE, LENGTHS, OTHER, TANGENT, TENSORS, UNKNOWN, Kind, Value, join

_BUILTINS = {"abs", "float", "hasattr", "id", "int", "isinstance", "len", "list", "max", "min", "pow"}
_BUILTINS |= {"reversed", "sorted", "sum", "tuple", "type"}
#: Calls that look at a length without taking it for anything.
_UNSEEN = {"mark_non_differentiable", "print", "save_for_backward"}


class Calls(Expressions):
    """Evaluates calls; those of the file's own functions are left to `inline`."""

    def call(self, node: ast.Call, scope: Scope) -> Value:
        values = [self.value(one, scope) for one in node.args]
        given = [(one.arg, self.value(one.value, scope)) for one in node.keywords]
        keywords = {name: value for name, value in given if name}
        name, dotted = self._name_of(node.func), self.dotted(node.func)
        receiver = self.value(node.func.value, scope) if isinstance(node.func, ast.Attribute) else UNKNOWN
        base = (
            self.dotted(node.func.value)
            if isinstance(node.func, ast.Attribute)
            else dotted.rpartition(".")[0]
        )
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
        again = name in ("proj", "project") and bool(values) and values[0].kind is Kind.BALL
        if name in names.PRODUCERS or again or (ball and name in names.PRODUCERS_OF_BALL):
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
            found = applied(
                self._as_call(called.ref[3:], node, values, list(node.args), keywords), self.ledger
            )
            return UNKNOWN if found is None else found
        self.ledger.expose(*values)
        return UNKNOWN

    def _operation(
        self,
        node: ast.Call,
        name: str,
        dotted: str,
        receiver: Value,
        values: list[Value],
        keywords: Env,
        scope: Scope,
    ) -> Value:
        library = dotted.split(".")[0] in names.LIBRARIES
        if library and (made := self._module_made(name, dotted, node)) is not None:
            return made
        if name in INVERSES and receiver.kind not in TENSORS | LENGTHS | {Kind.FORM}:
            self.ledger.excuse(*values)  # whoever wrote it
            return OTHER if any(one.kind in LENGTHS for one in values) else UNKNOWN
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
            if (
                receiver.kind not in TENSORS | LENGTHS | {Kind.FORM, Kind.TUPLE}
                and name.rstrip("_") not in OPERATORS
            ):
                self.ledger.expose(*(values if name not in _UNSEEN else ()), *keywords.values())
                return UNKNOWN
            values, exprs = [receiver, *values], [node.func.value, *exprs]
        elif not library and name not in _BUILTINS:
            if name not in _UNSEEN:
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
