"""Rain of COSMO becomes sums over the hour before, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import xarray as xr

from xldm.errors import InputError
from xldm.grids.projected import lon_lat
from xldm.grids.rotated_pole import VHR_REA_IT, geographic, rotated
from xldm.stores.fine_rain import hourly_rain

GRID = tiny.GRID


def day(values: np.ndarray | None = None, **attrs: str) -> xr.Dataset:
    """A day of rain around the corner, as the Data Delivery System lays it out; mm in an hour."""
    lon, lat = lon_lat(GRID, fine=True)
    places = rotated(lon, lat, VHR_REA_IT)
    rlon, rlat = (np.arange(p.min() - 0.1, p.max() + 0.1, 0.04) for p in places)
    if values is None:
        rng = np.random.default_rng(3)
        values = np.maximum(rng.gamma(0.2, 3.0, (24, rlat.size, rlon.size)) - 0.3, 0)
    at = geographic(*np.meshgrid(rlon, rlat), VHR_REA_IT)
    about = {"units": "kg m-2", "standard_name": "precipitation_amount"} | attrs
    return xr.Dataset(
        {"TOT_PREC": (("time", "rlat", "rlon"), values.astype("float32"), about)},
        {
            "time": np.datetime64("2005-07-01T00", "ns") + np.arange(24) * np.timedelta64(1, "h"),
            "rlat": ("rlat", rlat, {"standard_name": "grid_latitude", "units": "degrees"}),
            "rlon": ("rlon", rlon, {"standard_name": "grid_longitude", "units": "degrees"}),
            "lon": (("rlat", "rlon"), at[0], {"standard_name": "longitude"}),
            "lat": (("rlat", "rlon"), at[1], {"standard_name": "latitude"}),
        },
    )


def with_bounds(ds: xr.Dataset, before: int, after: int = 0) -> xr.Dataset:
    """State windows from so many hours before each stamp to so many after."""
    hour = np.timedelta64(1, "h")
    ends = np.stack([ds["time"] - before * hour, ds["time"] + after * hour], axis=1)
    ds["time"].attrs["bounds"] = "time_bnds"
    return ds.assign_coords(time_bnds=(("time", "nb2"), ends))


def made(ds: xr.Dataset) -> xr.DataArray:
    return hourly_rain(ds, GRID, pole=(47.0, -168.0))["tp"]


def test_a_cell_has_the_rain_of_its_nearest_point_in_mm():
    ds = with_bounds(day(), 1)
    lon, lat = lon_lat(GRID, fine=True)
    rlon, rlat = rotated(lon, lat, VHR_REA_IT)
    row = np.abs(ds["rlat"].values - rlat[..., None]).argmin(-1)
    column = np.abs(ds["rlon"].values - rlon[..., None]).argmin(-1)
    wanted = ds["TOT_PREC"].values[:, row, column]
    np.testing.assert_allclose(made(ds), wanted, rtol=1e-6, atol=1e-9)


def test_it_says_over_which_hour_it_sums_and_how_models_scale_it():
    attrs = made(with_bounds(day(), 1)).attrs
    assert attrs["cell_methods"] == "time: sum (interval: 1 hour)"
    assert (attrs["transform"], attrs["lower"], attrs["dry_below"]) == ("cbrt", 0.0, 0.1)


@pytest.mark.parametrize(
    "said", [{}, {"cell_methods": "time: sum"}, {"cell_methods": "time: sum (interval: 1 hour)"}]
)
def test_hourly_stamps_and_values_that_fall_are_hourly_sums(said):
    assert float(made(day(**said)).max()) > 0


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(3, 0, "3-hour sums"), (0, 1, "the hour that ends at each time"), (24, 0, "24-hour sums")],
)
def test_sums_over_other_hours_are_refused(before, after, words):
    with pytest.raises(InputError, match=words):
        made(with_bounds(day(), before, after))


def test_running_totals_are_refused_though_they_call_themselves_hourly():
    total = day()["TOT_PREC"].values.cumsum(0)
    with pytest.raises(InputError, match="never fall"):
        made(with_bounds(day(total), 1))
    with pytest.raises(InputError, match="running total"):
        made(day(total))


def test_rates_are_refused():
    with pytest.raises(InputError, match="TOT_PREC"):
        made(with_bounds(day(units="kg m-2 s-1"), 1))


@pytest.mark.parametrize("wrong", [-1.0, 400.0])
def test_amounts_that_are_no_hourly_rain_are_refused(wrong):
    ds = with_bounds(day(), 1)
    ds["TOT_PREC"][3] = wrong
    with pytest.raises(InputError, match="mm in an hour; expected 0 to 200"):
        made(ds)


def test_what_packing_takes_below_zero_is_dry():
    ds = with_bounds(day(), 1)
    ds["TOT_PREC"][3] = -1e-3
    assert float(made(ds)[3].max()) == 0 == float(made(ds).min())


def test_a_file_without_rain_says_what_it_has():
    with pytest.raises(InputError, match=r"TOT_PREC.*found T_2M"):
        made(day().rename(TOT_PREC="T_2M"))
