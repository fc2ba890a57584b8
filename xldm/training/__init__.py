"""Training: fit the networks of a preset to a training store, stage by stage.

In: a preset (`preset`, `stages`) and a training store. Out: a model package for each stage, with
its curve of losses, beside checkpoints and logs. `run` leads through the stages; each minimises an
objective of `objectives/`. Networks belong in `xldm.nets`, reading of windows in `xldm.batches`,
the format of packages in `xldm.packages`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..errors import MissingPackageError

__all__ = ["DataModule", "train"]


def __getattr__(name: str) -> Any:
    # Imported when first used: Lightning is an extra, and takes seconds.
    if name not in __all__:
        raise AttributeError(f"module 'xldm.training' has no attribute {name!r}")
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        return _needing_lightning(name, error)
    from . import datamodule, run

    return {"train": run.train, "DataModule": datamodule.DataModule}[name]


def _needing_lightning(name: str, cause: ImportError) -> Callable[..., NoReturn]:
    """Stand in for a name until it is called: ``help(xldm)`` and imports of all names work."""
    message = "training needs packages that are not installed: pip install 'xldm[train]'"

    def absent(*_: Any, **__: Any) -> NoReturn:
        raise MissingPackageError(message) from cause

    absent.__name__ = absent.__qualname__ = name
    absent.__doc__ = f"Not there: {message}."
    return absent
