"""From a rotated pole to earth-relative winds on the fine grid."""

from __future__ import annotations

import dask
import numpy as np
import pyproj
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xldm.config import GridConfig
from xldm.errors import InputError
from xldm.grids.projected import ITALY, lon_lat
from xldm.grids.regions import crop
from xldm.grids.rotated_pole import (
    COSMO_REA6,
    VHR_REA_IT,
    Pole,
    earth_winds,
    find_pole,
    geographic,
    rotated,
)
from xldm.stores.fine_side import to_grid

# A corner of the domain, where the rotation is largest.
CORNER = crop(ITALY, slice(4, 12), slice(4, 12))


def projection(pole: Pole) -> pyproj.Proj:
    """PROJ's rotated longitude and latitude, in radians."""
    return pyproj.Proj(
        f"+proj=ob_tran +o_proj=longlat +o_lat_p={pole.latitude} +o_lon_p={pole.grid_longitude} "
        f"+lon_0={pole.longitude + 180} +R=6371000"
    )


def proj_geographic(rlon, rlat, pole: Pole):
    return projection(pole)(np.deg2rad(rlon), np.deg2rad(rlat), inverse=True)


def proj_winds(u, v, rlon, rlat, pole: Pole):
    """East and north components by numerical derivatives of PROJ along both grid directions."""

    def direction(d_lon, d_lat):
        (east_lon, east_lat), (west_lon, west_lat) = (
            proj_geographic(rlon + s * d_lon, rlat + s * d_lat, pole) for s in (1, -1)
        )
        turn = (east_lon - west_lon + 180) % 360 - 180
        vector = np.stack([turn * np.cos(np.deg2rad(lat)), east_lat - west_lat])
        return vector / np.hypot(*vector)

    _, lat = proj_geographic(rlon, rlat, pole)
    return u * direction(1e-3, 0) + v * direction(0, 1e-3)


def along_grid(u, v, dims=("rlat", "rlon")) -> tuple[xr.DataArray, xr.DataArray]:
    return tuple(
        xr.DataArray(values, dims=dims, name=name, attrs={"standard_name": f"grid_{name}ward_wind"})
        for values, name in ((u, "east"), (v, "north"))
    )


def cosmo(step=0.1, times=2, pole=VHR_REA_IT, **fields) -> xr.Dataset:
    """Fields of (rlon, rlat) on VHR-REA_IT's extent, laid out as its files are."""
    rlon, rlat = np.arange(-5.84, 5.85, step), np.arange(-9.02, 5.57, step)
    at = np.meshgrid(rlon, rlat)
    lon, lat = geographic(*at, pole)
    what = {
        "T_2M": ("K", "air_temperature"), "TD_2M": ("K", "dew_point_temperature"),
        "U_10M": ("m s-1", "grid_eastward_wind"), "V_10M": ("m s-1", "grid_northward_wind"),
        "TOT_PREC": ("kg m-2", "precipitation_amount"),
    }  # fmt: skip
    data = {}
    for name, function in fields.items():
        values = np.broadcast_to(function(*at), (times, *at[0].shape)).astype("float32")
        units, standard_name = what[name]
        attrs = {"units": units, "standard_name": standard_name, "grid_mapping": "rotated_pole"}
        data[name] = (("time", "rlat", "rlon"), values, attrs)
        if name.endswith("_10M"):
            data[name] = (("time", "height_10m", "rlat", "rlon"), values[:, None], attrs)
    mapping = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": np.array([pole.latitude], "float32"),
        "grid_north_pole_longitude": np.float32(pole.longitude),
    }
    ds = xr.Dataset(
        data | {"rotated_pole": ((), np.int32(0), mapping)},
        coords={
            "time": np.datetime64("2005-07-01", "ns") + np.arange(times) * np.timedelta64(1, "h"),
            "rlat": ("rlat", rlat, {"standard_name": "grid_latitude", "units": "degrees"}),
            "rlon": ("rlon", rlon, {"standard_name": "grid_longitude", "units": "degrees"}),
            "lat": (("rlat", "rlon"), lat.astype("float32"), {"standard_name": "latitude"}),
            "lon": (("rlat", "rlon"), lon.astype("float32"), {"standard_name": "longitude"}),
            "height_10m": ("height_10m", [10.0]),
        },
        attrs={"title": "a test", "Conventions": "CF-1.4"},
    )
    return ds if any(n.endswith("_10M") for n in fields) else ds.drop_vars("height_10m")


