"""Batches to train on from a training store: whose hours, which windows, in whose share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .. import statics
from ..config import Variable
from ..errors import ArgumentError, BatchError
from ..stores import splits
from ..stores.schema import DAY
from ..stores.variables import scaled_variables
from .read_ahead import Batch, Batches

__all__ = ["Batch", "BatchError", "Batches", "batches"]

_SPLITS = {"train": 0, "val": 1, "test": 2}


def batches(
    store: xr.DataTree,
    *,
    split: str = "train",
    size: tuple[int, int] | None = None,
    batch_size: int = 1,
    windows: int | None = 1,
    shuffle: int = 512,
    dropout: float = 0.0,
    seed: int = 0,
    shard: tuple[int, int] = (0, 1),
    predictors: Sequence[Variable] | None = None,
    targets: Sequence[Variable] | None = None,
    ahead: int = 2,
    cache_bytes: int = 0,
    allow_leaky: bool = False,
) -> Batches:
    """Batches of normalised windows from a training store.

    Parameters
    ----------
    store : DataTree
        From `xldm.open_training_store`, best with ``dask=False``, which is read about three times
        as fast,
        or groups of its form in memory.
    split : {"train", "val", "test"}
        Whose hours.
    size : (int, int), optional
        Rows and columns of a window in coarse cells; whole fields unless given.
    batch_size : int
        Samples in a batch; the last of an epoch may have fewer, or a few more where several
        ranks share it.
    windows : int, optional
        Windows drawn at random from each hour, anew in each epoch; None for windows that cover the
        field, those at its far ends overlapping others.
    shuffle : int
        Samples that are mixed with one another while days come in random order; 0 for the order of
        the record. So many windows are held in memory.
    dropout : float
        Share of samples that predictors are dropped from (`numerics.scaling.drop_predictors`).
    seed : int
        Order, windows and dropout follow from it and the number of the epoch.
    shard : (int, int)
        Rank and number of ranks. Samples of a batch of all ranks are dealt out in turn, so that two
        ranks have together what one with twice the batch size has.
    predictors, targets : sequence of Variable, optional
        Which, in which order and with which scaling; the store's own unless given.
    ahead : int
        Days that are read or kept ready at a time, each by a thread.
    cache_bytes : int
        Keep so much of what was read for later epochs.
    allow_leaky : bool
        Take a store whose hours of different splits are neighbours.

    Returns
    -------
    Batches
        Iterable of `Batch`.

    Raises
    ------
    ArgumentError
        If the split is leaky or has no hours, if a variable is missing, or if the window does not
        fit the grid.

    Examples
    --------
    >>> batches(xr.DataTree(), split="all")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: split must be one of train, val, test; got 'all'

    With a store, ``for epoch in range(n): for batch in batches(store, size=(64, 64),
    batch_size=8).epoch(epoch): ...`` gives ``batch.coarse``, ``batch.fine`` and ``batch.static``.
    """
    if split not in _SPLITS:
        raise ArgumentError(f"split must be one of {', '.join(_SPLITS)}; got {split!r}")
    label = store["split"]["split"].load()
    splits.check(label, allow_leaky=allow_leaky)
    rows = np.flatnonzero(label.values == _SPLITS[split])
    if rows.size == 0:
        raise ArgumentError(f"The store has no hours for {split!r}: choose another split.")
    sides = [store[group].to_dataset() for group in ("coarse", "fine")]
    known = scaled_variables(store)
    chosen = []
    for group, side, wanted in zip(("coarse", "fine"), sides, (predictors, targets), strict=True):
        wanted = tuple(wanted or known[group])
        if missing := [v.name for v in wanted if v.name not in side]:
            raise ArgumentError(
                f"/{group} of the store lacks {', '.join(missing)}; it has "
                f"{', '.join(map(str, side.data_vars))}."
            )
        chosen.append(wanted)
    grid = (sides[0].sizes["y"], sides[0].sizes["x"])
    size = tuple(size or grid)
    if any(not 0 < n <= most for n, most in zip(size, grid, strict=True)):
        raise ArgumentError(f"A window of {size} does not fit the coarse grid of {grid} cells.")
    if not 0 <= shard[0] < shard[1]:
        raise ArgumentError(f"shard is (rank, ranks) with rank from 0; got {shard}.")
    at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == rows.size else rows
    return Batches(
        *(side.isel(time=at) for side in sides),
        static=statics.channels(store["static"].to_dataset()),
        days=rows // DAY,
        predictors=chosen[0],
        targets=chosen[1],
        size=size,
        batch_size=batch_size,
        windows=windows,
        shuffle=shuffle,
        dropout=dropout,
        seed=seed,
        shard=shard,
        ahead=ahead,
        cache_bytes=cache_bytes,
    )
