"""Choose the batches of a training store: the split, the windows, and the share of each rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from .. import statics
from ..arguments import (
    FLAG,
    NAMES,
    SEED,
    SHARE,
    Kind,
    choice,
    instance,
    number,
    refuse,
    several,
    whole,
)
from ..config import Variable
from ..errors import ArgumentError, BatchError
from ..grids.projected import lon_lat, nested
from ..storage.location import Place
from ..stores import splits
from ..stores.open import STORE
from ..stores.schema import DAY
from ..stores.variables import field_names, scaled_variables
from .batch import Batch
from .batches import Batches
from .sample_reader import SampleReader

__all__ = ["Batch", "BatchError", "Batches", "batches"]

#: Code of each split in a store.
_SPLITS = {"train": 0, "val": 1, "test": 2}

_SIZE = several(whole(1), 2, 2).such("rows and columns in coarse cells, as (64, 64)").or_none
_NAMES = Kind("", (tuple, list), NAMES.fits)
_SUBSETS = several(_NAMES, 0).such("lists of names, as [['t2m', 'msl']]")
_VARIABLES = several(instance(Variable, "Variable objects")).or_none


def batches(
    store: xr.DataTree,
    *,
    split: str = "train",
    size: tuple[int, int] | None = None,
    batch_size: int = 1,
    windows: int | None = 1,
    shuffle: int = 512,
    dropout: float = 0.0,
    subsets: Sequence[Sequence[str]] = (),
    sun: bool = False,
    seed: int = 0,
    shard: tuple[int, int] = (0, 1),
    predictors: Sequence[Variable] | None = None,
    targets: Sequence[Variable] | None = None,
    ahead: int = 2,
    cache_bytes: int = 0,
    allow_leaky: bool = False,
    place: Place | None = None,
) -> Batches:
    """Return the batches of normalised windows of a training store.

    Parameters
    ----------
    store : DataTree
        From `xldm.open_training_store`, or groups of the same form in memory. ``dask=False`` makes
        reading about three times as fast.
    split : {"train", "val", "test"}
        Hours to take.
    size : (int, int), optional
        Rows and columns of a window in coarse cells; whole fields by default.
    batch_size : int
        Samples in a batch. The last one of an epoch may have fewer, or a few more where several
        ranks share it.
    windows : int, optional
        Windows drawn at random from each hour, other ones in each epoch. None takes the windows
        that cover the field; those at its far ends overlap others.
    shuffle : int
        Samples in the shuffle buffer, all held in memory, while days come in random order; 0 keeps
        the order of the record.
    dropout : float
        Share of samples that lose predictors (`xldm.numerics.scaling.drop_predictors`).
    subsets : sequence of sequence of str
        Sets of predictors, one of which such a sample may keep.
    sun : bool
        Append the channels of `xldm.numerics.sun` to the predictors.
    seed : int
        Order, windows and dropout follow from it and from the number of the epoch.
    shard : (int, int)
        Rank and number of ranks. A batch of all ranks is dealt out sample by sample: two ranks
        together have the samples that one rank has with twice the batch size.
    predictors, targets : sequence of Variable, optional
        Variables in their order, with their scaling; those of the store by default.
    ahead : int
        Days read or kept ready at a time, each by a thread.
    cache_bytes : int
        Bytes of fields to keep in memory for later epochs.
    allow_leaky : bool
        Accept a store in which hours of different splits are neighbours.
    place : Place, optional
        Location of the store (`xldm.storage.location.locate`); errors name it if it goes away.

    Returns
    -------
    Batches
        A loop gives each `Batch` as arrays. ``len`` counts them, and ``[i]`` gives a labelled one.

    Raises
    ------
    ArgumentError
        If the split is leaky or has no hours, if a variable is missing, or if the window does not
        fit the grid.

    Examples
    --------
    >>> batches(xr.DataTree(), split="all")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: split: expected 'train', 'val' or 'test'; got 'all' ...

    With a store, ``for epoch in range(n): for batch in batches(store, size=(64, 64),
    batch_size=8).epoch(epoch): ...`` gives ``batch.coarse``, ``batch.fine`` and ``batch.static``.
    """
    refuse(
        split=(split, choice(*_SPLITS)), size=(size, _SIZE), batch_size=(batch_size, whole(1)),
        windows=(windows, whole(1).or_none), shuffle=(shuffle, whole(0)),
        dropout=(dropout, number(0, 1)), subsets=(subsets, _SUBSETS), sun=(sun, FLAG),
        seed=(seed, SEED), shard=(shard, SHARE), predictors=(predictors, _VARIABLES),
        targets=(targets, _VARIABLES), ahead=(ahead, whole(1)),
        cache_bytes=(cache_bytes, whole(0)), allow_leaky=(allow_leaky, FLAG),
        place=(place, instance(Place, "what xldm.storage.location.locate returns").or_none),
        store=(store, STORE),
    )  # fmt: skip
    label = store["split"].to_dataset()["split"].load()
    splits.check(label, allow_leaky=allow_leaky)
    rows = np.flatnonzero(label.values == _SPLITS[split])
    if rows.size == 0:
        raise ArgumentError(f"The store has no hours for {split!r}: choose another split.")
    groups = {name: store[name].to_dataset() for name in ("coarse", "fine", "static")}
    given = {"coarse": tuple(predictors or ()), "fine": tuple(targets or ())}
    rest = {side: names for side, names in field_names(store).items() if not given[side]}
    chosen = given | scaled_variables(store, rest)
    for group, variables in chosen.items():
        if missing := [v.name for v in variables if v.name not in groups[group]]:
            raise ArgumentError(
                f"/{group} of the store lacks {', '.join(missing)}; it has "
                f"{', '.join(map(str, groups[group].data_vars))}."
            )
    grid = (groups["coarse"].sizes["y"], groups["coarse"].sizes["x"])
    size = grid if size is None else (size[0], size[1])
    if any(not 0 < n <= most for n, most in zip(size, grid, strict=True)):
        raise ArgumentError(f"A window of {size} does not fit the coarse grid of {grid} cells.")
    if not 0 <= shard[0] < shard[1]:
        raise ArgumentError(f"shard is (rank, ranks) with rank from 0; got {shard}.")
    at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == rows.size else rows
    hours = {name: groups[name].isel(time=at) for name in chosen}
    if unknown := {n for s in subsets for n in s} - {v.name for v in chosen["coarse"]}:
        raise ArgumentError(
            f"subsets name {', '.join(sorted(unknown))}, which are not among the predictors "
            f"{', '.join(v.name for v in chosen['coarse'])}."
        )
    reader = SampleReader(
        groups | hours, chosen["coarse"], chosen["fine"], size, dropout, seed, cache_bytes,
        tuple(map(tuple, subsets)), _places(store) if sun else None,
    )  # fmt: skip
    return Batches(
        reader,
        statics.channels(groups["static"]),
        days=rows // DAY,
        batch_size=batch_size,
        windows=windows,
        shuffle=shuffle,
        seed=seed,
        shard=shard,
        ahead=ahead,
        place=place,
    )


def _places(store: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude (y, x) of the coarse cells of a store."""
    coarse, fine = (store[group].to_dataset() for group in ("coarse", "fine"))
    lon, lat = lon_lat(nested(coarse, fine, store.attrs["crs"]), fine=False)
    return lat, lon