def westerlies(speed: float, pole=VHR_REA_IT) -> dict:
    """Air turning with the earth's axis, ``speed`` at the equator, as components along the grid.

    In the rotated system the axis stands at the pole's latitude on the meridian 0.
    """
    tilt = np.deg2rad(pole.latitude)
    axis = np.array([np.cos(tilt), 0.0, np.sin(tilt)])

    def component(towards):
        def field(rlon, rlat):
            rlon, rlat = np.deg2rad(rlon), np.deg2rad(rlat)
            place = [np.cos(rlat) * np.cos(rlon), np.cos(rlat) * np.sin(rlon), np.sin(rlat)]
            wind = speed * np.cross(axis, np.stack(place, axis=-1))
            return (wind * np.stack(towards(rlon, rlat), axis=-1)).sum(axis=-1)

        return field

    def east(rlon, rlat):
        return -np.sin(rlon), np.cos(rlon), 0 * rlon

    def north(rlon, rlat):
        return -np.sin(rlat) * np.cos(rlon), -np.sin(rlat) * np.sin(rlon), np.cos(rlat)

    return {"U_10M": component(east), "V_10M": component(north)}


@pytest.fixture(scope="module")
def eur11(shared) -> xr.Dataset:
    with xr.open_dataset(
        shared / "realdata/cosmo_clm_eurocordex_static/tas_rotated_grid_EUR11.nc", engine="scipy"
    ) as ds:
        return ds.load()


# Coordinates


@pytest.mark.parametrize("pole", [VHR_REA_IT, COSMO_REA6, Pole(39.25, -162.0, 20.0)])
def test_positions_are_those_of_proj(pole):
    rlon, rlat = np.meshgrid(np.linspace(-30, 30, 13), np.linspace(-30, 25, 11))
    lon, lat = geographic(rlon, rlat, pole)
    expected = proj_geographic(rlon, rlat, pole)
    np.testing.assert_allclose((lon - expected[0] + 180) % 360 - 180, 0, atol=1e-9)
    np.testing.assert_allclose(lat, expected[1], atol=1e-9)


@given(
    st.floats(-179, 179), st.floats(-85, 85), st.floats(1, 89), st.floats(-180, 180),
    st.floats(-90, 90),
)  # fmt: skip
def test_there_and_back_is_the_same_place(lon, lat, pole_lat, pole_lon, turn):
    pole = Pole(pole_lat, pole_lon, turn)
    back_lon, back_lat = geographic(*rotated(lon, lat, pole), pole)
    assert abs(back_lat - lat) < 1e-6
    assert abs((back_lon - lon + 180) % 360 - 180) < 1e-5


def test_the_real_eur11_files_positions_are_met(shared):
    path = shared / "realdata/cosmo_clm_eurocordex_static/HSURF_regional_model_0.11deg.nc"
    with xr.open_dataset(path, engine="scipy") as ds:
        lon, lat = geographic(*np.meshgrid(ds["rlon"], ds["rlat"]), find_pole(ds))
        np.testing.assert_allclose(lat, ds["lat"], atol=1e-4)
        np.testing.assert_allclose((lon - ds["lon"] + 180) % 360 - 180, 0, atol=1e-4)


# Winds


def turned(rlon, rlat, pole):
    rng = np.random.default_rng(7)
    u, v = rng.normal(0, 8, (2, *rlon.shape))
    lon, lat = (xr.DataArray(a, dims=("rlat", "rlon")) for a in geographic(rlon, rlat, pole))
    east, north = earth_winds(*along_grid(u, v), lon, lat, pole)
    return (u, v), (east, north)


