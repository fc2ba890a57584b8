"""What cannot be compared is refused with the reason; nothing is dropped in silence."""

from __future__ import annotations

import re
import warnings

import cftime
import numpy as np
import pandas as pd
import pytest
import records
import xarray as xr

from xldm.errors import ArgumentError, InputError, XldmError
from xldm.evaluation.align import comparable

# Coordinates that are not needed to compare.
AROUND = ["lat", "lon", "spatial_ref"]


@pytest.fixture
def truth() -> xr.Dataset:
    return records.record(4, seed=1)


def refused(forecast: xr.Dataset, truth: xr.Dataset, match: str, how: str = "exact") -> None:
    with pytest.raises(InputError, match=match):
        comparable({"A": forecast}, truth, how)


def test_missing_hours_are_refused_with_their_count(truth):
    refused(
        truth.isel(time=[0, 1, 3]), truth, r"3 against 4, 0 .* 1 only in the truth .*2008-02-27T22"
    )


def test_missing_hours_are_left_out_on_demand(truth):
    forecasts, observed = comparable({"A": truth.isel(time=[0, 3])}, truth, "common")
    assert forecasts["A"].sizes["time"] == observed.sizes["time"] == 2


def test_ensembles_of_other_sizes_keep_all_their_members(truth):
    few, many = (records.record(4, members=m, seed=m) for m in (2, 5))
    forecasts, _ = comparable({"few": few, "many": many}, truth.isel(time=[0, 1]), "common")
    assert [forecasts[n].sizes["member"] for n in ("few", "many")] == [2, 5]


def test_no_common_time_is_refused(truth):
    later = truth.assign_coords(time=truth["time"] + np.timedelta64(1, "D"))
    refused(later, truth, "no time is common", how="common")


def test_another_grid_is_refused(truth):
    refused(truth.assign_coords(x=truth["x"] + 700), truth, "its x is not the truth's")


@pytest.mark.parametrize("dim", ["y", "x", "time"])
@pytest.mark.parametrize("how", ["exact", "common"])
def test_axes_in_another_order_are_brought_to_one(truth, dim, how):
    turned = truth.isel({dim: slice(None, None, -1)})
    for forecast, observed in ((turned, truth), (truth, turned), (turned, turned)):
        forecasts, ordered = comparable({"A": forecast}, observed, how)
        for ds in (forecasts["A"].isel(member=0), ordered):
            xr.testing.assert_equal(ds, truth.drop_vars(AROUND))


def test_a_window_is_compared_on_demand(truth):
    window = truth.isel(y=slice(8, 24), x=slice(0, 16))
    forecasts, observed = comparable({"A": window}, truth, "common")
    assert observed["t2m"].shape == forecasts["A"]["t2m"].shape[1:] == (4, 16, 16)


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "julian"])
def test_another_calendar_is_refused(truth, calendar):
    times = [cftime.datetime(2008, 2, 1 + i, calendar=calendar) for i in range(4)]
    refused(truth.assign_coords(time=times), truth, f"calendar '{calendar}'.*convert_calendar")


def test_numbers_are_no_times(truth):
    refused(truth.assign_coords(time=np.arange(4)), truth, "holds bare numbers")


def test_repeated_times_are_refused(truth):
    refused(truth.isel(time=[0, 0, 1, 2]), truth, "its times repeat")


def test_other_units_are_refused(truth):
    celsius = truth.assign(t2m=(truth["t2m"] - 273.15).assign_attrs(units="degC"))
    refused(celsius, truth, "t2m is in degC, in the truth in K")


def test_another_spelling_of_the_same_units_is_taken(truth):
    spelt = truth.assign(u10=truth["u10"].assign_attrs(units="m/s"))
    comparable({"A": spelt}, truth)


def test_absent_units_are_refused(truth):
    refused(truth.assign(t2m=truth["t2m"].drop_attrs()), truth, "t2m has no units")


def test_an_absent_variable_is_refused(truth):
    refused(truth.drop_vars("v10"), truth, "v10 is in the truth but not here; it has t2m, u10")


