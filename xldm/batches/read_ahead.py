"""Read the batches of a training store, ahead of their use in a loop, or one by its number.

`xldm.batches.epoch_order` says which sample comes when. Here threads read blocks, cut each into
its samples and let go of it. A block is the wanted hours of one day.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from operator import index

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import BatchError
from ..numerics import scaling
from ..storage.location import Place
from . import epoch_order, labels
from .batch import Batch, Sample
from .lost_store import naming
from .windows import cells, windows

__all__ = ["Batches", "LabelledSide"]


@dataclass(frozen=True)
class Batches:
    """Batches of a training store, from `xldm.batches.generator.batches`.

    A loop gives each `Batch` of epoch 0 as arrays, and ``epoch(n)`` those of any epoch, read ahead.
    ``batches[i]`` gives batch ``i`` of epoch 0 labelled; ``coarse`` and ``fine`` give one side.
    """

    #: Coarse and fine side of the split's hours, and static fields, by group of the store.
    groups: Mapping[str, xr.Dataset]
    #: Static channels (S, y, x) of the whole fine grid.
    whole_static: np.ndarray = field(repr=False)
    #: Number of the chunk that holds each hour.
    days: np.ndarray = field(repr=False)
    predictors: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    size: tuple[int, int]
    batch_size: int
    windows: int | None
    shuffle: int
    dropout: float
    seed: int
    shard: tuple[int, int]
    ahead: int
    cache_bytes: int
    #: Location of the store, named if it goes away; None if it lies in memory.
    place: Place | None = None
    _cache: OrderedDict = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    #: The batch indexed last, by number: its other side is often wanted next.
    _last: dict[int, Batch] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def __len__(self) -> int:
        """Return the number of batches of this shard in an epoch."""
        samples = self.days.size * (self.windows or self._corners.size // 2)
        return len(epoch_order.global_batches(samples, self.batch_size, self.shard[1]))

    def __getitem__(self, number: int) -> xr.DataTree:
        """Return a batch of epoch 0 as a tree with groups ``coarse``, ``fine`` and ``static``.

        Dims, coordinates and attributes are those of the store. Several windows are stacked along
        ``sample``, as xbatcher stacks them; with ``batch_size=1`` there is one, and dims stay.
        Coarse and fine values are normalised, as in the loop; static fields are as in the store.
        """
        number = _counted(number, len(self))
        groups = {
            name: labels.fields(side[number], self.groups[name])
            for name, side in {"coarse": self.coarse, "fine": self.fine}.items()
        }
        return xr.DataTree.from_dict(groups | {"static": self._cut("static", number)})

    @property
    def coarse(self) -> LabelledSide:
        """Predictors of each batch of epoch 0, labelled."""
        return LabelledSide(self, "coarse")

    @property
    def fine(self) -> LabelledSide:
        """Targets of each batch of epoch 0, labelled."""
        return LabelledSide(self, "fine")

    @property
    def factor(self) -> int:
        """Fine cells per coarse cell and axis."""
        return self.groups["fine"].sizes["y"] // self.groups["coarse"].sizes["y"]

    def order(self, number: int) -> epoch_order.Samples:
        """Return the samples of an epoch, of all shards together."""
        return epoch_order.epoch(
            self.days,
            self._corners,
            draws=self.windows,
            shuffle=self.shuffle,
            seed=self.seed,
            number=number,
        )

    def epoch(self, number: int, start: int = 0, step: int = 1) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch, read ahead by threads that end with the iteration.

        Parameters
        ----------
        number : int
            Number of the epoch: each has another order, other windows, other dropped predictors.
        start, step : int
            The first batch, to resume after an interruption, and the stride, for worker ``start``
            of ``step`` that take turns.

        Raises
        ------
        BatchError
            If a value is missing or infinite where it must not be.
        StoreError
            If the store is gone or cannot be reached.
        """
        return naming(self.place, self._epoch(number, start, step))

    def _epoch(self, number: int, start: int, step: int) -> Generator[Batch, None, None]:
        samples = self.order(number)
        mine = self._shares(samples)[start::step]
        wanted: dict[int, list[int]] = {}  # by day, in the order in which they are first needed
        for place in np.concatenate([*mine, np.empty(0, int)]):
            wanted.setdefault(int(samples.day[place]), []).append(int(place))
        days = list(wanted)
        ready: dict[int, Sample] = {}
        with ThreadPoolExecutor(self.ahead, thread_name_prefix="xldm-batches") as pool:
            running: OrderedDict[int, Future] = OrderedDict()
            try:
                for places in mine:
                    for place in places:
                        while len(running) < self.ahead and days:
                            day = days.pop(0)
                            places_of_day = np.array(wanted.pop(day))
                            running[day] = pool.submit(self._block, samples, places_of_day, number)
                        if place not in ready:
                            ready |= running.pop(samples.day[place]).result()
                    yield Batch.of([ready.pop(place) for place in places], self.whole_static)
            finally:
                for future in running.values():
                    future.cancel()

    @cached_property
    def _corners(self) -> np.ndarray:
        """Corners (rows, columns, 2) of an hour's windows: all there are, or those to draw from."""
        return windows(self.groups["coarse"], self.size, everywhere=self.windows is not None)

    @cached_property
    def _first(self) -> tuple[epoch_order.Samples, list[np.ndarray]]:
        """Samples of epoch 0, and the places in it of each batch of this shard."""
        samples = self.order(0)
        return samples, self._shares(samples)

    def _shares(self, samples: epoch_order.Samples) -> list[np.ndarray]:
        """Return the places in an epoch of the samples of each batch of this shard."""
        rank, ranks = self.shard
        places = np.arange(samples.row.size)
        every = epoch_order.global_batches(places.size, self.batch_size, ranks)
        return [places[batch][rank::ranks] for batch in every]

    def _batch(self, number: int) -> Batch:
        """Return a batch of epoch 0, read now."""
        if (last := self._last.get(number)) is not None:
            return last
        samples, shares = self._first
        ready: dict[int, Sample] = {}
        for day in np.unique(samples.day[shares[number]]):
            places = shares[number][samples.day[shares[number]] == day]
            ready |= self._block(samples, places, 0)
        found = Batch.of([ready[place] for place in shares[number]], self.whole_static)
        self._last.clear()
        self._last[number] = found
        return found

    def _cut(self, group: str, number: int) -> xr.Dataset:
        """Cut the windows of a batch of epoch 0 from a group: coordinates, and static fields."""
        samples, shares = self._first
        at = shares[number]
        stack = self.batch_size > 1 or at.size > 1
        factor = 1 if group == "coarse" else self.factor
        found = []
        for row, *corner in np.stack([samples.row, samples.y, samples.x], axis=1)[at].tolist():
            hour = {} if group == "static" else {"time": row if stack else [row]}
            found.append(hour | cells(corner, self.size, factor))
        ds = self.groups[group]
        return labels.cut(ds if group == "static" else ds.coords.to_dataset(), found, stack=stack)

    def _block(
        self, samples: epoch_order.Samples, places: np.ndarray, epoch: int
    ) -> dict[int, Sample]:
        """Return the samples at some places of an epoch by place; their hours lie in one day."""
        rows, of_place = np.unique(samples.row[places], return_inverse=True)
        block = self._read(tuple(rows.tolist()))
        return {
            int(place): self._sample(block, i, samples, place, epoch)
            for place, i in zip(places, of_place, strict=True)
        }

    def _read(self, rows: tuple[int, ...]) -> list[list[np.ndarray]]:
        """Return the physical fields (row, y, x) of each predictor and of each target."""
        if (kept := self._cache.get(rows)) is not None:
            return kept
        at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else list(rows)
        block = []
        for side, variables in (
            (self.groups["coarse"], self.predictors),
            (self.groups["fine"], self.targets),
        ):
            fields = side[[v.name for v in variables]].isel(time=at).load()
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

    def _sample(
        self, block: list, hour: int, samples: epoch_order.Samples, place: int, epoch: int
    ) -> Sample:
        """Return a normalised sample from the whole fields of a block."""
        corner = int(samples.y[place]), int(samples.x[place])
        address = (epoch, int(samples.number[place]))
        time = self.groups["coarse"]["time"].values[samples.row[place]]
        sides = []
        for fields, variables, factor in zip(
            block, (self.predictors, self.targets), (1, self.factor), strict=True
        ):
            at = tuple(cells(corner, self.size, factor).values())
            out = np.empty((len(variables), *(n * factor for n in self.size)), np.float32)
            for i, (values, variable) in enumerate(zip(fields, variables, strict=True)):
                window = values[(hour, *at)][None]
                scaling.normalise(window, (variable,), out=out[i : i + 1])
            sides.append(out)
        coarse = scaling.fill_dry_land(sides[0], self.predictors)
        for values, variables in ((coarse, self.predictors), (sides[1], self.targets)):
            _refuse_gaps(values, variables, time)
        if self.dropout:
            rng = np.random.default_rng([self.seed, *address])
            coarse = scaling.drop_predictors(coarse, rng, self.dropout)
        return Sample(coarse, sides[1], time, corner, address)


