"""An endless stream of samples from a training store, for Lightning."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
import xarray as xr
from torch.utils.data import DataLoader, IterableDataset

from .. import statics
from ..batches.generator import Batch, Batches, batches
from ..config import Variable
from ..errors import BatchError, StoreError
from ..storage.location import Place, reaching
from ..storage.marks import root_attrs
from .objectives.base import Sample

__all__ = ["Draws", "Encoded", "Source", "StoreData", "Stream"]

#: Samples that a stream makes before they are asked for: drawing noise takes a GPU's time else.
AHEAD = 2


@dataclass(frozen=True)
class Source:
    """A training store, which of its variables are wanted, and where it lies, if it does."""

    store: xr.DataTree
    predictors: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    place: Place | None = None
    allow_leaky: bool = False

    def batches(self, split: str, phase, seed: int, shard: tuple[int, int]) -> Batches:
        """Batches as a phase wants them; validation is without dropout."""
        return batches(
            self.store,
            split=split,
            size=phase.size,
            batch_size=phase.batch_size,
            windows=phase.windows,
            dropout=phase.dropout if split == "train" else 0.0,
            seed=seed,
            shard=shard,
            predictors=self.predictors,
            targets=self.targets,
            allow_leaky=self.allow_leaky,
        )

    @property
    def static(self) -> torch.Tensor:
        """Static channels (S, y, x)."""
        return torch.from_numpy(statics.channels(self.store["static"].to_dataset()))

    def reading(self, found: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; says in plain words if the store went away."""
        if self.place is None:
            yield from found
            return
        try:
            with reaching(self.place):
                yield from found
        except BatchError:
            # What Zarr cannot find it takes for missing values.
            with reaching(self.place):
                if root_attrs(self.place) is None:
                    raise StoreError(
                        f"{self.place.url}: the store is gone, it was there when training began; "
                        "bring it back and go on with resume=True"
                    ) from None
            raise


class Encoded(NamedTuple):
    """Arrays of a batch of windows whose latents are known."""

    #: Normalised predictors (B, P, h, w).
    coarse: np.ndarray
    #: Posterior means of the residual (B, L, h, w).
    latent: np.ndarray
    #: Row and column of each window's first coarse cell (B, 2).
    corner: np.ndarray
    #: Epoch and number of each sample (B, 2).
    address: np.ndarray


@dataclass(frozen=True)
class Draws:
    """What is drawn for a sample follows from its address, whatever the batch, rank or run."""

    objective: object
    #: Seed, stage and phase, split.
    key: tuple[int, ...]

    def sample(self, batch: Batch | Encoded) -> Sample:
        """Tensors of a batch, with what was drawn for each of its windows."""
        shape = batch.coarse.shape[-2:]
        drawn = [
            self.objective.draw(np.random.default_rng([*self.key, *address]), shape)
            for address in batch.address.tolist()
        ]
        noise, t = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        coarse = torch.from_numpy(batch.coarse)
        if isinstance(batch, Encoded):
            latent = torch.from_numpy(batch.latent)
            return Sample(batch.corner.tolist(), coarse, None, noise, t, latent=latent)
        return Sample(batch.corner.tolist(), coarse, torch.from_numpy(batch.fine), noise, t)


@dataclass
class Stream(IterableDataset):
    """Samples of epoch after epoch, from any batch on; counts the seconds waited for them."""

    batches: Any
    reading: Callable[[Iterator], Iterator]
    draws: Draws
    start: int = 0
    waited: float = field(default=0.0, init=False)

    def __iter__(self) -> Iterator[Sample]:
        samples, pool = self._samples(), ThreadPoolExecutor(1)
        try:
            coming = deque(pool.submit(next, samples) for _ in range(AHEAD))
            while True:
                began = time.perf_counter()
                sample = coming.popleft().result()
                self.waited += time.perf_counter() - began
                coming.append(pool.submit(next, samples))
                yield sample
        finally:
            # Nothing is given to the pool here: if all of this is garbage, its thread is gone.
            pool.shutdown(cancel_futures=True)
            samples.close()

    def _samples(self) -> Iterator[Sample]:
        epoch, first = divmod(self.start, len(self.batches))
        for number in itertools.count(epoch):
            for batch in self.reading(self.batches.epoch(number, first)):
                yield self.draws.sample(batch)
            first = 0


class StoreData(lightning.LightningDataModule):
    """Batches of a training store for a phase; training goes on where the module says it is.

    Parameters
    ----------
    source : Source
    phase : Phase
    draws : Draws
    seed : int
        Of order, windows and dropout.
    latents : mapping of str to Latents
        Of the splits, where they are known: they stand in for the store.
    """

    def __init__(
        self, source: Source, phase, draws: Draws, seed: int, latents: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.source, self.phase, self.draws, self.seed = source, phase, draws, seed
        self.latents = latents

    def train_dataloader(self) -> DataLoader:
        start = self.trainer.lightning_module.done * self.phase.accumulate
        self.stream = Stream(*self._batches("train"), self.draws, start)
        return self._loader(self.stream)

    def val_dataloader(self) -> DataLoader:
        made, reading = self._batches("val")
        draws = Draws(self.draws.objective, (*self.draws.key, 1))
        wanted = itertools.islice(reading(made.epoch(0)), self.phase.validate_batches)
        return self._loader([draws.sample(batch) for batch in wanted])

    def _batches(self, split: str) -> tuple[Any, Callable[[Iterator], Iterator]]:
        """Batches of this rank, and what their iterators are wrapped in."""
        if split in self.latents:
            return replace(self.latents[split], shard=self._shard), iter
        made = self.source.batches(split, self.phase, self.seed, self._shard)
        return made, self.source.reading

    @property
    def _shard(self) -> tuple[int, int]:
        return self.trainer.global_rank, self.trainer.world_size

    def _loader(self, samples) -> DataLoader:
        pinned = torch.cuda.is_available() and self.trainer.strategy.root_device.type == "cuda"
        # Reading ahead is done by threads of the batches themselves.
        return DataLoader(samples, batch_size=None, num_workers=0, pin_memory=pinned)
