"""Regions of a domain: windows of coarse cells that networks can work on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.errors import ArgumentError
from xldm.grids.projected import ITALY, axes, lon_lat
from xldm.grids.regions import crop, uncovered, window
from xldm.nets.field_sizes import FieldSizes

#: As the networks of the paper need them.
SIZES = FieldSizes(multiple=4, least=8)
LON, LAT = np.array([3.0, 21.0]), np.array([34.0, 49.0])


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
    assert window(ITALY, None, LON, LAT, SIZES) == (slice(0, 84), slice(0, 72))


def test_covered_is_the_whole_grid_where_all_is_covered():
    assert window(ITALY, "covered", LON, LAT, SIZES) == (slice(0, 84), slice(0, 72))


boxes = st.tuples(st.floats(3, 16), st.floats(34, 44), st.floats(3, 10), st.floats(3, 8))


@settings(max_examples=50)
@given(boxes)
def test_a_covered_window_lies_inside_and_none_larger_does(box):
    west, south, width, height = box
    lon, lat = np.array([west, west + width]), np.array([south, south + height])
    try:
        rows, columns = window(ITALY, "covered", lon, lat, SIZES)
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


@settings(max_examples=50)
@given(boxes)
def test_a_window_around_a_box_holds_every_cell_of_it(box):
    west, south, width, height = box
    region = (west, south, west + width, south + height)
    lon, lat = lon_lat(ITALY, fine=False)
    inside = (lon >= west) & (lon <= region[2]) & (lat >= south) & (lat <= region[3])
    rows, columns = window(ITALY, region, LON, LAT, SIZES)
    assert inside[rows, columns].sum() == inside.sum() > 0
    assert all(s.start % 4 == s.stop % 4 == 0 and s.stop - s.start >= 8 for s in (rows, columns))


def test_a_point_sized_box_grows_to_eight_cells_even_at_the_edge():
    lon, lat = (float(a[-1, -1]) for a in lon_lat(ITALY, fine=False))
    box = (lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)
    assert window(ITALY, box, LON, LAT, SIZES) == (slice(76, 84), slice(64, 72))


@settings(max_examples=50)
@given(boxes, st.sampled_from([FieldSizes(), FieldSizes(2, 4), FieldSizes(8, 16)]))
def test_windows_have_the_sizes_that_the_networks_need(box, sizes):
    west, south, width, height = box
    domain = crop(ITALY, slice(0, 83), slice(0, 71))
    for region in ("covered", (west, south, west + width, south + height)):
        lon, lat = np.array([west, west + width]), np.array([south, south + height])
        try:
            found = window(domain, region, lon, lat, sizes)
        except ArgumentError:
            continue
        for one, cells in zip(found, domain.shape, strict=True):
            assert one.start % sizes.multiple == 0 and sizes.fit(one.stop - one.start)
            assert one.stop <= cells


def test_a_box_around_cells_that_no_window_reaches_is_refused():
    domain, sizes = crop(ITALY, slice(0, 83), slice(0, 72)), FieldSizes(4, 8)
    lon, lat = (float(a[82, 20]) for a in lon_lat(ITALY, fine=False))
    with pytest.raises(ArgumentError, match=r"the last 3 of 83 coarse cells .* multiples of 4"):
        window(domain, (lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05), LON, LAT, sizes)


def test_a_domain_that_is_no_multiple_is_refused_as_a_whole():
    with pytest.raises(ArgumentError, match=r"84 x 72 coarse cells, .* multiples of 5: give a reg"):
        window(ITALY, None, LON, LAT, FieldSizes(5, 10))


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("all", "expected 'covered' or"),
        ((10, 40), "lon_min, lat_min"),
        ((12, 40, 10, 44), "lon_min, lat_min"),
        ((100, 40, 110, 44), "holds no cell of the domain"),
    ],
)
def test_a_region_that_is_none_is_refused(region, words):
    with pytest.raises(ValueError, match=words):
        window(ITALY, region, LON, LAT, SIZES)


def test_an_input_over_too_little_of_the_domain_has_no_window():
    with pytest.raises(ValueError, match="covers no 8 x 8 coarse cells"):
        window(ITALY, "covered", np.array([10.0, 10.5]), np.array([44.0, 44.5]), SIZES)
