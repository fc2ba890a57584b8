"""Ensemble scores against two other libraries, closed forms and counting by hand."""

from __future__ import annotations

import numpy as np
import properscoring
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scores.probability import crps_for_ensemble

from xldm.evaluation.ensemble import (
    brier,
    crps,
    event_counts,
    rank_counts,
    reliability,
    spread_skill,
)

# Few different values, so that ties are common.
tied = arrays(np.float64, (5, 12), elements=st.integers(0, 4).map(float))


def sample(members=8, places=500, seed=0):
    rng = np.random.default_rng(seed)
    return 280 + rng.normal(size=(members, places)), 280 + rng.normal(size=places)


def everywhere(places):
    return np.ones((places, 1))


@pytest.mark.parametrize("members", [1, 2, 3, 8, 20])
def test_crps_is_that_of_properscoring(members):
    x, y = sample(members)
    np.testing.assert_allclose(crps(x, y), properscoring.crps_ensemble(y, x.T), rtol=1e-11)


@pytest.mark.parametrize(("fair", "method"), [(False, "ecdf"), (True, "fair")])
@pytest.mark.parametrize("members", [2, 3, 8])
def test_crps_is_that_of_scores(members, fair, method):
    x, y = sample(members)
    expected = crps_for_ensemble(
        xr.DataArray(x, dims=("member", "place")),
        xr.DataArray(y, dims="place"),
        "member",
        method=method,
        preserve_dims="all",
    )
    np.testing.assert_allclose(crps(x, y, fair=fair), expected, rtol=1e-9)


def test_crps_of_many_quantiles_of_a_gaussian_is_the_closed_form():
    y = np.linspace(-3, 3, 7)
    x = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None] + 0 * y
    expected = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(crps(x, y), expected, rtol=1e-6)


def test_the_fair_score_does_not_depend_on_the_number_of_members():
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=100_000), rng.normal(size=(16, 100_000))
    # For members and truth from the same Gaussian: 2 s / sqrt(pi) - s / sqrt(pi).
    for members in (2, 4, 16):
        score = crps(x[:members], y, fair=True).mean()
        assert score == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)


@pytest.mark.parametrize("fair", [False, True])
def test_a_perfect_forecast_scores_zero(fair):
    _, y = sample()
    np.testing.assert_array_equal(crps(np.tile(y, (8, 1)), y, fair=fair), 0)


def test_one_member_scores_its_absolute_error_and_has_no_fair_score():
    x, y = sample(members=1)
    np.testing.assert_array_equal(crps(x, y), abs(x[0] - y))
    assert np.isnan(crps(x, y, fair=True)).all()


@given(x=tied, order=st.permutations(range(5)), shift=st.integers(-300, 300))
def test_crps_depends_neither_on_the_order_of_members_nor_on_the_zero_of_the_scale(x, order, shift):
    y = np.arange(12.0) / 3
    np.testing.assert_array_equal(crps(x[order], y), crps(x, y))
    np.testing.assert_allclose(crps(x + shift, y + shift), crps(x, y), atol=1e-12)


def test_crps_keeps_the_shape_of_the_truth_and_its_missing_values():
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    x[1, 0, 2] = np.nan
    score = crps(x, np.zeros((2, 3)))
    assert np.argwhere(np.isnan(score)).tolist() == [[0, 2]]


@given(x=tied, y=arrays(np.float64, 12, elements=st.integers(0, 4).map(float)))
def test_ranks_are_what_counting_each_place_by_hand_gives(x, y):
    expected = np.zeros(6)
    for place in range(12):
        below, ties = (x[:, place] < y[place]).sum(), (x[:, place] == y[place]).sum()
        for rank in range(below, below + ties + 1):
            expected[rank] += 1 / (ties + 1)
    counts = rank_counts(x, y, everywhere(12))
    np.testing.assert_allclose(counts, [expected], atol=1e-12)
    assert counts.sum() == pytest.approx(12)


def test_a_constant_ensemble_that_is_always_right_has_flat_ranks():
    np.testing.assert_allclose(
        rank_counts(np.zeros((3, 8)), np.zeros(8), everywhere(8)), [[2, 2, 2, 2]]
    )


def test_a_truth_drawn_like_the_members_has_flat_ranks():
    x, y = sample(places=90_000)
    counts = rank_counts(x, y, everywhere(90_000))[0]
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_truth_above_all_members_has_the_last_rank():
    x, _ = sample(members=3, places=10)
    np.testing.assert_array_equal(
        rank_counts(x, np.full(10, 400.0), everywhere(10)), [[0, 0, 0, 10]]
    )