def test_unknown_dims_are_refused(truth):
    refused(truth.expand_dims(height=[2.0]), truth, "expected time, y and x and members")


def test_members_in_the_truth_are_refused(truth):
    refused(truth, truth.expand_dims(member=[0]), "truth: t2m has dims")


def test_reserved_names_are_refused(truth):
    for name in ("truth", "LDM_res mean"):
        with pytest.raises(InputError, match="reserved for the truth or the mean"):
            comparable({name: truth}, truth)


def test_no_forecast_is_refused(truth):
    with pytest.raises(InputError, match="expected at least one"):
        comparable({}, truth)


@pytest.mark.parametrize(
    "forecasts", [records.record(4), [records.record(4)], {1: records.record(4)}]
)
def test_forecasts_without_names_are_refused_with_a_way_out(truth, forecasts):
    with pytest.raises(XldmError, match="; use ") as error:
        comparable(forecasts, truth)
    named = eval(str(error.value).partition("; use ")[2], {"forecasts": forecasts})
    comparable(named, truth)


@pytest.mark.parametrize("dim", ["time", "x", "member"])
def test_what_is_empty_is_refused(truth, dim):
    nothing = records.record(4, members=2).isel({dim: []})
    refused(nothing, truth, f"it holds nothing along {dim}")


def test_uneven_cells_are_refused(truth):
    uneven = truth.isel(x=[0, 1, 2, 4, 5])
    refused(uneven, uneven, "not squares of one size")


def test_every_fault_is_in_one_message(truth):
    worse = truth.isel(time=[0]).assign_coords(x=truth["x"] + 700)
    refused(worse, truth, "(?s)its x is not.*its times are not")


def test_an_unknown_way_is_refused(truth):
    with pytest.raises(ArgumentError, match="align: expected 'exact' or 'common'; got 'outer'"):
        comparable({"A": truth}, truth, "outer")


def test_nothing_is_computed(truth):
    lazy = truth.chunk(time=1)
    forecasts, observed = comparable({"A": lazy}, lazy)
    assert forecasts["A"].chunks and observed.chunks


# Coordinates that are the same, and those that are not


@pytest.mark.parametrize("how", ["exact", "common"])
def test_rounding_errors_of_coordinates_leave_no_cell_out(truth, how):
    noise = np.random.default_rng(0).normal(0, 1e-6, truth.sizes["x"])
    half = np.where(np.arange(truth.sizes["x"]) < 20, 0.0, 1e-6)
    for shift in (noise, half):
        shifted = truth.assign_coords(x=truth["x"] + shift)
        with warnings.catch_warnings(action="error"):
            forecasts, observed = comparable({"A": shifted}, truth, how)
        assert observed.sizes == truth.sizes
        np.testing.assert_array_equal(forecasts["A"]["x"], truth["x"])


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (lambda ds: ds.assign_coords(x=ds["x"] + 700.0), "0 of these"),
        (lambda ds: ds.isel(y=slice(None, None, 2), x=slice(None, None, 2)), "of these"),
        (lambda ds: ds.assign_coords(x=ds["x"] * 1.0001), "of these"),
        (lambda ds: ds.isel(x=[0, 1, 2, 5, 6, 7]), "of these"),
    ],
)
def test_grids_that_interleave_are_refused(truth, other, share):
    for how in ("exact", "common"):
        refused(other(truth), truth, f"{share} are common.*interleave", how)


def test_places_apart_are_refused(truth):
    far = truth.assign_coords(x=truth["x"] + 1e6)
    refused(far, truth, "no place is in both")
    refused(far, truth, "no place is in both", "common")


def test_what_is_left_out_is_said(truth):
    with pytest.warns(UserWarning, match="truth: 1 of 4 along time, 8 of 32 along y; A: 8 of 40"):
        comparable(
            {"A": truth.isel(time=[0, 1, 3], y=slice(8, 32))}, truth.isel(x=slice(0, 32)), "common"
        )


