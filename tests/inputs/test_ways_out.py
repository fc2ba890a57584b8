"""What is refused is accepted after the advice that the messages print, run as it stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import cds_new
from remedies import applied, codes

from xldm.errors import InputError
from xldm.inputs.predictors import check, predictors

# Regular positions turned by some degrees: bent rows, as on a projected or an ocean's grid.
_Y, _X = np.meshgrid(np.arange(30.0, 53, 0.5), np.arange(-2.0, 28, 0.5), indexing="ij")
BENT = _Y + 0.05 * (_X - 12), _X - 0.05 * (_Y - 41)


def plain(hours: int = 2) -> xr.Dataset:
    return cds_new(hours).drop_vars("expver")


def on_cells(dims: tuple[str, ...], lat: np.ndarray, lon: np.ndarray, names=("lat", "lon")):
    """The fields on other cells."""
    ds = plain().interp(
        latitude=xr.DataArray(np.clip(lat, 34, 48.5), dims=dims),
        longitude=xr.DataArray(np.clip(lon, 3.5, 21), dims=dims),
        method="nearest",
    )
    ds = ds.drop_vars(["latitude", "longitude"])
    return ds.assign_coords({n: (dims, v) for n, v in zip(names, (lat, lon), strict=True)})


def rotated() -> xr.Dataset:
    ds = on_cells(("rlat", "rlon"), *BENT)
    for dim, meaning in (("rlat", "grid_latitude"), ("rlon", "grid_longitude")):
        degrees = np.arange(ds.sizes[dim]) * 0.5
        ds = ds.assign_coords({dim: (dim, degrees, {"standard_name": meaning, "units": "degrees"})})
    return ds


def reduced() -> xr.Dataset:
    rows = [(la, lo) for la in np.arange(30.0, 53, 0.5) for lo in np.arange(0, 30, 0.4 + la / 200)]
    return on_cells(("values",), *np.array(rows).T, names=("latitude", "longitude"))


def icon() -> xr.Dataset:
    lat, lon = np.random.default_rng(2).uniform((31, 0), (52, 28), (9000, 2)).T
    ds = on_cells(("cell",), lat, lon, names=("clat", "clon"))
    for name, meaning in (("clat", "latitude"), ("clon", "longitude")):
        attrs = {"standard_name": meaning, "units": "radian"}
        ds = ds.assign_coords({name: ("cell", np.radians(ds[name].values), attrs)})
    return ds


def times(values, ds=None, **attrs) -> xr.Dataset:
    ds = plain(3) if ds is None else ds
    return ds.drop_vars("valid_time").assign_coords(valid_time=("valid_time", values, attrs))


def radians() -> xr.Dataset:
    ds = plain()
    for name in ("latitude", "longitude"):
        ds = ds.assign_coords({name: (name, np.radians(ds[name].values), {"units": "radian"})})
    return ds


def calendar(name: str) -> xr.Dataset:
    return times(xr.date_range("2021-02-20", periods=3, freq="h", calendar=name, use_cftime=True))


def of_another_dim(ds: xr.Dataset) -> xr.Dataset:
    return ds.rename_dims(valid_time="time").drop_indexes("valid_time")


HOURS = pd.date_range("2020-02-12T00", periods=3, freq="h", unit="ns")
CASES = {
    "curvilinear": lambda: on_cells(("y", "x"), *BENT),
    "WRF": lambda: on_cells(("south_north", "west_east"), *BENT, names=("XLAT", "XLONG")),
    "NEMO": lambda: on_cells(("y", "x"), *BENT, names=("nav_lat", "nav_lon")),
    "rotated": rotated,
    "reduced Gaussian": reduced,
    "ICON": icon,
    "flattened": lambda: plain().stack(values=("latitude", "longitude")).reset_index(
        "values"
    ),
    "a stack": lambda: plain().stack(cell=("latitude", "longitude")),
    "radians": radians,
    "y and x without attributes": lambda: plain().rename(latitude="y", longitude="x").pipe(
        lambda d: d.assign_coords(y=d.y.values, x=d.x.values)
    ),
    "rows in disorder": lambda: plain().isel(latitude=[*range(9, 59), *range(9)]),
    "columns in disorder": lambda: plain().isel(longitude=[*range(9, 71), *range(9)]),
    "counts of ns": lambda: times(HOURS.as_unit("ns").asi8),
    "counts of ns as objects": lambda: times(HOURS.as_unit("ns").asi8.astype(object)),
    "digits": lambda: times(HOURS.strftime("%Y%m%d%H").to_numpy().astype("int64")),
    "days first": lambda: times(HOURS.strftime("%d/%m/%Y %H:%M").to_numpy().astype(object)),
    "periods": lambda: times(HOURS.to_period("h")),
    "hours twice": lambda: plain(3).isel(valid_time=[0, 1, 1, 2]),
    "hours twice along another dim": lambda: of_another_dim(plain(3)).isel(time=[0, 1, 1, 2]),
    "hours in disorder": lambda: of_another_dim(plain(3)).isel(time=[1, 0, 2]),
    "noleap": lambda: calendar("noleap"),
    "360_day": lambda: calendar("360_day"),
    "all_leap": lambda: calendar("all_leap"),
    "julian": lambda: calendar("julian"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_printed_advice_leads_to_an_input_that_is_accepted(case, config14):
    ds, taken = CASES[case](), []
    for _ in range(14):
        report = check(ds, config14, region="covered")
        if report.ok:
            break
        problem = report.problems[0]
        assert codes(problem), problem
        # Of two ways out, winds that may point along a grid are said to point to the earth's.
        try:
            ds = applied(problem, ds, which=-1)
        except InputError as error:
            ds = applied(str(error), ds, which=-1)
        taken.append(problem)
    assert taken and report.ok, report
    assert predictors(ds, report)["t2m"].notnull().any()