def test_winds_turn_as_proj_has_it_on_the_real_eur11_grid(eur11):
    rlon, rlat = np.meshgrid(eur11["rlon"], eur11["rlat"])
    pole = find_pole(eur11)
    (u, v), winds = turned(rlon, rlat, pole)
    expected = proj_winds(u, v, rlon, rlat, pole)
    apart = np.hypot(*(np.stack(winds) - expected)) / np.hypot(u, v)
    assert apart.max() < 1e-6


def test_winds_turn_as_proj_has_it_on_a_grid_like_vhr_rea_it():
    rlon, rlat = np.meshgrid(np.arange(-5.84, 5.85, 0.02), np.arange(-9.02, 5.57, 0.02))
    (u, v), winds = turned(rlon, rlat, VHR_REA_IT)
    expected = proj_winds(u, v, rlon, rlat, VHR_REA_IT)
    apart = np.hypot(*(np.stack(winds) - expected)) / np.hypot(u, v)
    assert apart.max() < 1e-6


def test_the_angle_is_that_of_projs_meridian_convergence():
    """At rotated latitude 0, where PROJ's plate carree of rotated degrees is conformal."""
    rlon = np.linspace(-25, 15, 9)[None]
    lon, lat = geographic(rlon, 0 * rlon, COSMO_REA6)
    winds = earth_winds(
        *along_grid(np.ones_like(rlon), np.zeros_like(rlon)),
        *(xr.DataArray(a, dims=("rlat", "rlon")) for a in (lon, lat)),
        COSMO_REA6,
    )
    angle = np.rad2deg(np.arctan2(-winds[1], winds[0]))
    convergence = projection(COSMO_REA6).get_factors(lon, lat).meridian_convergence
    np.testing.assert_allclose(angle, convergence, atol=1e-3)


def test_speed_is_preserved():
    rlon, rlat = np.meshgrid(np.linspace(-28, 18, 40), np.linspace(-23, 21, 40))
    before, after = turned(rlon, rlat, COSMO_REA6)
    np.testing.assert_allclose(np.hypot(*after), np.hypot(*before), rtol=1e-12)


def test_rotation_over_the_domain_is_the_known_one():
    """A mean of 2.35 and at most 5.29 degrees for VHR-REA_IT over the domain."""
    lon, lat = (xr.DataArray(a, dims=("rlat", "rlon")) for a in lon_lat(ITALY, fine=True))
    zero = np.zeros(lon.shape)
    east, north = earth_winds(*along_grid(zero + 1, zero), lon, lat, VHR_REA_IT)
    angle = np.abs(np.rad2deg(np.arctan2(north, east)))
    assert float(angle.mean()) == pytest.approx(2.35, abs=0.01)
    assert float(angle.max()) == pytest.approx(5.29, abs=0.01)


def test_air_that_turns_with_the_earth_is_purely_westerly_on_the_fine_grid():
    """Without rotation the northward component would reach almost 1 m s-1."""
    ds = cosmo(step=0.05, **westerlies(10.0))
    out = to_grid(ds, CORNER)
    _, lat = lon_lat(CORNER, fine=True)
    assert np.abs(ds["V_10M"].sel(rlon=slice(-5.3, -4), rlat=slice(0, 4))).max() > 0.4
    np.testing.assert_allclose(out["u10"][0], 10 * np.cos(np.deg2rad(lat)), atol=1e-5)
    np.testing.assert_allclose(out["v10"], 0, atol=1e-5)


def renamed_winds(ds: xr.Dataset, names, standard_names) -> xr.Dataset:
    """The winds of a dataset under other names, which may say what they are."""
    ds = ds.rename(dict(zip(("U_10M", "V_10M"), names, strict=True)))
    for name, standard_name in zip(names, standard_names, strict=True):
        del ds[name].attrs["standard_name"]
        ds[name].attrs |= {"standard_name": standard_name} if standard_name else {}
    return ds


