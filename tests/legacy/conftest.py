"""The command line in this process."""

from __future__ import annotations

from cli.conftest import tvae

__all__ = ["tvae"]
