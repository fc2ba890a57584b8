"""Matrices between coarse and fine cells."""

from __future__ import annotations

import numpy as np
import pytest

from xldm.models.terrain_slopes import _weights
from xldm.numerics import nesting

# 84 coarse cells reach far beyond the tails of a Gaussian or a spline.
MATRICES = {
    "means": lambda: nesting.means(84, 8, 1.0),
    "quadratic": lambda: nesting.quadratic(84, 8),
    "surroundings": lambda: _weights(84, 6.0),
}


@pytest.mark.parametrize("name", MATRICES)
def test_no_weight_is_denormal(name):
    weights = np.abs(MATRICES[name]())
    assert not ((weights > 0) & (weights < np.finfo(np.float32).tiny)).any()


@pytest.mark.parametrize("name", MATRICES)
def test_weights_of_a_cell_add_up_to_one(name):
    np.testing.assert_allclose(MATRICES[name]().sum(1), 1, atol=1e-5)


def test_quadratic_interpolation_goes_through_a_parabola():
    at = np.arange(84.0)
    fine = (np.arange(84 * 8) + 0.5) / 8 - 0.5
    expected = (fine / 84) ** 2
    np.testing.assert_allclose(nesting.quadratic(84, 8) @ (at / 84) ** 2, expected, atol=1e-6)
