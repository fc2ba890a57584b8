"""The same weather in the layouts of all providers: right, or refused."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cftime
import layouts
import numpy as np
import pytest
import xarray as xr
from layouts import LAYOUTS, Layout, cds

import xldm
from xldm.inputs.predictors import check, predictors

IDS = [layout.title for layout in LAYOUTS]
RIGHT = [layout for layout in LAYOUTS if layout.same]
REFUSED = [layout for layout in LAYOUTS if not layout.same]
# Rules of physics differ in the fifth digit of their constants.
DERIVED = 1e-3


@pytest.fixture(scope="module")
def config():
    return xldm.load_model("italy-2km").config


def read(ds: xr.Dataset, config) -> xr.Dataset:
    """The predictors of a dataset, those absent left out."""
    return predictors(ds, check(ds, config, missing="climatology"))


def flat(field: xr.DataArray, member: int) -> np.ndarray:
    """A predictor as (time, latitude, longitude), for one member of the input."""
    members = [d for d in field.dims if d in ("number", "ensemble_member")]
    field = field.isel(dict.fromkeys(members, member))
    return field.values.reshape(-1, *field.shape[-2:])


def same(a: np.ndarray, b: np.ndarray, std: float, *, derived: bool) -> None:
    """Two fields agree to a millionth of a standard deviation and the last bit of float32."""
    bit = np.spacing(np.nanmax(np.abs(b)).astype("float32"))
    np.testing.assert_allclose(a, b, rtol=0, atol=(DERIVED if derived else 1e-6) * std + 1.01 * bit)


@pytest.mark.parametrize("layout", RIGHT, ids=[layout.title for layout in RIGHT])
def test_a_layout_gives_the_plain_fields(layout: Layout, config):
    ds = layout.make(layout.plain)
    report = check(ds, config, missing="climatology")
    got, want = predictors(ds, report), read(cds(layout.plain), config)
    derived = {f.name for f in report.predictors if f.parts}
    for variable in config.predictors:
        if variable.name in layout.same:
            for member in (0, -1):
                field, plain = (flat(d[variable.name], member) for d in (got, want))
                same(field, plain, variable.std, derived=variable.name in derived)
    valid = got["valid_time"] if "valid_time" in got.coords else got["time"]
    np.testing.assert_array_equal(valid.values.ravel(), want["time"].values)


@pytest.mark.parametrize("layout", REFUSED, ids=[layout.title for layout in REFUSED])
def test_a_layout_that_cannot_be_right_is_refused(layout: Layout, config):
    assert not check(layout.make(layout.plain), config, missing="climatology").ok


def test_two_layouts_of_the_same_forecast_agree(config):
    shared = [x for x in RIGHT if (x.hours, x.every) == (4, 6)]
    assert len(shared) >= 4
    fields = {x.title: read(x.make(x.plain), config) for x in shared}
    for a, b in combinations(shared, 2):
        for variable in config.predictors:
            if variable.name in {*a.same} & {*b.same}:
                one, other = (flat(fields[x.title][variable.name], 0) for x in (a, b))
                derived = variable.name == "d2m"
                same(one, other, variable.std, derived=derived)


def test_the_table_in_the_documentation_is_true():
    path = Path(__file__).parents[2] / "docs" / "reference" / "inputs.md"
    text = path.read_text(encoding="utf-8")
    assert layouts.page(text) == text, "python tests/layouts.py makes it anew"


# ---- the same file opened in several ways has one verdict


def _opened(path: Path, way: str) -> xr.Dataset:
    options = {
        "as xarray does": {},
        "coordinates by all attributes": {"decode_coords": "all"},
        "no coordinates": {"decode_coords": False},
        "times undecoded": {"decode_times": False},
        "times of cftime": {"decode_times": xr.coders.CFDatetimeCoder(use_cftime=True)},
        "lazily": {"chunks": {}},
        "as packed": {"mask_and_scale": False},
    }
    return xr.open_dataset(path, **options.get(way, {}))


@pytest.mark.parametrize(
    "way",
    [
        "coordinates by all attributes", "no coordinates", "times undecoded", "times of cftime",
        "lazily", "as packed",
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", [x for x in RIGHT if x.title in (
    "ERA5, netCDF of the CDS", "ERA5, ARCO", "CMIP6, 3-hourly", "AIFS, dynamical.org",
    "SEAS5, netCDF of the CDS", "ERA5, 10-member ensemble", "Forecasts of WeatherBench 2",
)], ids=lambda x: x.title)  # fmt: skip
def test_a_file_has_one_verdict_however_it_is_opened(layout: Layout, way, config, tmp_path):
    path = tmp_path / "file.nc"
    ds = layout.make(layout.plain)
    for name in ds.variables:
        ds[name].encoding = {}
        # xarray writes the attribute of bounds itself, as an encoding.
        ds[name].encoding |= {k: ds[name].attrs.pop(k) for k in ("bounds",) if k in ds[name].attrs}
    ds.to_netcdf(path)
    with _opened(path, "as xarray does") as plain, _opened(path, way) as other:
        a, b = (check(d, config, missing="climatology") for d in (plain, other))
        assert (a.ok, a.absent) == (b.ok, b.absent), f"{a}\n{b}"
        one, two = predictors(plain, a), predictors(other, b)
        for name in one.data_vars:
            np.testing.assert_array_equal(one[name].values, two[name].values)


def test_sums_of_years_beyond_nanoseconds_are_shared_out_as_those_of_others(config):
    """The sun of a day in July hardly differs: 400 years have whole days."""
    ds = layouts.cmip(layouts.plain(4, 3))
    later = np.timedelta64(400 * 365 + 97, "D")
    times = ds.time.values.astype("datetime64[s]") + later
    bounds = ds.time_bnds.values.astype("datetime64[s]") + later
    far = ds.drop_vars("time_bnds").assign_coords(time=("time", times, ds.time.attrs))
    far = far.assign_coords(time_bnds=(("time", "bnds"), bounds))
    got, want = (read(d, config) for d in (far, ds))
    assert str(got["time"].values[0])[:10] == "2420-07-15"
    np.testing.assert_array_equal(got["tp"].values, want["tp"].values)
    # By day: the equation of time drifts by a minute in 400 years, and dawn with it.
    sun = (d["ssrd"].mean(("latitude", "longitude")).values[1:] for d in (got, want))
    np.testing.assert_allclose(*sun, rtol=0.01)


def test_years_of_cftime_beyond_nanoseconds_are_read(config):
    ds = layouts.plain()
    times = [cftime.DatetimeProlepticGregorian(2300, 7, 15, h) for h in range(1, 5)]
    got = read(cds(ds).drop_vars("expver").assign_coords(valid_time=times), config)
    assert str(got["time"].values[0])[:13] == "2300-07-15T01"
