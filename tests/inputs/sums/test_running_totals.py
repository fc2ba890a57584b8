"""Totals that start anew every few hours, or never: neither is a sum over the hour."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from layouts import START, cds, cfgrib_forecast, plain
from remedies import applied

from xldm.inputs.predictors import check, predictors
from xldm.inputs.sums.running_totals import restarts

HOUR = np.timedelta64(1, "h").astype("timedelta64[ns]")


def ncep(hours: int, period: int) -> xr.Dataset:
    """A forecast by cfgrib whose rain is summed up since the last multiple of some hours."""
    ds = plain(hours)
    out = cfgrib_forecast(ds, 1).drop_vars("ssrd")
    rain = 1000 * ds["tp"].values
    since = [rain[i - i % period : i + 1].sum(0) for i in range(hours)]
    out["tp"] = (
        out["tp"]
        .copy(data=np.array(since))
        .assign_attrs(units="kg m**-2", GRIB_paramId=228228, GRIB_centre="kwbc")
    )
    return out


def hourly(hours: int) -> xr.Dataset:
    """ERA5 without sunshine, and without a word about its rain."""
    ds = cds(plain(hours)).drop_vars(["expver", "ssrd"])
    ds["tp"].attrs = {"units": "m"}
    return ds


def why(ds: xr.Dataset, config14) -> str:
    found = check(ds, config14, missing="climatology")
    return next(f.becomes for f in found.predictors if f.name == "tp")


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("period", [3, 6, 12])
def test_totals_that_start_anew_every_few_hours_are_refused(period, lazy, config14):
    ds = ncep(24, period)
    assert "starts anew" in why(ds.chunk(step=1) if lazy else ds, config14)


def test_differences_of_totals_that_start_anew_are_taken_once_they_say_so(config14):
    ds = ncep(12, 6)
    advice, total = why(ds, config14), ds["tp"].values
    before = np.where(np.arange(12)[:, None, None] % 6 == 0, 0, np.roll(total, 1, axis=0))
    ds["tp"] = ds["tp"].copy(data=total - before)
    ds = applied(advice.rstrip(")"), ds)
    got = predictors(ds, check(ds, config14, missing="climatology"))
    want = cds(plain(12))
    want = predictors(want, check(want, config14))
    np.testing.assert_allclose(got["tp"].values, want["tp"].values, atol=1e-8)


def test_a_total_of_two_days_without_a_start_is_not_taken_for_totals_of_each(config14):
    ds = hourly(48)
    ds["tp"] = (ds["tp"].cumsum("valid_time") / 10).assign_attrs(units="m")
    assert "not even from one day to the next" in why(ds, config14)


def test_sunshine_by_the_hour_does_not_belie_a_total_of_two_days(config14):
    ds = hourly(48).assign(ssrd=cds(plain(48))["ssrd"])
    ds["tp"] = (ds["tp"].cumsum("valid_time") / 10).assign_attrs(units="m")
    assert "not even from one day to the next" in why(ds, config14)


def test_a_total_is_read_once_its_start_is_given(config14):
    ds = hourly(48)
    ds["tp"] = (ds["tp"].cumsum("valid_time") / 10).assign_attrs(units="m")
    ds = ds.assign_coords(forecast_reference_time=START)
    got = predictors(ds, check(ds, config14, missing="climatology"))["tp"].values
    want = hourly(48)
    want = predictors(want, check(want, config14, missing="climatology"))["tp"].values / 10
    np.testing.assert_allclose(got, want, atol=1e-7)


def test_totals_of_each_day_are_still_read(config14):
    ds = hourly(48)
    day = xr.DataArray(np.arange(48) // 24, dims="valid_time", name="day")
    ds["tp"] = (ds["tp"] / 10).groupby(day).cumsum().assign_attrs(units="m")
    got = predictors(ds, check(ds, config14, missing="climatology"))["tp"].values
    want = hourly(48)
    want = predictors(want, check(want, config14, missing="climatology"))["tp"].values / 10
    np.testing.assert_allclose(got, want, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_rain_that_comes_and_goes_does_not_start_anew(seed):
    rng = np.random.default_rng(seed)
    hours = START + np.arange(1, 25) * HOUR
    rain = np.maximum(rng.normal(size=(24, 9, 9)).cumsum(0), 0)
    assert restarts(rain, hours) == 0


def bare(ds, rain):
    """Hours of ERA5 without a word of what sums are over."""
    out = cds(ds).drop_vars(["ssrd", "expver", "number"])
    out["tp"] = out["tp"].copy(data=rain).assign_attrs(units="m")
    out["tp"].attrs = {"units": "m"}
    return out


def uneven(hours):
    """Rain that differs from hour to hour and place to place, in m."""
    shape = plain(hours)["tp"].shape
    return np.random.default_rng(3).gamma(0.5, 1e-3, shape)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("hour", [6, 9, 12])
def test_totals_of_days_that_end_at_other_hours_are_refused(hour, lazy, config14):
    ds, rain = plain(72), uneven(72)
    since = [rain[i - (i - hour) % 24 if i >= hour else 0 : i + 1].sum(0) for i in range(72)]
    ds = bare(ds, np.array(since))
    ds = ds.chunk(valid_time=1) if lazy else ds
    assert not {"tp"} <= {f.name for f in check(ds, config14, missing="climatology").predictors
                          if f.variable is not None and not f.problem}  # fmt: skip


@pytest.mark.parametrize("hours", [3, 4, 5])
def test_a_few_hours_that_never_fall_are_refused(hours, config14):
    ds = bare(plain(hours), uneven(hours).cumsum(0))
    report = check(ds, config14, missing="climatology")
    assert "never falls" in next(f.becomes for f in report.predictors if f.name == "tp")


@pytest.mark.parametrize("hours", [3, 4, 5])
def test_a_few_hours_of_rain_are_taken(hours, config14):
    report = check(bare(plain(hours), uneven(hours)), config14, missing="climatology")
    assert report.problems == ()
