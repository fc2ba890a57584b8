"""Persistent noise: its law at an hour, its correlation between hours, and its address."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from xldm.errors import ArgumentError
from xldm.numerics import persistence
from xldm.numerics.noise import standard_normal
from xldm.numerics.persistence import autocorrelation, persistent_normal

SHAPE = (64, 30, 30)
OCTAVES = {3.0: 0.4, 12.0: 0.3}
START = np.datetime64("2008-01-15T00", "s")


def field(hours: float = 0.0, octaves=OCTAVES, **changes) -> np.ndarray:
    time = START + np.timedelta64(round(hours * 3600), "s")
    address = {"seed": 0, "member": 0, "time": time, "component": "all", "shape": SHAPE} | changes
    return persistent_normal(**address, persistence=octaves)


def test_without_persistence_it_is_the_independent_noise_bit_for_bit():
    wanted = standard_normal(0, 0, START, "all", SHAPE)
    np.testing.assert_array_equal(field(octaves={}), wanted)
    np.testing.assert_array_equal(field(octaves={6.0: 0.0}), wanted)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(-40, 40), st.sampled_from([0, 3])), min_size=1, max_size=6))
def test_knots_that_are_kept_change_no_bit(addresses):
    knots = {}
    for hours, member in addresses:
        address = {"hours": hours / 2, "member": member, "shape": (5, 3, 2)}
        np.testing.assert_array_equal(field(**address, knots=knots), field(**address))


def test_knots_are_kept_up_to_a_size(monkeypatch):
    monkeypatch.setattr(persistence, "KNOT_BYTES", 7 * 3 * 4 * 30)  # of seven octaves
    knots = {}
    for member in range(20):
        field(member=member, shape=(5, 3, 2), knots=knots)
    assert len(knots) == 7


@settings(max_examples=20)
@given(st.integers(-(10**7), 10**9))
def test_every_time_is_standard_normal(second):
    values = field(second / 3600).ravel()
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.var() - 1) < 5 * np.sqrt(2 / values.size)
    assert stats.kstest(values, "norm").pvalue > 1e-6


@pytest.mark.parametrize("lag", [1, 2, 3, 5, 12, 30])
def test_hours_are_correlated_as_the_closed_form_says(lag):
    # Averaged over the channels' phases: 64 of them leave some chance.
    found = np.mean([(field(h) * field(h + lag)).mean() for h in range(0, 48, 7)])
    assert found == pytest.approx(float(autocorrelation(lag, OCTAVES)), abs=0.02)


def test_no_hour_is_special():
    steps = [(field(h) * field(h + 1)).mean() for h in range(24)]
    assert np.ptp(steps) < 0.1  # knots of one phase for all channels would give 0.2


def test_neighbouring_cells_are_independent():
    values = field(1.5)
    assert abs((values[:, 1:] * values[:, :-1]).mean()) < 5 / np.sqrt(values.size)


@pytest.mark.parametrize("other", [{"seed": 1}, {"member": 1}, {"component": "UV"}, {"given": "3"}])
def test_other_addresses_are_independent_at_all_near_hours(other):
    for lag in (0, 1, 6):
        product = (field() * field(lag, **other)).mean()
        assert abs(product) < 5 / np.sqrt(np.prod(SHAPE))


def test_all_persistent_noise_still_varies():
    values = field(octaves={6.0: 1.0})
    assert values.var() == pytest.approx(1, abs=0.03)


def test_years_beyond_nanoseconds_and_before_1970_have_noise():
    for year in (1500, 1969, 2300):
        time = np.datetime64(f"{year}-07-15T05", "s")
        assert np.isfinite(field(time=time)).all()


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ArgumentError, match="valid time"):
        field(time=np.datetime64("NaT"), octaves={6.0: 1.0})