COUNTS = {
    "ranks": rank_counts,
    "events": lambda x, y, membership: event_counts(x, y, 280.5, membership),
}
counted = pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS.keys())


@counted
def test_a_stratum_holds_what_its_places_hold_alone(count):
    x, y = sample()
    membership = np.random.default_rng(2).integers(0, 2, (500, 3)).astype(float)
    together = count(x, y, membership)
    for stratum in range(3):
        at = membership[:, stratum] == 1
        alone = count(x[:, at], y[at], everywhere(at.sum()))
        np.testing.assert_allclose(together[..., stratum, :], alone[..., 0, :])


@counted
def test_counts_of_disjoint_places_add_up(count):
    x, y = sample()
    halves = [count(x[:, at], y[at], everywhere(250)) for at in (slice(250), slice(250, None))]
    np.testing.assert_allclose(sum(halves), count(x, y, everywhere(500)))


@counted
def test_places_with_missing_values_are_not_counted(count):
    x, y = sample()
    expected = count(x[:, 2:], y[2:], everywhere(498))
    x[3, 0] = np.nan
    y[1] = np.nan
    np.testing.assert_array_equal(count(x, y, everywhere(500)), expected)


@counted
def test_a_record_without_values_counts_nothing(count):
    assert not count(np.full((4, 3), np.nan), np.zeros(3), everywhere(3)).any()


@pytest.mark.parametrize("threshold", [279.0, 280.5, 281.5])
def test_the_brier_score_is_that_of_properscoring(threshold):
    x, y = sample()
    expected = properscoring.threshold_brier_score(y, x.T, threshold).mean()
    counts = event_counts(x, y, threshold, everywhere(500))
    assert brier(counts) == pytest.approx([expected], rel=1e-12)


@given(x=tied, y=arrays(np.float64, 12, elements=st.integers(0, 4).map(float)))
def test_reliability_is_what_sorting_places_by_their_probability_gives(x, y):
    frequency, count = reliability(event_counts(x, y, 1.0, everywhere(12)))
    given_probability = (x > 1).mean(0)
    for at, p in enumerate(np.linspace(0, 1, len(x) + 1)):
        places = np.isclose(given_probability, p)
        assert count[0, at] == places.sum()
        expected = (y[places] > 1).mean() if places.any() else np.nan
        np.testing.assert_allclose(frequency[0, at], expected)


def test_shares_of_members_are_counted_with_the_nearest_probability():
    counts = np.array([[5.0, 4.0, 3.0, 2.0], [0.0, 1.0, 2.0, 2.0]])
    frequency, count = reliability(counts, np.array([0.0, 0.5, 1.0]))
    np.testing.assert_array_equal(count, [5, 4 + 3, 2])
    np.testing.assert_allclose(frequency, [0, 3 / 7, 1])


def test_a_value_at_the_threshold_is_no_event():
    counts = event_counts(np.full((2, 1), 3.0), np.array([3.0]), 3.0, everywhere(1))
    np.testing.assert_array_equal(counts[:, 0], [[1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(("truth", "score"), [(5.0, 0), (0.0, 1)])
def test_a_certain_forecast_has_brier_score_0_or_1(truth, score):
    counts = event_counts(np.full((4, 9), 5.0), np.full(9, truth), 2.0, everywhere(9))
    np.testing.assert_array_equal(brier(counts), [score])


def test_an_empty_stratum_has_no_score():
    counts = event_counts(*sample(), 280.0, np.zeros((500, 1)))
    assert np.isnan(brier(counts)).all()
    assert np.isnan(reliability(counts)[0]).all()


@pytest.mark.parametrize("members", [2, 8])
def test_a_truth_drawn_like_the_members_has_spread_equal_to_skill(members):
    x, y = sample(members, places=200_000)
    ratio = spread_skill(x.var(0, ddof=1).mean(), ((x.mean(0) - y) ** 2).mean(), members)
    assert ratio == pytest.approx(1, abs=0.01)


def test_members_that_are_too_alike_have_too_little_spread():
    x, y = sample(places=200_000)
    x = 280 + (x - 280) / 2
    ratio = spread_skill(x.var(0, ddof=1).mean(), ((x.mean(0) - y) ** 2).mean(), 8)
    assert ratio == pytest.approx(np.sqrt(9 / 8 * 0.25 / (1 + 0.25 / 8)), abs=0.01)


def test_a_perfect_forecast_has_no_spread_skill_ratio():
    assert np.isnan(spread_skill(0.0, 0.0, 8))