@dataclass(frozen=True)
class LabelledSide:
    """One side of the batches of epoch 0, labelled: an indexable sequence of data arrays.

    It goes where an `xbatcher.BatchGenerator` goes, for example into both datasets of
    `xbatcher.loaders.torch`. A loop reads ahead; an index reads one batch.
    """

    batches: Batches
    group: str

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[xr.DataArray]:
        for number, batch in enumerate(self.batches):
            yield self._labelled(batch, number)

    def __getitem__(self, number: int) -> xr.DataArray:
        """Return a side of a batch, dims (time or sample, variable, y, x)."""
        number = _counted(number, len(self))
        return self._labelled(self.batches._batch(number), number)

    def _labelled(self, batch: Batch, number: int) -> xr.DataArray:
        variables = self.batches.predictors if self.group == "coarse" else self.batches.targets
        place = self.batches._cut(self.group, number)
        return labels.labelled(getattr(batch, self.group), variables, place)


def _counted(number: int, length: int) -> int:
    """Return an index from the start."""
    number = index(number)
    if not -length <= number < length:
        raise IndexError(f"batch {number} of {length}: an epoch has no such batch")
    return number % length


def _refuse_gaps(values: np.ndarray, variables: Sequence[Variable], time: np.datetime64) -> None:
    if np.isfinite(values.sum()) or np.isfinite(values).all():
        return
    channel, row, column = np.argwhere(~np.isfinite(values))[0]
    raise BatchError(
        f"{variables[channel].name} at {np.datetime_as_string(time, unit='h')} has no finite value "
        f"at row {row}, column {column} of its window: a network trained on it would be lost. "
        "Correct the store, or leave the hour out of its split."
    )
