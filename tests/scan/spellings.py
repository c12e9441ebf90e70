"""The spellings in which a checkpoint of the predecessor can have been written.

`today` is what the installed torch and numpy write. numpy before 2.0 wrote `numpy.core` for `numpy._core`;
torch before 1.6 wrote five pickles instead of an archive; a Python 2 wrote its strings as bytes.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Literal

import torch

Spelling = Literal["today", "numpy_core", "legacy", "python2"]


class NumpyCore(pickle.Pickler):
    """Names the modules of numpy as it did before 2.0."""

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self.file = file

    def dump(self, value: object) -> None:
        super().dump(value)
        # In protocol 2 a global is two lines of text, so that its length stands nowhere.
        self.file.seek(0)
        data = self.file.read().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
        self.file.seek(0)
        self.file.truncate()
        self.file.write(data)


class Python2(pickle._Pickler):
    """Writes ASCII text as Python 2 wrote its `str`."""

    def save_text(self, text: str) -> None:
        data = text.encode()
        if not text.isascii() or len(data) > 255 or id(text) in self.memo:
            return pickle._Pickler.save_str(self, text)
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        self.memoize(text)
        return None

    dispatch = {**pickle._Pickler.dispatch, str: save_text}  # noqa: RUF012


def save(content: dict[str, Any], path: Path, spelling: Spelling) -> None:
    """As torch.save, in this spelling."""
    match spelling:
        case "today":
            torch.save(content, path)
        case "legacy":
            torch.save(content, path, _use_new_zipfile_serialization=False)
        case "numpy_core":
            torch.save(content, path, pickle_module=module(NumpyCore))
        case "python2":
            torch.save(content, path, pickle_module=module(Python2))


def module(pickler: type) -> ModuleType:
    """What torch asks of a pickle module."""
    found = ModuleType(pickler.__name__)
    found.Pickler = pickler
    return found
