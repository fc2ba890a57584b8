"""Batches of a training store: a loop that reads ahead, and labelled batches by index."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from operator import index

import numpy as np
import xarray as xr

from ..config import Variable
from ..storage.location import Place
from . import epoch_order, labels
from .batch import Batch, Sample
from .lost_store import naming
from .sample_reader import SampleReader
from .windows import cells, windows

__all__ = ["Batches", "LabelledSide"]


@dataclass(frozen=True)
class Batches:
    """Batches of a training store; fields as of `xldm.batches.generator.batches`.

    A loop gives each `Batch` of epoch 0 as arrays, and ``epoch(n)`` those of any epoch, read ahead.
    ``batches[i]`` gives batch ``i`` of epoch 0 labelled; ``coarse`` and ``fine`` give one side.
    """

    reader: SampleReader = field(repr=False)
    #: Static channels (S, y, x) of the whole fine grid.
    whole_static: np.ndarray = field(repr=False)
    #: Number of the chunk that holds each hour.
    days: np.ndarray = field(repr=False)
    batch_size: int
    windows: int | None
    shuffle: int
    seed: int
    shard: tuple[int, int]
    ahead: int
    #: Location of the store, named if it goes away; None if it lies in memory.
    place: Place | None = None
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
        number = self._counted(number)
        sides = {"coarse": self.coarse, "fine": self.fine}
        groups = {
            name: labels.fields(side[number], self.reader.groups[name])
            for name, side in sides.items()
        }
        return xr.DataTree.from_dict(groups | {"static": self._cut("static", number)})

    @property
    def coarse(self) -> LabelledSide:
        """Predictors of each batch of epoch 0, labelled."""
        return LabelledSide(self, "coarse", self.predictors)

    @property
    def fine(self) -> LabelledSide:
        """Targets of each batch of epoch 0, labelled."""
        return LabelledSide(self, "fine", self.targets)

    @property
    def predictors(self) -> tuple[Variable, ...]:
        """Channels of the coarse side, with their scaling."""
        return self.reader.predictors

    @property
    def targets(self) -> tuple[Variable, ...]:
        """Channels of the fine side, with their scaling."""
        return self.reader.targets

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a window in coarse cells."""
        return self.reader.size

    @property
    def channels(self) -> int:
        """Channels of the coarse side: predictors, then the sun's."""
        return self.reader.channels

    @property
    def factor(self) -> int:
        """Fine cells per coarse cell along each axis."""
        return self.reader.factor

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
        order = self.order(number)
        mine = self._shares(order)[start::step]
        wanted: dict[int, list[int]] = {}  # by day, in the order in which they are first needed
        for place in np.concatenate([*mine, np.empty(0, int)]):
            wanted.setdefault(int(order.day[place]), []).append(int(place))
        days = list(wanted)
        ready: dict[int, Sample] = {}
        with ThreadPoolExecutor(self.ahead, thread_name_prefix="xldm-batches") as pool:
            running: OrderedDict[int, Future] = OrderedDict()
            try:
                for places in mine:
                    for place in places:
                        while len(running) < self.ahead and days:
                            day = days.pop(0)
                            of_day = np.array(wanted.pop(day))
                            running[day] = pool.submit(self.reader.samples, order, of_day, number)
                        if place not in ready:
                            ready |= running.pop(order.day[place]).result()
                    yield Batch.of([ready.pop(place) for place in places], self.whole_static)
            finally:
                for future in running.values():
                    future.cancel()

    @cached_property
    def _corners(self) -> np.ndarray:
        """Corners (rows, columns, 2) of an hour's windows: all there are, or those to draw from."""
        coarse = self.reader.groups["coarse"]
        return windows(coarse, self.size, everywhere=self.windows is not None)

    @cached_property
    def _first(self) -> tuple[epoch_order.Samples, list[np.ndarray]]:
        """Samples of epoch 0, and the places in it of each batch of this shard."""
        order = self.order(0)
        return order, self._shares(order)

    def _shares(self, order: epoch_order.Samples) -> list[np.ndarray]:
        """Return the places in an epoch of the samples of each batch of this shard."""
        rank, ranks = self.shard
        places = np.arange(order.row.size)
        every = epoch_order.global_batches(places.size, self.batch_size, ranks)
        return [places[batch][rank::ranks] for batch in every]

    def _counted(self, number: int) -> int:
        """Return the number of a batch counted from the start."""
        number, length = index(number), len(self._first[1])
        if not -length <= number < length:
            raise IndexError(f"an epoch has {length} batches: there is no batch {number}")
        return number % length

    def _batch(self, number: int) -> Batch:
        """Return a batch of epoch 0, read now."""
        if (last := self._last.get(number)) is not None:
            return last
        order, shares = self._first
        places, ready = shares[number], dict[int, Sample]()
        for day in np.unique(order.day[places]):
            ready |= self.reader.samples(order, places[order.day[places] == day], 0)
        found = Batch.of([ready[place] for place in places], self.whole_static)
        self._last.clear()
        self._last[number] = found
        return found

    def _cut(self, group: str, number: int) -> xr.Dataset:
        """Cut the windows of a batch of epoch 0 from a group: coordinates, and static fields."""
        order, shares = self._first
        places = shares[number]
        stack = self.batch_size > 1 or places.size > 1
        factor = 1 if group == "coarse" else self.factor
        found = []
        for row, *corner in np.stack([order.row, order.y, order.x], axis=1)[places].tolist():
            hour = {} if group == "static" else {"time": row if stack else [row]}
            found.append(hour | cells(corner, self.size, factor))
        ds = self.reader.groups[group]
        return labels.cut(ds if group == "static" else ds.coords.to_dataset(), found, stack=stack)


@dataclass(frozen=True)
class LabelledSide:
    """One side of the batches of epoch 0, labelled: an indexable sequence of data arrays.

    It goes where an `xbatcher.BatchGenerator` goes, for example into both datasets of
    `xbatcher.loaders.torch`. A loop reads ahead; an index reads one batch.
    """

    batches: Batches
    group: str
    variables: tuple[Variable, ...]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[xr.DataArray]:
        for number, batch in enumerate(self.batches):
            yield self._labelled(batch, number)

    def __getitem__(self, number: int) -> xr.DataArray:
        """Return this side of a batch, dims (time or sample, variable, y, x)."""
        number = self.batches._counted(number)
        return self._labelled(self.batches._batch(number), number)

    def _labelled(self, batch: Batch, number: int) -> xr.DataArray:
        place = self.batches._cut(self.group, number)
        arrays = getattr(batch, self.group)[:, : len(self.variables)]  # without the sun
        return labels.labelled(arrays, self.variables, place)
