"""Training: losses, and the stages that fit a component to a training store."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from .preset import Preset

__all__ = ["train"]


def train(
    preset: Preset | str | PathLike,
    store: xr.DataTree | str | PathLike,
    folder: str | PathLike,
    *,
    stage: str = "all",
    start: str | PathLike | None = None,
    device: str = "auto",
    devices: int = 1,
    resume: bool = False,
    progress: bool = True,
) -> str:
    """Train a model from a training store, each stage from the package that the one before wrote.

    Parameters
    ----------
    preset : Preset, str or path
        A YAML file, or the name of a shipped preset.
    store : DataTree, str or path
        A training store, or where it is.
    folder : str or path
        For checkpoints, logs and packages, a folder for each stage; any fsspec URL.
    stage : str
        ``all`` for regression, autoencoder and diffusion in turn, or one of them, or ``gan``.
    start : str or path, optional
        Package to start from: what it has of the stage's networks is trained on, what comes before
        is taken as it is. The package of the stage before in the same folder unless given.
    device : str
        ``auto``, ``cpu``, ``cuda`` and what else Lightning knows.
    devices : int
        How many; each has a batch of its own, gradients are averaged.
    resume : bool
        Go on where an interrupted run left off: whole stages stay, the one that was interrupted
        goes on from its newest checkpoint.
    progress : bool
        Show a bar with loss, samples a second and the share of time that was waited for data.

    Returns
    -------
    str
        Where the last stage's package is.

    Raises
    ------
    ImportError
        Without the packages that training needs.
    ConfigError, StoreError, TrainingError, PackageError
        If preset, store, folder or package do not go together, and where training cannot go on.

    Examples
    --------
    >>> train("italy-2km", "s3://bucket/italy.zarr", "run", device="cuda")  # doctest: +SKIP
    """
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "training needs packages that are not installed: pip install 'xldm[train]'"
        ) from error
    from .run import train

    return train(
        preset,
        store,
        folder,
        stage=stage,
        start=start,
        device=device,
        devices=devices,
        resume=resume,
        progress=progress,
    )
