"""Where commands keep what they found out: below the user's cache."""

from __future__ import annotations

import os


def kept(name: str) -> str | None:
    """The path of that name in the user's cache; None where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative one is to be ignored.
    folder = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(folder, "tvae", name) if os.path.isabs(folder) else None
