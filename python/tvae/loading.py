"""`tvae.load`: a checkpoint back into a model, without a config."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tvae.checkpoint import Checkpoint, load_into, read
from tvae.errors import CheckpointError, MissingError
from tvae.legacy import weights
from tvae.legacy.places import elsewhere
from tvae.nn.spec import from_architecture

if TYPE_CHECKING:
    from tvae.nn import TernaryVAE


#: What stands for a folder, the first of them that it has.
_BEST = ("best.safetensors", weights.BEST)
_MOST_NAMED = 3


def load(src: str | os.PathLike[str], *, device: str = "cpu") -> TernaryVAE:
    """A trained model, in eval mode, its record as `.record`.

    What was assumed of an old file, and that one is dangerous or was cut, is in `record.source["notes"]`.

    Args:
        src: a checkpoint file of ours or of the predecessor, a run's folder (its best weights), or
            "default" for the weights that ship with the package.
        device: where the model goes: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        MissingError: if there is no such file.
        CheckpointError: if it is damaged, or its tensors are not those of its architecture.
        DeviceError: if the device is not there.

    Example:
        >>> import tvae
        >>> model = tvae.load("default")
        >>> model.decode(model.code([0, 19682])).tolist()[1]
        [1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    from tvae.nn.device import device_of

    target = device_of(device)
    path = locate(src)
    model = model_of(open_weights(path), source=str(path))
    return model.to(target).eval()


def open_weights(path: Path) -> Checkpoint:
    """The content of a checkpoint file, ours or the predecessor's; nothing in it is executed.

    Raises:
        MissingError, StorageError: if it is not there, or may not be read.
        CheckpointError: if it is damaged, or a predecessor's whose tensors are not those of a layout.
    """
    return weights.read(path) if weights.is_old(path) else read(path)


def model_of(checkpoint: Checkpoint, *, source: str) -> TernaryVAE:
    """The model that a checkpoint's record describes, with its weights, on the CPU.

    Raises:
        CheckpointError: if the record describes none, or the tensors are not those of its architecture.
    """
    from tvae.nn import TernaryVAE

    try:
        spec, depth = from_architecture(checkpoint.record.architecture)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"describes no architecture of this version: {error}", path=source) from error
    model = TernaryVAE(spec, depth=depth)
    load_into(model, checkpoint.tensors, source=source)
    model.record = checkpoint.record
    return model


def locate(src: str | os.PathLike[str]) -> Path:
    """The file that `load` would read: "default" is the one in the package, a folder means its best weights.

    Raises:
        MissingError: if there is no such file or folder.
        CheckpointError: if it is neither.
    """
    if os.fspath(src) == "default":
        return Path(str(files("tvae.presets") / "default.safetensors"))
    path = Path(src)
    if not path.exists():
        found = elsewhere(str(src))
        raise MissingError(
            "no such checkpoint",
            path=str(src),
            expected="checkpoint",
            got="no such",
            hint=f"one of that name is {' and '.join(map(str, found))}"
            if found
            else "give a file, its folder such as outputs/models/NAME, or `default` for the shipped weights",
        )
    if path.is_dir():
        for name in _BEST:
            if (path / name).is_file():
                return path / name
        there = sorted(
            one.name for one in path.iterdir() if one.suffix in (".safetensors", *weights.SUFFIXES)
        )
        raise MissingError(
            "no checkpoint in this folder",
            path=str(src),
            expected=" or ".join(_BEST),
            hint=f"name a file of it: {', '.join(there[:_MOST_NAMED])}" if there else None,
        )
    if not path.is_file():
        # To open a pipe is to wait for whoever writes into it.
        raise CheckpointError("is a pipe or a device, not a regular file", path=str(src))
    return path