@pytest.mark.parametrize(
    "said", [("grid_eastward_wind", "grid_northward_wind"), ("x_wind", "y_wind")]
)
@pytest.mark.parametrize("names", [("10U", "10V"), ("U_10M", "V_10M"), ("uas", "vas")])
def test_winds_that_say_that_they_are_along_the_grid_are_turned(names, said):
    ds = cosmo(step=0.05, **westerlies(10.0))
    out = to_grid(renamed_winds(ds, names, said), CORNER)
    xr.testing.assert_identical(out, to_grid(ds, CORNER))


@pytest.mark.parametrize(
    ("names", "said", "words"),
    [
        (("10U", "10V"), (None, None), "10U has standard_name None, which does not tell"),
        (("uas", "vas"), (None, None), "uas has standard_name None, which does not tell"),
        (("10U", "10V"), ("eastward_wind", "northward_wind"), "10U is earth-relative already"),
        (("U_10M", "V_10M"), ("eastward_wind", "northward_wind"), "rename it to 'uas'"),
        (("uas", "vas"), ("eastward_wind", "y_wind"), "uas is earth-relative already"),
    ],
)
def test_winds_of_which_it_is_not_certain_where_they_point_are_refused(names, said, words):
    ds = renamed_winds(cosmo(**westerlies(10.0)), names, said)
    with pytest.raises(InputError, match=words):
        to_grid(ds, CORNER)


def test_winds_of_cordex_that_are_earth_relative_are_not_turned():
    """Each component is interpolated as any other field is."""
    ds = cosmo(step=0.05, **westerlies(10.0))
    cordex = renamed_winds(ds, ("uas", "vas"), ("eastward_wind", "northward_wind"))
    out = to_grid(cordex, CORNER)
    for name, ours in (("U_10M", "u10"), ("V_10M", "v10")):
        temperature = ds[name].isel(height_10m=0, drop=True).assign_attrs(units="K")
        expected = to_grid(ds.drop_vars(["U_10M", "V_10M"]).assign(tas=temperature), CORNER)["t2m"]
        np.testing.assert_array_equal(out[ours], expected)
    assert out.attrs["wind_frame"] == "earth"
    assert out["u10"].attrs["standard_name"] == "eastward_wind"


@pytest.mark.parametrize("place", [0, 1])
def test_winds_that_are_earth_relative_already_are_refused(place):
    winds = list(along_grid(np.ones((1, 1)), np.ones((1, 1))))
    winds[place].attrs["standard_name"] = ("eastward_wind", "northward_wind")[place]
    at = [xr.DataArray([[a]], dims=("rlat", "rlon")) for a in (12.0, 43.0)]
    with pytest.raises(InputError, match=r"already.*turn it twice"):
        earth_winds(*winds, *at, VHR_REA_IT)


def test_turned_winds_cannot_be_turned_again():
    at = [xr.DataArray([[a]], dims=("rlat", "rlon")) for a in (12.0, 43.0)]
    once = earth_winds(*along_grid(np.ones((1, 1)), np.ones((1, 1))), *at, VHR_REA_IT)
    with pytest.raises(InputError, match="already"):
        earth_winds(*once, *at, VHR_REA_IT)


@pytest.mark.parametrize("names", [("U_10M", "V_10M"), ("10U", "10V"), ("u", "v")])
def test_without_a_standard_name_only_cosmos_own_names_will_do(names):
    u, v = (xr.DataArray([[1.0]], dims=("rlat", "rlon"), name=name) for name in names)
    at = [xr.DataArray([[a]], dims=("rlat", "rlon")) for a in (12.0, 43.0)]
    if names[0] == "U_10M":
        assert earth_winds(u, v, *at, VHR_REA_IT)[0].attrs["standard_name"] == "eastward_wind"
    else:
        with pytest.raises(InputError, match="does not tell whether it is along the grid"):
            earth_winds(u, v, *at, VHR_REA_IT)


