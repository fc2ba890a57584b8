"""Gaussian fields that the wind carries along."""

import numpy as np
import pytest

from xldm.twin.carried import BANDS, Carried

SHAPE, SPACING = (96, 80), 2000.0
CALM = (np.zeros(SHAPE), np.zeros(SHAPE))


def field(time: float, wind=CALM, seed: int = 0, small: float = 0.3) -> np.ndarray:
    return Carried(seed, SHAPE, SPACING).at(time, lambda _: wind, small)


def test_mean_is_zero_and_variance_one():
    fields = np.stack([field(7.5 + 5 * i) for i in range(12)])
    assert fields.mean() == pytest.approx(0, abs=0.02)
    assert fields.std() == pytest.approx(1, abs=0.05)


def test_same_bits_whatever_was_asked_before():
    first = field(1000.5)
    field(3.5), field(-1.5)
    np.testing.assert_array_equal(field(1000.5), first)


def test_a_wind_moves_the_field_by_its_distance():
    """10 m/s for an hour are 18 cells of 2 km, eastwards; what persists is found there again."""
    east = (np.full(SHAPE, 10.0), np.zeros(SHAPE))
    before, after = (field(t, east, small=0.0) for t in (30.5, 31.5))
    shifts = np.arange(-30, 31)
    found = [np.corrcoef(np.roll(before, s, axis=1).ravel(), after.ravel())[0, 1] for s in shifts]
    assert shifts[np.argmax(found)] == 18
    assert max(found) > 0.8


def test_northward_wind_moves_the_field_to_lower_rows():
    north = (np.zeros(SHAPE), np.full(SHAPE, 5.0))
    before, after = (field(t, north, small=0.0) for t in (30.5, 31.5))
    ahead, behind = (np.roll(before, s, axis=0) for s in (-9, 9))
    assert np.corrcoef(ahead.ravel(), after.ravel())[0, 1] > 0.8
    assert np.corrcoef(behind.ravel(), after.ravel())[0, 1] < 0.6


def test_small_scales_live_less_long():
    lives = []
    for small in (0.0, 1.0):
        before, after = (field(t, small=small) for t in (30.5, 31.5))
        lives.append(np.corrcoef(before.ravel(), after.ravel())[0, 1])
    # cos 30 degrees for knots 3 h apart, cos 45 times sin 45 for knots an hour apart.
    assert lives == pytest.approx([np.cos(np.pi / 6), 0.5], abs=0.12)


def test_bands_and_seeds_are_independent():
    alone = [field(30.5, small=s).ravel() for s in (0.0, 1.0)]
    other = field(30.5, seed=1, small=0.0).ravel()
    assert len(BANDS) == len(alone)
    assert abs(np.corrcoef([*alone, other]) - np.eye(3)).max() < 0.15
