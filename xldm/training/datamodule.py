"""The data module of Lightning for a training store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any

import lightning
import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import DataLoader

from .. import statics
from ..batches.batch import Batch
from ..batches.generator import Batches, batches
from ..batches.torch_loader import BatchDataset, tensors
from ..errors import TrainingError

__all__ = ["DataModule"]


class DataModule(lightning.LightningDataModule):
    """Batches of a training store, shared among the processes of a trainer.

    `xldm.train` uses it; a Lightning module of your own can as well. Pass
    ``use_distributed_sampler=False`` to the trainer, since batches are shared already.

    Parameters
    ----------
    store : DataTree
        From ``xldm.open_training_store(url, dask=False)``.
    validation : mapping, optional
        Options that differ in validation and test. Dropout is 0 there by default.
    validate_batches : int, optional
        Batches of a validation, read once and kept in memory. By default each validation reads all.
    start : int, optional
        Number of the first training batch. Epochs then follow each other without end, and the
        trainer's ``max_steps`` or ``limit_train_batches`` ends the training. By default the epochs
        are those of the trainer.
    prepare : callable, optional
        Function of a batch and its split whose result a step gets;
        `xldm.batches.torch_loader.tensors` of the batch by default.
    **options
        Options of `xldm.batches.generator.batches`: ``size``, ``batch_size``, ``windows``, ...

    Attributes
    ----------
    latents : dict of str to Latents
        Cached latents by split; they replace the batches of the store.

    Examples
    --------
    With a store: ``Trainer(max_epochs=10, use_distributed_sampler=False).fit(module,
    datamodule=DataModule(store, size=(64, 64), batch_size=8))``.
    """

    def __init__(
        self,
        store: xr.DataTree,
        *,
        validation: Mapping[str, Any] | None = None,
        validate_batches: int | None = None,
        start: int | None = None,
        prepare: Callable[[Any, str], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.store, self.options = store, options
        self.validation = {"dropout": 0.0, **(validation or {})}
        self.validate_batches, self.start = validate_batches, start
        self.prepare: Callable[[Any, str], Any] = prepare or _tensors
        self.latents: dict[str, Any] = {}

    @property
    def static(self) -> Tensor:
        """Static channels (S, y, x) of the whole fine grid."""
        return torch.from_numpy(statics.channels(self.store["static"].to_dataset()))

    def batches(self, split: str, **changes: Any) -> Batches:
        """Return the batches of a split with the module's options, or changed ones."""
        options = self.options if split == "train" else {**self.options, **self.validation}
        return batches(self.store, split=split, **{**options, **changes})

    def train_dataloader(self) -> DataLoader:
        """Return a loader of the training batches of this process."""
        if self.start is None:
            self.stream = self._dataset("train", _TrainersEpoch, trainer=self._attached)
        else:
            self.stream = self._dataset("train", start=self.start)
        return self._loader(self.stream)

    def val_dataloader(self) -> DataLoader:
        """Return a loader of the validation batches of this process."""
        if self.validate_batches is None:
            return self._loader(self._dataset("val"))
        wanted = itertools.islice(self._shared("val").epoch(0), self.validate_batches)
        return self._loader([self.prepare(batch, "val") for batch in wanted])

    def test_dataloader(self) -> DataLoader:
        """Return a loader of the test batches of this process."""
        return self._loader(self._dataset("test"))

    @property
    def _attached(self) -> lightning.Trainer:
        if self.trainer is None:
            raise TrainingError(
                "a DataModule makes its loaders for a trainer: give it to Trainer.fit, or use its "
                "batches(split)"
            )
        return self.trainer

    def _shared(self, split: str) -> Any:
        """Return this process's share of the batches of a split, or of its cached latents."""
        shard = (self._attached.global_rank, self._attached.world_size)
        if split in self.latents:
            return replace(self.latents[split], shard=shard)
        return self.batches(split, shard=shard)

    def _dataset(
        self, split: str, kind: type[BatchDataset] = BatchDataset, **options: Any
    ) -> BatchDataset:
        return kind(self._shared(split), lambda batch: self.prepare(batch, split), **options)

    def _loader(self, found: Any) -> DataLoader:
        on_gpu = self._attached.strategy.root_device.type == "cuda"
        # Threads read ahead: other processes would gain nothing.
        return DataLoader(found, batch_size=None, pin_memory=on_gpu)


class _TrainersEpoch(BatchDataset):
    """The batches of the trainer's epoch, also after it loads a checkpoint."""

    def __init__(self, *args: Any, trainer: lightning.Trainer) -> None:
        super().__init__(*args)
        self.trainer = trainer

    def __iter__(self) -> Generator[Any, None, None]:
        self.set_epoch(self.trainer.current_epoch)
        return super().__iter__()


def _tensors(batch: Batch, split: str) -> dict[str, Tensor]:
    return tensors(batch)
