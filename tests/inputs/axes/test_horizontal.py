"""Latitude and longitude cut to a grid: repeats, seams, spacing, order."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from remedies import applied

from xldm.errors import InputError
from xldm.grids.projected import ITALY
from xldm.inputs.axes.horizontal import horizontal_axes

LAT, LON = np.arange(49.0, 33.0, -0.5), np.arange(3.0, 22.1, 0.5)


def on(lat=LAT, lon=LON, names=("latitude", "longitude")) -> xr.Dataset:
    """A field that is its own longitude."""
    values = np.broadcast_to(np.asarray(lon, "f8") % 360, (len(lat), len(lon)))
    return xr.Dataset({"x": (names, values)}, dict(zip(names, (lat, lon), strict=True)))


def picked(ds: xr.Dataset) -> np.ndarray:
    """The field at the columns and rows that are taken."""
    found = horizontal_axes(ds, ITALY)
    lat, lon = found.dims
    out = ds["x"].transpose(lat, lon).values[found.rows][:, found.columns]
    assert out.shape == (found.latitude.size, found.longitude.size)
    assert (np.diff(found.latitude) < 0).all() and (np.diff(found.longitude) > 0).all()
    np.testing.assert_allclose(out[0], found.longitude % 360, atol=1e-4)
    return out


GLOBE = np.arange(0.0, 360, 0.5)
FORMS = {
    "plain": on(),
    "0 to 360, both ends": on(lon=np.arange(0, 360.1, 0.5)),
    "both ends in single precision": on(lon=np.append(GLOBE, 360.00003).astype("f4")),
    "-180 to 180, both ends": on(lon=np.arange(-180, 180.1, 0.5)),
    "a seam inside": on(lon=(GLOBE + 180) % 360 - 180),
    "descending": on(lon=LON[::-1], lat=LAT[::-1]),
    "tiles that overlap by a column": on(lon=np.r_[LON[:20], LON[19:]]),
    "tiles that overlap by a row": on(lat=np.r_[LAT[:10], LAT[9:]]),
    "noise of single precision": on(lon=(LON + 4e-6).astype("f4")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_axes_gives_the_same_cells(form):
    np.testing.assert_allclose(picked(FORMS[form]), picked(on()), atol=1e-4)


@given(st.integers(0, 719), st.booleans())
def test_a_globe_gives_the_same_cells_wherever_it_begins(shift, turned):
    lon = np.roll(GLOBE, shift)
    lon = (lon + 180) % 360 - 180 if turned else lon
    np.testing.assert_allclose(picked(on(lon=lon)), picked(on()), atol=1e-9)


def test_rows_of_a_gaussian_grid_need_not_be_even():
    lat = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(320)[0]))
    found = horizontal_axes(on(lat=lat), ITALY)
    assert found.latitude.size > 20
    assert np.isin(found.latitude, np.round(lat, 6)).all()


@pytest.mark.parametrize("name", ["latitude", "lat"])
def test_the_printed_remedy_sorts_an_axis_that_runs_both_ways(name):
    ds = on(lat=np.r_[LAT[10:], LAT[:10]], names=(name, "longitude"))
    with pytest.raises(InputError, match="does not run one way") as error:
        horizontal_axes(ds, ITALY)
    np.testing.assert_allclose(picked(applied(str(error.value), ds)), picked(on()))


def test_the_printed_remedy_sorts_tiles_that_are_out_of_order():
    ds = on(lon=np.r_[LON[20:], LON[:21]])
    with pytest.raises(InputError, match="longitude does not run one way") as error:
        horizontal_axes(ds, ITALY)
    np.testing.assert_allclose(picked(applied(str(error.value), ds)), picked(on()))


@pytest.mark.parametrize(
    ("step", "refused"), [(2.8125, False), (3.0, False), (5, True), (20, True)]
)
def test_a_step_beyond_three_degrees_is_refused(step, refused):
    ds = on(np.arange(90, -90.1, -step), np.arange(0, 360, step))
    if not refused:
        assert horizontal_axes(ds, ITALY).spacing[1] == step
        return
    with pytest.raises(InputError, match=f"step of {step:g} degrees is too coarse"):
        horizontal_axes(ds, ITALY)


@pytest.mark.parametrize("axis", ["lat", "lon"])
def test_degrees_beyond_their_range_are_refused(axis):
    ds = on(lat=LAT * 100) if axis == "lat" else on(lon=LON * 100)
    with pytest.raises(InputError, match="beyond its range"):
        horizontal_axes(ds, ITALY)


def test_a_single_row_is_no_grid():
    with pytest.raises(InputError, match="two or more finite values"):
        horizontal_axes(on(lat=[44.0]), ITALY)
