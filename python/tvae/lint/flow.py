"""The flow of values through the statements of a file: branches are joined, calls in the file followed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tvae.lint import arithmetic, names
from tvae.lint.calls import Calls
from tvae.lint.expressions import ClassInfo, Env, Function, Scope, path_of
from tvae.lint.values import BALL, LENGTHS, OTHER, UNKNOWN, Kind, Ledger, Site, Value, fork, join, settled

#: How deep calls of the file's own functions are followed, and how many of them in all.
_DEPTH, _CALLS = 4, 5_000
Memo = tuple[Value, ...]


class Flow(Calls):
    """Follows one file; `sites` holds what it saw once `run` is done."""

    def __init__(self, source: str) -> None:
        super().__init__(topical=names.speaks_of_balls(source))
        self._queue: list[tuple[Function, Scope, ClassInfo | None]] = []
        self._homes: dict[int, tuple[Scope, ClassInfo | None]] = {}
        self._stack: list[Function] = []
        self._done: dict[tuple[int, Memo, tuple[tuple[str, Value], ...]], Value] = {}

    def run(self, tree: ast.Module) -> list[Site]:
        """Twice: the second time it is known what attributes hold that a later method sets."""
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._imported(node)
        for _ in range(2):
            self.ledger = Ledger()
            self._queue, self._homes, self._done = [], {}, {}
            module = Scope()
            self._block(tree.body, module)
            while self._queue:
                function, scope, owner = self._queue.pop(0)
                self._alone(function, scope, owner)
        return self.ledger.sites

    def inline(
        self, function: Function, call: ast.Call, values: list[Value], keywords: Env, scope: Scope
    ) -> Value:
        home, owner = self._homes.get(id(function), (scope, None))
        if _is_static(function) and values and values[0].kind is Kind.OBJECT:
            values = values[1:]
        key = (id(function), tuple(values), tuple(sorted(keywords.items(), key=lambda one: one[0])))
        if key in self._done:
            return self._done[key]
        if function in self._stack or len(self._stack) >= _DEPTH or len(self._done) >= _CALLS:
            self.ledger.expose(*values, *keywords.values())
            return self.named(function.name)
        inside = Scope(outer=home, inlined=True)
        self._parameters(function, inside, owner)
        arguments = function.args
        for one, value in zip([*arguments.posonlyargs, *arguments.args], values, strict=False):
            if value.kind is not Kind.UNKNOWN:
                inside.env[one.arg] = value
        for name, value in keywords.items():
            if value.kind is not Kind.UNKNOWN:
                inside.env[name] = value
        self._done[key] = UNKNOWN
        self._stack.append(function)
        self._block(function.body, inside)
        self._stack.pop()
        self._done[key] = self._result(function, inside)
        return self._done[key]

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            self._unpacked(target.elts, settled(value), scope)
            return
        if isinstance(target, ast.Starred):
            target = target.value
        path = path_of(target)
        if path is None:
            self._stored(target, value, scope)
            return
        for known in [one for one in scope.env if one.startswith((f"{path}.", f"{path}["))]:
            del scope.env[known]
        if value.kind is Kind.UNKNOWN:
            value = self._name_says(target)
        if isinstance(target, ast.Attribute):
            self._attribute_set(target, value, scope)
        if not isinstance(target, ast.Name) and settled(value).kind in LENGTHS:
            self.ledger.expose(settled(value))
        scope.env[path] = value

    def _name_says(self, target: ast.expr) -> Value:
        if isinstance(target, ast.Name):
            return self.named(target.id)
        if isinstance(target, ast.Attribute):
            return self.named(target.attr)
        key = (
            target.slice.value
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
            else ""
        )
        return self.named(key) if isinstance(key, str) else UNKNOWN

    def _unpacked(self, targets: Sequence[ast.expr], value: Value, scope: Scope) -> None:
        if value.kind is Kind.TUPLE and len(value.items) == len(targets):
            parts: Iterable[Value] = value.items
        elif value.kind is Kind.TUPLE:
            parts = [join(*value.items)] * len(targets)
        else:
            spread = value.kind not in (Kind.DICT, Kind.OBJECT, Kind.OTHER)
            parts = [value if spread else UNKNOWN] * len(targets)
        for target, part in zip(targets, parts, strict=True):
            self.bind(target, part, scope)

    def _stored(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """`x[mask] = value`, `x[:, 0] = value`, `f(x).y = value`."""
        if isinstance(target, ast.Subscript):
            self.value(target.slice, scope)
            path = path_of(target.value)
            held = self.value(target.value, scope)
            if path is not None and held.kind in (Kind.UNKNOWN, Kind.OTHER, Kind.BALL, Kind.LENGTH):
                scope.env[path] = join(held, settled(value))
                return
        self.ledger.expose(settled(value))

    def _attribute_set(self, target: ast.Attribute, value: Value, scope: Scope) -> None:
        owner = self.value(target.value, scope)
        if owner.kind is Kind.OBJECT and isinstance(owner.ref, ClassInfo):
            held = owner.ref.attributes.get(target.attr)
            kept = settled(value)
            kept = UNKNOWN if kept.kind in LENGTHS else kept
            owner.ref.attributes[target.attr] = kept if held is None else join(held, kept)

    def _block(self, body: Sequence[ast.stmt], scope: Scope) -> bool:
        """Run statements; whether the end of them is reached."""
        return all(self._run(one, scope) for one in body)

    def _run(self, node: ast.stmt, scope: Scope) -> bool:
        match node:
            case ast.Assign(targets=targets, value=value):
                made = self.raw(value, scope)
                for target in targets:
                    self.bind(target, made, scope)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                made = self.raw(value, scope) if value is not None else UNKNOWN
                said = names.by_annotation(annotation)
                self.bind(target, said if made.kind is Kind.UNKNOWN else made, scope)
            case ast.AugAssign(target=target, op=op, value=value):
                ends = (target, value)
                held, more = self.value(target, scope), self.value(value, scope)
                self.bind(target, arithmetic.combined(op, held, more, value, ends, self.ledger), scope)
            case ast.Return(value=value):
                self._returned(value, scope)
                return False
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.If():
                return self._branched(node, scope)
            case ast.For() | ast.AsyncFor() | ast.While():
                self._looped(node, scope)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    made = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, made, scope)
                return self._block(body, scope)
            case ast.Try() | ast.TryStar():
                return self._tried(node, scope)
            case ast.Match(subject=subject, cases=cases):
                self.value(subject, scope)
                return self._either([(case.body, self._copy(scope)) for case in cases], scope, also_none=True)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node, scope, None)
            case ast.ClassDef():
                self._class(node, scope)
            case ast.Raise():
                return False
            case ast.Break() | ast.Continue():
                return True  # what comes after in the loop may run in another turn
            case ast.Assert(test=test):
                self.value(test, scope)
            case ast.Delete(targets=targets):
                for target in targets:
                    scope.env.pop(path_of(target) or "", None)
        return True

    def _returned(self, value: ast.expr | None, scope: Scope) -> None:
        if value is None:
            scope.returned.append(OTHER)
            return
        made = self.raw(value, scope)
        if not scope.inlined:
            self.ledger.expose(settled(made))
        scope.returned.append(made)

    def _copy(self, scope: Scope) -> Scope:
        return Scope(dict(scope.env), scope.outer, scope.returned, scope.inlined)

    def _branched(self, node: ast.If, scope: Scope) -> bool:
        self.value(node.test, scope)
        yes = self._copy(self.refined(scope, node.test, holds=True))
        no = self._copy(self.refined(scope, node.test, holds=False))
        goes, runs_on = self._block(node.body, yes), self._block(node.orelse, no)
        if goes and runs_on:
            test = ast.dump(node.test)
            for path in {**yes.env, **no.env}:
                a, b = self._held(path, yes), self._held(path, no)
                before = scope.env.get(path)
                kept = before is not None and before.kind is Kind.EITHER and before.ref == test
                scope.env[path] = (
                    fork(test, a, b) if not kept or before is None or (a, b) != before.items else before
                )
        elif goes or runs_on:
            scope.env = yes.env if goes else no.env
        return goes or runs_on

    def _held(self, path: str, scope: Scope) -> Value:
        found = scope.get(path)
        return UNKNOWN if found is None else found

    def _either(
        self, bodies: list[tuple[Sequence[ast.stmt], Scope]], scope: Scope, *, also_none: bool
    ) -> bool:
        ends = [inside for body, inside in bodies if self._block(body, inside)]
        if also_none:
            ends.append(self._copy(scope))
        for path in {path for end in ends for path in end.env}:
            scope.env[path] = join(*(self._held(path, end) for end in ends))
        return bool(ends)

    def _looped(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> None:
        for _ in range(2):  # what one turn leaves, the next one finds
            inside = self._copy(scope)
            if isinstance(node, ast.While):
                self.value(node.test, inside)
            else:
                self.bind(node.target, self.iterated(node.iter, inside), inside)
            self._block(node.body, inside)
            for path in inside.env:
                before = scope.env.get(path)
                scope.env[path] = inside.env[path] if before is None else join(before, inside.env[path])
        self._block(node.orelse, scope)

    def _tried(self, node: ast.Try | ast.TryStar, scope: Scope) -> bool:
        bodies: list[tuple[Sequence[ast.stmt], Scope]] = [([*node.body, *node.orelse], self._copy(scope))]
        bodies += [(handler.body, self._copy(scope)) for handler in node.handlers]
        goes = self._either(bodies, scope, also_none=False)
        return self._block(node.finalbody, scope) and goes

    def _define(self, node: Function, scope: Scope, owner: ClassInfo | None) -> None:
        for one in [*node.args.defaults, *node.args.kw_defaults, *node.decorator_list]:
            self.value(one, scope)
        if owner is None:
            scope.env[node.name] = Value(Kind.FUNCTION, ref=node)
        known = id(node) in self._homes
        self._homes[id(node)] = (scope, owner)
        if not known:
            self._queue.append((node, scope, owner))

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        info = self.classes.get(node.name)
        if info is None or info.node is not node:
            bases = [self.classes[path] for base in node.bases if (path := path_of(base)) in self.classes]
            info = self.classes[node.name] = ClassInfo(node, {}, bases)
        scope.env[node.name] = Value(Kind.CLASS, ref=info)
        inside = Scope(outer=scope)
        for one in node.body:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                info.methods[one.name] = one
                self._define(one, scope, info)
            else:
                self._run(one, inside)
        for name, value in inside.env.items():
            if value.kind is not Kind.UNKNOWN:
                info.attributes.setdefault(name, value)

    def _alone(self, function: Function, scope: Scope, owner: ClassInfo | None) -> None:
        """Follow a function on its own, with what its parameters are called and said to be."""
        inside = Scope(outer=scope)
        self._parameters(function, inside, owner)
        self._stack.append(function)
        self._block(function.body, inside)
        self._stack.pop()

    def _parameters(self, function: Function, scope: Scope, owner: ClassInfo | None) -> None:
        docstring = ast.get_docstring(function) or ""
        described = names.described(docstring) if self.topical and docstring else {}
        arguments = function.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for one in [*listed, *filter(None, [arguments.vararg, arguments.kwarg])]:
            value = names.by_annotation(one.annotation) if self.topical else UNKNOWN
            if value.kind is Kind.UNKNOWN and isinstance(one.annotation, ast.Name):
                value = self._instance(one.annotation.id)
            if value.kind is Kind.UNKNOWN:
                value = described.get(one.arg, UNKNOWN)
            if value.kind is Kind.UNKNOWN:
                value = self._namesake(one.arg) or self.named(one.arg)
                if value.kind is Kind.FREE and not one.arg.endswith(("_euc", "_euclidean")):
                    value = UNKNOWN  # a mean may well be a point of the ball; its name alone does not say
            scope.env[one.arg] = value
        if owner is not None and listed and not _is_static(function):
            scope.env[listed[0].arg] = Value(Kind.OBJECT, ref=owner)

    def _instance(self, name: str) -> Value:
        return Value(Kind.OBJECT, ref=self.classes[name]) if name in self.classes else UNKNOWN

    def _namesake(self, name: str) -> Value | None:
        """`encoder` is taken for an `Encoder`, if the file has such a class."""
        found = [info for one, info in self.classes.items() if one.lower() == name.replace("_", "").lower()]
        return Value(Kind.OBJECT, ref=found[0]) if len(found) == 1 else None

    def _result(self, function: Function, scope: Scope) -> Value:
        results = [one for one in scope.returned if one.kind is not Kind.OTHER] or scope.returned[:1]
        made = results[0] if len(results) == 1 else join(*results) if results else OTHER
        if made.kind is Kind.UNKNOWN and self.topical:
            if names.returns_points(ast.get_docstring(function) or ""):
                return BALL
            return self.named(function.name)
        return made

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                shown = alias.asname or alias.name.partition(".")[0]
                self.imports[shown] = alias.name if alias.asname else shown
            else:
                module = "." * node.level + (node.module or "")
                self.imports[alias.asname or alias.name] = f"{module}.{alias.name}"


def _is_static(function: Function) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list)
