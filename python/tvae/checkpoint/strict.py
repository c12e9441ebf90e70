"""Strict loading: every tensor fits, or nothing is copied and a table says why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tvae.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor, nn

Row = tuple[str, str, str, str]


def load_into(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    source: str,
    allow_missing: Collection[str] = (),
    allow_extra: Collection[str] = (),
) -> tuple[str, ...]:
    """Copy `tensors` into `module`; returns the names of its tensors that were left as they were.

    Args:
        module: its parameters and persistent buffers are written in place.
        tensors: by module name; another precision of the same kind is converted.
        source: where the tensors come from, for the message.
        allow_missing: names, or patterns such as `projection_B.*`, that the source may lack.
        allow_extra: names or patterns that the module may lack.

    Raises:
        CheckpointError: one line and a table of every tensor that is missing, unknown, of another
            shape or kind, or not finite. The module is untouched.

    Example:
        >>> import torch
        >>> load_into(torch.nn.Linear(2, 1), {"weight": torch.ones(1, 2), "bais": torch.ones(1)}, source="a")
        Traceback (most recent call last):
        tvae.errors.CheckpointError: a: 2 tensors do not fit this Linear; nothing was loaded
        name | expected  | found     | why
        -----+-----------+-----------+---------------------
        bais | -         | float (1) | unknown to the model
        bias | float (1) | -         | missing in the file
    """
    import torch

    own = {name: t for name, t in module.state_dict().items() if isinstance(t, torch.Tensor)}
    misfits = sorted(
        row for row in _misfits(own, tensors) if not _allowed(row, own, tensors, allow_missing, allow_extra)
    )
    if misfits:
        noun = "tensor does" if len(misfits) == 1 else "tensors do"
        raise CheckpointError(
            f"{source}: {len(misfits)} {noun} not fit this {type(module).__name__}; nothing was loaded",
            path=source,
            details=table(misfits),
        )
    with torch.no_grad():
        for name in own.keys() & tensors.keys():
            own[name].copy_(tensors[name])
    return tuple(sorted(own.keys() - tensors.keys()))


def _misfits(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[Row]:
    import torch

    for name in own.keys() | tensors.keys():
        if name not in tensors:
            yield name, _describe(own[name]), "-", "missing in the file"
        elif name not in own:
            yield name, "-", _describe(tensors[name]), "unknown to the model"
        else:
            expected, found = own[name], tensors[name]
            reasons = [
                reason
                for reason, wrong in (
                    ("another shape", expected.shape != found.shape),
                    ("another kind of number", _kind(expected) != _kind(found)),
                    ("not finite", not bool(torch.isfinite(found.detach()).all())),
                )
                if wrong
            ]
            if reasons:
                yield name, _describe(expected), _describe(found), ", ".join(reasons)


def _allowed(
    row: Row,
    own: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    allow_missing: Collection[str],
    allow_extra: Collection[str],
) -> bool:
    name = row[0]
    if name not in tensors:
        return any(fnmatchcase(name, pattern) for pattern in allow_missing)
    if name not in own:
        return any(fnmatchcase(name, pattern) for pattern in allow_extra)
    return False


def _kind(tensor: Tensor) -> str:
    if tensor.dtype.is_complex:
        return "complex"
    if tensor.dtype.is_floating_point:
        return "float"
    return "bool" if str(tensor.dtype) == "torch.bool" else "int"


def _describe(tensor: Tensor) -> str:
    return f"{_kind(tensor)} ({', '.join(str(side) for side in tensor.shape)})"


def table(rows: Sequence[Row]) -> str:
    """Tensors that do not fit, in columns: name, what was expected, what came, why."""
    cells = [("name", "expected", "found", "why"), *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)
