"""Forecasts and ensembles through a model: dims that pass through, and the address of the noise."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import xarray as xr
from conftest import cds_new

import xldm
from xldm.models.model import Model

HOUR = np.timedelta64(1, "h").astype("timedelta64[ns]")
OPTIONS = {"steps": 1, "progress": False}


@pytest.fixture(scope="module")
def model():
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture(scope="module")
def hours() -> xr.Dataset:
    return cds_new(times=4).drop_vars(["number", "expver"])


def forecast(hours: xr.Dataset, members: int = 3) -> xr.Dataset:
    """Hourly leads after one start, and members that differ a little."""
    start = hours.valid_time.values[0] - HOUR
    leads = hours.valid_time.values - start
    single = hours.rename(valid_time="lead_time").assign_coords(lead_time=leads)
    single = single.expand_dims(init_time=[start])
    every = xr.concat([single * np.float32(1 + m / 1e4) for m in range(members)], "ensemble_member")
    for name in every.data_vars:
        every[name].attrs = hours[name].attrs
    every = every.assign_coords(ensemble_member=range(members))
    return every.transpose("init_time", "lead_time", "ensemble_member", ...)


def test_dims_of_a_forecast_pass_through_with_their_roles(hours, model):
    out = xldm.downscale(forecast(hours), model, members=2, **OPTIONS)
    dims = ("member", "init_time", "lead_time", "ensemble_member", "y", "x")
    assert out["t2m"].dims == dims
    roles = {n: out[n].attrs["standard_name"] for n in (*dims[:4], "valid_time")}
    assert roles == {
        "member": "realization",
        "init_time": "forecast_reference_time",
        "lead_time": "forecast_period",
        "ensemble_member": "realization",
        "valid_time": "time",
    }
    np.testing.assert_array_equal(out["valid_time"][0], hours.valid_time)


def test_ten_leads_of_five_members_are_the_same_lazily_and_at_once(model):
    ds = forecast(cds_new(times=10).drop_vars(["number", "expver"]), members=5)
    eager = xldm.downscale(ds, model, members=2, **OPTIONS)
    lazy = xldm.downscale(ds.chunk(lead_time=3, ensemble_member=2), model, members=2, **OPTIONS)
    assert lazy["t2m"].chunksizes["lead_time"] == (1,) * 10
    xr.testing.assert_identical(lazy.compute(), eager)


@pytest.mark.parametrize("dims", [("ensemble_member", "lead_time"), ("lead_time", "init_time")])
def test_the_order_of_dims_in_the_input_does_not_matter(dims, hours, model):
    ds = forecast(hours)
    want = xldm.downscale(ds, model, **OPTIONS)
    xr.testing.assert_identical(xldm.downscale(ds.transpose(*dims, ...), model, **OPTIONS), want)


def test_a_forecast_of_member_nought_is_the_series_of_its_valid_times(hours, model):
    ds = forecast(hours).isel(init_time=0, ensemble_member=0, drop=True)
    ds = ds.assign_coords(init_time=forecast(hours).init_time[0])
    out = xldm.downscale(ds, model, **OPTIONS)
    want = xldm.downscale(hours, model, **OPTIONS)
    np.testing.assert_array_equal(out["t2m"].values, want["t2m"].values)


def test_members_of_equal_input_have_small_scales_of_their_own(hours, model):
    ds = forecast(hours).isel(ensemble_member=[1, 1, 1]).assign_coords(ensemble_member=[0, 1, 2])
    drawn = xldm.downscale(ds, model, **OPTIONS)["t2m"].transpose("ensemble_member", ...).values
    assert not (drawn[0] == drawn[1]).all() and not (drawn[1] == drawn[2]).all()


@pytest.mark.parametrize("chosen", [[2], [2, 0], 2])
def test_some_members_of_the_input_are_those_of_the_whole(chosen, hours, model):
    ds = forecast(hours)
    whole = xldm.downscale(ds, model, **OPTIONS).isel(ensemble_member=chosen)
    some = xldm.downscale(ds.isel(ensemble_member=chosen), model, **OPTIONS)
    np.testing.assert_array_equal(some["t2m"].values, whole["t2m"].values)


def test_the_initialisation_does_not_address_the_noise(hours, model):
    ds = forecast(hours)
    earlier = ds.assign_coords(
        init_time=ds.init_time - HOUR, lead_time=ds.lead_time + HOUR
    )  # the same valid times
    a, b = (xldm.downscale(d, model, **OPTIONS)["t2m"].values for d in (ds, earlier))
    np.testing.assert_array_equal(a, b)


def test_scenarios_share_their_noise(hours, model):
    ds = xr.concat([hours, hours], "scenario", data_vars="all").assign_coords(scenario=["a", "b"])
    for name in ds.data_vars:
        ds[name].attrs = hours[name].attrs
    out = xldm.downscale(ds, model, **OPTIONS)["t2m"].transpose("scenario", ...).values
    np.testing.assert_array_equal(out[0], out[1])


def test_a_member_of_the_input_called_member_is_told_from_a_drawn_one(hours, model):
    ds = forecast(hours).rename(ensemble_member="member")
    out = xldm.downscale(ds, model, members=2, **OPTIONS)
    assert (out.sizes["member"], out.sizes["input_member"]) == (2, 3)


def test_a_field_without_members_is_the_same_for_all(hours, model):
    ds = forecast(hours)
    ds["sst"] = ds["sst"].isel(ensemble_member=0, drop=True)
    same = ds.copy()
    same["sst"] = ds["sst"].expand_dims(ensemble_member=ds.ensemble_member)
    a, b = (xldm.downscale(d, model, **OPTIONS)["t2m"].values for d in (ds, same))
    np.testing.assert_array_equal(a, b)


def test_a_field_without_leads_is_refused(hours, model):
    ds = forecast(hours)
    ds["sst"] = ds["sst"].isel(lead_time=0, drop=True)
    with pytest.raises(xldm.InputError, match="lead_time is not among"):
        xldm.downscale(ds, model, **OPTIONS)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_member_without_a_number_is_told_by_its_text(number, hours, model):
    states = hours.drop_vars(["tp", "ssrd"])  # sums of members would be over 3 hours
    how = OPTIONS | {"missing": "climatology"}
    told = xldm.downscale(states.assign_coords(number=number), model, **how)["t2m"]
    assert not (told == xldm.downscale(states, model, **how)["t2m"]).all()
