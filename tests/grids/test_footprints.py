"""Means of fine cells that the points of an input stand for."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import tiny

from xldm.grids.footprints import cosine_bells, footprints, width_of
from xldm.grids.projected import ITALY, axes, lon_lat

LAT, LON = (tuple(np.arange(*ends).tolist()) for ends in ((48.5, 45.0, -0.25), (3.5, 7.5, 0.25)))


def by_hand(px: float, py: float, width: float) -> np.ndarray:
    """Weights of one bell over the tiny grid, from its definition."""
    y, x = axes(tiny.GRID, fine=True)
    r = np.hypot(*np.meshgrid(x - px, y - py))
    weight = np.where(r < width, 1 + np.cos(np.pi * r / width), 0)
    return weight / weight.sum()


def test_a_bell_is_the_dense_one():
    means, covered = footprints(tiny.GRID, LAT, LON, 31e3)
    to_metres = pyproj.Transformer.from_crs("EPSG:4326", tiny.GRID.crs, always_xy=True).transform
    lon, lat = (a.ravel() for a in np.meshgrid(LON, LAT))
    whole = np.flatnonzero(covered > 0.999)
    assert whole.size > 3
    for point in whole:
        dense = by_hand(*to_metres(lon[point], lat[point]), 31e3)
        np.testing.assert_allclose(means[[point]].toarray().reshape(dense.shape), dense, atol=1e-12)


def test_a_bell_has_half_its_weight_at_half_its_width():
    cells = np.arange(-100.0, 101.0)
    row = cosine_bells(cells, cells, np.zeros(1), np.zeros(1), np.full(1, 40.0)).means
    weight = row.toarray().reshape(201, 201)[100]
    assert weight[120] / weight[100] == pytest.approx(0.5)


def test_half_a_bell_on_the_edge_is_half_covered():
    cells = np.arange(0.5, 200)
    at = np.array([100.0]), np.array([0.0])
    assert cosine_bells(cells, cells, *at, np.array([31.0])).covered == pytest.approx([0.5])


@pytest.mark.parametrize("width", [31e3, None])
@pytest.mark.parametrize("step", [0.05, 0.25])
def test_the_mean_of_a_constant_is_the_constant(width, step):
    lat, lon = (
        tuple(np.arange(*ends, s).tolist()) for ends, s in (((48, 46), -step), ((8, 11), step))
    )
    means, covered = footprints(tiny.GRID, lat, lon, width)
    there = covered > 0
    ones = means @ np.ones(means.shape[1])
    np.testing.assert_allclose(ones[there], 1)
    assert not ones[~there].any()


def test_boxes_average_the_cells_that_lie_in_them():
    """Cells of 2 km against a box of a degree: those on its edges blur the mean a little."""
    lat, lon = tuple(np.arange(48.0, 34, -1.0)), tuple(np.arange(3.0, 20, 1.0))
    means, covered = footprints(ITALY, lat, lon, None)
    cell_lon, cell_lat = lon_lat(ITALY, fine=True)
    rng = np.random.default_rng(3)
    field = rng.normal(size=ITALY.fine_shape)
    found = (means @ field.ravel()).reshape(len(lat), len(lon))
    row, column = lat.index(42.0), lon.index(12.0)
    inside = (abs(cell_lat - 42) < 0.5) & (abs(cell_lon - 12) < 0.5)
    assert covered.reshape(found.shape)[row, column] == pytest.approx(1, abs=1e-4)
    assert found[row, column] == pytest.approx(
        field[inside].mean(), abs=0.2 / np.sqrt(inside.sum())
    )


def test_boxes_at_the_end_of_the_input_are_not_covered():
    _, covered = footprints(ITALY, (42.0, 41.0, 40.0), (12.0, 13.0, 14.0, 15.0), None)
    assert (covered.reshape(3, 4) > 0.9).nonzero() == (pytest.approx([1, 1]), pytest.approx([1, 2]))


def test_a_gaussian_grid_of_era5_has_its_footprint():
    assert width_of(0.28125, 31e3) == 31e3
