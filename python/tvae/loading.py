"""`tvae.load`: a checkpoint back into a model, without a config."""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tvae.checkpoint import load_into, read
from tvae.errors import CheckpointError
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
    if os.fspath(src) == "default":
        with as_file(files("tvae.presets") / "default.safetensors") as path:
            return _load(path, device)
    path = Path(src)
    if path.is_dir():
        path = path / "best.safetensors"
    return _load(path, device)


def _load(path: Path, device: str) -> TernaryVAE:
    from tvae.nn import TernaryVAE
    from tvae.nn.device import device_of

    target = device_of(device)
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
