"""Backward passes that are written by hand and differentiable once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch.autograd.function import once_differentiable

from tvae.errors import TvaeError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Ctx = TypeVar("_Ctx")


class SecondDerivativeError(TvaeError, NotImplementedError):
    """A second derivative of the geometry was asked for."""


def once(backward: Callable[Concatenate[_Ctx, _P], _R]) -> Callable[Concatenate[_Ctx, _P], _R]:
    """Mark a backward as the last derivative, and refuse `create_graph=True`.

    torch's own mark raises only if the incoming gradient has a graph; otherwise the second derivative would
    silently lack this op's part.
    """
    marked = once_differentiable(backward)

    @wraps(backward)
    def checked(ctx: _Ctx, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        if not torch.compiler.is_compiling() and torch.is_grad_enabled():
            raise SecondDerivativeError(
                "the geometry is differentiable once",
                path="create_graph",
                expected="False",
                got="True",
                hint="take second derivatives numerically, or write the term out in torch operations",
            )
        return marked(ctx, *args, **kwargs)

    return checked
