"""Parts of a record and how they are put together."""

import dask
import numpy as np
import pytest
import records

from xldm.evaluation import state
from xldm.evaluation.align import comparable
from xldm.evaluation.hours import Series
from xldm.evaluation.plan import Plan


@pytest.fixture(scope="module")
def aligned():
    truth, ensemble = records.record(12, seed=1), records.record(12, members=3, seed=2)
    return comparable({"E": ensemble}, truth)


def state_of(aligned, hours=slice(None)):
    forecasts, truth = aligned
    part = {"time": hours}
    plan = Plan.of(forecasts, truth, records.static(), None)
    forecasts = {k: f.isel(part) for k, f in forecasts.items()}
    [of_hours] = state.state_of(plan, [Series(truth.isel(part), forecasts)], parts=1).compute()
    return of_hours


def test_months_evaluated_apart_merge_to_the_year(aligned):
    whole = state_of(aligned)
    merged = state.merge(state_of(aligned, slice(0, 5)), state_of(aligned, slice(5, 12)))
    np.testing.assert_array_equal(merged.times, whole.times)
    for kind in ("hourly", "total"):
        for name, sums in getattr(whole, kind).items():
            np.testing.assert_allclose(getattr(merged, kind)[name], sums, rtol=1e-12, atol=1e-12)
    for name, lagged in whole.lagged.items():
        np.testing.assert_allclose(merged.lagged[name].sums, lagged.sums, rtol=1e-12)


def test_parts_out_of_order_are_refused(aligned):
    with pytest.raises(ValueError, match=r"order|overlap|before"):
        state.merge(state_of(aligned, slice(5, 12)), state_of(aligned, slice(0, 5)))


def test_blocks_are_whole_chunks_within_the_limit(aligned, monkeypatch):
    forecasts, truth = aligned
    hour = sum(v.nbytes for ds in (truth, *forecasts.values()) for v in ds.values()) / 12
    monkeypatch.setattr(state, "BLOCK_BYTES", 4 * hour)
    chunked = truth.chunk(time=3)
    blocks = state._blocks(chunked, forecasts)
    assert [(b.start, b.stop) for b in blocks] == [(0, 3), (3, 6), (6, 9), (9, 12)]


def test_a_chunk_beyond_the_limit_is_cut(aligned, monkeypatch):
    forecasts, truth = aligned
    hour = sum(v.nbytes for ds in (truth, *forecasts.values()) for v in ds.values()) / 12
    monkeypatch.setattr(state, "BLOCK_BYTES", 5 * hour)
    blocks = state._blocks(truth.chunk(time=12), forecasts)
    assert [(b.start, b.stop) for b in blocks] == [(0, 5), (5, 10), (10, 12)]


def test_every_hour_is_in_one_block(aligned):
    forecasts, truth = aligned
    blocks = state._blocks(truth.chunk(time=(5, 1, 6)), forecasts)
    assert [h for b in blocks for h in range(b.start, b.stop)] == list(range(12))


def test_nothing_is_read_before_the_state_is_computed(aligned):
    forecasts, truth = aligned

    def fail(block):
        raise AssertionError("read")

    broken = truth.chunk(time=1).map(lambda v: v.copy(data=v.data.map_blocks(fail, dtype=v.dtype)))
    plan = Plan.of(forecasts, truth, None, None)
    delayed = state.state_of(plan, [Series(broken, forecasts)], parts=2)
    with pytest.raises(AssertionError, match="read"):
        dask.compute(delayed, scheduler="synchronous")
