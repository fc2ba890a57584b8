from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xldm.numerics.scaling import DRY_LAND, denormalise, drop_predictors, fill_dry_land, normalise

MEAN, STD = [285.0, 101_325.0], [8.0, 900.0]

fields = arrays(np.float32, (3, 2, 4, 5), elements=st.floats(-8, 8, width=32))


def test_each_channel_has_its_own_statistics():
    x = np.array([[[293.0]], [[100_425.0]]])
    np.testing.assert_array_equal(normalise(x, MEAN, STD).ravel(), [1, -1])


@given(z=fields)
def test_denormalise_undoes_normalise(z):
    back = normalise(denormalise(z, MEAN, STD), MEAN, STD)
    # Physical values are float32, so a pressure is known to 2**-7 Pa or 1e-5 of its std.
    np.testing.assert_allclose(back, z, rtol=0, atol=1e-5)


@given(z=fields)
def test_the_result_does_not_depend_on_the_chunk(z):
    whole = denormalise(z, MEAN, STD)
    parts = np.concatenate([denormalise(z[i : i + 1, :, :, :], MEAN, STD) for i in range(3)])
    odd = np.concatenate(
        [denormalise(z[..., :3], MEAN, STD), denormalise(z[..., 3:], MEAN, STD)], -1
    )
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(odd, whole)


@pytest.mark.parametrize("scale", [normalise, denormalise])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_results_are_float32(scale, kind):
    assert scale(np.ones((2, 1, 1), kind), MEAN, STD).dtype == np.float32


def test_float32_and_float64_input_differ_by_rounding_only():
    x = np.array([[[281.15]], [[98_765.4375]]])
    z = normalise(x, MEAN, STD)
    np.testing.assert_allclose(normalise(x.astype(np.float32), MEAN, STD), z, rtol=0, atol=4e-6)


def test_values_are_rounded_once():
    z = np.random.default_rng(0).standard_normal((1, 20, 20)).astype(np.float32)
    pressure = [np.float32(float(value) * 900.1 + 101_325.3) for value in z.flat]
    np.testing.assert_array_equal(denormalise(z, [101_325.3], [900.1]).ravel(), pressure)


def test_nan_stays_nan_when_scaled():
    assert np.isnan(normalise(np.full((2, 1, 1), np.nan), MEAN, STD)).all()


def test_dry_land_is_filled_in_channels_of_the_sea_only():
    z = np.array([[[np.nan, 1.0]], [[np.nan, 2.0]]], np.float32)
    filled = fill_dry_land(z, [True, False])
    np.testing.assert_array_equal(filled, [[[DRY_LAND, 1.0]], [[np.nan, 2.0]]])
    assert filled.dtype == np.float32


def test_filling_leaves_its_input_alone():
    z = np.full((1, 1, 1), np.nan, np.float32)
    fill_dry_land(z, [True])
    assert np.isnan(z).all()


def test_dry_land_is_what_the_published_networks_saw():
    assert DRY_LAND == -10


@pytest.mark.parametrize("mean", [[1.0], [1.0, 2.0, 3.0], 1.0])
def test_statistics_that_do_not_match_the_channels_are_refused(mean):
    with pytest.raises(ValueError, match="mean has one value per channel"):
        normalise(np.ones((2, 4, 5)), mean, STD)


def test_a_field_without_a_channel_axis_is_refused():
    with pytest.raises(ValueError, match="one value per channel"):
        normalise(np.ones((2, 5)), MEAN, STD)


def dropped(samples: np.ndarray, share: float = 0.5) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([drop_predictors(sample, rng, share) for sample in samples])


def test_dropped_predictors_are_zero_and_the_others_untouched():
    coarse = np.random.default_rng(1).normal(size=(64, 14, 3, 3)).astype(np.float32)
    found = dropped(coarse)
    zero = (found == 0).all(axis=(2, 3))
    np.testing.assert_array_equal(found[~zero], coarse[~zero])
    assert zero.any() and not zero.all()


def test_about_half_of_the_samples_stay_whole():
    whole = (dropped(np.ones((2000, 14, 1, 1), np.float32)) == 1).all(axis=1).mean()
    # Of the other half, those whose rate is near zero lose nothing either: 1/15 of them.
    assert whole == pytest.approx(0.5 + 0.5 / 15, abs=0.04)


def test_every_predictor_is_dropped_sometimes():
    assert (dropped(np.ones((400, 14, 1, 1), np.float32)) == 0).any(axis=0).all()


def test_dropping_a_predictor_hides_its_nan():
    found = dropped(np.full((50, 14, 1, 1), np.nan, np.float32))
    assert set(found[~np.isnan(found)].tolist()) == {0.0}