def test_components_in_the_wrong_order_are_refused():
    u, v = along_grid(np.ones((1, 1)), np.ones((1, 1)))
    at = [xr.DataArray([[a]], dims=("rlat", "rlon")) for a in (12.0, 43.0)]
    with pytest.raises(InputError, match="set it to 'grid_eastward_wind'"):
        earth_winds(v, u, *at, VHR_REA_IT)


def test_components_on_other_points_are_refused():
    u, v = along_grid(np.ones((1, 2)), np.ones((1, 2)))
    at = [xr.DataArray([[a, a]], dims=("rlat", "rlon")) for a in (12.0, 43.0)]
    with pytest.raises(ValueError, match="rlon"):
        earth_winds(
            u.assign_coords(rlon=[0, 1]), v.assign_coords(rlon=[0, 1 + 1e-9]), *at, VHR_REA_IT
        )


# The pole


def test_the_pole_is_found_whatever_its_variable_is_called():
    ds = cosmo(T_2M=lambda rlon, rlat: rlon).rename(rotated_pole="crs")
    assert find_pole(ds) == VHR_REA_IT


def test_the_grid_longitude_of_the_true_pole_is_read():
    ds = cosmo(T_2M=lambda rlon, rlat: rlon)
    ds["rotated_pole"].attrs["north_pole_grid_longitude"] = 5.0
    assert find_pole(ds) == Pole(47.0, -168.0, 5.0)


def test_without_a_pole_one_has_to_be_given():
    ds = cosmo(T_2M=lambda rlon, rlat: rlon).drop_vars("rotated_pole")
    with pytest.raises(InputError, match=r"No rotated pole.*pole=\(latitude, longitude\)"):
        to_grid(ds, CORNER)
    assert find_pole(ds, (47, -168)) == VHR_REA_IT


@pytest.mark.parametrize("key", ["latitude", "longitude"])
def test_half_a_pole_is_refused(key):
    ds = cosmo(T_2M=lambda rlon, rlat: rlon)
    del ds["rotated_pole"].attrs[f"grid_north_pole_{key}"]
    with pytest.raises(InputError, match=f"'rotated_pole' lacks grid_north_pole_{key}"):
        find_pole(ds)


def test_a_pole_that_contradicts_the_file_is_refused():
    with pytest.raises(InputError, match="contradict"):
        find_pole(cosmo(T_2M=lambda rlon, rlat: rlon), (39.25, -162))
    assert find_pole(cosmo(T_2M=lambda rlon, rlat: rlon), (47, 192)) == VHR_REA_IT


def test_a_pole_of_longitude_and_latitude_is_refused():
    with pytest.raises(InputError, match=r"\(latitude, longitude\) in degrees"):
        find_pole(xr.Dataset(), (-168, 47))


@pytest.mark.parametrize("what", ["pole", "positions"])
def test_positions_that_contradict_the_pole_are_refused(what):
    ds = cosmo(T_2M=lambda rlon, rlat: rlon)
    if what == "pole":
        ds["rotated_pole"].attrs["grid_north_pole_latitude"] = 47.02
    else:
        ds["lat"] = ds["lat"].copy(data=ds["lat"].values + 0.011)
    with pytest.raises(InputError, match=r"lie up to 0\.0.. degrees from where the pole"):
        to_grid(ds, CORNER)


# The grid


def linear(rlon, rlat):
    return 280 + 2 * rlon - 3 * rlat


@pytest.mark.parametrize("grid", [CORNER, crop(ITALY, slice(76, 84), slice(64, 72))])
def test_a_field_linear_in_rotated_coordinates_is_exact(grid):
    out = to_grid(cosmo(T_2M=linear), grid)["t2m"]
    rlon, rlat = projection(VHR_REA_IT)(*lon_lat(grid, fine=True))
    np.testing.assert_allclose(out[0], linear(*np.rad2deg([rlon, rlat])), rtol=2e-7)


def test_the_whole_domain_fits_into_vhr_rea_it():
    out = to_grid(cosmo(step=0.02, times=1, T_2M=linear), ITALY)["t2m"]
    assert out.shape == (1, 672, 576)
    assert np.isfinite(out).all()


