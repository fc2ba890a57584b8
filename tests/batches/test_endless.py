"""The stream of samples: what it gives, and what becomes of one that nobody wants any more."""

from __future__ import annotations

import gc
import threading
from itertools import islice

import numpy as np
import pytest

from xldm.batches.torch_loader import BatchDataset


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
    """Its batches as they are."""
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
