"""What tensor operations make of points and lengths; `x.f(y)` and `torch.f(x, y)` are the same here."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tvae.lint import arithmetic, names
from tvae.lint.values import (
    BALL,
    BOUNDED,
    FREE,
    INNER,
    LENGTHS,
    OTHER,
    SUM,
    TENSORS,
    UNKNOWN,
    VECTORS,
    Kind,
    Ledger,
    Value,
    join,
)

_SAME = {
    "as_tensor", "asarray", "astype", "array", "ascontiguousarray", "atleast_2d", "bfloat16",
    "broadcast_to", "chunk", "clone", "compress", "contiguous", "copy", "cpu", "cuda", "deepcopy",
    "detach", "diagonal", "double", "expand", "expand_as", "expand_dims", "fill_diagonal", "flatten",
    "flip", "float", "from_numpy", "gather", "half", "item", "index_select", "list", "masked_fill",
    "masked_select", "movedim", "narrow", "nan_to_num", "numpy", "permute", "ravel", "repeat",
    "repeat_interleave", "requires_grad", "reshape", "reversed", "roll", "select", "sorted", "split",
    "squeeze", "swapaxes", "t", "take", "tensor", "tile", "to", "tolist", "transpose", "triu", "tuple",
    "type", "type_as", "unbind", "unflatten", "unsqueeze", "view", "view_as",
}  # fmt: skip
_JOINED = {"cat", "concat", "concatenate", "hstack", "stack", "vstack", "column_stack", "lerp", "index_copy"}
_CLAMPS = {"clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "maximum", "max", "minimum", "min"}
_STATISTICS = {
    "amax", "amin", "argsort", "average", "cumsum", "max", "mean", "median", "min", "nanmean", "nansum",
    "quantile", "sort", "std", "sum", "topk", "var",
}  # fmt: skip
_HINGES = {"relu", "softplus", "leaky_relu", "elu"}
INVERSES = {
    "acosh", "arccosh", "arcosh", "arcsinh", "arctanh", "arsinh", "artan_k", "artanh", "asinh", "atanh",
    "log1p",
}  # fmt: skip
_CHECKS = {"isfinite", "isinf", "isnan"}
_NEUTRAL = {
    "dim", "empty_like", "full_like", "hasattr", "id", "isinstance", "is_floating_point", "len",
    "new_empty", "new_ones", "new_zeros", "numel", "ones_like", "size", "save_for_backward", "type",
    "zeros_like",
}  # fmt: skip
_DISTANCES = {
    "cdist", "dist", "euclidean", "euclidean_distances", "pairwise_distance", "pairwise_distances",
    "pdist", "sqeuclidean",
}  # fmt: skip
_COSINES = {"cosine_distances", "cosine_embedding_loss", "cosine_similarity"}
_ERRORS = {"huber_loss", "l1_loss", "mean_squared_error", "mse_loss", "smooth_l1_loss", "triplet_margin_loss"}
_SCORES = {"calinski_harabasz_score", "davies_bouldin_score", "silhouette_samples", "silhouette_score"}
OPERATORS: dict[str, ast.operator] = {
    "add": ast.Add(), "sub": ast.Sub(), "subtract": ast.Sub(), "mul": ast.Mult(), "multiply":
    ast.Mult(), "div": ast.Div(), "divide": ast.Div(), "true_divide": ast.Div(), "matmul":
    ast.MatMult(), "mm": ast.MatMult(), "bmm": ast.MatMult(), "dot": ast.MatMult(), "inner":
    ast.MatMult(),
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """An operation on values: its name without a trailing underscore, its operands, its keywords."""

    name: str
    node: ast.Call
    values: Sequence[Value]
    exprs: Sequence[ast.expr]
    keywords: Mapping[str, Value]
    given: Mapping[str, ast.expr]

    @property
    def first(self) -> Value:
        return self.values[0] if self.values else UNKNOWN

    def axes(self) -> list[int] | None:
        """The axes that it reduces over; None: none are named, [] they are not known."""
        found = next((self.given[name] for name in ("dim", "axis") if name in self.given), None)
        if found is None:
            found = self.exprs[1] if len(self.exprs) > 1 else None
        if found is None or (isinstance(found, ast.Constant) and found.value is None):
            return None
        parts = found.elts if isinstance(found, (ast.Tuple, ast.List)) else [found]
        return [int(number) for part in parts if (number := names.literal(part)) is not None]


def applied(call: Call, ledger: Ledger) -> Value | None:
    """What the operation returns, or None if it is not one of those that are followed."""
    name, first = call.name, call.first
    if first.kind is Kind.TUPLE and name in _SAME | _JOINED | _STATISTICS | _CLAMPS:
        if name in ("list", "tuple"):
            return first
        first = join(*first.items)
    if name in _NEUTRAL:
        return OTHER
    if name in ("norm", "vector_norm"):
        return _norm(first, call.node, ledger)
    if name in _DISTANCES | _COSINES | _ERRORS | _SCORES:
        return _compared(call, ledger)
    if name in ("normalize",):
        ledger.excuse(first)
        return Value(Kind.UNIT, of=first.kind)
    if name in ("tanh", "sigmoid"):
        ledger.expose(first)
        return BOUNDED
    if name in ("randn", "randn_like", "standard_normal"):
        return FREE
    if name in INVERSES or (name == "log" and first.kind in (Kind.GAP, Kind.FORM)):
        ledger.excuse(first)
        return OTHER if first.kind in LENGTHS else UNKNOWN
    if name in _CHECKS or (name in ("all", "any") and first.kind in LENGTHS):
        ledger.excuse(first)
        return OTHER
    if first.kind is Kind.HINGE and name in _CLAMPS | _HINGES:
        ledger.excuse(first)
        return OTHER
    if name in OPERATORS and len(call.values) > 1:
        ends = (call.exprs[0], call.exprs[1])
        return arithmetic.combined(OPERATORS[name], call.values[0], call.values[1], call.node, ends, ledger)
    if name == "einsum":
        return _einsum(call, ledger)
    return _followed(call, first, ledger)


def _followed(call: Call, first: Value, ledger: Ledger) -> Value | None:
    name = call.name
    if name in _STATISTICS and not (name in ("max", "min") and first.kind is Kind.HINGE):
        if name in _CLAMPS and len(call.values) > 1:
            return join(first, *call.values[1:])
        return _statistic(call, first, ledger)
    if name in _SAME:
        return first if first.kind in TENSORS | LENGTHS | {Kind.FORM, Kind.TUPLE, Kind.OTHER} else UNKNOWN
    if name in _JOINED:
        return join(first, *(one for one in call.values[1:] if one.kind in TENSORS))
    if name in _CLAMPS:
        if first.kind is Kind.FREE:
            return UNKNOWN  # bounded from now on
        lengths = [one for one in call.values[1:] if one.kind in LENGTHS]
        return join(first, *lengths) if first.kind in LENGTHS or lengths else first
    if name == "where" and len(call.values) == 3:
        ledger.excuse(*(one for one in call.values[:1] if one.kind in LENGTHS))
        return join(*call.values[1:])
    if name in ("square", "pow", "float_power", "power"):
        exponent = 2.0 if name == "square" else names.literal(call.exprs[1]) if len(call.exprs) > 1 else None
        return arithmetic.power(first, exponent, ledger)
    if name in ("sqrt", "rsqrt", "reciprocal"):
        if first.kind is Kind.LENGTH:
            return replace(
                first,
                squared=first.squared and name == "reciprocal",
                inverse=first.inverse != (name != "sqrt"),
            )
        return first if first.kind in (Kind.FORM, Kind.GAP, Kind.OTHER) else UNKNOWN
    if name in ("abs", "neg") and (first.kind is Kind.LENGTH or name == "neg"):
        return first
    return None


def _norm(value: Value, node: ast.expr, ledger: Ledger) -> Value:
    if value.kind is Kind.BALL:
        return ledger.length(node, "G001")
    if value.kind is Kind.DIFF:
        return ledger.length(node, "G002")
    if value.kind in LENGTHS:  # of all the lengths together: passed on
        ledger.expose(value)
        return OTHER
    return Value(Kind.LENGTH) if value.kind in TENSORS else UNKNOWN


def _compared(call: Call, ledger: Ledger) -> Value:
    """Distances, cosines and errors between two sets of vectors."""
    operands = [
        *call.values[:3],
        *(call.keywords[name] for name in ("input", "target") if name in call.keywords),
    ]
    kinds = {one.kind for one in operands}
    metric = call.given.get("metric")
    if isinstance(metric, ast.Constant) and metric.value in ("euclidean", "sqeuclidean", "l2"):
        metric = None
    ledger.expose(*operands)
    if metric is not None and call.name not in _COSINES:
        return OTHER
    directions = sum(one.kind is Kind.UNIT and one.of is Kind.BALL for one in operands)
    if call.name in _COSINES:
        if Kind.BALL in kinds or directions:
            ledger.find(call.node, "G003")
    elif call.name in _DISTANCES:
        if Kind.BALL in kinds:
            return ledger.length(call.node, "G002")
        if kinds & {Kind.FREE, Kind.TANGENT}:
            return Value(Kind.LENGTH)
    elif Kind.BALL in kinds:
        ledger.find(call.node, "G002")
    return OTHER


def _statistic(call: Call, first: Value, ledger: Ledger) -> Value:
    name, axes = call.name, call.axes()
    totals = name in ("mean", "sum", "nanmean", "nansum", "average")
    if totals and (made := arithmetic.reduced(first, call.node, ledger)) is not None:
        return made
    if first.kind is Kind.BALL and totals and axes is not None and any(axis != -1 for axis in axes):
        if name in ("sum", "nansum"):
            return SUM
        ledger.find(call.node, "G004")
        return BALL
    if first.kind in LENGTHS or first.kind is Kind.FORM:
        return first
    if first.kind in (Kind.FREE, Kind.TANGENT) and name == "mean" and axes is not None:
        return first
    return UNKNOWN if first.kind is Kind.UNKNOWN else OTHER


def _einsum(call: Call, ledger: Ledger) -> Value:
    values, exprs = call.values[1:], call.exprs[1:]
    if len(values) != 2 or not {one.kind for one in values} <= VECTORS:
        ledger.expose(*values)
        return UNKNOWN
    spec = call.exprs[0].value if isinstance(call.exprs[0], ast.Constant) else ""
    ins, _, out = str(spec).replace(" ", "").partition("->")
    a, _, b = ins.partition(",")
    if ast.dump(exprs[0]) == ast.dump(exprs[1]) and a == b and len(out) < len(a):
        return arithmetic.reduced(arithmetic.squared(values[0]), call.node, ledger) or INNER
    return arithmetic.inner(values[0], values[1], call.node, ledger)