def test_real_temperatures_of_eur11_are_as_scipy_interpolates_them(eur11):
    from scipy.interpolate import RegularGridInterpolator

    out = to_grid(eur11, ITALY)["t2m"]
    at = np.rad2deg(projection(COSMO_REA6)(*lon_lat(ITALY, fine=True)))
    field = eur11["tas"][0, 0].values.astype("float64")
    oracle = RegularGridInterpolator((eur11["rlat"].values, eur11["rlon"].values), field)
    np.testing.assert_allclose(out[0], oracle((at[1], at[0])), atol=1e-4)


@pytest.mark.parametrize("axis", ["rlat", "rlon"])
def test_descending_axes_make_no_difference(axis):
    ds = cosmo(**westerlies(10.0), T_2M=linear)
    turned_over = ds.isel({axis: slice(None, None, -1)})
    xr.testing.assert_identical(to_grid(turned_over, CORNER), to_grid(ds, CORNER))


def test_longitudes_from_0_to_360_make_no_difference():
    ds = cosmo(T_2M=linear)
    turn = ds.assign_coords(rlon=ds["rlon"] + 360)
    np.testing.assert_allclose(to_grid(turn, CORNER)["t2m"], to_grid(ds, CORNER)["t2m"], rtol=2e-7)


def test_one_missing_point_spoils_the_cells_around_it_and_no_other():
    ds = cosmo(times=1, T_2M=linear)
    rlon, rlat = np.rad2deg(projection(VHR_REA_IT)(*lon_lat(CORNER, fine=True)))
    row, column = (int(np.abs(ds[n].values - a.mean()).argmin()) for n, a in zip(
        ("rlat", "rlon"), (rlat, rlon), strict=True))  # fmt: skip
    ds["T_2M"][0, row, column] = np.nan
    near = (np.abs(rlat - float(ds["rlat"][row])) < 0.1) & (
        np.abs(rlon - float(ds["rlon"][column])) < 0.1
    )
    np.testing.assert_array_equal(np.isnan(to_grid(ds, CORNER)["t2m"][0]), near)
    assert near.any()


def test_lazy_stays_lazy_and_computes_nothing():
    ds = cosmo(**westerlies(10.0), T_2M=linear)
    lazy = ds.chunk(time=1, rlat=50)

    def forbidden(*args, **kwargs):
        raise AssertionError("computed")

    # Positions are in memory, as they are when xarray opens a file.
    lazy = lazy.assign_coords(lat=ds["lat"], lon=ds["lon"])
    with dask.config.set(scheduler=forbidden):
        out = to_grid(lazy, CORNER)
    assert out["u10"].chunks == ((1, 1), (64,), (64,))
    xr.testing.assert_identical(out.compute(), to_grid(ds, CORNER))


def test_variables_in_other_chunks_go_together():
    ds = cosmo(T_2M=linear, TD_2M=linear)
    lazy = ds.assign(T_2M=ds["T_2M"].chunk(time=1), TD_2M=ds["TD_2M"].chunk(time=2, rlon=30))
    xr.testing.assert_identical(to_grid(lazy, CORNER).compute(), to_grid(ds, CORNER))


def test_result_has_the_grids_coordinates_cf_names_and_single_precision():
    out = to_grid(cosmo(**westerlies(10.0), T_2M=linear, TD_2M=linear), CORNER)
    assert set(out) == {"t2m", "d2m", "u10", "v10"}
    assert set(out.coords) == {"time", "y", "x", "lat", "lon", "spatial_ref"}
    assert all(field.dtype == "float32" for field in out.values())
    assert all(field.dims == ("time", "y", "x") for field in out.values())
    assert {n: (f.standard_name, f.units, f.grid_mapping) for n, f in out.items()} == {
        "t2m": ("air_temperature", "K", "spatial_ref"),
        "d2m": ("dew_point_temperature", "K", "spatial_ref"),
        "u10": ("eastward_wind", "m s-1", "spatial_ref"),
        "v10": ("northward_wind", "m s-1", "spatial_ref"),
    }
    assert out.attrs == {"title": "a test", "Conventions": "CF-1.11", "wind_frame": "earth"}


