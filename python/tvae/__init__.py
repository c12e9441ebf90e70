"""tvae: ternary VAEs in the Poincare ball.

Every name below is imported on first use, so that `import tvae` stays free of torch.

Example:
    >>> import tvae
    >>> tvae.TernarySpace(depth=9).size
    19683
"""

# True for type checkers alone. An import here would delay the first line of the command, and with it the
# moment from which Ctrl-C is one line.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from tvae.errors import TvaeError as TvaeError
    from tvae.loading import load as load
    from tvae.metrics import Metrics as Metrics
    from tvae.metrics import evaluate as evaluate
    from tvae.nn import ModelSpec as ModelSpec
    from tvae.nn import TernaryVAE as TernaryVAE
    from tvae.records import DirRecord as DirRecord
    from tvae.records import FileRecord as FileRecord
    from tvae.scanning import ScanResult as ScanResult
    from tvae.scanning import inspect as inspect
    from tvae.scanning import scan as scan
    from tvae.space import TernarySpace as TernarySpace
    from tvae.training import train as train

_HOMES = {
    "DirRecord": "tvae.records",
    "FileRecord": "tvae.records",
    "Metrics": "tvae.metrics",
    "ModelSpec": "tvae.nn",
    "ScanResult": "tvae.scanning",
    "TernarySpace": "tvae.space",
    "TernaryVAE": "tvae.nn",
    "TvaeError": "tvae.errors",
    "evaluate": "tvae.metrics",
    "inspect": "tvae.scanning",
    "load": "tvae.loading",
    "scan": "tvae.scanning",
    "train": "tvae.training",
}
_MODULES = {"config", "geometry", "losses", "mining", "nn", "space", "training"}

__all__ = [*sorted(_HOMES), *sorted(_MODULES)]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(f"tvae.{name}")
    elif name == "__version__":
        # Read on demand: it takes longer to import than everything else here.
        from importlib.metadata import version

        value = version("tvae")
    else:
        raise AttributeError(f"module 'tvae' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
