"""Sums and rates: brought to the hour that ends at the stamp, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from conftest import cds_new

from xldm.inputs.predictors import check, predictors
from xldm.inputs.report import Report

HOUR = np.timedelta64(1, "h")
ACCUMULATED = ("tp", "ssrd")
PARAM = {"tp": 228, "ssrd": 169}
START = np.datetime64("2020-07-15T00", "ns")


# ---- how inputs are made


def bare(steps: int = 4, hours: float = 3, first: float = 0) -> xr.Dataset:
    """Fields at even stamps that say nothing about sums: no expver, no GRIB keys."""
    ds = cds_new(steps).drop_vars(["number", "expver"])
    ds["ssrd"] = (ds["ssrd"] * 0.3).assign_attrs(ds["ssrd"].attrs)
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
    "steps 0 to 12": lambda: said(bare(1), GRIB_startStep=0, GRIB_endStep=12),
    "one of ten members, hourly": lambda: said(
        bare(4, 1), GRIB_stepType="accum", GRIB_totalNumber=10
    ),
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
