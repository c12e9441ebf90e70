"""Configs: the schema, and how a preset, a file, the environment and the command line become one."""

from __future__ import annotations

from tvae.config.load import Resolved, config_hash, dump, load, presets
from tvae.config.schema import Config

__all__ = ["Config", "Resolved", "config_hash", "dump", "load", "presets"]
