"""Times in other forms than datetime64, and calendars."""

from __future__ import annotations

import datetime

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from remedies import applied

from xldm.errors import InputError
from xldm.inputs.axes.time_values import as_times, calendar_remedy, undecoded

HOURS = pd.date_range("2020-07-15T00", periods=3, freq="h", unit="ns")
UTC = HOURS.tz_localize("UTC")


def along(values, **attrs) -> xr.DataArray:
    """A coordinate ``time`` of these values."""
    return xr.Dataset(coords={"time": ("time", values, attrs)})["time"]


HELD = {
    "a zone": UTC,
    "another zone": UTC.tz_convert("Europe/Rome"),
    "Timestamps with a zone": np.array(UTC, dtype=object),
    "datetime": np.array([t.to_pydatetime() for t in UTC], dtype=object),
    "text": HOURS.strftime("%Y-%m-%dT%H:%M").to_numpy().astype("U"),
    "text with a blank": HOURS.strftime("%Y-%m-%d %H:%M:%S").to_numpy().astype("U"),
    "text with Z": HOURS.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy().astype(object),
    "text with another zone": UTC.tz_convert("Europe/Rome").strftime("%Y-%m-%dT%H:%M:%S%z"),
    "bytes": HOURS.strftime("%Y-%m-%dT%H:%M").to_numpy().astype("S"),
}


@pytest.mark.parametrize("form", HELD)
def test_times_of_any_form_become_utc(form):
    got, how = as_times(along(HELD[form]))
    np.testing.assert_array_equal(got.astype("datetime64[ns]"), HOURS.to_numpy())
    assert how


def test_a_single_time_as_text_is_decoded():
    scalar = xr.Dataset(coords={"time": "2020-07-15T06:00"})["time"]
    got, _ = as_times(scalar)
    assert got.astype("datetime64[h]").tolist() == [datetime.datetime(2020, 7, 15, 6)]


def test_days_of_cdo_are_decoded_to_the_second():
    spelt = along([20200715.0, 20200715.041667, 20200715.083333], units="day as %Y%m%d.%f")
    got, _ = as_times(spelt)
    np.testing.assert_array_equal(got.astype("datetime64[ns]"), HOURS.to_numpy())


def test_days_of_cdo_in_single_precision_are_refused():
    with pytest.raises(InputError, match="float32"):
        as_times(along(np.array([20200715.0], "f4"), units="day as %Y%m%d.%f"))


def test_days_of_cdo_without_leap_days_are_refused():
    with pytest.raises(InputError, match="noleap"):
        as_times(along([20200715.0], units="day as %Y%m%d.%f", calendar="noleap"))


@pytest.mark.parametrize(
    "values",
    [
        HOURS.to_numpy(),
        np.array(["0001", "0005"]),
        np.array([1.0, 2.0]),
        np.array(["15/07/2020 00:00"]),
        np.array([cftime.DatetimeNoLeap(2020, 7, 15)]),
    ],
    ids=["times", "labels", "numbers", "days first", "cftime"],
)
def test_what_is_no_time_or_is_one_already_is_left_alone(values):
    assert as_times(along(values))[1] == ""


# ---- remedies

BARE = {
    "counts of ns": HOURS.as_unit("ns").asi8,
    "counts of ns as objects": HOURS.as_unit("ns").asi8.astype(object),
    "counts of s": HOURS.as_unit("s").asi8,
    "digits": HOURS.strftime("%Y%m%d%H").to_numpy().astype("int64"),
    "digits as float": HOURS.strftime("%Y%m%d%H").to_numpy().astype("float64"),
    "text of days first": HOURS.strftime("%d/%m/%Y %H:%M").to_numpy().astype("U"),
    "digits as text": HOURS.strftime("%Y%m%d%H").to_numpy().astype("U"),
    "basic ISO 8601": HOURS.strftime("%Y%m%dT%H%M").to_numpy().astype("U"),
    "months in words": HOURS.strftime("%d %b %Y %H:%M").to_numpy().astype("U"),
    "periods": HOURS.to_period("h"),
}


@pytest.mark.parametrize("form", BARE)
def test_the_printed_remedy_decodes_what_cannot_be_told(form):
    coordinate = along(BARE[form])
    fixed = applied(undecoded(coordinate), coordinate.to_dataset(name="x").drop_vars("x"))
    np.testing.assert_array_equal(fixed["time"].values.astype("datetime64[ns]"), HOURS.to_numpy())


def test_the_printed_remedy_keeps_the_dim_of_a_coordinate_of_another_name():
    ds = xr.Dataset(coords={"valid_time": ("time", BARE["digits"])})
    fixed = applied(undecoded(ds["valid_time"]), ds)
    assert fixed["valid_time"].dims == ("time",)
    assert fixed["valid_time"].dtype.kind == "M"


def test_the_printed_remedy_decodes_days_with_fractions():
    ds = xr.Dataset(coords={"time": ("time", [20200715.25, 20200715.5])})
    fixed = applied(undecoded(ds["time"]), ds)
    got, _ = as_times(fixed["time"])
    assert got.astype("datetime64[h]").tolist()[1] == datetime.datetime(2020, 7, 15, 12)


def test_small_numbers_are_asked_what_they_count():
    ds = xr.Dataset(coords={"time": ("time", [1056504, 1056505])})
    fixed = applied(undecoded(ds["time"]), ds)
    assert fixed["time"].values[0] == np.datetime64("2020-07-11T00")


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_the_printed_remedy_decodes_numbers_of_another_calendar(calendar):
    attrs = {"units": "days since 2021-02-26", "calendar": calendar}
    ds = xr.Dataset({"t2m": ("time", [1.0, 2.0])}, {"time": ("time", [0.0, 0.5], attrs)})
    fixed = applied(calendar_remedy(calendar, "time", ("time",), numbers=True), ds)
    assert fixed["time"].dtype.kind == "M" and fixed["time"].size == 2


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "all_leap", "julian"])
@pytest.mark.parametrize("where", ["its own dim", "another dim", "no dim"])
def test_the_printed_remedy_brings_any_calendar_to_real_days(calendar, where):
    times = xr.date_range("2021-02-26", periods=6, freq="12h", calendar=calendar, use_cftime=True)
    ds = xr.Dataset({"t2m": ("time", np.arange(6.0))}, {"time": times})
    if where == "another dim":
        ds = ds.rename(time="valid_time").rename_dims(valid_time="step").drop_indexes("valid_time")
    elif where == "no dim":
        ds = ds.isel(time=0)
    (name,) = ds.coords
    fixed = applied(calendar_remedy(calendar, name, ds[name].dims), ds)
    assert fixed[name].dtype.kind == "M" and fixed[name].size >= 1
    assert not np.isnat(fixed[name].values).any()