def test_nothing_is_said_where_nothing_is_left_out(truth):
    with warnings.catch_warnings(action="error"):
        comparable({"A": truth}, truth, "common")


# Forms of the same data


@pytest.mark.parametrize("name", ["number", "realization", "ensemble_member", "ens", "Number"])
def test_members_may_have_any_usual_name(truth, name):
    ensemble = records.record(4, members=3, seed=2).rename(member=name)
    forecasts, _ = comparable({"A": ensemble}, truth)
    assert forecasts["A"].sizes[name] == 3


def test_members_are_told_by_their_standard_name(truth):
    ensemble = records.record(4, members=3, seed=2).rename(member="draw")
    ensemble["draw"].attrs["standard_name"] = "realization"
    assert comparable({"A": ensemble}, truth)[0]["A"].sizes["draw"] == 3


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_times_may_be_in_any_unit(truth, unit):
    other = truth.assign_coords(time=truth["time"].values.astype(f"datetime64[{unit}]"))
    comparable({"A": other}, truth)
    comparable({"A": truth}, other, "common")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome"])
def test_times_with_a_zone_are_those_of_utc(truth, zone):
    index = pd.DatetimeIndex(truth["time"].values).tz_localize("UTC").tz_convert(zone)
    for times in (index, np.array(list(index), dtype=object)):
        zoned = truth.assign_coords(time=("time", times))
        forecasts, _ = comparable({"A": zoned}, truth)
        np.testing.assert_array_equal(forecasts["A"]["time"], truth["time"])


