"""`tvae.load`: a checkpoint back into a model, without a config."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tvae.checkpoint import load_into, read
from tvae.errors import CheckpointError, MissingError
from tvae.legacy.places import elsewhere
from tvae.nn.spec import from_architecture

if TYPE_CHECKING:
    from tvae.nn import TernaryVAE


def load(src: str | os.PathLike[str], *, device: str = "cpu") -> TernaryVAE:
    """A trained model, in eval mode, its record as `.record`.

    Args:
        src: a checkpoint file, a run's models folder (its best weights), or "default" for the
            weights that ship with the package.
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
    from tvae.nn import TernaryVAE
    from tvae.nn.device import device_of

    target = device_of(device)
    path = locate(src)
    checkpoint = read(path)
    try:
        spec, depth = from_architecture(checkpoint.record.architecture)
    except msgspec.ValidationError as error:
        raise CheckpointError(
            f"describes no architecture of this version: {error}", path=str(path)
        ) from error
    model = TernaryVAE(spec, depth=depth)
    load_into(model, checkpoint.tensors, source=str(path))
    model.record = checkpoint.record
    return model.to(target).eval()


def locate(src: str | os.PathLike[str]) -> Path:
    """The file that `load` would read: "default" is the one in the package, a folder means its best weights.

    Raises:
        MissingError: if there is no such file or folder.
    """
    if os.fspath(src) == "default":
        return Path(str(files("tvae.presets") / "default.safetensors"))
    path = Path(src)
    if not path.exists():
        found = elsewhere(str(src))
        raise MissingError(
            "no such checkpoint",
            path=str(src),
            hint=f"one of that name is {' and '.join(map(str, found))}"
            if found
            else "give a file, its folder such as outputs/models/NAME, or `default` for the shipped weights",
        )
    return path / "best.safetensors" if path.is_dir() else path
