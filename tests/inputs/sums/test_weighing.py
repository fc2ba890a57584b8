"""Sums and rates: brought to the hour that ends at the stamp, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import dask
import numpy as np
import pytest
import xarray as xr
from conftest import cds_new
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.inputs.axes.horizontal import Horizontal
from xldm.inputs.axes.times import Time
from xldm.inputs.predictors import check, predictors
from xldm.inputs.report import Report
from xldm.inputs.sums.running_totals import Series, verdict
from xldm.inputs.sums.sharing import bring
from xldm.inputs.sums.sunshine import mean_cosine
from xldm.inputs.windows import Over, widths

HOUR = np.timedelta64(1, "h")
ACCUMULATED = ("tp", "ssrd")
PARAM = {"tp": 228, "ssrd": 169}
START = np.datetime64("2020-07-15T00", "ns")


# ---- how inputs are made


def bare(steps: int = 4, hours: float = 3, first: float = 0) -> xr.Dataset:
    """Fields at even stamps that say nothing about sums: no expver, no GRIB keys."""
    ds = cds_new(steps).drop_vars(["number", "expver"])
    ds["ssrd"] = (ds["ssrd"] * 0.3).assign_attrs(ds["ssrd"].attrs)
    for name in {*ds.data_vars} - {*ACCUMULATED}:
        ds[name].attrs["cell_methods"] = "time: point"
    lengths = (60 * (first + hours * np.arange(steps))).astype("timedelta64[m]")
    stamps = START + lengths.astype("timedelta64[ns]")
    return ds.assign_coords(valid_time=("valid_time", stamps, {"standard_name": "time"}))


def said(ds: xr.Dataset, **attrs: object) -> xr.Dataset:
    """Give both accumulated fields attributes."""
    return ds.assign({n: ds[n].assign_attrs(attrs) for n in ACCUMULATED})


def per_time(ds: xr.Dataset, tp: str, ssrd: str = "J m-2") -> xr.Dataset:
    """Give the accumulated fields units."""
    units = {"tp": tp, "ssrd": ssrd}
    return ds.assign({n: ds[n].assign_attrs(units=u) for n, u in units.items()})


def bounded(ds: xr.Dataset, before: float, after: float = 0, name: str = "time_bnds"):
    """Give the times bounds so many hours before and after each stamp."""
    edges = (np.array([-before, after]) * 3600).astype("timedelta64[s]")
    values = ds.valid_time.values[:, None] + edges
    ds = ds.assign({name: (("valid_time", "bnds"), values)})
    ds["valid_time"].attrs["bounds"] = name
    return ds


def renamed(ds: xr.Dataset, name: str, variable: str = "tp") -> xr.Dataset:
    """Give precipitation another name; its GRIB id tells what it is."""
    field = ds[variable].assign_attrs(GRIB_paramId=PARAM[variable])
    return ds.assign({variable: field}).rename({variable: name})


def forecast(ds: xr.Dataset, first: float | None = None) -> xr.Dataset:
    """One forecast whose leads are the stamps; the first is after so many hours."""
    step = float((ds.valid_time[1] - ds.valid_time[0]) / HOUR) if ds.sizes["valid_time"] > 1 else 6
    first = step if first is None else first
    start = ds.valid_time.values[0] - (first * 60 * np.timedelta64(1, "m"))
    lead = ds.valid_time.values - start
    out = ds.rename(valid_time="lead_time").drop_vars("lead_time")
    return out.assign_coords(
        lead_time=("lead_time", lead, {"standard_name": "forecast_period"}),
        init_time=((), start, {"standard_name": "forecast_reference_time"}),
    )


def total(ds: xr.Dataset, dim: str = "lead_time") -> xr.Dataset:
    """Make running totals of the accumulated fields."""
    sums = {n: ds[n].astype("float64").cumsum(dim).assign_attrs(ds[n].attrs) for n in ACCUMULATED}
    return ds.assign(sums)


def since_midnight(ds: xr.Dataset) -> xr.Dataset:
    """Make running totals that begin anew after 00 UTC of each day."""
    day = (ds.valid_time - np.timedelta64(1, "s")).astype("datetime64[D]").values
    parts = [total(ds.isel(valid_time=day == d), "valid_time") for d in np.unique(day)]
    return xr.concat(parts, "valid_time", combine_attrs="override")


def land(ds: xr.Dataset) -> xr.Dataset:
    """Put fields on the grid of ERA5-Land."""
    fine = {"latitude": np.arange(48.5, 33.9, -0.1), "longitude": np.arange(3.5, 21.1, 0.1)}
    out = ds.interp(fine, method="nearest", kwargs={"fill_value": "extrapolate"})
    return out.assign({n: out[n].assign_attrs(ds[n].attrs) for n in ds.data_vars})


def merged(ds: xr.Dataset) -> xr.Dataset:
    """Running totals in the west, sums over the hour in the east."""
    return xr.where(ds.longitude < 12, total(ds, "valid_time"), ds, keep_attrs=True).assign(
        {n: ds[n] for n in set(ds.data_vars) - set(ACCUMULATED)}
    ).transpose(*ds.dims)  # fmt: skip


def taken(ds: xr.Dataset, config14, variable: str = "tp") -> Report | None:
    """Return the report if a variable is taken, be it that others are absent."""
    report = check(ds, config14, missing="climatology")
    return report if report.ok and variable not in report.absent else None


# ---- what is wrong or unknown

WRONG: dict[str, Callable[[], xr.Dataset]] = {
    # Stamps, and nothing else.
    **{f"stamps {h} h apart": lambda h=h: bare(4, h) for h in (2, 3, 4, 6, 8, 12, 24, 48, 168)},
    "a single time": lambda: bare(1),
    "two days": lambda: bare(2, 24),
    "months": lambda: bare(2, 24 * 31),
    "hours that end at half past": lambda: bare(4, 1, first=0.5),
    # Units.
    "mm per day, three-hourly": lambda: per_time(bare(4, 3), "mm/day"),
    "m per day, daily": lambda: per_time(bare(4, 24), "m of water equivalent per day"),
    "m per day, six-hourly": lambda: per_time(bare(4, 6), "m day-1"),
    "a flux, three-hourly": lambda: per_time(bare(4, 3), "kg m-2 s-1", "W m-2"),
    "a flux, once": lambda: per_time(bare(1), "kg m-2 s-1", "W m-2"),
    "mm per 24 h": lambda: per_time(bare(4, 24), "mm/24h"),
    "mm per 12 h": lambda: per_time(bare(4, 12), "mm (12 h)-1"),
    "mm per 3 h, every hour": lambda: per_time(bare(4, 1), "mm/3h"),
    "J m-2 per day": lambda: per_time(bare(4, 6), "mm/day", "J m-2 day-1"),
    # Bounds of time.
    "bounds of 24 h": lambda: bounded(bare(4, 24), 24),
    "bounds of 12 h": lambda: bounded(bare(4, 12), 12),
    "bounds of 3 h, every hour": lambda: bounded(bare(4, 1), 3),
    "an hour around the stamp": lambda: bounded(bare(4, 1), 0.5, 0.5),
    "an hour after the stamp": lambda: bounded(bare(4, 1), 0, 1),
    "3 h after the stamp": lambda: bounded(bare(4, 3), 0, 3),
    "half an hour": lambda: bounded(bare(4, 1), 0.5),
    "no time at all": lambda: bounded(bare(4, 1), 0),
    "bounds without a reference": lambda: _unreferenced(bounded(bare(4, 24), 24)),
    "bounds in the encoding": lambda: _encoded(bounded(bare(4, 24), 24)),
    "bounds that are not there": lambda: bounded(bare(4, 24), 24).drop_vars("time_bnds"),
    "bounds of 12 h that are not there": lambda: bounded(bare(4, 12), 12).drop_vars("time_bnds"),
    "bounds as numbers without units": lambda: bounded(bare(4, 1), 1).assign(
        time_bnds=(("valid_time", "bnds"), np.zeros((4, 2)))
    ),
    "bounds with a gap": lambda: _with_missing(bounded(bare(4, 1), 1)),
    "a climatology": lambda: _climatology(bare(4, 1)),
    # Cell methods.
    **{
        f"cell methods {m!r}": lambda m=m: said(bare(4, 1), cell_methods=m)
        for m in (
            "time: sum (interval: 3 hours)", "time: sum (interval: 1 day)",
            "time: sum (interval: 12 hours)", "time: sum (interval: 30 minutes)", "time: mean",
            "time: point", "time: maximum", "area: mean time: minimum", "time: variance",
            "time: mean within days time: mean over days", "time: sum within days",
        )
    },
    # GRIB keys.
    **{
        f"step type {t}": lambda t=t: said(bare(4, 1), GRIB_stepType=t)
        for t in ("avg", "instant", "max", "min", "avgua", "avgad", "avgid")
    },
    "steps 0-24": lambda: said(bare(4, 24), GRIB_stepType="accum", GRIB_stepRange="0-24"),
    "steps 0-24 of ERA5, once": lambda: said(
        bare(1).assign_coords(expver="0001"), GRIB_stepRange="0-24"
    ),
    "steps 0 to 12": lambda: said(bare(1), GRIB_startStep=0, GRIB_endStep=12),
    "one of ten members, hourly": lambda: said(
        bare(4, 1), GRIB_stepType="accum", GRIB_totalNumber=10
    ),
    "three hours, resampled": lambda: said(bare(4, 3), GRIB_stepType="accum"),
    "mm per day of ERA5, once": lambda: per_time(bare(1).assign_coords(expver="0001"), "mm/day"),
    "accumulated, daily": lambda: said(bare(4, 24), GRIB_stepType="accum"),
    # Names and comments.
    **{
        f"the name {n}": lambda n=n, h=h: renamed(bare(4, h), n)
        for n, h in (
            ("total_precipitation_24hr", 24), ("total_precipitation_12hr", 6), ("tp24", 24),
            ("tp12", 12), ("total_precipitation_3hr", 1), ("daily_precipitation", 24),
        )
    },
    "a comment on the day": lambda: said(bare(4, 24), comment="Daily total"),
    "a long name of 12 hours": lambda: said(bare(4, 12), long_name="12-hour accumulation"),
    "a comment against the name": lambda: renamed(
        said(bare(4, 6), comment="Accumulated since the start of the forecast"), "tp06"
    ),
    # Statistics.
    **{
        f"the history {h!r}": lambda h=h: bare(4, 1).assign_attrs(history=h)
        for h in (
            "earthkit.transforms.aggregate.temporal.daily_mean(...)", "cdo daysum a.nc b.nc",
            "reanalysis-era5-single-levels-monthly-means", "cdo monmean a.nc b.nc",
            "derived-era5-single-levels-daily-statistics",
        )
    },
    **{f"frequency {f}": lambda f=f: bare(4, 1).assign_attrs(frequency=f) for f in ("day", "mon")},
    # Running totals.
    "running totals in the west": lambda: merged(bare(24, 1, first=1)),
    "since 00 UTC, every three hours": lambda: total(land(bare(8, 3, first=3)), "valid_time"),
    "ERA5-Land, once": lambda: said(land(bare(1)), GRIB_stepType="accum"),
    "since 00 UTC, in the afternoon": lambda: total(bare(6, 1, first=12), "valid_time"),
    "since 00 UTC, said to be hourly": lambda: said(
        total(bare(24, 1, first=1), "valid_time"), cell_methods="time: sum (interval: 1 hour)"
    ),
    # Leads.
    "a single lead of 6 h": lambda: said(forecast(bare(1)), GRIB_stepType="accum"),
    "leads of 6 h, whose values fall": lambda: forecast(bare(4, 6)),
    "leads of 24 h": lambda: total(forecast(bare(4, 24))),
    "leads that begin after two days": lambda: total(forecast(bare(4, 6), first=48)),
    "since the start, whose values fall": lambda: said(
        forecast(bare(4, 6)), comment="Accumulated since the start of the forecast"
    ),
    "since the previous step, of 12 h": lambda: said(
        forecast(bare(4, 12)), comment="Sum since the previous forecast step"
    ),
    "one lead of many forecasts": lambda: said(
        bare(4, 24).assign_coords(step=np.timedelta64(24, "h")), GRIB_stepType="accum"
    ),
    "radiation of GEFS": lambda: per_time(
        said(forecast(bare(4, 3)), comment="Average since the previous forecast step"),
        "mm", "W m-2",
    ).drop_vars("tp").assign_attrs(dataset_id="noaa-gefs-forecast"),
}  # fmt: skip


def _unreferenced(ds: xr.Dataset) -> xr.Dataset:
    del ds["valid_time"].attrs["bounds"]
    return ds


def _encoded(ds: xr.Dataset) -> xr.Dataset:
    ds["valid_time"].encoding["bounds"] = ds["valid_time"].attrs.pop("bounds")
    return ds


def _with_missing(ds: xr.Dataset) -> xr.Dataset:
    ds["time_bnds"].values[1, 0] = np.datetime64("NaT", "ns")
    return ds


def _climatology(ds: xr.Dataset) -> xr.Dataset:
    ds["valid_time"].attrs["climatology"] = "climatology_bounds"
    return ds


def test_there_are_sixty_ways_to_be_wrong():
    assert len(WRONG) >= 60


@pytest.mark.parametrize("case", WRONG)
def test_sums_over_wrong_or_unknown_hours_are_never_taken(case, config14):
    ds = WRONG[case]()
    assert taken(ds, config14, "tp" if "GEFS" not in case else "ssrd") is None


def test_unknown_sums_are_absent_if_asked_and_said(config14):
    report = check(bare(4, 6), config14, missing="climatology")
    assert report.ok
    assert report.absent == ACCUMULATED
    assert "a time that nothing states" in repr(report.predictors[7])


# ---- remedies


def remedies(problem: str) -> list[str]:
    """Return the code in a problem."""
    return re.findall(r"(?:ds\[\S+\]\.attrs\[[^\]]+\] = \"[^\"]+\"|del ds\S+|ds = ds\.[^;]+?\)\)?)",
                      problem)  # fmt: skip


def test_the_remedy_of_unknown_hours_works(config14):
    ds = bare(4, 6)
    for problem in check(ds, config14).problems:
        (code,) = remedies(problem)
        exec(code, {"ds": ds})
    assert check(ds, config14).ok


def test_the_remedy_of_a_stale_step_type_works(config14):
    ds = said(bare(4, 1), GRIB_stepType="instant")
    for problem in check(ds, config14).problems:
        (code,) = remedies(problem)
        exec(code, {"ds": ds})
    assert check(ds, config14).ok


@pytest.mark.parametrize(
    "attrs",
    [
        {"GRIB_stepType": "avg"},
        {"cell_methods": "time: mean"},
        {"comment": "3-hour accumulation", "long_name": "6-hour accumulation"},
    ],
)
def test_every_remedy_of_a_contradiction_removes_it(attrs, config14):
    (problem,) = (p for p in check(said(bare(4, 1), **attrs), config14).problems if "tp" in p[:3])
    codes = problem.split("remove it: ")[1].split(" or ")
    assert len(codes) == len(attrs)
    for code in codes:
        ds = said(bare(4, 1), **attrs)
        exec(code, {"ds": ds})
        assert not any(
            p.startswith("tp") and "contradicts" in p for p in check(ds, config14).problems
        )


@pytest.mark.parametrize("first", [0, 4])
def test_the_remedy_of_a_day_that_lacks_hours_works(first, config14):
    ds = since_midnight(said(bare(36, 1, first=first), comment="Accumulated since 00 UTC"))
    names = {"ds": ds}
    (code,) = set().union(*map(remedies, check(ds, config14).problems))
    exec(code, names)
    report = check(names["ds"], config14)
    assert report.ok, report
    assert report.time is not None
    assert report.time.values[0] == START + (25 if first else 1) * HOUR


def test_the_remedy_of_leads_that_begin_late_works(config14):
    names = {"ds": total(forecast(bare(5, 6), first=48)), "np": np}
    for name in ACCUMULATED:
        problem = next(p for p in check(names["ds"], config14).problems if p.startswith(name))
        first, _ = problem.split("lead: ")[1].split("; ds = ")
        exec(first, names)
    exec("ds = ds.isel(lead_time=slice(1, None))", names)
    report = check(names["ds"], config14)
    assert report.ok, report
    assert report.time is not None and report.time.values.shape == (4,)


# ---- what is known, and brought


def hourly(hours: int = 24, first: float = 1) -> xr.Dataset:
    """Sums over the hour, from which sums of other lengths are made."""
    return bare(hours, 1, first=first)


def every(ds: xr.Dataset, hours: int) -> xr.Dataset:
    """Sum up hours; the stamps are those at their ends."""
    ends = ds.isel(valid_time=slice(hours - 1, None, hours))
    sums = {
        n: ds[n].astype("float64").rolling(valid_time=hours).sum()
        .isel(valid_time=slice(hours - 1, None, hours)).assign_attrs(ds[n].attrs)
        for n in ACCUMULATED
    }  # fmt: skip
    return ends.assign(sums)


def mean_of(ds: xr.Dataset, hours: int) -> xr.Dataset:
    """Turn sums over so many hours into rates, in kg m-2 s-1 and W m-2."""
    seconds = 3600 * hours
    rates = {"tp": ds["tp"].astype("float64") * 1000 / seconds, "ssrd": ds["ssrd"] / seconds}
    units = {"tp": "kg m-2 s-1", "ssrd": "W m-2"}
    return ds.assign({n: rates[n].assign_attrs(units=units[n]) for n in ACCUMULATED})


def members(ds: xr.Dataset, count: int = 3) -> xr.Dataset:
    return ds.expand_dims(number=np.arange(count))


def noted(ds: xr.Dataset, name: str, config14) -> str:
    report = check(ds, config14)
    assert report.ok, report
    return next(note for note in report.notes if note.startswith(name + ":"))


# How sums over several hours are said -> (hours, dataset)
SAID: dict[str, tuple[int, Callable[[], xr.Dataset]]] = {
    "units": (3, lambda: per_time(every(hourly(), 3), "m/3h", "J m-2 (3 h)-1")),
    "units of water": (3, lambda: per_time(every(hourly(), 3), "m of water equivalent (3 h)-1",
                                           "J m-2/3hr")),
    "bounds": (3, lambda: bounded(every(hourly(), 3), 3)),
    "bounds of rates": (6, lambda: bounded(mean_of(every(hourly(), 6), 6), 6)),
    "bounds without a reference": (3, lambda: _unreferenced(bounded(every(hourly(), 3), 3))),
    "bounds in the encoding": (3, lambda: _encoded(bounded(every(hourly(), 3), 3))),
    "bounds that are not there": (6, lambda: bounded(every(hourly(), 6), 6).drop_vars("time_bnds")),
    "cell methods": (3, lambda: said(every(hourly(), 3),
                                     cell_methods="area: mean time: sum (interval: 3 hours)")),
    "cell methods of rates": (6, lambda: said(mean_of(every(hourly(), 6), 6),
                                              cell_methods="time: mean (interval: 6 hr)")),
    "steps of GRIB": (3, lambda: said(every(hourly(), 3), GRIB_stepRange="3-6")),
    "long name": (6, lambda: said(every(hourly(), 6), long_name="6-hour accumulation")),
    "name": (6, lambda: renamed(renamed(every(hourly(), 6), "total_precipitation_6hr"), "ssrd06",
                                "ssrd")),
    "members of ERA5's ensemble": (3, lambda: members(every(hourly(), 3))),
    "members with bounds": (6, lambda: members(bounded(mean_of(every(hourly(), 6), 6), 6))),
    "one member": (3, lambda: said(every(hourly(), 3), GRIB_totalNumber=10)),
    "since the previous step": (6, lambda: said(forecast(every(hourly(), 6)),
                                                comment="Sum since the previous forecast step")),
    "rates since the previous step": (
        6, lambda: said(forecast(mean_of(every(hourly(), 6), 6)), step_type="avg",
                        comment="Average since the previous forecast step."),
    ),
    "since the start, by name": (
        6, lambda: renamed(renamed(total(forecast(every(hourly(), 6))),
                                   "precipitation_surface_run_total"),
                           "surface_solar_radiation_downwards_run_total", "ssrd"),
    ),
    "since the start, by values": (3, lambda: total(forecast(every(hourly(), 3)))),
    "since the start, by ECMWF": (
        6, lambda: said(total(forecast(every(hourly(), 6))), GRIB_stepType="accum")
        .assign_attrs(GRIB_centre="ecmf"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_rain_over_hours_is_shared_out_evenly_and_noted(case, config14):
    hours, make = SAID[case]
    ds = make()
    report = check(ds, config14)
    assert report.ok, report
    got = predictors(ds, report)["tp"]
    true = predictors(hourly(), check(hourly(), config14))["tp"].values
    want = true.reshape(-1, hours, *true.shape[1:]).mean(1)
    spread = got.isel(number=0) if "number" in got.dims else got
    np.testing.assert_allclose(np.squeeze(spread.values), want, rtol=2e-6, atol=1e-9)
    assert "shared out evenly" in next(n for n in report.notes if n.startswith("tp:"))


# Sums over the hour -> (the true fields, how a provider has them)
HOURLY: dict[str, tuple[xr.Dataset, Callable[[xr.Dataset], xr.Dataset]]] = {
    "hourly stamps": (hourly(6), lambda ds: ds),
    "stamps 7 and 8 hours apart": (hourly(24).isel(valid_time=[0, 7, 15, 22]), lambda ds: ds),
    "hours of ERA5, picked": (bare(4, 3), lambda ds: ds.assign_coords(expver="0001")),
    "a single hour of ERA5": (bare(1), lambda ds: ds.assign_coords(expver="0001")),
    "ARCO": (bare(4, 6), lambda ds: ds.assign_attrs(valid_time_start="1940-01-01")),
    "bounds": (bare(4, 6), lambda ds: bounded(ds, 1)),
    "bounds and samples within": (
        bare(4, 6), lambda ds: said(bounded(ds, 1), cell_methods="time: sum (interval: 5 min)"),
    ),
    "cell methods": (bare(1), lambda ds: said(ds, cell_methods="time: sum (interval: 1 hour)")),
    "names": (
        bare(4, 3),
        lambda ds: renamed(renamed(ds, "precipitation_amount_1hour_Accumulation"),
                           "surface_solar_radiation_downwards_hourly", "ssrd"),
    ),
    "units": (bare(4, 6), lambda ds: per_time(ds, "m/1h", "J m-2 (1 h)-1")),
    "a rate made of a sum": (hourly(6), lambda ds: said(mean_of(ds, 1), GRIB_stepType="accum")),
    "mean rates": (hourly(6), lambda ds: said(mean_of(ds, 1), GRIB_stepType="avg")),
    "hourly leads": (hourly(8), forecast),
    "hourly leads since the start": (hourly(8), lambda ds: total(forecast(ds))),
    "leads with the start": (hourly(8), lambda ds: _with_start(total(forecast(ds)))),
    "a lead of an hour": (
        bare(1), lambda ds: said(forecast(ds, first=1), GRIB_stepType="accum"),
    ),
    "since 00 UTC, by values": (hourly(24), since_midnight),
    "since 00 UTC, by comment": (
        hourly(30), lambda ds: said(since_midnight(ds), comment="Accumulated since midnight"),
    ),
    "since 00 UTC, on the grid of ERA5-Land": (land(hourly(24)), since_midnight),
    "on the grid of ERA5-Land": (land(hourly(24)), lambda ds: ds),
}  # fmt: skip


def _with_start(ds: xr.Dataset) -> xr.Dataset:
    """Put lead 0 before the leads: sums are 0 there."""
    start = ds.isel(lead_time=[0])
    nought = {n: (0 * start[n]).assign_attrs(ds[n].attrs) for n in ACCUMULATED}
    start = start.assign(nought).assign_coords(lead_time=start.lead_time - HOUR)
    return xr.concat([start, ds], "lead_time", data_vars="minimal", coords="minimal",
                     compat="override")  # fmt: skip


@pytest.mark.parametrize("case", HOURLY)
def test_sums_over_the_hour_come_out_however_they_are_given(case, config14):
    true, give = HOURLY[case]
    ds = give(true)
    report = check(ds, config14)
    assert report.ok, report
    got = predictors(ds, report)[list(ACCUMULATED)]
    for name in ACCUMULATED:
        field = true[name].sel(latitude=got.latitude, longitude=got.longitude, method="nearest")
        # A total of a day in double precision loses nothing; rates lose the last bits.
        np.testing.assert_allclose(got[name].values, field.values, rtol=1e-6, atol=1e-9)


def test_hourly_sums_are_not_touched(config14):
    ds = hourly(3)
    report = check(ds, config14)
    found = report.predictors[7]
    assert report.time is not None and report.horizontal is not None and found.over is not None
    field = ds["tp"].rename(valid_time="time")
    assert bring(field, found.over, report.time, report.horizontal) is field


def test_leads_of_other_lengths_are_each_shared_out_over_their_own(config14):
    """As of the IFS: every 3 hours, later every 6."""
    ds = total(forecast(hourly(18))).isel(lead_time=[2, 5, 11, 17])
    brought = predictors(ds, check(ds, config14))["tp"]
    inside = {d: brought[d] for d in ("latitude", "longitude")}
    got, sums = brought.values, hourly(18)["tp"].sel(inside).values
    want = [sums[i:j].mean(0) for i, j in ((0, 3), (3, 6), (6, 12), (12, 18))]
    np.testing.assert_allclose(got, np.array(want), rtol=2e-6)


@settings(max_examples=15)
@given(
    leads=st.lists(st.integers(1, 6), min_size=3, max_size=6).map(np.cumsum),
    seed=st.integers(0, 99),
)
def test_running_totals_by_any_leads_add_up_to_the_total(leads, seed):
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.3, size=(leads[-1], 3, 3))
    axes = Horizontal(
        ("latitude", "longitude"), *(np.arange(3.0),) * 4, slice(None), slice(None)
    )  # fmt: skip
    lead = leads * HOUR.astype("timedelta64[ns]")
    start = np.full(leads.size, START)
    time = Time("lead", ("lead",), START + lead, out=("lead",), start=start, lead=lead)
    over = Over("sum", "start", widths(time, "start"), np.zeros(1))
    field = xr.DataArray(rain.cumsum(0)[leads - 1], dims=("lead", "latitude", "longitude"))
    lengths = np.diff(leads, prepend=0)
    brought = bring(field, over, time, axes) * xr.DataArray(lengths, dims="lead")
    np.testing.assert_allclose(brought.sum("lead"), rain.sum(0), rtol=1e-12)


def test_tiny_falls_of_packed_totals_become_dry_hours(config14):
    ds = said(total(forecast(hourly(8))), comment="Accumulated since the start of the forecast")
    dry = ds["tp"].copy()
    dry[4] = dry[3] - 1e-7
    ds = ds.assign(tp=dry)
    assert float(predictors(ds, check(ds, config14))["tp"][4].max()) == 0


@pytest.mark.parametrize("give", [lambda ds: total(forecast(every(ds, 3))), since_midnight])
def test_lazy_sums_are_brought_lazily_to_the_same_bits(give, config14):
    ds = give(hourly(24))
    dim = "lead_time" if "lead_time" in ds.dims else "valid_time"
    lazy = ds.chunk({dim: 1})
    with dask.config.set(scheduler="sync"):
        report = check(lazy, config14)
        out = predictors(lazy, report)
        assert out["ssrd"].chunks[0] == (1,) * ds.sizes[dim]
        xr.testing.assert_identical(out.compute(), predictors(ds, check(ds, config14)))


# ---- sunshine


def noaa(time: np.datetime64, lat: float, lon: float) -> float:
    """Cosine of the zenith angle by NOAA's solar calculator, which has Spencer's series (1971)."""
    day = time.astype("datetime64[D]")
    hours = (time - day) / HOUR
    g = 2 * np.pi / 365.25 * ((day - day.astype("datetime64[Y]")).astype(float) + (hours - 12) / 24)
    declination = (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g) - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g) - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )  # fmt: skip
    angle = np.radians(15 * (hours + minutes / 60 + lon / 15 - 12))
    cosine = np.sin(np.radians(lat)) * np.sin(declination)
    return float(cosine + np.cos(np.radians(lat)) * np.cos(declination) * np.cos(angle))


@settings(max_examples=200)
@given(
    minute=st.integers(0, 30 * 365 * 24 * 60),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
)
def test_the_suns_height_is_that_of_noaas_calculator(minute, lat, lon):
    time = np.datetime64("1990-01-01", "ns") + np.timedelta64(minute, "m")
    got = mean_cosine(time, time, np.array([lat]), np.array([lon]))[0, 0]
    # Spencer's series repeats every year, so it is off by a quarter of a day's declination; in
    # other decades than these the calendar has moved on against it by another.
    assert abs(got - max(noaa(time, lat, lon), 0)) < 0.01


@pytest.mark.parametrize(
    ("day", "minutes"),
    # The equation of time by the Astronomical Almanac: its extremes of a year.
    [("2020-02-11", -14.2), ("2020-05-14", 3.7), ("2020-07-26", -6.5), ("2020-11-03", 16.4)],
)
def test_noon_comes_early_or_late_by_the_equation_of_time(day, minutes):
    noon = np.datetime64(f"{day}T12", "ns") - np.int64(60e9 * minutes)
    five = np.timedelta64(5, "m")
    before, after = (
        mean_cosine(t, t, np.array([20.0]), np.array([0.0])) for t in (noon - 12 * five,
                                                                     noon + 12 * five)
    )  # fmt: skip
    assert abs(before - after).max() < 1e-3


def test_the_mean_over_a_day_is_the_closed_form():
    """At the pole in summer the sun keeps its height, and at the equator the day has 12 hours."""
    day = np.datetime64("2020-06-20T12", "ns")
    pole, equator = mean_cosine(day, day + 24 * HOUR, np.array([90.0, 0.0]), np.array([0.0]))[:, 0]
    tilt = np.radians(23.437)
    assert abs(pole - np.sin(tilt)) < 1e-3
    assert abs(equator - np.cos(tilt) / np.pi) < 1e-3


@settings(max_examples=25)
@given(hours=st.integers(2, 6), first=st.integers(0, 8783))
def test_shares_of_a_window_add_up_to_it(hours, first):
    axes = Horizontal(
        ("latitude", "longitude"), *(np.array([46.0, 38.0]), np.array([8.0, 18.0])) * 2,
        slice(None), slice(None),
    )  # fmt: skip
    end = np.datetime64("2020-01-01", "ns") + (first + hours) * HOUR
    total_of = xr.DataArray(np.full((1, 2, 2), 1e6), dims=("time", "latitude", "longitude"))
    shares = 0
    for back in range(hours):
        stamp = Time("time", ("time",), np.array([end - back * HOUR]))
        window = np.array([float(hours - back)]), np.array([float(back)])
        over = Over("sum", "", *window, by_sun=True)
        shares = shares + bring(total_of, over, stamp, axes)
    np.testing.assert_allclose(shares, 1e6, rtol=2e-3)


def test_clear_sunshine_over_six_hours_gives_the_hours_back(config14):
    ds = hourly(24)
    lat, lon, stamps = ds.latitude.values, ds.longitude.values, ds.valid_time.values
    clear = 3.6e6 * 0.7 * mean_cosine(stamps - HOUR, stamps, lat, lon)
    ds["ssrd"] = ds["ssrd"].copy(data=clear.astype("float32"))
    longer = bounded(every(ds, 6), 6)
    got = predictors(longer, check(longer, config14))["ssrd"]
    want = ds["ssrd"].sel(valid_time=longer.valid_time, latitude=got.latitude,
                          longitude=got.longitude)  # fmt: skip
    np.testing.assert_allclose(got.values, want.values, atol=2e4)
    even = every(ds, 6)["ssrd"].sel(latitude=got.latitude, longitude=got.longitude) / 6
    assert abs(even.values - want.values).max() > 5e5  # what sharing out evenly would do


# ---- the same file, opened in other ways


def opened(path, way: str) -> xr.Dataset:
    ways = {
        "as it is": {},
        "all coordinates decoded": {"decode_coords": "all"},
        "coordinates as in the file": {"decode_coords": "coordinates"},
        "times as numbers": {"decode_times": False},
        "cftime": {"decode_times": xr.coders.CFDatetimeCoder(use_cftime=True)},
        "some variables": {},
    }
    with xr.open_dataset(path, engine="h5netcdf", **ways[way]) as ds:
        out = ds.load()
    return out[[n for n in out.data_vars if "bnds" not in n]] if way == "some variables" else out


FILES = {
    "3-hour sums": lambda: bounded(every(hourly(), 3), 3),
    "6-hour rates": lambda: bounded(mean_of(every(hourly(), 6), 6), 6),
    "daily sums": lambda: bounded(every(hourly(48), 24), 24),
    "hourly sums": lambda: bounded(hourly(6), 1),
    "12-hour sums": lambda: bounded(every(hourly(48), 12), 12),
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_one_verdict_however_it_is_opened(file, config14, tmp_path):
    ds = FILES[file]()
    encoding = {"valid_time": {"units": "minutes since 2020-01-01", "dtype": "int64"}}
    ds.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding=encoding)
    verdicts = {}
    for way in (
        "as it is", "all coordinates decoded", "coordinates as in the file", "times as numbers",
        "cftime", "some variables",
    ):  # fmt: skip
        one = opened(tmp_path / "a.nc", way)
        report = check(one, config14)
        values = float(predictors(one, report)["tp"].sum()) if report.ok else None
        verdicts[way] = report.ok, values
    assert len(set(verdicts.values())) == 1, verdicts


# ---- real rain and sunshine


def test_real_hourly_sums_fall_and_their_totals_of_a_day_do_not(shared):
    folder = shared / "realdata/era5_davos_202001"
    path = folder / "ex3_switzerland_davos_inputs_climate_SURF_202001.nc"
    with xr.open_dataset(path, engine="netcdf4") as ds:
        hours = ds[["tp", "ssrd"]].isel(time=slice(1, 25 + 24 * 27)).load()
    sun = hours.latitude.values, hours.longitude.values
    told = {"tp": [], "ssrd": []}
    totals = {"tp": [], "ssrd": []}
    for day in range(28):
        part = hours.isel(time=slice(24 * day, 24 * day + 24))
        stamps = Series({}, part.time.values)
        for name, at in (("tp", None), ("ssrd", sun)):
            told[name].append(verdict(part[name].values, stamps, at))
            totals[name].append(verdict(part[name].values.cumsum(0), stamps, at))
    assert told["ssrd"] == ["falls"] * 28
    # Rain of one evening rises in many of these 20 cells; another day and the sun tell better.
    assert "runs" not in told["tp"] and told["tp"].count("mixed") <= 1
    assert "falls" not in totals["tp"] and totals["ssrd"] == ["runs"] * 28
    assert totals["tp"].count("runs") >= 10  # the other days were dry


def test_a_real_forecast_of_rain_runs_since_its_start(shared, config14):
    pytest.importorskip("cfgrib", reason="GRIB needs cfgrib, an optional dependency")
    path = shared / "realdata/meteonet_20180501/mn_arpege_PRECIP_SE_20180501000000.grib"
    with xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        report = check(ds.load(), config14, missing="climatology", region="covered")
    over = report.predictors[7].over
    assert over is not None and over.running == "start"
    assert over.is_exactly(1) is False
    np.testing.assert_array_equal(over.begin, np.ones(12))