@pytest.mark.parametrize("calendar", ["standard", "proleptic_gregorian"])
def test_dates_of_the_real_calendar_are_taken(truth, calendar):
    times = [
        cftime.datetime(2008, 2, 27 + (h + 20) // 24, (h + 20) % 24, calendar=calendar)
        for h in range(4)
    ]
    comparable({"A": truth.assign_coords(time=times)}, truth)


def test_arrays_are_compared_by_their_name(truth):
    forecasts, observed = comparable({"A": truth["t2m"]}, truth["t2m"])
    assert list(observed) == list(forecasts["A"]) == ["t2m"]


def test_a_time_alone_is_a_series_of_one(truth):
    one = truth.isel(time=2)
    forecasts, observed = comparable({"A": one}, one)
    assert forecasts["A"].sizes["time"] == observed.sizes["time"] == 1


def test_the_time_of_an_initialisation_is_not_taken_for_a_valid_time(truth):
    # One lead of a WeatherBench forecast: ``time`` is when it starts.
    late = truth.assign_coords(
        time=truth["time"] - np.timedelta64(6, "h"), prediction_timedelta=np.timedelta64(6, "h")
    )
    forecasts, _ = comparable({"A": late}, truth)
    np.testing.assert_array_equal(forecasts["A"]["time"], truth["time"])


def test_packed_values_are_unpacked(truth):
    raw = ((truth["t2m"] - 280) * 100).round().astype("int16")
    raw.attrs = {"units": "K", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -9999}
    raw[0, 0, 0] = -9999
    _, observed = comparable({"A": truth}, truth.assign(t2m=raw))
    np.testing.assert_allclose(observed["t2m"][1:], truth["t2m"][1:], atol=0.006)
    assert np.isnan(observed["t2m"][0, 0, 0])


def test_times_as_text_are_those_of_utc(truth):
    texts = [f"{t}Z" for t in truth["time"].values.astype("datetime64[s]")]
    forecasts, _ = comparable({"A": truth.assign_coords(time=texts)}, truth)
    np.testing.assert_array_equal(forecasts["A"]["time"], truth["time"])


def test_bounds_and_grid_mappings_are_not_compared(truth):
    bounds = np.stack([truth["time"].values] * 2, axis=1)
    told = truth.reset_coords("spatial_ref").assign(time_bnds=(("time", "nv"), bounds))
    told["time"].attrs["bounds"] = "time_bnds"
    told["t2m"].attrs["grid_mapping"] = "spatial_ref"
    assert list(comparable({"A": truth}, told)[1]) == ["t2m", "u10", "v10"]


# What the messages advise


BROKEN = {
    "no units": lambda f, t: (f.assign(t2m=f["t2m"].drop_attrs()), t),
    "other units": lambda f, t: (f.assign(t2m=(f["t2m"] - 273.15).assign_attrs(units="degC")), t),
    "a variable too many": lambda f, t: (f.drop_vars("v10"), t),
    "no name": lambda f, t: (f["t2m"].rename(None), t[["t2m"]]),
    "an hour too many": lambda f, t: (f, t.isel(time=[0, 1, 3])),
    "an hour too few": lambda f, t: (f.isel(time=[0, 1, 3]), t),
    "a repeated hour": lambda f, t: (f.isel(time=[0, 0, 1, 2, 3]), t),
    "repeated valid times": lambda f, t: (
        f.isel(time=[0, 0, 1, 2, 3]).rename(time="valid_time"),
        t,
    ),
    "a repeated column": lambda f, t: (f.isel(x=[*range(40), 39]), t),
    "a window": lambda f, t: (f.isel(x=slice(0, 20)), t),
    "cells between": lambda f, t: (f.assign_coords(x=f["x"] + 700.0), t),
    "other cells": lambda f, t: (f.coarsen(y=4, x=4).mean(keep_attrs=True), t),
    "a dim too many": lambda f, t: (f.expand_dims(height=[2.0, 10.0]), t),
    "a simulation each": lambda f, t: (f.expand_dims(scenario=["ssp126", "ssp585"]), t),
    "a truth with members": lambda f, t: (f, t.expand_dims(member=[0])),
    "a truth with leads": lambda f, t: (f.isel(time=[0]), _with_lead(t)),
    "degrees": lambda f, t: (f, t.rename(y="latitude", x="longitude")),
    "a missing time": lambda f, t: (
        f.assign_coords(time=[np.datetime64("NaT"), *f["time"].values[1:]]),
        t,
    ),
    "no leap days": lambda f, t: (
        f.assign_coords(time=xr.date_range("2008-03-01", periods=4, calendar="noleap")),
        t.assign_coords(time=xr.date_range("2008-03-01", periods=4)),
    ),
    "months of 30 days": lambda f, t: (
        f.assign_coords(time=xr.date_range("2008-03-01", periods=4, calendar="360_day")),
        t.assign_coords(time=xr.date_range("2008-03-01", periods=4)),
    ),
}
ADVICE = r"\b[uU]se (.+?)(?:; |[.] |[.]?\n|[.]?$| to leave| for the)"


def _with_lead(ds: xr.Dataset) -> xr.Dataset:
    start, hours = ds["time"].values[0], ds["time"].values - ds["time"].values[0]
    return ds.drop_vars("time").rename(time="step").assign_coords(time=start, step=hours)


@pytest.mark.parametrize("broken", BROKEN)
def test_the_advice_of_a_message_works(truth, broken):
    forecast, observed = BROKEN[broken](records.record(4, members=2, seed=2), truth)
    forecasts, how = {"A": forecast}, "exact"
    for _ in range(3):  # advice may lead to further advice
        try:
            comparable(forecasts, observed, how)
        except InputError as error:
            advised = re.findall(ADVICE, str(error))
            assert advised, str(error)
        else:
            break
        for code in advised:
            if code == "align='common'":
                how = "common"
                continue
            value = eval(code, {"forecasts": forecasts, "truth": observed, "xr": xr, "np": np})
            if code.startswith(("truth", "xr.decode_cf(truth")):
                observed = value
            else:
                forecasts["A"] = value
    comparable(forecasts, observed, how)


def test_the_advice_cases_are_refused_at_first(truth):
    for broken in BROKEN.values():
        forecast, observed = broken(records.record(4, members=2, seed=2), truth)
        with pytest.raises(InputError):
            comparable({"A": forecast}, observed)
