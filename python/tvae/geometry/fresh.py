"""Memory for the results of compiled loops.

Large blocks are lent, not given: when the last tensor over one has died, it waits for the next call of its
size. A fresh gradient of a million rows costs more in page faults than in arithmetic, three times over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

#: Below so many numbers (1 MB) the allocator itself keeps what was freed.
_LARGE = 2**18
#: So many numbers (256 MB) wait at most.
_MOST = 2**26

_waiting: dict[int, list[npt.NDArray[np.float32]]] = {}


class _Loan:
    """The owner that arrays over a block name as their base; it dies with the last of them."""

    def __init__(self, block: npt.NDArray[np.float32]) -> None:
        self.block = block
        self.__array_interface__: dict[str, Any] = block.__array_interface__

    def __del__(self) -> None:
        held = sum(size * len(blocks) for size, blocks in list(_waiting.items()))
        if held + self.block.size > _MOST:
            _waiting.clear()
        if self.block.size <= _MOST:
            _waiting.setdefault(self.block.size, []).append(self.block)


def fresh(*shape: int) -> npt.NDArray[np.float32]:
    """An uninitialised float32 array.

    Example:
        >>> fresh(2, 3).shape
        (2, 3)
    """
    size = math.prod(shape)
    if size < _LARGE:
        return np.empty(shape, dtype=np.float32)
    try:
        block = _waiting[size].pop()
    except (KeyError, IndexError):
        block = np.empty(size, dtype=np.float32)
    return np.asarray(_Loan(block)).reshape(shape)
