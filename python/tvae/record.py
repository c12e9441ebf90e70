"""`Record`: what a set of weights says about itself. Importable without torch."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from msgspec import Struct, field

SCHEMA = 1


def now() -> str:
    """The time, as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("tvae")
    except PackageNotFoundError:
        return "unknown"


class Record(Struct, frozen=True, kw_only=True):
    """What a checkpoint says about itself; null where it is not known.

    `source` is what a file that was converted from another program's says: its layout, config and
    metrics in the definitions that they had there, and what was left out or assumed.

    Fields that a later version adds are read over, a later `schema` is refused.

    Example:
        >>> Record(architecture={"depth": 9}, epoch=12, metrics={"coverage": 1.0}).metrics["coverage"]
        1.0
    """

    schema: int = SCHEMA
    version: str = field(default_factory=package_version)
    created_at: str = field(default_factory=now)
    command: str | None = None
    training_script: str | None = None
    config_path: str | None = None
    config: dict[str, object] = {}
    config_hash: str | None = None
    base_checkpoint: str | None = None
    base_sha256: str | None = None
    git_revision: str | None = None
    epoch: int | None = None
    step: int | None = None
    seed: int | None = None
    metric_version: int | None = None
    metrics: dict[str, float | None] = {}
    architecture: dict[str, object]
    training_summary: dict[str, object] = {}
    environment: dict[str, object] = {}
    source: dict[str, object] = {}
