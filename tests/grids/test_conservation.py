"""Fine fields that keep to the values that they were made from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.grids.conservation import Constraint, correct_on_device, correction, means
from xldm.grids.footprints import footprints
from xldm.grids.projected import ITALY
from xldm.grids.regions import crop

GRID = crop(ITALY, slice(40, 56), slice(36, 52))
ERA5 = tuple(np.arange(43.0, 38.0, -0.25).tolist()), tuple(np.arange(12.0, 17.0, 0.25).tolist())
COARSER = tuple(np.arange(44.0, 37.0, -0.5).tolist()), tuple(np.arange(11.0, 18.0, 0.5).tolist())
PLACES = {
    "bells": Constraint(GRID, *ERA5, 31e3),
    "boxes": Constraint(GRID, *ERA5, None),
    "coarser boxes": Constraint(GRID, *COARSER, None),
}


def weather(seed: int) -> np.ndarray:
    """A fine field with scales from 4 to 100 km, and 290 K."""
    rng = np.random.default_rng(seed)
    waves = [np.kron(rng.normal(size=(128 // n, 128 // n)), np.ones((n, n))) for n in (1, 8, 32)]
    return (290 + sum(waves)).astype("float32")


def left(field: np.ndarray, values: np.ndarray, at: Constraint) -> np.ndarray:
    """Differences of the means where the fine cells cover the whole footprint."""
    covered = footprints(*at).covered.reshape(values.shape)
    return (means(field, at) - values)[covered > 0.999]


@pytest.mark.parametrize("kind", PLACES)
def test_a_field_that_keeps_to_its_means_is_not_changed(kind):
    at, field = PLACES[kind], weather(0)
    np.testing.assert_allclose(correction(field, means(field, at), at), 0, atol=1e-9)


@pytest.mark.parametrize("kind", PLACES)
def test_a_bias_is_taken_out_everywhere(kind):
    at, field = PLACES[kind], weather(0)
    np.testing.assert_allclose(correction(field, means(field, at) + 2, at), 2, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "share"), [("bells", 0.6), ("boxes", 0.1), ("coarser boxes", 0.1)]
)
def test_little_is_left_of_a_difference_of_weathers(kind, share):
    at, field, other = PLACES[kind], weather(0), weather(1)
    wanted = means(other, at)
    before = left(field, wanted, at)
    after = left(field + correction(field, wanted, at), wanted, at)
    assert before.size >= 9
    assert np.sqrt(np.mean(after**2)) < share * np.sqrt(np.mean(before**2))


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.floats(-3, 3))
def test_a_correction_is_linear_in_field_and_values(seed, a, b):
    at = PLACES["bells"]
    one, two = weather(seed).astype(float), weather(seed + 1).astype(float)
    x, y = (means(weather(seed + n), at) for n in (2, 3))
    x, y = (np.nan_to_num(v) for v in (x, y))
    both = correction(a * one + b * two, a * x + b * y, at)
    alone = a * correction(one, x, at) + b * correction(two, y, at)
    np.testing.assert_allclose(both, alone, atol=1e-6)


def test_a_missing_value_constrains_nothing():
    at, field = PLACES["bells"], weather(0)
    values = means(field, at) + 1
    values[10, 10] = np.nan
    found = correction(field, values, at)
    assert np.isfinite(found).all()
    assert np.median(found) == pytest.approx(1, abs=1e-2)


def test_points_beyond_the_fine_cells_constrain_nothing():
    at, field = PLACES["bells"], weather(0)
    values = means(field, at)
    outside = ~np.isfinite(values)
    assert outside.any()
    values[outside] = 500
    np.testing.assert_allclose(correction(field, values, at), 0, atol=1e-9)


@pytest.mark.parametrize("kind", PLACES)
def test_fields_in_a_batch_on_a_device_are_corrected_as_one_by_one(kind):
    at = PLACES[kind]
    fields = np.stack([weather(n) for n in range(4)])  # two members of two hours
    wanted = np.stack([means(weather(n), at) + n for n in (5, 6)])
    wanted[1, 3, 4] = np.nan
    tensor = torch.from_numpy(fields.copy())
    correct_on_device(tensor, wanted, at)
    for n, field in enumerate(fields):
        alone = field + correction(field, wanted[n // 2], at)
        np.testing.assert_allclose(tensor[n], alone, atol=1e-4)
