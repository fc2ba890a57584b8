"""A training store for Lightning modules of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning
import torch
import xarray as xr
from torch.utils.data import DataLoader

from ..batches.generator import batches
from ..batches.torch_loader import BatchDataset

__all__ = ["DataModule"]


class DataModule(lightning.LightningDataModule):
    """Batches of a training store, shared among the processes of a trainer.

    Batches are as `xldm.batches.torch_loader.BatchDataset` gives them, another epoch's in each
    epoch of the
    trainer. Pass ``use_distributed_sampler=False`` to the trainer: batches are shared already.

    Parameters
    ----------
    store : DataTree
        From ``xldm.open_training_store(url, dask=False)``.
    validation : mapping, optional
        What of ``options`` is otherwise when validating; without dropout unless given.
    **options
        Of `xldm.batches.generator.batches`: ``size``, ``batch_size``, ``windows``, ``dropout`` ...

    Examples
    --------
    With a store: ``Trainer(max_epochs=10, use_distributed_sampler=False).fit(module,
    datamodule=DataModule(store, size=(64, 64), batch_size=8))``.
    """

    def __init__(
        self, store: xr.DataTree, *, validation: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.store, self.options = store, options
        self.validation = {"dropout": 0.0, **(validation or {})}

    def train_dataloader(self) -> DataLoader:
        return self._loader("train", _OfTrainer, **self.options)

    def val_dataloader(self) -> DataLoader:
        return self._loader("val", BatchDataset, **{**self.options, **self.validation})

    def test_dataloader(self) -> DataLoader:
        return self._loader("test", BatchDataset, **{**self.options, **self.validation})

    def _loader(self, split: str, kind: type[BatchDataset], **options: Any) -> DataLoader:
        shard = (self.trainer.global_rank, self.trainer.world_size)
        made = kind(batches(self.store, split=split, shard=shard, **options))
        made.trainer = self.trainer
        # Threads read ahead: another process would gain nothing.
        return DataLoader(made, batch_size=None, pin_memory=torch.cuda.is_available())


class _OfTrainer(BatchDataset):
    """The epoch is the trainer's, also where it goes on from a checkpoint."""

    def __iter__(self):
        self.set_epoch(self.trainer.current_epoch)
        return super().__iter__()
