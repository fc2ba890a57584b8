from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xldm.config import Variable
from xldm.numerics.scaling import (
    DRY_LAND,
    denormalise,
    drop_predictors,
    fill_dry_land,
    linear_map,
    normalise,
    transformed,
)

T2M = Variable("t2m", "air_temperature", "K", 285.0, 8.0)
MSL = Variable("msl", "air_pressure_at_mean_sea_level", "Pa", 101_325.0, 900.0)
SST = Variable("sst", "sea_surface_temperature", "K", 292.0, 4.0)
#: Rain in m, whose logarithm has these moments.
RAIN = Variable(
    "tp", "lwe_thickness_of_precipitation_amount", "m", 0.5, 1.2,
    transform="log1p", transform_scale=1e-4, lower=0.0,
)  # fmt: skip
CLOUD = Variable("tcc", "cloud_area_fraction", "1", 0.5, 0.4, lower=0.0, upper=1.0)
BOTH = (T2M, MSL)
ALL = (T2M, MSL, RAIN, CLOUD)

fields = arrays(np.float32, (3, 2, 4, 5), elements=st.floats(-8, 8, width=32))
kinds = arrays(np.float32, (3, 4, 4, 5), elements=st.floats(-8, 8, width=32))


def test_each_channel_has_its_own_statistics():
    x = np.array([[[293.0]], [[100_425.0]]])
    np.testing.assert_array_equal(normalise(x, BOTH).ravel(), [1, -1])


@given(z=fields)
def test_denormalise_undoes_normalise(z):
    back = normalise(denormalise(z, BOTH), BOTH)
    # Physical values are float32, so a pressure is known to 2**-7 Pa or 1e-5 of its std.
    np.testing.assert_allclose(back, z, rtol=0, atol=1e-5)


@given(x=arrays(np.float32, (2, 1, 3, 3), elements=st.floats(0, 0.5, width=32)))
def test_a_transform_is_undone_where_bounds_do_not_cut(x):
    back = denormalise(normalise(x, [RAIN]), [RAIN])
    # Float32 of a logarithm up to 9 is within 1e-6, which is a share of the rain and its scale.
    np.testing.assert_allclose(back, x, rtol=3e-6, atol=1e-10)


@given(z=kinds)
def test_values_stay_within_their_bounds(z):
    rain, cloud = np.moveaxis(denormalise(z, ALL), 1, 0)[2:]
    assert rain.min() >= 0 and cloud.min() >= 0 and cloud.max() <= 1


def test_values_beyond_a_bound_are_normalised_as_the_bound():
    x = np.array([[[-1e-3, 0.0]], [[1.5, 1.0]]])
    rain, cloud = normalise(x, (RAIN, CLOUD))
    assert rain[0, 0] == rain[0, 1] and cloud[0, 0] == cloud[0, 1]


def test_a_logarithm_is_that_of_one_plus_the_value_in_its_scale():
    x = np.array([[[3e-4]]])
    assert normalise(x, [RAIN]).item() == pytest.approx((np.log(4.0) - 0.5) / 1.2, rel=1e-6)
    assert transformed(x, RAIN).item() == pytest.approx(np.log(4.0))


@pytest.mark.parametrize("scale", [normalise, denormalise])
@given(z=kinds)
def test_torch_gives_the_numbers_of_numpy_to_rounding(scale, z):
    x = z if scale is denormalise else denormalise(z, ALL)
    tensor = scale(torch.from_numpy(x), ALL)
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor, scale(x, ALL), rtol=3e-7, atol=3e-7)


def test_torch_gives_linear_fields_bit_for_bit_as_numpy():
    z = np.random.default_rng(3).standard_normal((4, 2, 64, 64)).astype(np.float32)
    for scale in (normalise, denormalise):
        np.testing.assert_array_equal(scale(torch.from_numpy(z), BOTH), scale(z, BOTH))


def test_gradients_pass_through():
    z = torch.zeros(1, 2, 1, 1, requires_grad=True)
    denormalise(z, BOTH).sum().backward()
    assert z.grad.ravel().tolist() == [8.0, 900.0]


def test_the_result_can_be_put_into_an_array():
    x, out = np.full((1, 3, 3), 293.0, np.float32), np.empty((2, 3, 3), np.float32)
    normalise(x, [T2M], out=out[1:])
    np.testing.assert_array_equal(out[1], 1)
    np.testing.assert_array_equal(x, 293)


def test_an_array_for_the_result_costs_no_more_than_rounding():
    x = denormalise(np.random.default_rng(1).standard_normal((4, 50, 50)), ALL)
    quick = normalise(x, ALL, out=np.empty_like(x))
    np.testing.assert_allclose(quick, normalise(x, ALL), rtol=0, atol=1e-5)


