"""Batches of a training store for loops written with torch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from .read_ahead import Batches

__all__ = ["BatchDataset"]


class BatchDataset(IterableDataset):
    """Batches as tensors, for a `torch.utils.data.DataLoader` with ``batch_size=None``.

    Workers of the loader share an epoch's batches; threads of each read ahead, so few are needed.
    ``pin_memory`` of the loader makes the way to a GPU shorter.

    Parameters
    ----------
    batches : Batches
        What ``store.ldm.batches(...)`` gives.

    Examples
    --------
    With a store: ``loader = DataLoader(BatchDataset(store.ldm.batches(size=(64, 64))),
    batch_size=None, num_workers=2)``. Before each epoch ``loader.dataset.set_epoch(n)``; then ``for
    batch in loader`` gives dicts of ``coarse`` (B, P, h, w), ``fine`` (B, C, H, W), ``static`` (B,
    S, H, W) and ``time`` (B,), seconds since 1970-01-01.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches
        # Shared, so that workers that live on learn of it too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.batches)

    def set_epoch(self, number: int) -> None:
        """Which epoch comes next: another order, other windows, other dropped predictors."""
        self._epoch.fill_(number)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        start, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for batch in self.batches.epoch(int(self._epoch), start, step):
            yield {
                "coarse": torch.from_numpy(batch.coarse),
                "fine": torch.from_numpy(batch.fine),
                "static": torch.from_numpy(batch.static),
                "time": torch.from_numpy(batch.time.astype("datetime64[s]").astype("int64")),
            }
