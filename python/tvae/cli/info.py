"""`tvae info`: what is installed and what this machine offers."""

from __future__ import annotations

import os
import platform

from tvae.cli.option import Debug, Json, Quiet
from tvae.cli.output import columns, result, result_json


def version() -> str:
    """The version of the package, "unknown" in a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("tvae")
    except PackageNotFoundError:
        return "unknown"


def info(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show versions, device, threads, kernels and where the presets are."""
    facts: dict[str, object] = {
        "tvae": version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **_torch(),
        "core": _core(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "geometry": _geometry(),
        "presets": _presets(),
        "old checkpoints": _old_places(),
    }
    if as_json:
        result_json(facts)
    else:
        result(columns(_rows(facts)))


def _rows(facts: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", "none" if value is None else str(value)))
    return rows


def _torch() -> dict[str, object]:
    try:
        import torch
    except ImportError:
        return {"torch": None, "triton": None, "cuda": None, "device": None, "threads": None}
    cuda = torch.cuda.is_available()
    return {
        "torch": torch.__version__,
        "triton": _installed("triton"),
        "cuda": torch.version.cuda if cuda else None,
        "device": torch.cuda.get_device_name(0) if cuda else "cpu",
        "threads": torch.get_num_threads(),
    }


def _installed(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _core() -> dict[str, object] | str:
    """The compiled engine and the instructions it takes."""
    try:
        from tvae import _core
    except ImportError as error:
        return f"missing: {error}"
    simd = getattr(_core, "simd", None)
    return {"simd": simd()} if callable(simd) else "present"


def _geometry() -> object:
    """What the dispatch of the geometry takes, and why."""
    try:
        from tvae.geometry import ops
    except ImportError as error:
        return f"missing: {error}"
    status = getattr(ops, "status", None)
    return status() if callable(status) else "reference"


def _old_places() -> str | None:
    """Folders of the predecessor that hold checkpoints, with how many folders in them do."""
    from tvae.legacy.places import places

    # Those of crashed runs may hold none.
    found = [
        f"{one.path} ({one.runs} folder{'' if one.runs == 1 else 's'} with .pt files)" for one in places()
    ]
    return ", ".join(found) or None


def _presets() -> str:
    from importlib.resources import files

    return str(next(iter(files("tvae.presets").iterdir())).parent)  # type: ignore[attr-defined]
