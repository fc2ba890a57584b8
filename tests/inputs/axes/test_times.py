"""Valid times of series and forecasts: what is stated, what follows, what is refused."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from remedies import applied, codes

from xldm.errors import InputError
from xldm.inputs import dialects
from xldm.inputs.axes.times import time_axis

START = np.datetime64("2020-07-15T00", "ns")
HOUR = np.timedelta64(1, "h").astype("timedelta64[ns]")
# forecastMonth counts months, which have no length.
LEADS = [name for name in dialects.LEAD if name != "forecastmonth"]


def forecast(
    start="time", lead="step", starts=(0, 12), leads=(6, 12, 18), attrs=None
) -> xr.Dataset:
    """A field of forecasts along initialisation and lead, both in hours."""
    coords = {
        start: (start, START + np.array(starts) * HOUR, attrs or {}),
        lead: (lead, np.array(leads) * HOUR),
    }
    shape = len(starts), len(leads)
    return xr.Dataset({"t2m": ((start, lead), np.zeros(shape, "f4"))}, coords)


def hours(*values: int) -> np.ndarray:
    return START + np.array(values) * HOUR


@pytest.mark.parametrize("name", LEADS)
def test_a_scalar_lead_of_any_name_counts(name):
    ds = forecast(lead=name).isel({name: 1})
    np.testing.assert_array_equal(time_axis(ds).values, hours(12, 24))


@pytest.mark.parametrize("name", LEADS)
def test_a_lead_of_one_value_counts(name):
    ds = forecast(lead=name).isel({name: [2]})
    np.testing.assert_array_equal(time_axis(ds).values, hours(18, 30)[:, None])


@pytest.mark.parametrize("units", ["hours", "h", "hr", "days", "seconds", "minutes", "ns"])
def test_leads_as_numbers_count_in_their_units(units):
    ds = forecast()
    per = {"h": 1, "d": 24, "s": 1 / 3600, "m": 1 / 60, "n": 1 / 3.6e12}[units[0]]
    stated = ds.assign_coords(step=("step", np.array([6, 12, 18]) / per, {"units": units}))
    np.testing.assert_array_equal(time_axis(stated).values, time_axis(ds).values)


@pytest.mark.parametrize("start", dialects.START)
def test_the_initialisation_is_found_by_any_of_its_names(start):
    time = time_axis(forecast(start=start))
    assert time.out == (start, "step")
    np.testing.assert_array_equal(time.values, [hours(6, 12, 18), hours(18, 24, 30)])


@given(
    starts=st.lists(st.integers(0, 10**5), min_size=1, max_size=4, unique=True).map(sorted),
    leads=st.lists(st.integers(1, 400), min_size=1, max_size=5, unique=True).map(sorted),
    stated=st.booleans(),
    order=st.booleans(),
)
def test_valid_time_is_initialisation_plus_lead_however_laid_out(starts, leads, stated, order):
    ds = forecast("init_time", "lead_time", starts, leads)
    want = START + (np.add.outer(starts, leads)) * HOUR
    if stated:
        ds = ds.assign_coords(valid_time=(("init_time", "lead_time"), want))
    if order:
        ds = ds.transpose("lead_time", "init_time")
    time = time_axis(ds)
    np.testing.assert_array_equal(time.values, want)
    np.testing.assert_array_equal(time.start + time.lead, want)


def test_one_initialisation_leaves_the_lead_its_name():
    time = time_axis(forecast("init_time", "lead_time").isel(init_time=1))
    assert (time.out, time.roles) == (("lead_time",), ("forecast_period",))
    coordinates = time.coordinates()
    assert coordinates["forecast_reference_time"][:2] == ((), START + 12 * HOUR)
    np.testing.assert_array_equal(coordinates["valid_time"][1], hours(18, 24, 30))


def test_hours_of_one_analysis_are_a_series():
    ds = forecast(leads=[0]).isel(step=0)
    assert time_axis(ds).out == ("time",)


def test_sums_of_era5_by_cfgrib_are_put_in_order():
    ds = forecast(starts=(6, 18), leads=range(1, 13), attrs={"long_name": "initial time"})
    time = time_axis(ds)
    np.testing.assert_array_equal(time.values, hours(*range(7, 31)))
    assert time.out == ("time",)


def test_valid_times_along_another_dim_need_no_index():
    ds = xr.Dataset({"t2m": ("record", [1.0, 2.0])}, {"valid_time": ("record", hours(0, 1))})
    np.testing.assert_array_equal(time_axis(ds).values, hours(0, 1))


def test_times_that_are_valid_keep_the_lead_of_each():
    ds = xr.Dataset(
        {"t2m": ("time", [1.0, 2.0, 3.0])},
        {"time": hours(6, 12, 18), "forecast_period": ("time", [6, 12, 18], {"units": "hours"})},
    )
    np.testing.assert_array_equal(time_axis(ds).values, hours(6, 12, 18))


@pytest.mark.parametrize("year", [1500, 2300, 9000])
@pytest.mark.parametrize("form", ["datetime64", "cftime"])
def test_years_beyond_nanoseconds_do_not_wrap_round(year, form):
    days = range(1, 4)
    times = (
        np.array([f"{year}-07-0{d}" for d in days], "datetime64[s]")
        if form == "datetime64"
        else [cftime.DatetimeProlepticGregorian(year, 7, d) for d in days]
    )
    ds = xr.Dataset({"t2m": ("time", [1.0, 2.0, 3.0])}, {"time": times})
    assert [str(t)[:10] for t in time_axis(ds).values] == [f"{year}-07-0{d}" for d in days]


def test_a_lead_reaches_beyond_nanoseconds():
    ds = forecast("init_time", "lead_time", [0], [24 * 365 * 50])
    start = np.array(["2250-01-01"], "datetime64[s]")
    time = time_axis(ds.assign_coords(init_time=("init_time", start)))
    assert str(time.values[0, 0])[:10] == "2299-12-20"


def test_leads_after_the_start_are_what_is_left_without_it():
    time = time_axis(forecast("init_time", "lead_time", leads=(0, 6, 12))).without_start()
    np.testing.assert_array_equal(time.values, [hours(6, 12), hours(18, 24)])
    assert time.select == {"lead_time": slice(1, 3, 1)}


# ---- what is refused, and whether the advice helps


def _valid_or_start(ds):
    return ds.isel(step=1).assign_coords(time=ds.time.assign_attrs(standard_name="time"))


REFUSED = {
    "time with a lead says that it is time": (_valid_or_start, "is it the valid time", 2),
    "a start without a lead": (
        lambda ds: ds.isel(step=0, drop=True).rename(time="init_time"),
        "nothing tells their lead", 2,
    ),
    "cfgrib's start without its step": (
        lambda ds: ds.isel(step=0, drop=True).assign_coords(
            time=ds.time.assign_attrs(long_name="initial time of forecast")
        ),
        "nothing tells their lead", 2,
    ),
    "a stale valid time": (
        lambda ds: ds.assign_coords(valid_time=ds.time), "Drop the one that is stale", 2,
    ),
    "leads without units": (
        lambda ds: ds.assign_coords(step=[6, 12, 18]), "without units", 1,
    ),
    "leads that fall": (lambda ds: ds.isel(step=[1, 0, 2]), "do not ascend along 'step'", 1),
    "leads that repeat": (lambda ds: ds.isel(step=[0, 1, 1]), "do not ascend along 'step'", 1),
    "times that repeat": (
        lambda ds: ds.isel(step=1).isel(time=[0, 1, 1]), "occurs more than once", 1,
    ),
    "times that fall": (lambda ds: ds.isel(step=1).isel(time=[1, 0]), "Times do not ascend", 1),
    "valid times along another dim that repeat": (
        lambda ds: xr.Dataset(
            {"t2m": ("record", [1.0, 2.0])}, {"valid_time": ("record", hours(1, 1))}
        ),
        "occurs more than once", 1,
    ),
    "valid times along another dim that fall": (
        lambda ds: xr.Dataset(
            {"t2m": ("record", [1.0, 2.0])}, {"valid_time": ("record", hours(2, 1))}
        ),
        "Times do not ascend", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_times_that_are_open_or_wrong_are_refused_and_the_advice_helps(case):
    spoil, words, count = REFUSED[case]
    ds = spoil(forecast())
    with pytest.raises(InputError, match=words) as error:
        time_axis(ds)
    assert len(codes(str(error.value))) == count
    for which in range(count):
        time_axis(applied(str(error.value), ds, which))


def test_months_of_lead_are_refused():
    ds = forecast().rename(step="forecastMonth").assign_coords(forecastMonth=[1, 2, 3])
    with pytest.raises(InputError, match="forecastMonth"):
        time_axis(ds)


def test_without_any_time_there_is_no_axis():
    with pytest.raises(InputError, match="No time axis"):
        time_axis(xr.Dataset({"t2m": ("x", [1.0])}))


@pytest.mark.parametrize(
    "attrs",
    [
        {"timezone": "Europe/Rome"},
        {"long_name": "local time"},
        {"long_name": "time (CEST)"},
        {"description": "UTC+2"},
    ],
)
def test_times_that_say_another_zone_are_refused(attrs):
    ds = xr.Dataset(coords={"time": ("time", START + np.arange(3) * HOUR, attrs)})
    with pytest.raises(InputError, match="local time") as error:
        time_axis(ds)
    assert time_axis(applied(str(error.value), ds)).values[0] == START


@pytest.mark.parametrize("attrs", [{"timezone": "UTC"}, {"long_name": "time"}, {"tz": "GMT"}])
def test_times_that_say_utc_are_taken(attrs):
    ds = xr.Dataset(coords={"time": ("time", START + np.arange(3) * HOUR, attrs)})
    assert time_axis(ds).values[0] == START


def test_lengths_of_time_named_time_are_leads_as_graphcast_has_them():
    leads = np.array([6, 12, 18]) * HOUR
    coords = {"time": leads, "datetime": (("batch", "time"), (START + leads)[None])}
    time = time_axis(xr.Dataset(coords=coords))
    assert time.out == ("batch", "time")
    np.testing.assert_array_equal(time.values[0], START + leads)
    np.testing.assert_array_equal(time.lead[0], leads)


def test_leads_alone_are_refused_and_the_remedy_works():
    ds = xr.Dataset(coords={"time": np.array([6, 12]) * HOUR})
    with pytest.raises(InputError, match="nothing tells when they start") as error:
        time_axis(ds)
    assert time_axis(applied(str(error.value), ds)).values[0] == START + 6 * HOUR
