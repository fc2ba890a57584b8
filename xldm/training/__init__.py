"""Training: losses, and the stages that fit a component to a training store."""

from __future__ import annotations

from typing import Any

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    # Lazily: Lightning is an extra, and takes seconds.
    if name != "train":
        raise AttributeError(f"module 'xldm.training' has no attribute {name!r}")
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "training needs packages that are not installed: pip install 'xldm[train]'"
        ) from error
    from .run import train

    return train
