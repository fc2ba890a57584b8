"""Fine amounts that are multiplied to those of the input's cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.grids.amounts import conserved
from xldm.grids.conservation import Constraint
from xldm.grids.footprints import footprints
from xldm.grids.projected import ITALY
from xldm.grids.regions import crop

GRID = crop(ITALY, slice(40, 48), slice(36, 44))
AXES = tuple(np.arange(43.5, 39.0, -0.25).tolist()), tuple(np.arange(10.5, 16.0, 0.25).tolist())
AT = Constraint(GRID, *AXES, None)
#: Means over the input's cells, and which of them lie in the fine cells.
MEANS, COVERED = footprints(*AT)
WHOLE = COVERED > 0.999
POINTS = len(AXES[0]), len(AXES[1])


def scattered(seed: int, shape: tuple[int, ...], wet: float) -> np.ndarray:
    """Amounts from 1e-4 to 100 without order, and dry places."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < wet, 10 ** rng.uniform(-4, 2, shape), 0)


seeds, shares = st.integers(0, 10**6), st.sampled_from([0.0, 0.01, 0.5, 1.0])
fields = st.builds(scattered, seeds, st.just(GRID.fine_shape), shares)
inputs = st.builds(scattered, seeds, st.just(POINTS), shares)
cases = settings(max_examples=20)


def of_cells(field: np.ndarray) -> np.ndarray:
    return MEANS @ field.ravel()


def showers(seed: int) -> np.ndarray:
    """Rain in a quarter of the cells, in patches."""
    rng = np.random.default_rng(seed)
    return np.kron(np.maximum(rng.normal(-0.7, 1, (16, 16)), 0) ** 3, np.ones((4, 4)))


@cases
@given(field=fields, wanted=inputs)
def test_means_over_the_inputs_cells_tend_to_those_of_the_input(field, wanted):
    assert WHOLE.sum() > 9
    left = (of_cells(conserved(field, wanted, AT)) - wanted.ravel())[WHOLE]
    assert np.sqrt((left**2).mean()) <= 0.03 * wanted.max()


@pytest.mark.parametrize("seed", range(3))
def test_means_of_rain_that_differs_by_half_are_within_a_percent(seed):
    field = showers(seed)
    by = np.exp(0.5 * np.random.default_rng(seed).normal(size=POINTS))
    wanted = by * of_cells(field).reshape(POINTS)
    left = (of_cells(conserved(field, wanted, AT)) - wanted.ravel())[WHOLE]
    assert (np.abs(left) < 0.01 * (0.1 + wanted.ravel()[WHOLE])).all()


@cases
@given(field=fields, wanted=inputs)
def test_nothing_is_negative_and_a_dry_cell_of_the_input_is_dry(field, wanted):
    out = conserved(field, wanted, AT)
    assert np.isfinite(out).all() and out.min() >= 0
    dry = (wanted.ravel() == 0) & WHOLE
    assert (of_cells(out)[dry] <= 0.05 * wanted.max()).all()
    within = np.diff(MEANS.tocsc().indptr) == 1  # in one cell of the input only
    point = MEANS.argmax(axis=0).ravel()
    np.testing.assert_array_equal(out.ravel()[within & dry[point]], 0)


@cases
@given(field=fields, wanted=inputs)
def test_no_cell_gets_more_than_some_times_its_rain_and_that_of_the_input(field, wanted):
    out = conserved(field, wanted, AT)
    assert (out <= 64 * field + 16 * wanted.max() + 1e-6).all()


def test_a_field_that_keeps_to_the_input_is_not_changed():
    field = showers(0) + 0.01
    np.testing.assert_allclose(
        conserved(field, of_cells(field).reshape(POINTS), AT), field, rtol=1e-6
    )


def test_a_factor_that_is_the_same_everywhere_leaves_dry_places_dry():
    field = showers(0)
    wanted = 1.5 * of_cells(field).reshape(POINTS)
    np.testing.assert_allclose(conserved(field, wanted, AT), 1.5 * field, rtol=1e-5, atol=1e-6)


def test_rain_that_the_fine_field_lacks_is_spread_evenly():
    out = conserved(np.zeros(GRID.fine_shape), np.full(POINTS, 0.3), AT)
    np.testing.assert_allclose(out, 0.3, rtol=1e-6)


def test_one_wet_cell_does_not_take_the_rain_of_all():
    field = np.zeros(GRID.fine_shape)
    field[30, 30] = 0.1
    out = conserved(field, np.full(POINTS, 2.0), AT)
    assert out.max() < 3


def test_a_missing_value_constrains_nothing():
    field, wanted = showers(1), np.full(POINTS, np.nan)
    np.testing.assert_allclose(conserved(field, wanted, AT), field, rtol=1e-6)


def test_inputs_of_a_tenth_of_a_degree_are_kept_to():
    lat, lon = np.arange(42.0, 40.0, -0.1), np.arange(11.5, 14.0, 0.1)
    at = Constraint(GRID, tuple(lat.tolist()), tuple(lon.tolist()), None)
    means, covered = footprints(*at)
    wanted = 2 + np.sin(lat[:, None] * 6) * np.cos(lon * 5)
    left = means @ conserved(showers(2), wanted, at).ravel() - wanted.ravel()
    assert np.abs(left[covered > 0.999]).max() < 0.05


def test_inputs_finer_than_the_fine_cells_keep_their_mean():
    lat, lon = np.arange(42.0, 40.0, -0.01), np.arange(11.5, 14.0, 0.01)
    at = Constraint(GRID, tuple(lat.tolist()), tuple(lon.tolist()), None)
    out = conserved(showers(2), np.full((lat.size, lon.size), 2.0), at)
    assert out.mean() == pytest.approx(2, rel=0.01)


def close_to_rain(seed: int) -> np.ndarray:
    """Fields without any rain, in which cells are more or less close to it."""
    return np.random.default_rng(seed).uniform(0, 0.09, GRID.fine_shape)


@pytest.mark.parametrize("light", [0.01, 0.03, 0.05])
def test_light_rain_falls_where_it_is_closest_and_nowhere_else(light):
    field = close_to_rain(0)
    out = conserved(field, np.full(POINTS, light), AT, least=0.1)
    np.testing.assert_allclose(of_cells(out)[WHOLE], light, rtol=0.02)
    wet = out > 0
    assert 0.03 < wet.mean() < 0.6
    assert field[wet].mean() > field[~wet].mean() + 0.03
    # Drizzle that counts as dry is rare.
    assert (out[wet] < 0.05).mean() < 0.06


def test_rain_that_is_enough_falls_where_it_was_and_the_rest_is_dry():
    field = np.where(np.random.default_rng(1).random(GRID.fine_shape) < 0.3, 2.0, 0.05)
    rain = np.where(field > 0.1, field, 0)
    out = conserved(field, of_cells(rain).reshape(POINTS), AT, least=0.1)
    np.testing.assert_array_equal(out > 0, rain > 0)
    # Not exactly: fine cells in two cells of the input count for one when the wet ones are chosen.
    np.testing.assert_allclose(out[rain > 0], 2.0, rtol=0.05)


def test_without_a_least_amount_the_rest_is_spread_as_drizzle():
    out = conserved(np.zeros(GRID.fine_shape), np.full(POINTS, 0.03), AT)
    np.testing.assert_allclose(out, 0.03, rtol=1e-6)
