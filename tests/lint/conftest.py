"""The sample is read, not imported: it wants packages that nobody has."""

from __future__ import annotations

collect_ignore_glob = ["sample/*.py"]