def test_precipitation_becomes_millimetres_and_keeps_what_is_said_of_its_window():
    ds = cosmo(TOT_PREC=lambda rlon, rlat: 2 + 0 * rlon)
    ds["TOT_PREC"].attrs["cell_methods"] = "time: sum"
    ds["time"].attrs["bounds"] = "time_bnds"
    ends = np.stack([ds["time"] - np.timedelta64(1, "h"), ds["time"]], axis=1)
    ds["time_bnds"] = (("time", "bnds"), ends)
    out = to_grid(ds, CORNER)
    np.testing.assert_allclose(out["tp"], 2.0, rtol=1e-6)
    assert out["tp"].attrs["cell_methods"] == "time: sum"
    assert out["tp"].attrs["standard_name"] == "lwe_thickness_of_precipitation_amount"
    np.testing.assert_array_equal(out["time_bnds"], ends)
    assert "wind_frame" not in out.attrs


def test_celsius_becomes_kelvin():
    ds = cosmo(T_2M=lambda rlon, rlat: 20 + 0 * rlon)
    ds["T_2M"].attrs["units"] = "degC"
    np.testing.assert_allclose(to_grid(ds, CORNER)["t2m"], 293.15, rtol=1e-6)


def test_a_grid_beyond_the_source_is_refused_with_sides_and_counts():
    ds = cosmo(T_2M=linear).sel(rlat=slice(None, 4.0))
    rlat = np.rad2deg(projection(VHR_REA_IT)(*lon_lat(ITALY, fine=True))[1])
    beyond = rlat > float(ds["rlat"][-1])
    with pytest.raises(InputError) as error:
        to_grid(ds, ITALY)
    assert f"{beyond.sum()} in the north, by up to {rlat.max() - 3.98:.2f} deg" in str(error.value)
    assert not any(f"in the {side}" in str(error.value) for side in ("south", "west", "east"))


def without_units(ds):
    del ds["T_2M"].attrs["units"]
    return ds


def other_units(ds):
    ds["T_2M"].attrs["units"] = "m s-1"
    return ds


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_units, "T_2M states no units"),
        (other_units, "cannot become 'K'"),
        (lambda ds: ds.drop_vars("V_10M"), "u10 cannot be turned without v10"),
        (lambda ds: ds.assign({"2MT": ds["T_2M"]}), "hold a quantity twice"),
        (lambda ds: ds.drop_vars(["T_2M", "U_10M", "V_10M"]), "None of COSMO's variables"),
        (lambda ds: ds.drop_vars("rlat"), "No grid_latitude"),
        (lambda ds: ds.drop_isel(rlon=40), "rlon is not evenly spaced"),
        (lambda ds: ds.isel(time=[1, 0]), "do not ascend"),
        (lambda ds: ds.assign(T_2M=ds["T_2M"].isel(time=0, drop=True)), "expected time, rlat"),
        (lambda ds: xr.concat([ds, ds], "height_10m", data_vars=["U_10M"]), "height of one level"),
    ],
)
def test_input_that_cannot_be_used_is_refused(spoil, words):
    ds = spoil(cosmo(**westerlies(10.0), T_2M=linear))
    with pytest.raises(InputError, match=words):
        to_grid(ds, CORNER)


def test_weights_are_made_once_for_all_files(monkeypatch):
    import scipy.sparse

    small = GridConfig(crs="EPSG:3035", x=(4400000, 4416000), y=(2400000, 2384000), spacing=16000)
    made = []
    real = scipy.sparse.csr_array
    monkeypatch.setattr(scipy.sparse, "csr_array", lambda *a, **k: made.append(1) or real(*a, **k))
    for _ in range(3):
        to_grid(cosmo(T_2M=linear), small)
    assert len(made) == 1
