"""A config file, read as far as it is text."""

from __future__ import annotations

from pathlib import Path

from tvae.config.suggestion import nearest
from tvae.config.yaml import Document, parse
from tvae.errors import ConfigError

#: No config is larger; reading stops here rather than at the end of a mistaken argument.
MAX_BYTES = 1 << 17
#: A file with such a name is a checkpoint, whatever it holds: an empty one would pass for an empty config.
_WEIGHTS = {".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".pt2", ".ptl", ".torch"}


def read(path: Path, *, name: str | None = None) -> Document:
    """The document in a file, called `name` in messages.

    Raises:
        ConfigError: if it is not there, a folder, a checkpoint by its name, too large, not text, or no
            YAML mapping.
        OSError: if it cannot be read.
    """
    name = name or str(path)
    if path.is_dir():
        inside = path / "config.yaml"
        raise ConfigError(
            "a folder is no config",
            path=name,
            expected="a YAML file",
            hint=f"use {inside}" if inside.exists() else None,
        )
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("there is no such file", path=name, hint=_neighbours(path)) from None
    except ValueError as error:
        raise ConfigError(f"no file has this name: {error}", path=name.replace("\0", "\\0")) from None
    if path.suffix.lower() in _WEIGHTS:
        raise _weights(name, empty=not content)
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"too large for a config (over {MAX_BYTES >> 10} KiB)",
            path=name,
            expected="a YAML file",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            path=f"{name}:{line}",
            expected="UTF-8 text",
        ) from None
    return parse(text, name=name)


def _neighbours(path: Path) -> str | None:
    """A file beside the missing one that may be meant."""
    try:
        known = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return None
    found = nearest(path.name, known)
    return f"did you mean {path.parent / found}?" if found else None


def _weights(name: str, *, empty: bool) -> ConfigError:
    if empty:
        return ConfigError(
            "an empty file with the name of a checkpoint: no config, and nothing to resume or to start from",
            path=name,
            expected="a YAML file, or a preset",
            hint="copy it again, or leave it away",
        )
    return ConfigError(
        "a checkpoint by its name, and no config",
        path=name,
        expected="a YAML file, or a preset",
        hint="continue its run with --resume, or start from its weights with --init",
    )
