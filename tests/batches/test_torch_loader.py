"""Batches for torch's DataLoader."""

from __future__ import annotations

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
