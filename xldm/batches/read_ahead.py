"""Read batches to train on: windows of coarse, fine and static fields, ahead of their use.

What comes when is a function of seed and epoch (`xldm.batches.epoch_order`); how it is read is a
matter of
threads. A block, the hours of a day that are wanted, is read at once, cut into its samples and
let go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import BatchError
from ..numerics import scaling
from . import epoch_order

__all__ = ["Batch", "Batches"]


@dataclass(frozen=True)
class Batch:
    """Normalised float32 arrays of the same windows, and what they are of.

    Parameters
    ----------
    coarse : ndarray (B, P, h, w)
        Predictors; ``DRY_LAND`` where there is no sea surface, 0 if dropped.
    fine : ndarray (B, C, H, W)
        Targets.
    time : ndarray (B,) of datetime64
    corner : ndarray (B, 2)
        Row and column of a window's first coarse cell.
    address : ndarray (B, 2)
        Epoch and number of the sample; noise that is drawn for it may follow from them.
    whole_static : ndarray (S, y, x)
        Static channels of the whole fine grid.
    """

    coarse: np.ndarray
    fine: np.ndarray
    time: np.ndarray
    corner: np.ndarray
    address: np.ndarray
    whole_static: np.ndarray = field(repr=False)

    @property
    def static(self) -> np.ndarray:
        """Static channels of the windows (B, S, H, W), cut when asked for.

        They are most of a batch: who trains on an accelerator keeps ``whole_static`` there and
        cuts it by ``corner``.
        """
        height, width = self.fine.shape[2:]
        factor = height // self.coarse.shape[2]
        return np.stack(
            [
                self.whole_static[:, y : y + height, x : x + width]
                for y, x in (self.corner * factor).tolist()
            ]
        )


class _Sample(NamedTuple):
    coarse: np.ndarray
    fine: np.ndarray
    time: np.datetime64
    corner: tuple[int, int]
    address: tuple[int, int]


@dataclass(frozen=True)
class Batches:
    """Batches of a training store; made and explained by `xldm.batches.generator`.

    ``for batch in this`` runs through epoch 0; ``epoch(n)`` through any.
    """

    coarse: xr.Dataset
    fine: xr.Dataset
    static: np.ndarray
    #: Of each hour, the number of the chunk that it lies in.
    days: np.ndarray
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
    _cache: OrderedDict = field(default_factory=OrderedDict, init=False, repr=False, compare=False)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def __len__(self) -> int:
        """Batches of this shard in an epoch."""
        shape = (self.coarse.sizes["y"], self.coarse.sizes["x"])
        per_hour = self.windows or len(epoch_order.cover(shape, self.size))
        count = self.coarse.sizes["time"] * per_hour
        return len(epoch_order.global_batches(count, self.batch_size, self.shard[1]))

    @property
    def factor(self) -> int:
        """Fine cells per coarse cell and axis."""
        return self.fine.sizes["y"] // self.coarse.sizes["y"]

    def order(self, number: int) -> epoch_order.Samples:
        """Samples of an epoch, of all shards together."""
        return epoch_order.epoch(
            self.days,
            (self.coarse.sizes["y"], self.coarse.sizes["x"]),
            self.size,
            windows=self.windows,
            shuffle=self.shuffle,
            seed=self.seed,
            number=number,
        )

    def epoch(self, number: int, start: int = 0, step: int = 1) -> Iterator[Batch]:
        """Batches of an epoch, read ahead by threads that end with the iteration.

        Parameters
        ----------
        number : int
            Which epoch: another order, other windows, other dropped predictors.
        start, step : int
            The first batch, to go on after an interruption, and the stride, for worker ``start``
            of ``step`` that take turns.

        Raises
        ------
        BatchError
            If a value is missing or infinite where it must not be.
        """
        samples = self.order(number)
        rank, ranks = self.shard
        every = epoch_order.global_batches(samples.row.size, self.batch_size, ranks)[start::step]
        mine = [np.arange(samples.row.size)[batch][rank::ranks] for batch in every]
        wanted: dict[int, list[int]] = {}  # by day, in the order in which they are first needed
        for place in np.concatenate([*mine, np.empty(0, int)]):
            wanted.setdefault(int(samples.day[place]), []).append(int(place))
        days = list(wanted)
        ready: dict[int, _Sample] = {}
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
                    samples_of_it = [ready.pop(place) for place in places]
                    yield Batch(*map(np.stack, zip(*samples_of_it, strict=True)), self.static)
            finally:
                for future in running.values():
                    future.cancel()

    def _block(
        self, samples: epoch_order.Samples, places: np.ndarray, epoch: int
    ) -> dict[int, _Sample]:
        """The samples at some places of the order, whose hours lie in one day, by place."""
        rows, of_place = np.unique(samples.row[places], return_inverse=True)
        block = self._read(tuple(rows.tolist()))
        return {
            int(place): self._cut(block, i, samples, place, epoch)
            for place, i in zip(places, of_place, strict=True)
        }

    def _read(self, rows: tuple[int, ...]) -> list[list[np.ndarray]]:
        """Physical fields (row, y, x) of each predictor and each target."""
        if (kept := self._cache.get(rows)) is not None:
            return kept
        at = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else list(rows)
        block = []
        for side, variables in ((self.coarse, self.predictors), (self.fine, self.targets)):
            fields = side[[v.name for v in variables]].isel(time=at).load()
            block.append([fields[v.name].values for v in variables])
        if self.cache_bytes:
            self._cache[rows] = block
            # Several threads are here at once: each takes a list, and what is gone is gone.
            for oldest in list(self._cache):
                kept = list(self._cache.values())
                if sum(a.nbytes for b in kept for side in b for a in side) <= self.cache_bytes:
                    break
                self._cache.pop(oldest, None)
        return block

    def _cut(
        self, block: list, hour: int, samples: epoch_order.Samples, place: int, epoch: int
    ) -> _Sample:
        """A normalised sample from the whole fields of a block."""
        corner = int(samples.y[place]), int(samples.x[place])
        address = (epoch, int(samples.number[place]))
        time = self.coarse["time"].values[samples.row[place]]
        sides = []
        for fields, variables, factor in zip(
            block, (self.predictors, self.targets), (1, self.factor), strict=True
        ):
            cells = tuple(
                slice(a * factor, (a + n) * factor) for a, n in zip(corner, self.size, strict=True)
            )
            out = np.empty((len(variables), *(n * factor for n in self.size)), np.float32)
            for values, variable, normalised in zip(fields, variables, out, strict=True):
                np.subtract(values[(hour, *cells)], np.float32(variable.mean), out=normalised)
                normalised *= np.float32(1 / variable.std)
            sides.append(out)
        coarse = scaling.fill_dry_land(sides[0], [v.only_at_sea for v in self.predictors])
        for values, variables in ((coarse, self.predictors), (sides[1], self.targets)):
            _refuse_gaps(values, variables, time)
        if self.dropout:
            rng = np.random.default_rng([self.seed, *address])
            coarse = scaling.drop_predictors(coarse, rng, self.dropout)
        return _Sample(coarse, sides[1], time, corner, address)


def _refuse_gaps(values: np.ndarray, variables: Sequence[Variable], time: np.datetime64) -> None:
    if np.isfinite(values.sum()) or np.isfinite(values).all():
        return
    channel, row, column = np.argwhere(~np.isfinite(values))[0]
    raise BatchError(
        f"{variables[channel].name} at {np.datetime_as_string(time, unit='h')} has no finite value "
        f"at row {row}, column {column} of its window: a network trained on it would be lost. "
        "Correct the store, or leave the hour out of its split."
    )
