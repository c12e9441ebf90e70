"""Large results are lent: memory comes back when the last tensor over it has died, and not before."""

from __future__ import annotations

import gc

import torch

from tvae import geometry
from tvae.geometry import fresh

ROWS = 2**15


def test_memory_waits_until_nobody_sees_it() -> None:
    fresh._waiting.clear()
    x = (0.1 * torch.randn(ROWS, 16)).requires_grad_()
    (first,) = torch.autograd.grad(geometry.radius(x).sum(), x)
    view, address, value = first[5:], first.data_ptr(), first.clone()
    del first
    (second,) = torch.autograd.grad(geometry.radius(x).sum(), x)
    assert second.data_ptr() != address
    assert torch.equal(view, value[5:])
    del view, second
    gc.collect()
    assert sum(map(len, fresh._waiting.values())) == 2
    (third,) = torch.autograd.grad(geometry.radius(x).sum(), x)
    assert sum(map(len, fresh._waiting.values())) == 1
    assert torch.equal(third, value)


def test_what_waits_is_bounded() -> None:
    fresh._waiting.clear()
    blocks = [fresh.fresh(fresh._LARGE + i) for i in range(300)]
    del blocks
    assert sum(size * len(kept) for size, kept in fresh._waiting.items()) <= fresh._MOST
    fresh._waiting.clear()
