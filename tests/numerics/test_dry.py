"""Rain whose dry values are censored: what networks see, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xldm.config import Variable
from xldm.numerics.dry import dithered
from xldm.numerics.noise import uniform
from xldm.numerics.scaling import denormalise, normalise
from xldm.numerics.transforms import TRANSFORMS

THRESHOLD = 1e-4
#: Rain in m; one with each transform, as a threshold in m is not exact in float32.
KINDS = {
    name: Variable(
        "tp", "lwe_thickness_of_precipitation_amount", "m", mean, 1.5 * mean,
        transform=name, transform_scale=1e-3, lower=0.0, dry_below=THRESHOLD,
    )
    for name, mean in {"linear": 1e-3, "log1p": 0.5, "cbrt": 0.5}.items()
}  # fmt: skip
each_kind = pytest.mark.parametrize("rain", KINDS.values(), ids=KINDS)
shape = (1, 6, 7)
drawn = arrays(np.float32, shape, elements=st.floats(-50, 50, width=32))
dry = arrays(
    np.float32, shape, elements=st.floats(np.float32(-1e-3), np.float32(9.99e-5), width=32)
)
wet = arrays(np.float32, shape, elements=st.floats(np.float32(THRESHOLD), 0.5, width=32))
chance = arrays(np.float32, shape, elements=st.floats(0, 1, width=32))


@each_kind
@settings(max_examples=50)
@given(z=drawn)
def test_whatever_networks_draw_is_dry_or_at_least_the_threshold(rain, z):
    for back in (denormalise(z, [rain]), denormalise(torch.from_numpy(z), [rain]).numpy()):
        assert ((back == 0) | (back >= THRESHOLD * (1 - 2e-5))).all()
        assert not np.signbit(back).any()


@each_kind
@settings(max_examples=50)
@given(x=dry, u=chance)
def test_dry_is_exactly_dry_again_wherever_in_the_margin_it_was(rain, x, u):
    z = dithered(normalise(x, [rain]), x, rain, u)
    np.testing.assert_array_equal(denormalise(z, [rain]), 0)


@each_kind
@settings(max_examples=50)
@given(x=wet, u=chance)
def test_wet_values_are_not_moved_and_come_back(rain, x, u):
    z = normalise(x, [rain])
    np.testing.assert_array_equal(dithered(z, x, rain, u), z)
    np.testing.assert_allclose(denormalise(z, [rain]), x, rtol=2e-5)


@each_kind
def test_half_of_the_room_below_the_threshold_stays_empty(rain):
    x, u = np.zeros(shape, "float32"), np.linspace(0, 1, 42).reshape(shape)
    z = dithered(normalise(x, [rain]), x, rain, u)
    forward = TRANSFORMS[rain.transform][0]
    threshold = (forward(np, np.float64(THRESHOLD), 1e-3) - rain.mean) / rain.std
    none = -rain.mean / rain.std
    assert z.min() == pytest.approx(none, abs=1e-6)
    assert z.max() == pytest.approx((none + threshold) / 2, abs=1e-6)


@each_kind
def test_the_middle_of_the_margin_is_what_dry_values_are_without_dither(rain):
    x, u = np.zeros(shape, "float32"), np.full(shape, 0.5)
    np.testing.assert_array_equal(dithered(normalise(x, [rain]), x, rain, u), normalise(x, [rain]))


def test_in_place_dry_is_the_same_as_in_double_precision():
    rain = KINDS["cbrt"]
    x = np.array([[[0, 5e-5, THRESHOLD, 1e-2]]], "float32")
    out = np.empty_like(x)
    np.testing.assert_allclose(normalise(x, [rain], out=out), normalise(x, [rain]), atol=1e-6)


def test_random_numbers_of_cells_follow_from_seed_time_and_name():
    time = np.datetime64("2020-01-01T06")
    numbers = uniform(0, time, "tp", (40, 50))
    np.testing.assert_array_equal(numbers, uniform(0, time, "tp", (40, 50)))
    others = [
        uniform(1, time, "tp", (40, 50)),
        uniform(0, time + np.timedelta64(1, "h"), "tp", (40, 50)),
        uniform(0, time, "hail", (40, 50)),
    ]
    for other in others:
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 0.1
    assert 0 <= numbers.min() < 0.01 and 0.99 < numbers.max() < 1
    assert numbers.mean() == pytest.approx(0.5, abs=0.03)


def test_a_threshold_needs_a_lower_bound_below_it():
    for lower in (None, 0.2):
        with pytest.raises(ValueError, match=r"dry_below 0\.1 is not above"):
            Variable("tp", "", "mm", 0, 1, lower=lower, dry_below=0.1)
