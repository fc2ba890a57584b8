"""An endless stream of samples from a training store, for Lightning."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import lightning
import numpy as np
import torch
import xarray as xr
from torch.utils.data import DataLoader, IterableDataset

from ..config import Variable
from ..data import statics
from ..data.batches import Batch, BatchError, Batches, batches
from ..data.stores.place import Place, StoreError, reaching
from ..data.stores.store import root_attrs
from .objectives import Sample

__all__ = ["Draws", "Source", "StoreData", "Stream"]


@dataclass(frozen=True)
class Source:
    """A training store, which of its variables are wanted, and where it lies, if it does."""

    store: xr.DataTree
    predictors: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    place: Place | None = None

    def batches(self, split: str, phase, seed: int, shard: tuple[int, int], **options) -> Batches:
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
            **options,
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


@dataclass(frozen=True)
class Draws:
    """What is drawn for a sample follows from its address, whatever the batch, rank or run."""

    objective: object
    #: Seed, stage and phase, split.
    key: tuple[int, ...]

    def sample(self, batch: Batch) -> Sample:
        """Tensors of a batch, with what was drawn for each of its windows."""
        shape = batch.coarse.shape[-2:]
        drawn = [
            self.objective.draw(np.random.default_rng([*self.key, *address]), shape)
            for address in batch.address.tolist()
        ]
        noise, t = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        coarse, fine = (torch.from_numpy(a) for a in (batch.coarse, batch.fine))
        return Sample(batch.corner.tolist(), coarse, fine, noise, t)


@dataclass
class Stream(IterableDataset):
    """Samples of epoch after epoch, from any batch on; counts the seconds waited for them."""

    source: Source
    batches: Batches
    draws: Draws
    start: int = 0
    waited: float = field(default=0.0, init=False)

    def __iter__(self) -> Iterator[Sample]:
        epoch, first = divmod(self.start, len(self.batches))
        following = self._from(epoch, first)
        while True:
            began = time.perf_counter()
            sample = self.draws.sample(next(following))
            self.waited += time.perf_counter() - began
            yield sample

    def _from(self, epoch: int, first: int) -> Iterator[Batch]:
        for number in itertools.count(epoch):
            yield from self.source.reading(self.batches.epoch(number, first))
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
    """

    def __init__(self, source: Source, phase, draws: Draws, seed: int) -> None:
        super().__init__()
        self.source, self.phase, self.draws, self.seed = source, phase, draws, seed

    def train_dataloader(self) -> DataLoader:
        made = self.source.batches("train", self.phase, self.seed, self._shard)
        start = self.trainer.lightning_module.done * self.phase.accumulate
        self.stream = Stream(self.source, made, self.draws, start)
        return self._loader(self.stream)

    def val_dataloader(self) -> DataLoader:
        made = self.source.batches("val", self.phase, self.seed, self._shard)
        found = self.source.reading(made.epoch(0))
        draws = Draws(self.draws.objective, (*self.draws.key, 1))
        wanted = itertools.islice(found, self.phase.validate_batches)
        return self._loader([draws.sample(batch) for batch in wanted])

    @property
    def _shard(self) -> tuple[int, int]:
        return self.trainer.global_rank, self.trainer.world_size

    def _loader(self, samples) -> DataLoader:
        pinned = torch.cuda.is_available() and self.trainer.strategy.root_device.type == "cuda"
        # Reading ahead is done by threads of the batches themselves.
        return DataLoader(samples, batch_size=None, num_workers=0, pin_memory=pinned)
