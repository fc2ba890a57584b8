"""Batches for torch's DataLoader."""

from __future__ import annotations

import gc
import threading
from itertools import islice

import numpy as np
import pytest
import training_store
from torch.utils.data import DataLoader

from xldm.batches.generator import batches
from xldm.batches.torch_loader import BatchDataset


@pytest.fixture(scope="module")
def dataset() -> BatchDataset:
    return BatchDataset(batches(training_store.made(), size=(4, 4), batch_size=5))


def seen(loader: DataLoader) -> list[tuple[int, bytes]]:
    """Hour and field of every sample."""
    return [
        (int(time), fine.numpy().tobytes())
        for batch in loader
        for time, fine in zip(batch["time"], batch["fine"], strict=True)
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_hour_comes_once_whatever_the_workers(dataset, workers):
    dataset.set_epoch(0)
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    expected = np.concatenate([batch.time for batch in dataset.batches.epoch(0)])
    hours = [time for time, _ in seen(loader)]
    assert sorted(hours) == sorted(expected.astype("datetime64[s]").astype("int64").tolist())


def test_workers_that_live_on_see_another_epoch(dataset):
    loader = DataLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    epochs = []
    for number in (0, 1):
        dataset.set_epoch(number)
        epochs.append(seen(loader))
    assert sorted(t for t, _ in epochs[0]) == sorted(t for t, _ in epochs[1])
    assert epochs[0] != epochs[1]


def test_tensors_are_those_of_the_batches(dataset):
    dataset.set_epoch(3)
    for got, batch in zip(dataset, dataset.batches.epoch(3), strict=True):
        for name in ("coarse", "fine", "static"):
            np.testing.assert_array_equal(got[name], getattr(batch, name))


class Counting:
    """Batches that are numbers; notes when its epochs are closed."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at, self.closed = fails_at, threading.Event()

    def __len__(self) -> int:
        return 5

    def epoch(self, number: int, start: int = 0, step: int = 1):
        try:
            for batch in range(start, 5, step):
                if 5 * number + batch == self.fails_at:
                    raise OSError("gone")
                yield 5 * number + batch
        finally:
            self.closed.set()


def stream(batches: Counting, start: int = 0) -> BatchDataset:
    """An endless dataset of batches as they are."""
    return BatchDataset(batches, lambda batch: batch, start=start)


@pytest.mark.parametrize("start", [0, 3, 5, 13])
def test_samples_come_in_order_from_any_on(start):
    found = list(islice(stream(Counting(), start), 12))
    np.testing.assert_array_equal(found, np.arange(start, start + 12))


def test_an_error_comes_after_the_samples_before_it():
    samples = iter(stream(Counting(fails_at=3)))
    assert [next(samples) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="gone"):
        next(samples)


def test_a_stream_that_is_closed_closes_what_it_reads():
    batches = Counting()
    samples = iter(stream(batches))
    next(samples)
    samples.close()
    assert batches.closed.is_set()


def test_a_stream_lost_in_a_cycle_ends_when_it_is_collected():
    batches = Counting()
    samples = iter(stream(batches))
    next(samples)
    cycle = [samples]
    cycle.append(cycle)
    del samples, cycle
    # Aside, since it once waited for ever.
    threading.Thread(target=gc.collect, daemon=True).start()
    assert batches.closed.wait(20)
