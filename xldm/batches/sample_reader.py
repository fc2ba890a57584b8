"""Read the fields of a day from a training store, and cut normalised samples from them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import BatchError
from ..numerics import scaling, sun
from ..numerics.dry import dithered
from ..numerics.noise import uniform
from .batch import Sample
from .epoch_order import Samples
from .windows import cells

__all__ = ["SampleReader"]


@dataclass(frozen=True)
class SampleReader:
    """Reader of normalised samples; fields as of `xldm.batches.generator.batches`.

    Several threads may use it at once.
    """

    #: Coarse and fine side of the split's hours, and static fields, by group of the store.
    groups: Mapping[str, xr.Dataset]
    predictors: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    size: tuple[int, int]
    dropout: float
    seed: int
    cache_bytes: int
    #: Sets of predictors' names, one of which a sample may keep where predictors are dropped.
    subsets: tuple[tuple[str, ...], ...] = ()
    #: Latitude and longitude (y, x) of coarse cells, if the sun's channels follow the predictors.
    places: tuple[np.ndarray, np.ndarray] | None = None
    _cache: OrderedDict = field(default_factory=OrderedDict, init=False, repr=False, compare=False)

    @property
    def channels(self) -> int:
        """Channels of the coarse side: predictors, then the sun's."""
        return len(self.predictors) + (len(sun.CHANNELS) if self.places is not None else 0)

    @property
    def factor(self) -> int:
        """Fine cells per coarse cell along each axis."""
        return self.groups["fine"].sizes["y"] // self.groups["coarse"].sizes["y"]

    def samples(self, order: Samples, places: np.ndarray, epoch: int) -> dict[int, Sample]:
        """Return the samples at some places of an epoch by place; their hours lie in one day.

        Raises
        ------
        BatchError
            If a value is missing or infinite where it must not be.
        """
        rows, of_place = np.unique(order.row[places], return_inverse=True)
        block = self.read(tuple(rows.tolist()))
        return {
            int(place): self._sample(block, i, order, place, epoch)
            for place, i in zip(places, of_place, strict=True)
        }

    def read(self, rows: tuple[int, ...]) -> list[list[np.ndarray]]:
        """Return the physical fields (row, y, x) of each predictor and of each target."""
        if (kept := self._cache.get(rows)) is not None:
            return kept
        at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else list(rows)
        block = []
        for group, variables in (("coarse", self.predictors), ("fine", self.targets)):
            fields = self.groups[group][[v.name for v in variables]].isel(time=at).load()
            block.append([fields[v.name].values for v in variables])
        if self.cache_bytes:
            self._cache[rows] = block
            # Threads share the cache: each lists it, and skips entries that another one dropped.
            for oldest in list(self._cache):
                kept = list(self._cache.values())
                if sum(a.nbytes for b in kept for side in b for a in side) <= self.cache_bytes:
                    break
                self._cache.pop(oldest, None)
        return block

    def _sample(self, block: list, hour: int, order: Samples, place: int, epoch: int) -> Sample:
        """Return a normalised sample, cut from the whole fields of a block."""
        corner = int(order.y[place]), int(order.x[place])
        address = (epoch, int(order.number[place]))
        time = self.groups["coarse"]["time"].values[order.row[place]]
        sides: list[np.ndarray] = []
        for fields, variables, factor in zip(
            block, (self.predictors, self.targets), (1, self.factor), strict=True
        ):
            at = tuple(cells(corner, self.size, factor).values())
            out = np.empty((len(variables), *(n * factor for n in self.size)), np.float32)
            for i, (values, variable) in enumerate(zip(fields, variables, strict=True)):
                window = values[(hour, *at)][None]
                scaling.normalise(window, (variable,), out=out[i : i + 1])
                if variable.dry_below is not None and sides:  # a target
                    # Of the whole grid, so that a cell has the same in every window.
                    random = uniform(self.seed, time, variable.name, values.shape[1:])[at]
                    out[i] = dithered(out[i], window[0], variable, random)
            sides.append(out)
        coarse = scaling.fill_dry_land(sides[0], self.predictors)
        for values, variables in ((coarse, self.predictors), (sides[1], self.targets)):
            _refuse_gaps(values, variables, time)
        if self.dropout:
            rng = np.random.default_rng([self.seed, *address])
            names = [v.name for v in self.predictors]
            subsets = [[names.index(n) for n in subset] for subset in self.subsets]
            coarse = scaling.drop_predictors(coarse, rng, self.dropout, subsets)
        if self.places is not None:
            at = tuple(cells(corner, self.size).values())
            lat, lon = (a[at] for a in self.places)
            coarse = np.concatenate([coarse, sun.channels(np.array([time]), lat, lon)[0]])
        return Sample(coarse, sides[1], time, corner, address)


def _refuse_gaps(values: np.ndarray, variables: Sequence[Variable], time: np.datetime64) -> None:
    if np.isfinite(values.sum()) or np.isfinite(values).all():
        return
    channel, row, column = np.argwhere(~np.isfinite(values))[0]
    raise BatchError(
        f"{variables[channel].name} at {np.datetime_as_string(time, unit='h')} has no finite value "
        f"at row {row}, column {column} of its window: a network trained on it would be lost. "
        "Correct the store, or leave the hour out of its split."
    )
