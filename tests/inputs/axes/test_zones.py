"""Zones that attributes of times name, and those that they deny."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from remedies import applied

from xldm.errors import InputError
from xldm.inputs.axes.times import time_axis
from xldm.inputs.axes.zones import foreign_zone

START = np.datetime64("2020-07-15T00", "ns")


def said(key, text):
    return foreign_zone(xr.DataArray(0, attrs={key: text}))[1]


@pytest.mark.parametrize(
    "text",
    [
        "not local time",
        "UTC, not local time",
        "UTC (not CET)",
        "time in UTC rather than local time",
        "UTC instead of CEST",
        "never in local time",
        "not given as local solar time",
        "no local time, UTC",
        "converted from local time to UTC",
        "from Europe/Rome to UTC",
        "converted to UTC from local standard time",
        "CET times were converted to UTC",
        "UTC; for local time add 1 h",
    ],
)
@pytest.mark.parametrize("key", ["comment", "long_name", "description"])
def test_a_zone_that_is_denied_or_left_behind_is_none(key, text):
    assert said(key, text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "local time",
        "local mean solar time",
        "not UTC but local time",
        "not UTC, local time",
        "not in UTC but in CET",
        "converted from UTC to local time",
        "not converted from local time to UTC",
        "never converted to UTC from local time",
        "local time was not converted to UTC",
        "time (CEST)",
        "UTC+2",
    ],
)
def test_a_zone_that_is_said_counts(text):
    assert said("comment", text)


@pytest.mark.parametrize("zone", ["UTC", "Z", "GMT", "Etc/UTC", "UTC+0", "+00:00", "none", ""])
def test_names_of_utc_are_no_other_zone(zone):
    assert said("timezone", zone) == ""


@pytest.mark.parametrize("zone", ["EST", "+02:00", "local", "Europe/Rome", "UTC+01:00", "MEZ"])
def test_any_other_name_of_a_zone_counts(zone):
    assert said("timezone", zone) == zone.lower()


UNITS = "hours since 2020-07-15 00:00:00"


@pytest.mark.parametrize("zone", ["CEST", "EST", "local time", "Europe/Rome"])
@pytest.mark.parametrize("opened", [False, True])
def test_a_zone_in_units_is_refused_before_and_after_decoding(zone, opened):
    ds = xr.Dataset(coords={"time": ("time", [0, 1, 2], {"units": f"{UNITS} {zone}"})})
    ds = xr.decode_cf(ds) if opened else ds
    with pytest.raises(InputError, match="units says") as error:
        time_axis(ds)
    if opened:
        assert time_axis(applied(str(error.value), ds)).values[0] == START


@pytest.mark.parametrize(("offset", "hours"), [("", 0), (" UTC", 0), (" +02:00", -2), ("Z", 0)])
def test_offsets_in_units_are_taken_into_account(offset, hours):
    ds = xr.Dataset(coords={"time": ("time", [0, 1, 2], {"units": UNITS + offset})})
    assert time_axis(ds).values[0] == START + np.timedelta64(hours, "h")
