"""The checkpoint that an old config names, where it is at hand."""

from __future__ import annotations

from typing import Literal

from tvae.config import tree
from tvae.config.yaml import Document
from tvae.errors import TvaeError
from tvae.legacy import weights


def layers(document: Document) -> Literal["plain", "improved"] | None:
    """What layers it holds; None if it is not there, or cannot be read.

    Example:
        >>> from tvae.config.yaml import parse
        >>> layers(parse("frozen_checkpoint: {path: not/there.pt}", name="old.yaml"))
    """
    path = tree.leaves(document.values).get("frozen_checkpoint.path")
    if not isinstance(path, str) or not weights.is_old(path):
        return None
    try:
        return weights.describe(path).found.layout.encoder
    except TvaeError:
        return None
