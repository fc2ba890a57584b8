"""Quadratic splines from latitude and longitude to fine cells."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from scipy.interpolate import RectBivariateSpline

from xldm.grids.projected import lon_lat
from xldm.grids.splines import splines

GAUSSIAN = np.array([48.6, 48.1, 47.7, 47.2, 46.8, 46.3, 45.8, 45.5])
AXES = {
    "ERA5": (np.arange(48.5, 45.4, -0.25), np.arange(4.0, 7.1, 0.25)),
    "Gaussian": (GAUSSIAN, np.arange(4.0, 7.0, 0.28)),
    "ascending": (GAUSSIAN[::-1], np.arange(4.0, 7.0, 0.7)),
    "two points": (np.array([49.0, 45.0]), np.array([4.0, 7.0])),
}


def on_fine(lat: np.ndarray, lon: np.ndarray, values: np.ndarray) -> np.ndarray:
    spline = splines(tiny.GRID, tuple(lat.tolist()), tuple(lon.tolist()))
    return (spline.basis @ spline.coefficients(values)).reshape(tiny.GRID.fine_shape)


@pytest.mark.parametrize("kind", ["ERA5", "Gaussian", "ascending"])
def test_splines_are_those_of_fitpack(kind):
    lat, lon = AXES[kind]
    values = np.random.default_rng(0).normal(size=(lat.size, lon.size))
    up = np.argsort(lat)
    oracle = RectBivariateSpline(lat[up], lon, values[up], kx=2, ky=2, s=0)
    at_lon, at_lat = lon_lat(tiny.GRID, fine=True)
    np.testing.assert_allclose(on_fine(lat, lon, values), oracle.ev(at_lat, at_lon), atol=1e-9)


@pytest.mark.parametrize("kind", AXES)
def test_a_field_linear_in_latitude_and_longitude_stays_exact(kind):
    lat, lon = AXES[kind]
    at_lon, at_lat = lon_lat(tiny.GRID, fine=True)
    values = 3 * lat[:, None] - 2 * lon
    np.testing.assert_allclose(on_fine(lat, lon, values), 3 * at_lat - 2 * at_lon, atol=1e-9)


def test_a_field_continues_with_its_last_values_beyond_the_input():
    lat, lon = np.array([48.0, 47.0, 46.5, 46.0]), np.array([4.0, 5.0, 5.5])
    at_lon, _ = lon_lat(tiny.GRID, fine=True)
    found = on_fine(lat, lon, np.broadcast_to(lon, (4, 3)))
    np.testing.assert_allclose(found, np.minimum(at_lon, 5.5), atol=1e-9)
