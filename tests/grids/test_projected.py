"""Windows of the nested grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.grids.projected import ITALY, axes, crop, lon_lat, uncovered, window

LON, LAT = np.array([3.0, 21.0]), np.array([34.0, 49.0])


def test_eight_by_eight_fine_cells_nest_in_a_coarse_one():
    for fine, coarse in zip(axes(ITALY, fine=True), axes(ITALY, fine=False), strict=True):
        np.testing.assert_allclose(fine.reshape(-1, 8).mean(axis=1), coarse)


def test_a_box_around_italy_leaves_no_side_open():
    assert uncovered(ITALY, LON, LAT) == {}


@pytest.mark.parametrize("side", ["north", "south", "west", "east"])
def test_each_open_side_is_named(side):
    lon, lat = LON.copy(), LAT.copy()
    axis, end = {"north": (lat, 1), "south": (lat, 0), "west": (lon, 0), "east": (lon, 1)}[side]
    axis[end] = axis.mean()
    need, have = uncovered(ITALY, lon, lat)[side]
    assert have == axis[end]
    assert abs(need - have) > 1


def test_a_cropped_grid_has_the_axes_of_the_window():
    part = crop(ITALY, slice(4, 20), slice(8, 16))
    for fine, factor in ((False, 1), (True, 8)):
        y, x = axes(ITALY, fine=fine)
        np.testing.assert_array_equal(axes(part, fine=fine)[0], y[4 * factor : 20 * factor])
        np.testing.assert_array_equal(axes(part, fine=fine)[1], x[8 * factor : 16 * factor])


def test_no_region_is_the_whole_grid():
    assert window(ITALY, None, LON, LAT) == (slice(0, 84), slice(0, 72))


def test_covered_is_the_whole_grid_where_all_is_covered():
    assert window(ITALY, "covered", LON, LAT) == (slice(0, 84), slice(0, 72))


boxes = st.tuples(st.floats(3, 16), st.floats(34, 44), st.floats(3, 10), st.floats(3, 8))


@settings(max_examples=50, deadline=None)
@given(boxes)
def test_a_covered_window_lies_inside_and_none_larger_does(box):
    west, south, width, height = box
    lon, lat = np.array([west, west + width]), np.array([south, south + height])
    try:
        rows, columns = window(ITALY, "covered", lon, lat)
    except ValueError:
        return
    cell_lon, cell_lat = lon_lat(ITALY, fine=False)
    inside = (
        (cell_lon >= lon[0]) & (cell_lon <= lon[1]) & (cell_lat >= lat[0]) & (cell_lat <= lat[1])
    )
    assert inside[rows, columns].all()
    for one in (rows, columns):
        assert one.start % 4 == one.stop % 4 == 0
        assert one.stop - one.start >= 8
    # Growing any side by a block leaves the input or the grid.
    for d_top, d_bottom, d_left, d_right in 4 * np.eye(4, dtype=int):
        r = slice(rows.start - d_top, rows.stop + d_bottom)
        c = slice(columns.start - d_left, columns.stop + d_right)
        beyond = r.start < 0 or c.start < 0 or r.stop > 84 or c.stop > 72
        assert beyond or not inside[r, c].all()


@settings(max_examples=50, deadline=None)
@given(boxes)
def test_a_window_around_a_box_holds_every_cell_of_it(box):
    west, south, width, height = box
    region = (west, south, west + width, south + height)
    lon, lat = lon_lat(ITALY, fine=False)
    inside = (lon >= west) & (lon <= region[2]) & (lat >= south) & (lat <= region[3])
    rows, columns = window(ITALY, region, LON, LAT)
    assert inside[rows, columns].sum() == inside.sum() > 0
    assert all(s.start % 4 == s.stop % 4 == 0 and s.stop - s.start >= 8 for s in (rows, columns))


def test_a_point_sized_box_grows_to_eight_cells_even_at_the_edge():
    lon, lat = (float(a[-1, -1]) for a in lon_lat(ITALY, fine=False))
    box = (lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)
    assert window(ITALY, box, LON, LAT) == (slice(76, 84), slice(64, 72))


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("all", "'covered', a box or None"),
        ((10, 40), "lon_min, lat_min"),
        ((12, 40, 10, 44), "lon_min, lat_min"),
        ((100, 40, 110, 44), "holds no cell of the domain"),
    ],
)
def test_a_region_that_is_none_is_refused(region, words):
    with pytest.raises(ValueError, match=words):
        window(ITALY, region, LON, LAT)


def test_an_input_over_too_little_of_the_domain_has_no_window():
    with pytest.raises(ValueError, match="covers no 8 x 8 coarse cells"):
        window(ITALY, "covered", np.array([10.0, 10.5]), np.array([44.0, 44.5]))
