"""GRIB on a rotated grid: its axes and its pole from its keys."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from remedies import applied

from xldm.errors import InputError
from xldm.grids.projected import ITALY
from xldm.grids.regions import crop
from xldm.grids.rotated_grib import with_rotated_axes
from xldm.grids.rotated_pole import VHR_REA_IT, find_pole, geographic
from xldm.stores.fine_side import to_grid

CORNER = crop(ITALY, slice(30, 38), slice(30, 38))
RLAT, RLON = np.arange(-8.5, 5.51, 0.1), np.arange(-5.8, 7.71, 0.1)


def as_cfgrib(names=("t2m",), relative: int = 1) -> xr.Dataset:
    """Fields of rotated latitude plus longitude, as cfgrib opens COSMO-2I's GRIB."""
    lon, lat = geographic(*np.meshgrid(RLON, RLAT), VHR_REA_IT)
    keys = {
        "GRIB_gridType": "rotated_ll",
        "GRIB_uvRelativeToGrid": relative,
        "GRIB_angleOfRotationInDegrees": 0.0,
        "GRIB_latitudeOfSouthernPoleInDegrees": -47.0,
        "GRIB_longitudeOfSouthernPoleInDegrees": 12.0,
        "GRIB_latitudeOfFirstGridPointInDegrees": RLAT[0],
        "GRIB_latitudeOfLastGridPointInDegrees": RLAT[-1],
        "GRIB_longitudeOfFirstGridPointInDegrees": RLON[0] % 360,
        "GRIB_longitudeOfLastGridPointInDegrees": RLON[-1],
    }
    units = {"t2m": "K", "u10": "m s**-1", "v10": "m s**-1"}
    meant = {"t2m": "air_temperature", "u10": "eastward_wind", "v10": "northward_wind"}
    field = 280 + RLAT[:, None] + RLON
    start = np.datetime64("2018-08-25T00", "ns")
    attrs = {n: keys | {"units": units[n], "standard_name": meant[n]} for n in names}
    hour = np.timedelta64(1, "h").astype("m8[ns]")
    return xr.Dataset(
        {n: (("y", "x"), field, attrs[n]) for n in names},
        {
            "latitude": (("y", "x"), lat, {"standard_name": "latitude"}),
            "longitude": (("y", "x"), lon, {"standard_name": "longitude"}),
            "time": ((), start, {"standard_name": "forecast_reference_time"}),
            "step": ((), hour, {"standard_name": "forecast_period"}),
            "valid_time": ((), start + hour, {"standard_name": "time"}),
            "surface": 0.0,
        },
    )  # fmt: skip


def as_netcdf(ds: xr.Dataset) -> xr.Dataset:
    """The same with axes and a grid mapping, as COSMO's netCDF has them."""
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": VHR_REA_IT.latitude,
        "grid_north_pole_longitude": VHR_REA_IT.longitude,
    }
    out = ds.drop_vars(["time", "step", "surface"]).rename(y="rlat", x="rlon", valid_time="time")
    for field in out.values():
        field.attrs = {k: v for k, v in field.attrs.items() if not k.startswith("GRIB_")}
    return out.assign_coords(rlat=RLAT, rlon=RLON).assign(pole=((), 0, mapping)).expand_dims("time")


def test_axes_and_pole_follow_from_the_keys():
    ds = with_rotated_axes(as_cfgrib())
    assert find_pole(ds) == pytest.approx(VHR_REA_IT)
    np.testing.assert_allclose(ds["rlat"], RLAT, atol=1e-9)
    np.testing.assert_allclose(ds["rlon"], RLON, atol=1e-9)


def test_a_grid_that_is_not_rotated_is_left_alone():
    ds = xr.Dataset({"t2m": ("x", [1.0], {"GRIB_gridType": "regular_ll"})})
    assert with_rotated_axes(ds) is ds


def test_grib_and_netcdf_give_the_same_field():
    grib = as_cfgrib()
    xr.testing.assert_allclose(
        to_grid(grib, CORNER)["t2m"].drop_attrs(),
        to_grid(as_netcdf(grib), CORNER)["t2m"].drop_attrs(),
    )


