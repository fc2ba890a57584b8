"""Lagged statistics against pandas and numpy on the whole record, however it was cut."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.evaluation.temporal import LAGS, autocorrelation, increment_rms, lagged, merge

START = np.datetime64("2001-01-01T00")
MEMBERS, VARIABLES, POINTS = 2, 3, 2


def record(hours, seed=0):
    """Times that are there, and red noise about a mean with some values missing."""
    rng = np.random.default_rng(seed)
    values = 280 + rng.normal(size=(len(hours), MEMBERS, VARIABLES, POINTS)).cumsum(0)
    values[rng.random(values.shape) < 0.05] = np.nan
    return START + np.asarray(hours), values


def sums_by_hand(times, values):
    """Every pair of times, one after another."""
    hours = (times - START).astype(int).tolist()
    sums = np.zeros((7, VARIABLES, POINTS, len(LAGS)))
    for at, lag in enumerate(LAGS):
        for i, hour in enumerate(hours):
            if hour + lag in hours:
                a, b = values[i], values[hours.index(hour + lag)]
                parts = [a * 0 + b * 0 + 1, a + 0 * b, b + 0 * a, a * a + 0 * b, b * b + 0 * a]
                parts += [a * b, (b - a) ** 2]
                sums[..., at] += np.nansum(parts, axis=1)
    return sums


def cut(times, values, cuts):
    parts = zip(np.split(times, cuts), np.split(values, cuts), strict=True)
    return [lagged(t, v) for t, v in parts if t.size]


def assert_same(one, other):
    np.testing.assert_array_equal(one.sums[0], other.sums[0])
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-11, atol=1e-8)
    for a, b in zip((*one.head, *one.tail), (*other.head, *other.tail), strict=True):
        np.testing.assert_array_equal(a, b)


subsets = st.lists(st.integers(0, 119), min_size=1, max_size=60, unique=True).map(sorted)
spots = st.lists(st.integers(0, 60), max_size=12).map(sorted)


@settings(max_examples=30)
@given(hours=subsets)
def test_sums_are_those_over_all_pairs_by_hand(hours):
    times, values = record(hours)
    np.testing.assert_allclose(lagged(times, values).sums, sums_by_hand(times, values), atol=1e-8)


@settings(max_examples=60)
@given(hours=subsets, cuts=spots)
def test_neither_cuts_nor_gaps_change_the_result(hours, cuts):
    times, values = record(hours)
    assert_same(reduce(merge, cut(times, values, cuts)), lagged(times, values))


@settings(max_examples=60)
@given(hours=subsets, cuts=spots)
def test_neighbours_may_be_merged_in_any_grouping(hours, cuts):
    parts = cut(*record(hours), cuts)
    backwards = reduce(lambda later, earlier: merge(earlier, later), parts[::-1])
    assert_same(reduce(merge, parts), backwards)


def test_single_hours_merge_to_the_whole_record():
    times, values = record(range(60))
    assert_same(reduce(merge, cut(times, values, range(1, 60))), lagged(times, values))


def test_single_hours_merge_two_by_two_to_the_whole_record():
    times, values = record(range(64))
    parts = cut(times, values, range(1, 64))
    while len(parts) > 1:
        parts = [merge(*parts[i : i + 2]) for i in range(0, len(parts), 2)]
    assert_same(parts[0], lagged(times, values))


def test_no_more_than_a_day_at_either_end_is_kept():
    block = lagged(*record(range(100)))
    assert block.head[1].shape[0] == block.tail[1].shape[0] == max(LAGS)


def test_each_lag_has_as_many_pairs_as_fit():
    times, values = record(range(30))
    number = lagged(times, np.nan_to_num(values)).sums[0]
    np.testing.assert_array_equal(number[0, 0], [MEMBERS * (30 - lag) for lag in LAGS])


def test_autocorrelation_is_that_of_pandas_averaged_over_points():
    times, values = record(range(200))
    frame = [[pd.Series(values[:, 0, v, p]) for p in range(POINTS)] for v in range(VARIABLES)]
    expected = [[np.mean([s.autocorr(lag) for s in row]) for lag in LAGS] for row in frame]
    sums = lagged(times, values[:, :1]).sums
    np.testing.assert_allclose(autocorrelation(sums), expected, rtol=1e-8)


def test_increments_are_those_of_pandas():
    times, values = record(range(200))
    expected = np.empty((VARIABLES, len(LAGS)))
    for v in range(VARIABLES):
        frame = pd.DataFrame(values[:, :, v].reshape(200, -1))
        for at, lag in enumerate(LAGS):
            expected[v, at] = np.sqrt(np.nanmean(frame.diff(lag).to_numpy() ** 2))
    np.testing.assert_allclose(increment_rms(lagged(times, values).sums), expected, rtol=1e-10)


def test_members_are_pooled():
    times, values = record(range(50))
    alone = [lagged(times, values[:, [m]]).sums for m in range(MEMBERS)]
    np.testing.assert_allclose(lagged(times, values).sums, sum(alone), rtol=1e-12)


def test_an_autoregressive_series_has_the_autocorrelation_of_its_law():
    rng, steps = np.random.default_rng(0), 2000
    series = np.zeros((steps, 1, 1, 50))
    for t in range(1, steps):
        series[t] = 0.9 * series[t - 1] + rng.normal(size=(1, 1, 50))
    found = autocorrelation(lagged(START + np.arange(steps), series).sums)[0]
    np.testing.assert_allclose(found, 0.9 ** np.array(LAGS), atol=0.03)


def test_the_map_of_the_mean_climate_does_not_correlate_with_itself():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 1, 1, 30)) + 100 * np.arange(30)
    found = autocorrelation(lagged(START + np.arange(400), values).sums)
    assert abs(found).max() < 0.05


def test_points_that_do_not_vary_are_left_out():
    times, values = record(range(100))
    values[..., 0] = 273.15
    varying = lagged(times, values[..., 1:]).sums
    np.testing.assert_array_equal(
        autocorrelation(lagged(times, values).sums), autocorrelation(varying)
    )


def test_a_lag_without_pairs_has_no_statistics():
    sums = lagged(*record(range(10))).sums
    for metric in (autocorrelation, increment_rms):
        assert np.isnan(metric(sums)[:, -2:]).all()
        assert np.isfinite(metric(sums)[:, :-2]).all()


def test_single_precision_values_are_summed_in_double():
    times, values = record(range(48))
    values = values.astype("float32")
    np.testing.assert_array_equal(
        lagged(times, values).sums, lagged(times, values.astype("float64")).sums
    )


@pytest.mark.parametrize("later", [range(9, 20), range(5, 8), range(0, 10)])
def test_stretches_that_overlap_or_come_in_the_wrong_order_are_refused(later):
    with pytest.raises(ValueError, match=r"ends at 2001-01-01T09"):
        merge(lagged(*record(range(10))), lagged(*record(later)))


def test_stretches_of_other_points_are_refused():
    times, values = record(range(4))
    with pytest.raises(ValueError, match=r"\(2, 3, 2\) before \(2, 3, 1\)"):
        merge(lagged(times, values), lagged(times + 4, values[..., :1]))


@pytest.mark.parametrize(
    "times",
    [
        START + np.array([1, 0]),
        START + np.array([1, 1]),
        START + np.array([0, 90]).astype("timedelta64[m]"),
        np.array([START, "NaT"], "datetime64[h]"),
        START + np.arange(0),
    ],
    ids=["descending", "double", "half an hour", "no time", "empty"],
)
def test_times_that_are_not_whole_ascending_hours_are_refused(times):
    with pytest.raises(ValueError, match="whole hours in ascending order"):
        lagged(times, np.zeros((times.size, 1, 1, 1)))


def test_values_of_other_dims_are_refused():
    with pytest.raises(ValueError, match=r"\(time, member, variable, point\)"):
        lagged(START + np.arange(3), np.zeros((3, 4)))
