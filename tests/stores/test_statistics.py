"""Mean and spread over training rows."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from xldm.stores.splits import by_blocks, random_hours
from xldm.stores.statistics import statistics

# A pressure: in single precision, its squares about zero hold nothing of its spread.
FIELDS = {"msl": (101325.0, 0.5), "t2m": (287.0, 8.0), "u10": (0.3, 5.0), "q850": (5e-3, 2e-3)}


def record(times=60, missing=0.0, seed=5) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    shape = (times, 11, 13)
    time = np.datetime64("2004-12-29", "ns") + np.arange(times) * np.timedelta64(1, "h")
    fields = {
        n: rng.normal(mean, std, shape).astype("float32") for n, (mean, std) in FIELDS.items()
    }
    for values in fields.values():
        values[rng.uniform(size=shape) < missing] = np.nan
    return xr.Dataset({n: (("time", "y", "x"), v) for n, v in fields.items()}, {"time": time})


def some_rows(ds: xr.Dataset, seed=1) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    return xr.DataArray(rng.uniform(size=ds.sizes["time"]) < 0.7, {"time": ds["time"]})


def assert_numpys(found: xr.Dataset, ds: xr.Dataset, train: xr.DataArray) -> None:
    for name in ds:
        values = ds[name].values[train.values].astype("float64")
        mean, std = np.nanmean(values), np.nanstd(values)
        one = found.sel(variable=name)
        # Of a mean that is small beside the spread, the spread says what a small error is.
        np.testing.assert_allclose(one["mean"], mean, rtol=1e-9, atol=1e-9 * std)
        np.testing.assert_allclose(one["std"], std, rtol=1e-9)
        assert one["count"] == np.isfinite(values).sum()
        assert one["missing"] == np.isnan(values).sum()


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("chunks", [None, {"time": 7, "y": 5}])
def test_statistics_are_numpys_on_the_whole_array(missing, chunks):
    ds = record(missing=missing)
    train = some_rows(ds)
    found = statistics(ds if chunks is None else ds.chunk(chunks), train).compute()
    assert_numpys(found, ds, train)


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=5),
    st.integers(4, 11),
    st.integers(5, 13),
    st.integers(0, 99),
)
def test_chunks_make_no_difference(lengths, height, width, seed):
    ds = record(times=sum(lengths), missing=0.1, seed=seed)[["msl", "u10"]]
    train = some_rows(ds, seed)
    train[0] = True
    lazy = ds.chunk(time=tuple(lengths), y=height, x=width)
    with dask.config.set(scheduler="synchronous"):
        assert_numpys(statistics(lazy, train).compute(), ds, train)


def test_a_large_mean_does_not_cancel_over_many_chunks():
    """A million values of 1e6 +- 0.01, of which squares about zero would keep nothing."""
    x = da.from_array(np.tile([1e6 - 0.01, 1e6 + 0.01], 500_000), chunks=5_000)
    time = np.datetime64("2000-01-01", "ns") + np.arange(x.size) * np.timedelta64(1, "s")
    ds = xr.Dataset({"msl": ("time", x)}, {"time": time})
    found = statistics(ds, xr.DataArray(np.ones(x.size, bool), {"time": time}))
    spread = ((1e6 + 0.01) - (1e6 - 0.01)) / 2
    np.testing.assert_allclose(found["std"], spread, rtol=1e-9)


def test_rows_that_do_not_train_make_no_difference():
    ds = record()
    train = some_rows(ds)
    spoilt = ds.where(train, 1e9)
    xr.testing.assert_identical(statistics(spoilt, train), statistics(ds, train))


def test_rows_that_do_not_train_are_not_read():
    ds = record(times=6).chunk(time=1)
    train = xr.DataArray(np.arange(6) < 3, {"time": ds["time"]})

    def read(block, block_info=None):
        assert block_info[0]["chunk-location"][0] < 3, "read a row that does not train"
        return block

    watched = ds.map(lambda f: f.copy(data=da.map_blocks(read, f.data, dtype=f.dtype)))
    assert int(statistics(watched, train)["count"][0]) == 3 * 11 * 13


def test_lazy_stays_lazy_and_computes_nothing():
    ds = record()

    def forbidden(*args, **kwargs):
        raise AssertionError("computed")

    with dask.config.set(scheduler=forbidden):
        found = statistics(ds.chunk(time=9), some_rows(ds))
    assert all(field.chunks is not None for field in found.values())


def test_in_memory_gives_in_memory():
    ds = record()
    assert all(field.chunks is None for field in statistics(ds, some_rows(ds)).values())


def test_all_variables_are_read_in_one_pass():
    reads = []

    def read(block):
        if block.size:
            reads.append(1)
        return block

    ds = record(times=12)
    shared = da.map_blocks(read, da.from_array(ds["t2m"].values, chunks=(4, -1, -1)), dtype="f4",
                           meta=np.empty((0, 0, 0), "f4"))  # fmt: skip
    lazy = xr.Dataset({n: (("time", "y", "x"), shared + i) for i, n in enumerate("ab")},
                      {"time": ds["time"]})  # fmt: skip
    statistics(lazy, xr.ones_like(ds["time"], dtype=bool)).compute(scheduler="synchronous")
    assert len(reads) == 3


def test_a_variable_without_values_has_no_mean():
    ds = record(times=4)
    ds["sst"] = ds["t2m"] * np.nan
    found = statistics(ds, xr.ones_like(ds["time"], dtype=bool)).sel(variable="sst")
    assert np.isnan(found["mean"])
    assert np.isnan(found["std"])
    assert (found["count"], found["missing"]) == (0, 4 * 11 * 13)


def test_layout_is_that_of_the_store():
    found = statistics(record(), some_rows(record()))
    assert found.sizes == {"variable": 4}
    assert found["variable"].values.tolist() == list(FIELDS)
    kinds = {name: (field.dims, str(field.dtype)) for name, field in found.items()}
    assert kinds == {
        "mean": (("variable",), "float64"),
        "std": (("variable",), "float64"),
        "count": (("variable",), "int64"),
        "missing": (("variable",), "int64"),
    }
    assert set(found.attrs) == {"period", "split", "mask_rule"}


def test_period_and_split_tell_what_trained():
    ds = record()
    split = by_blocks(ds["time"], val=("2004-12-30",), test=(), gap="5h")
    found = statistics(ds, split == 0)
    assert found.attrs["period"] == "2004-12-29T00:00:00/2004-12-31T11:00:00"
    assert found.attrs["split"].startswith("28 of 60 rows: contiguous blocks (val 2004-12-30;")
    leaky = statistics(ds, random_hours(ds["time"]) == 0)
    assert "drawn at random" in leaky.attrs["split"]


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda ds, train: (ds, train.astype("int8")), TypeError, "take split == 0"),
        (lambda ds, train: (ds, train.isel(time=slice(1, None))), ValueError, "not on the times"),
        (lambda ds, train: (ds.drop_vars("time"), train), ValueError, "not on the times"),
        (lambda ds, train: (ds, train & False), ValueError, "None of the 60 rows trains"),
        (lambda ds, train: (ds.assign(orog=ds["t2m"][0]), train), ValueError, "orog is float32"),
        (lambda ds, train: (ds.assign(t=ds["time"]), train), ValueError, "t is datetime64"),
        (lambda ds, train: (ds[[]].assign_coords(time=ds["time"]), train), ValueError, "no var"),
    ],
)
def test_what_cannot_be_averaged_is_refused(spoil, error, words):
    ds = record()
    with pytest.raises(error, match=words):
        statistics(*spoil(ds, some_rows(ds)))
