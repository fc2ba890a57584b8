"""Batches of a training store for torch's DataLoader."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from .batch import Batch

__all__ = ["BatchDataset", "tensors"]

#: Batches prepared before they are asked for: drawing noise would cost a GPU's time.
AHEAD = 2


def tensors(batch: Batch) -> dict[str, Tensor]:
    """Return a batch as tensors.

    Returns
    -------
    dict of str to Tensor
        ``coarse`` (B, P, h, w), ``fine`` (B, C, H, W), ``static`` (B, S, H, W) and ``time`` (B,),
        seconds since 1970-01-01.
    """
    return {
        "coarse": torch.from_numpy(batch.coarse),
        "fine": torch.from_numpy(batch.fine),
        "static": torch.from_numpy(batch.static),
        "time": torch.from_numpy(batch.time.astype("datetime64[s]").astype("int64")),
    }


class BatchDataset(IterableDataset):
    """Prepared batches, for a `torch.utils.data.DataLoader` with ``batch_size=None``.

    Workers of the loader share an epoch's batches. Threads of each worker read and prepare ahead,
    so few workers are needed. ``pin_memory`` of the loader speeds up the copy to a GPU.

    Parameters
    ----------
    batches : Batches
        From ``store.ldm.batches(...)``, or another object with a length and a method ``epoch``.
    prepare : callable
        Function of a batch whose result the loader yields; `tensors` by default.
    start : int, optional
        Number of a batch, counted from the first one of epoch 0, to start at. The dataset then runs
        through epoch after epoch without end and has no length. By default it yields the epoch
        chosen by `set_epoch`.

    Attributes
    ----------
    waited : float
        Seconds that the loop waited for batches, in this process.

    Examples
    --------
    With a store: ``loader = DataLoader(BatchDataset(store.ldm.batches(size=(64, 64))),
    batch_size=None, num_workers=2)``. Before each epoch ``loader.dataset.set_epoch(n)``; then ``for
    batch in loader`` gives a dict of `tensors`.
    """

    def __init__(
        self, batches: Any, prepare: Callable[[Any], Any] = tensors, *, start: int | None = None
    ) -> None:
        super().__init__()
        self.batches, self.prepare, self.start = batches, prepare, start
        self.waited = 0.0
        # In shared memory, so that persistent workers see a change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        if self.start is not None:
            raise TypeError("the dataset runs through epochs without end: it has no length")
        return len(self.batches)

    def set_epoch(self, number: int) -> None:
        """Choose the next epoch: another order, other windows, other dropped predictors."""
        self._epoch.fill_(number)

    def __iter__(self) -> Generator[Any, None, None]:
        found, pool = self._prepared(), ThreadPoolExecutor(1)
        try:
            coming = deque(pool.submit(next, found, None) for _ in range(AHEAD))
            while True:
                began = time.perf_counter()
                prepared = coming.popleft().result()
                self.waited += time.perf_counter() - began
                if prepared is None:
                    return
                coming.append(pool.submit(next, found, None))
                yield prepared
        finally:
            # Submits nothing: the pool's thread may have ended if all of this is garbage.
            pool.shutdown(cancel_futures=True)
            found.close()

    def _prepared(self) -> Generator[Any, None, None]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        if self.start is None:
            for batch in self.batches.epoch(int(self._epoch), first, step):
                yield self.prepare(batch)
            return
        at = self.start + first
        while True:
            number, first = divmod(at, len(self.batches))
            for batch in self.batches.epoch(number, first, step):
                yield self.prepare(batch)
                at += step
