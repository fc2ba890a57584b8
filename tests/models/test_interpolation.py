"""Quadratic interpolation, against SciPy's and by hand."""

import numpy as np
import pytest
import scipy.interpolate
import torch

from xldm.config import Variable
from xldm.models.interpolation import Interpolation

VARIABLES = (Variable("t2m", "air_temperature", "K", 280.0, 10.0),)
TARGETS = (Variable("t2m", "air_temperature", "K", 285.0, 8.0),)


def interpolated(field: np.ndarray, factor: int = 8) -> np.ndarray:
    """Physical values of a physical field, by way of both normalisations."""
    net = Interpolation(VARIABLES, TARGETS, factor)
    given = torch.from_numpy((field - 280.0) / 10.0)[None, None].float()
    return net.condition(given, None)[0, 0].numpy() * 8.0 + 285.0


def test_quadratic_interpolation_is_scipys_along_each_axis():
    field = np.random.default_rng(0).normal(280, 10, (9, 7))
    at = [(np.arange(n * 8) + 0.5) / 8 - 0.5 for n in field.shape]
    want = field
    for axis, points in enumerate(at):
        spline = scipy.interpolate.interp1d(
            np.arange(field.shape[axis]), want, "quadratic", axis=axis, fill_value="extrapolate"
        )
        want = spline(points)
    np.testing.assert_allclose(interpolated(field), want, atol=2e-3)


def test_quadratic_interpolation_is_exact_on_a_quadratic():
    y, x = np.mgrid[0:6, 0:5].astype(float)
    fine_y, fine_x = (np.mgrid[0:48, 0:40] + 0.5) / 8 - 0.5
    field = 280 + y**2 - x * y + 0.5 * x**2
    want = 280 + fine_y**2 - fine_x * fine_y + 0.5 * fine_x**2
    np.testing.assert_allclose(interpolated(field), want, atol=1e-3)


def test_interpolation_refuses_a_target_that_is_no_predictor():
    with pytest.raises(ValueError, match="missing: tp"):
        Interpolation(VARIABLES, (Variable("tp", "x", "m", 0.0, 1.0),), 8)


def test_rain_is_interpolated_in_the_units_of_the_target():
    depth = Variable("tp", "lwe_thickness_of_precipitation_amount", "m", 1e-3, 4e-3)
    mass = Variable(
        "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0, dry_below=0.1
    )
    net = Interpolation([depth], [mass], 8)
    out = net.condition(torch.full((1, 1, 4, 4), 0.25), None)  # 2 mm
    np.testing.assert_allclose(out, (2 ** (1 / 3) - 0.5) / 0.4, rtol=1e-5)


def test_units_that_do_not_convert_are_refused():
    with pytest.raises(ValueError, match="t2m is in 'K' as a predictor and in 'm' as a target"):
        Interpolation(VARIABLES, [Variable("t2m", "air_temperature", "m", 0.0, 1.0)], 8)