def test_fields_lie_along_valid_time_not_the_initialisation():
    assert to_grid(as_cfgrib(), CORNER).time.values.tolist() == [
        np.datetime64("2018-08-25T01", "ns").astype("int64")
    ]


@pytest.mark.parametrize("dims", ["time", "step", "both"])
def test_any_layout_of_time_and_valid_time_gives_the_same_series(dims):
    one = as_cfgrib()
    hour, start = np.timedelta64(1, "h"), one.time.values
    if dims == "time":
        starts = start + np.arange(3) * hour
        ds = one.drop_vars(["time", "valid_time"]).expand_dims(time=starts)
        ds = ds.assign_coords(valid_time=("time", starts + hour))
    elif dims == "step":
        steps = np.arange(1, 4) * hour.astype("m8[ns]")
        ds = one.drop_vars(["step", "valid_time"]).expand_dims(step=steps)
        ds = ds.assign_coords(valid_time=("step", start + steps))
    else:
        steps = np.arange(1, 4) * hour.astype("m8[ns]")
        ds = one.drop_vars(["time", "step", "valid_time"]).expand_dims(time=[start], step=steps)
        ds = ds.assign_coords(valid_time=(("time", "step"), start + steps[None]))
    expected = start + np.arange(1, 4) * hour
    np.testing.assert_array_equal(to_grid(ds, CORNER).time.values, expected)


def test_winds_along_the_grid_are_turned_by_the_flag_of_grib():
    grib = as_cfgrib(("u10", "v10"))
    named = as_netcdf(grib)
    for name, standard_name in (("u10", "grid_eastward_wind"), ("v10", "grid_northward_wind")):
        named[name].attrs["standard_name"] = standard_name
    expected = to_grid(named, CORNER)
    xr.testing.assert_allclose(
        to_grid(grib, CORNER)[["u10", "v10"]].drop_attrs(), expected[["u10", "v10"]].drop_attrs()
    )
    assert not np.allclose(expected["u10"], expected["v10"])


def test_winds_to_east_and_north_are_not_turned():
    out = to_grid(as_cfgrib(("u10", "v10"), relative=0), CORNER)
    np.testing.assert_array_equal(out["u10"], out["v10"])


def test_the_printed_remedy_leaves_out_a_field_of_another_grid():
    ds = as_cfgrib(("t2m", "u10"))
    ds["u10"].attrs["GRIB_longitudeOfSouthernPoleInDegrees"] = 10.0
    with pytest.raises(InputError, match="different rotated grids") as error:
        with_rotated_axes(ds)
    assert "rlat" in with_rotated_axes(applied(str(error.value), ds)).coords


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("GRIB_angleOfRotationInDegrees", 5.0, "turned about"),
        ("GRIB_latitudeOfSouthernPoleInDegrees", None, "lacks GRIB_latitudeOfSouthernPole"),
    ],
)
def test_keys_that_do_not_tell_the_grid_are_refused(key, value, words):
    ds = as_cfgrib()
    ds["t2m"].attrs[key] = value
    with pytest.raises(InputError, match=words):
        with_rotated_axes(ds)


def test_positions_that_contradict_the_keys_are_refused():
    ds = as_cfgrib()
    ds["t2m"].attrs["GRIB_longitudeOfSouthernPoleInDegrees"] = 10.0
    with pytest.raises(InputError, match="lie up to"):
        to_grid(ds, CORNER)


def test_the_axes_of_a_real_file_put_its_points_where_they_are(shared):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = shared / "realdata/italy_model_terrain/COS2I_orog_20180825.grb"
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        out = with_rotated_axes(ds)
        lon, lat = geographic(*np.meshgrid(out["rlon"], out["rlat"]), find_pole(out))
        np.testing.assert_allclose(lat, ds["latitude"], atol=1e-4)
        np.testing.assert_allclose(lon, ds["longitude"], atol=1e-4)
        # Its heights stand for temperatures: the whole way to the fine grid.
        field = out.rename(hsurf="T_2M")
        field["T_2M"].attrs["units"] = "K"
        fine = to_grid(field, ITALY)["t2m"]
    assert np.isfinite(fine).all() and float(fine.max()) > 3000