@given(z=kinds)
def test_the_result_does_not_depend_on_the_chunk(z):
    whole = denormalise(z, ALL)
    parts = np.concatenate([denormalise(z[i : i + 1, :, :, :], ALL) for i in range(3)])
    odd = np.concatenate([denormalise(z[..., :3], ALL), denormalise(z[..., 3:], ALL)], -1)
    np.testing.assert_array_equal(parts[:, [0, 1, 3]], whole[:, [0, 1, 3]])
    np.testing.assert_array_equal(odd[:, [0, 1, 3]], whole[:, [0, 1, 3]])
    # Exponentials may differ in the last bit with the length of a row.
    np.testing.assert_allclose(parts, whole, rtol=2e-7)
    np.testing.assert_allclose(odd, whole, rtol=2e-7)


@pytest.mark.parametrize("scale", [normalise, denormalise])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_results_are_float32_and_the_input_is_left_alone(scale, kind):
    x = np.ones((2, 1, 1), kind)
    assert scale(x, BOTH).dtype == np.float32
    assert (x == 1).all() and x.dtype == kind


def test_float32_and_float64_input_differ_by_rounding_only():
    x = np.array([[[281.15]], [[98_765.4375]]])
    z = normalise(x, BOTH)
    np.testing.assert_allclose(normalise(x.astype(np.float32), BOTH), z, rtol=0, atol=4e-6)


def test_values_are_rounded_once():
    z = np.random.default_rng(0).standard_normal((1, 20, 20)).astype(np.float32)
    pressure = [np.float32(float(value) * 900.1 + 101_325.3) for value in z.flat]
    msl = Variable("msl", "", "Pa", 101_325.3, 900.1)
    np.testing.assert_array_equal(denormalise(z, [msl]).ravel(), pressure)


def test_nan_stays_nan_when_scaled():
    for scale in (normalise, denormalise):
        assert np.isnan(scale(np.full((4, 1, 1), np.nan), ALL)).all()


@pytest.mark.parametrize("target", [MSL, T2M])
def test_a_line_maps_one_scaling_to_another(target):
    gain, offset = linear_map(T2M, target)
    x = np.linspace(250, 300, 6).reshape(1, 1, 6)
    line = gain * normalise(x, [T2M]) + offset
    np.testing.assert_allclose(line, normalise(x, [target]), rtol=1e-5, atol=1e-4)


def test_between_transforms_the_line_goes_through_the_mean_and_a_standard_deviation():
    plain = Variable("tp", "", "m", 1e-4, 3e-4)
    gain, offset = linear_map(plain, RAIN)
    ends = np.array([[[1e-4, 4e-4]]])
    line = gain * np.array([0.0, 1.0]) + offset
    np.testing.assert_allclose(line, normalise(ends, [RAIN]).ravel(), rtol=1e-6)


def test_dry_land_is_filled_in_channels_of_the_sea_only():
    z = np.array([[[np.nan, 1.0]], [[np.nan, 2.0]]], np.float32)
    filled = fill_dry_land(z, [SST, T2M])
    np.testing.assert_array_equal(filled, [[[DRY_LAND, 1.0]], [[np.nan, 2.0]]])
    assert filled.dtype == np.float32


def test_filling_leaves_its_input_alone():
    z = np.full((1, 1, 1), np.nan, np.float32)
    fill_dry_land(z, [SST])
    assert np.isnan(z).all()


def test_dry_land_is_what_the_published_networks_saw():
    assert DRY_LAND == -10


@pytest.mark.parametrize("variables", [[T2M], [T2M, MSL, SST]])
def test_variables_that_do_not_match_the_channels_are_refused(variables):
    for function in (normalise, denormalise, fill_dry_land):
        with pytest.raises(ValueError, match="expected one variable per channel"):
            function(np.ones((2, 4, 5)), variables)


def test_a_field_without_a_channel_axis_is_refused():
    with pytest.raises(ValueError, match="one variable per channel"):
        normalise(np.ones((2, 5)), BOTH)


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


def test_a_sample_that_loses_predictors_keeps_one_of_the_subsets_or_some_at_random():
    rng = np.random.default_rng(0)
    samples = [drop_predictors(np.ones((6, 1, 1)), rng, 1.0, [[0], [1, 4]]) for _ in range(600)]
    kept = [tuple(np.flatnonzero(s)) for s in samples]
    # A third each; random drops give these sets seldom.
    assert kept.count((0,)) == pytest.approx(200, abs=50)
    assert kept.count((1, 4)) == pytest.approx(200, abs=50)
    assert len(set(kept)) > 20
