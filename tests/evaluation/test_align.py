"""What cannot be compared is refused with the reason; nothing is dropped in silence."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import records
import xarray as xr

from xldm.errors import InputError
from xldm.evaluation.align import comparable


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


def test_a_turned_axis_is_named(truth):
    refused(truth.sortby("y"), truth, r"turn it with sortby\('y'\)")


def test_a_window_is_compared_on_demand(truth):
    window = truth.isel(y=slice(8, 24), x=slice(0, 16))
    forecasts, observed = comparable({"A": window}, truth, "common")
    assert observed["t2m"].shape == forecasts["A"]["t2m"].shape[1:] == (4, 16, 16)


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "julian"])
def test_another_calendar_is_refused(truth, calendar):
    times = [cftime.datetime(2008, 2, 1 + i, calendar=calendar) for i in range(4)]
    refused(truth.assign_coords(time=times), truth, f"its times are {calendar}.*convert_calendar")


def test_numbers_are_no_times(truth):
    refused(truth.assign_coords(time=np.arange(4)), truth, "its times are no dates")


def test_unordered_times_are_refused(truth):
    refused(truth.isel(time=[1, 0, 2, 3]), truth, "not in order")


def test_repeated_times_are_refused(truth):
    refused(truth.isel(time=[0, 0, 1, 2]), truth, "each once")


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
    refused(truth.expand_dims(height=[2.0]), truth, "expected time, y and x and perhaps member")


def test_members_in_the_truth_are_refused(truth):
    refused(truth, truth.expand_dims(member=[0]), "truth: t2m has dims")


def test_reserved_names_are_refused(truth):
    for name in ("truth", "LDM_res mean"):
        with pytest.raises(InputError, match="reserved for the truth or the mean"):
            comparable({name: truth}, truth)


def test_no_forecast_is_refused(truth):
    with pytest.raises(InputError, match="expected at least one"):
        comparable({}, truth)


def test_uneven_cells_are_refused(truth):
    uneven = truth.isel(x=[0, 1, 2, 4, 5])
    refused(uneven, uneven, "not squares of one size")


def test_every_fault_is_in_one_message(truth):
    worse = truth.isel(time=[0]).assign_coords(x=truth["x"] + 700)
    refused(worse, truth, "(?s)its times are not.*its x is not")


def test_an_unknown_way_is_refused(truth):
    refused(truth, truth, "align must be 'exact' or 'common', got 'outer'", how="outer")


def test_nothing_is_computed(truth):
    lazy = truth.chunk(time=1)
    forecasts, observed = comparable({"A": lazy}, lazy)
    assert forecasts["A"].chunks and observed.chunks
