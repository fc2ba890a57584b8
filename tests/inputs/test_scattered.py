"""Fields of any grid with positions, interpolated to a regular one."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr
from remedies import applied

import xldm
from xldm.errors import ArgumentError, InputError
from xldm.grids.rotated_pole import VHR_REA_IT, rotated

BOX = (6.0, 38.0, 18.0, 46.0)


def scattered(n: int = 4000) -> xr.Dataset:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(3, 21, n), rng.uniform(35, 49, n)
    field = np.stack([lat + 2 * lon, lat - lon])
    return xr.Dataset(
        {"t2m": (("time", "cell"), field, {"units": "K"}), "static": ("time", [1.0, 2.0])},
        {"lat": ("cell", lat), "lon": ("cell", lon), "time": [0, 1]},
    )


def test_a_linear_field_comes_out_exactly_and_keeps_its_attributes():
    out = xldm.to_regular_grid(scattered(), BOX)
    assert out["t2m"].dims == ("time", "latitude", "longitude")
    expected = out.latitude - out.longitude
    np.testing.assert_allclose(out["t2m"].isel(time=1), expected, atol=1e-9)
    assert out["t2m"].attrs == {"units": "K"}
    assert out.latitude.values[[0, -1]].tolist() == [46.0, 38.0]


def test_variables_that_lie_on_no_cells_are_kept():
    assert xldm.to_regular_grid(scattered(), BOX)["static"].values.tolist() == [1.0, 2.0]


def test_dask_stays_dask_and_gives_the_same(recwarn):
    ds = scattered()
    lazy = xldm.to_regular_grid(ds.chunk(time=1, cell=1000), BOX)
    assert lazy["t2m"].chunksizes["time"] == (1, 1)
    xr.testing.assert_identical(lazy.compute(), xldm.to_regular_grid(ds, BOX))


def test_longitudes_beyond_the_seam_are_those_of_the_box():
    ds = scattered()
    turned = ds.assign_coords(lon=ds.lon + 360)
    xr.testing.assert_allclose(
        xldm.to_regular_grid(turned, BOX)["t2m"], xldm.to_regular_grid(ds, BOX)["t2m"]
    )


def test_a_cell_is_missing_only_where_a_corner_is():
    ds = scattered()
    ds["t2m"] = ds["t2m"].where(ds.lat < 42)
    out = xldm.to_regular_grid(ds, BOX)["t2m"].isel(time=0)
    assert out.sel(latitude=slice(46, 43)).isnull().all()
    assert out.sel(latitude=slice(41, 38)).notnull().all()


def test_points_beyond_the_cells_are_missing():
    ds = scattered()
    out = xldm.to_regular_grid(ds.isel(cell=ds.lon.values < 12), BOX)
    assert out["t2m"].sel(longitude=slice(12.5, 18)).isnull().all()


def test_a_box_far_from_the_cells_is_refused():
    with pytest.raises(ArgumentError, match="0 of 4000 cells"):
        xldm.to_regular_grid(scattered(), (100.0, 38.0, 118.0, 46.0))


@pytest.mark.parametrize("box", [(6, 46, 18, 38), (18, 38, 6, 46)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ArgumentError, match="lon_min, lat_min"):
        xldm.to_regular_grid(scattered(), box)


def on_a_rotated_grid() -> xr.Dataset:
    rlon, rlat = np.arange(-8.0, 8.1, 0.2), np.arange(-7.0, 7.1, 0.2)
    field = np.broadcast_to(rlat[:, None] + rlon, (rlat.size, rlon.size))
    pole = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": VHR_REA_IT.latitude,
        "grid_north_pole_longitude": VHR_REA_IT.longitude,
    }
    return xr.Dataset(
        {"t2m": (("rlat", "rlon"), field), "crs": ((), 0, pole)},
        {
            "rlat": ("rlat", rlat, {"standard_name": "grid_latitude"}),
            "rlon": ("rlon", rlon, {"standard_name": "grid_longitude"}),
        },
    )


def test_positions_follow_from_a_rotated_pole():
    out = xldm.to_regular_grid(on_a_rotated_grid(), (8.0, 40.0, 16.0, 45.0))
    rlon, rlat = rotated(*np.meshgrid(out.longitude, out.latitude), VHR_REA_IT)
    # Interpolated in degrees, not in rotated ones, between points 0.2 degrees apart.
    np.testing.assert_allclose(out["t2m"], rlat + rlon, atol=2e-3)


def test_positions_follow_from_a_projection_in_km():
    crs = pyproj.CRS("EPSG:3035")
    x, y = np.arange(3800.0, 5200, 20), np.arange(1200.0, 2800, 20)
    ds = xr.Dataset(
        {"t2m": (("y", "x"), y[:, None] + x), "crs": ((), 0, crs.to_cf())},
        {
            "x": ("x", x, {"standard_name": "projection_x_coordinate", "units": "km"}),
            "y": ("y", y, {"standard_name": "projection_y_coordinate", "units": "km"}),
        },
    )
    out = xldm.to_regular_grid(ds, (8.0, 40.0, 16.0, 45.0))
    to = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    east, north = to.transform(*np.meshgrid(out.longitude, out.latitude))
    np.testing.assert_allclose(out["t2m"], (east + north) / 1000, atol=0.2)


def test_cells_without_positions_are_refused():
    with pytest.raises(InputError, match="no positions"):
        xldm.to_regular_grid(scattered().drop_vars(["lat", "lon"]), BOX)


@pytest.mark.parametrize("name", ["u10", "U10", "10v", "u", "v850", "vas", "x"])
def test_winds_that_may_point_along_a_grid_are_refused_until_they_say_otherwise(name):
    ds = on_a_rotated_grid()
    ds[name] = ds["t2m"]
    if name == "x":
        ds["x"].attrs["standard_name"] = "x_wind"
    box = (8.0, 40.0, 16.0, 45.0)
    with pytest.raises(InputError, match="may point along the grid") as error:
        xldm.to_regular_grid(ds, box)
    dropped, said = (applied(str(error.value), ds, which) for which in (0, 1))
    assert name not in xldm.to_regular_grid(dropped, box)
    assert name in xldm.to_regular_grid(said, box)


def test_winds_of_cells_without_rows_point_east_and_north():
    ds = scattered().rename(t2m="u10")
    assert "u10" in xldm.to_regular_grid(ds, BOX)
