"""The device that a name means."""

from __future__ import annotations

import torch

from tvae.errors import DeviceError


def device_of(name: str) -> torch.device:
    """The device that a config names.

    Raises:
        DeviceError: if CUDA, or that CUDA device, is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise DeviceError(
                f"device {name} is not available",
                expected=f"one of {count} CUDA devices" if count else "a CUDA device that torch can use",
                got="none" if not count else name,
                hint="use --device cpu, or install a torch build for your GPU",
            )
    return device
