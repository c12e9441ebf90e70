"""Which files the predecessor started which model from: a hint, since tensors decide, not folders."""

from __future__ import annotations

import re
from pathlib import Path

#: What each of its models was started from, by the names of its checkpoint folders.
MATRIX = {
    "TernaryVAEV5_11": ("v5_5", "v5_11"),
    "TernaryVAEV5_11_PartialFreeze": ("v5_5", "v5_11", "v5_12"),
}
#: Where the predecessor's checkpoints lie, as its configs name them: compatible ones are looked for there.
TREES = ("sandbox-training", "checkpoints")


def family(path: Path, layout: str) -> str:
    """The family of a file: its folder's name if that is a version, else what its tensors say.

    Example:
        >>> family(Path("checkpoints/v5_12_4/best.pt"), "v5.11 dual n2"), family(Path("a/b.pt"), "v5.5 flat")
        ('v5_12', 'v5_5')
    """
    named = re.match(r"v5_\d+", path.parent.name)
    if named:
        return named[0]
    return "v5_12" if "improved" in layout else "v5_5" if layout.startswith("v5.5") else "v5_11"


def remark(path: Path, layout: str, *, trains_encoder_b: bool) -> str | None:
    """What the matrix says against a file that fits; None if it says nothing.

    Example:
        >>> remark(Path("v5_9/best.pt"), "v5.5", trains_encoder_b=True)
        'hint: TernaryVAEV5_11_PartialFreeze was started from v5_5, v5_11, v5_12, and this is v5_9'
    """
    model = "TernaryVAEV5_11_PartialFreeze" if trains_encoder_b else "TernaryVAEV5_11"
    found = family(path, layout)
    if found in MATRIX[model]:
        return None
    return f"hint: {model} was started from {', '.join(MATRIX[model])}, and this is {found}"
