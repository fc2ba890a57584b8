"""Training: from a training store to a model package, stage by stage.

In: a preset and a training store. Out: one model package for each stage, checkpoints, and logs.
Windows of the store come from `xldm.batches`, networks from `xldm.models`; packages are written by
`xldm.packages`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["DataModule", "train"]


def __getattr__(name: str) -> Any:
    # Lazily: Lightning is an extra, and takes seconds.
    if name not in __all__:
        raise AttributeError(f"module 'xldm.training' has no attribute {name!r}")
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "training needs packages that are not installed: pip install 'xldm[train]'"
        ) from error
    from . import datamodule, run

    return {"train": run.train, "DataModule": datamodule.DataModule}[name]
