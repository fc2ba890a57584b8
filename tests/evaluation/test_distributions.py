"""Histograms against scipy, numpy and the raw values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from xldm.evaluation.distributions import counts, density, edges, quantile, wasserstein

EDGES = np.arange(41) / 4  # 0 to 10 by 0.25
WIDTH = 0.25
Q = np.array([0, 0.01, 0.5, 0.99, 0.999, 1])


values_in_range = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 9.99))


def one_class(values):
    return counts(values, EDGES, np.zeros(values.shape[-1], int), 1)[0]


@pytest.mark.parametrize(
    ("variable", "low", "high"),
    [("t2m", 200, 340), ("wind_speed", 0, 80), ("u10", -80, 80), ("v10", -80, 80)],
)
def test_bins_are_a_twentieth_of_a_unit_wide(variable, low, high):
    found = edges(variable)
    assert (found[0], found[-1]) == (low, high)
    np.testing.assert_allclose(np.diff(found), 0.05, rtol=1e-9)


def test_a_variable_of_unknown_limits_has_no_histogram():
    assert edges("tp") is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_class_has_the_histogram_of_its_places(dtype):
    rng = np.random.default_rng(0)
    values = rng.gamma(2, 2, (3, 4, 500)).astype(dtype)
    label = rng.integers(0, 3, 500).astype("int8")
    bins = edges("wind_speed")
    found = counts(values, bins, label, 3)
    for c in range(3):
        np.testing.assert_array_equal(found[c], np.histogram(values[..., label == c], bins)[0])


def test_values_beyond_the_ends_are_counted_in_the_end_bins():
    found = one_class(np.array([-np.inf, -3.0, 5.0, 10.0, 11.0, np.inf]))
    assert (found[0], found[20], found[-1], found.sum()) == (2, 1, 3, 6)


def test_missing_values_are_not_counted():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, 2.0, 3.0]])
    found = counts(values, EDGES, np.array([0, 1, 1]), 2)
    np.testing.assert_array_equal(found.sum(1), [1, 3])
    assert found[1, 12] == 2


def test_counting_leaves_the_values_as_they_are():
    values = np.array([-5.0, 3.0])
    one_class(values)
    np.testing.assert_array_equal(values, [-5, 3])


@given(a=values_in_range, b=values_in_range)
def test_histograms_of_parts_add_up(a, b):
    whole = one_class(np.concatenate([a, b]))
    np.testing.assert_array_equal(one_class(a) + one_class(b), whole)


@given(values=values_in_range)
def test_density_is_that_of_numpy(values):
    expected = np.histogram(values, EDGES, density=True)[0]
    np.testing.assert_allclose(density(one_class(values), EDGES), expected, rtol=1e-12)


@given(values=values_in_range)
def test_a_quantile_is_within_a_bin_width_of_that_of_the_values(values):
    expected = np.quantile(values, Q, method="inverted_cdf")
    difference = quantile(one_class(values), EDGES, Q) - expected
    assert abs(difference).max() <= WIDTH * (1 + 1e-9)


def test_quantiles_are_exact_where_values_are_spread_evenly():
    found = quantile(np.full(40, 7), EDGES, Q)
    np.testing.assert_allclose(found, 10 * Q, rtol=1e-12)


def test_quantiles_of_many_values_are_closer_than_a_tenth_of_a_bin():
    values = np.random.default_rng(0).normal(5, 1, 200_000)
    expected = np.quantile(values, Q[1:-2])
    np.testing.assert_allclose(quantile(one_class(values), EDGES, Q[1:-2]), expected, atol=0.025)


def test_a_gap_between_values_holds_no_quantile_but_its_edge():
    found = quantile(np.array([2, 0, 0, 2]), np.arange(5.0), np.array([0.4, 0.5, 0.6]))
    np.testing.assert_allclose(found, [0.8, 1.0, 3.2])


def test_the_ends_are_those_of_the_bins_that_hold_something():
    found = quantile(np.array([0, 3, 1, 0]), np.arange(5.0), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(found, [1, 3])


@given(a=values_in_range, b=values_in_range)
def test_the_wasserstein_distance_is_that_of_scipy_between_bin_centres(a, b):
    centres = EDGES[:-1] + WIDTH / 2
    h, k = one_class(a), one_class(b)
    expected = stats.wasserstein_distance(centres, centres, h, k)
    assert wasserstein(h, k, EDGES) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(a=values_in_range, b=values_in_range)
def test_the_wasserstein_distance_is_within_a_bin_width_of_that_of_the_values(a, b):
    expected = stats.wasserstein_distance(a, b)
    assert abs(wasserstein(one_class(a), one_class(b), EDGES) - expected) <= WIDTH * (1 + 1e-9)


def test_a_shift_by_whole_bins_is_the_distance_exactly():
    values = np.random.default_rng(0).uniform(0, 5, 1000)
    distance = wasserstein(one_class(values), one_class(values + 12 * WIDTH), EDGES)
    assert distance == pytest.approx(12 * WIDTH, rel=1e-12)


def test_leading_dimensions_are_kept():
    h = np.random.default_rng(0).integers(0, 9, (2, 3, 40))
    assert quantile(h, EDGES, 0.5).shape == wasserstein(h, h[0], EDGES).shape == (2, 3)
    assert quantile(h, EDGES, Q).shape == (2, 3, Q.size)
    assert quantile(h, EDGES, 0.5)[1, 2] == quantile(h[1, 2], EDGES, 0.5)


def test_an_empty_class_has_neither_density_nor_quantiles_nor_distance():
    nothing, something = np.zeros(40, int), np.ones(40, int)
    assert np.isnan(density(nothing, EDGES)).all()
    assert np.isnan(quantile(nothing, EDGES, Q)).all()
    assert np.isnan(wasserstein(nothing, something, EDGES))
