"""From a field of a training store to a variable of a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import training_store
import xarray as xr

from xldm.numerics.scaling import normalise
from xldm.stores.statistics import statistics
from xldm.stores.variables import described, scaled_variables

ATTRS = {
    "units": "m",
    "standard_name": "lwe_thickness_of_precipitation_amount",
    "transform": "log1p",
    "transform_scale": 1e-4,
    "lower": 0.0,
}


def hours(count: int = 200) -> xr.Dataset:
    """Rain, dry in most places, with a little noise below zero as packing leaves it."""
    rng = np.random.default_rng(2)
    rain = 1e-3 * rng.gamma(0.1, 1, (count, 5, 4)) - 1e-7
    time = np.datetime64("2001-01-01", "ns") + np.arange(count) * np.timedelta64(1, "h")
    return xr.Dataset({"tp": (("time", "y", "x"), rain.astype("float32"), ATTRS)}, {"time": time})


def test_statistics_are_those_of_transformed_values_within_bounds():
    ds = hours()
    found = statistics(ds, xr.ones_like(ds["time"], dtype=bool))
    values = np.log(1 + np.maximum(ds["tp"].values.astype("float64"), 0) / 1e-4)
    np.testing.assert_allclose(found["mean"].item(), values.mean(), rtol=1e-12)
    np.testing.assert_allclose(found["std"].item(), values.std(), rtol=1e-12)


def test_a_transformed_field_has_mean_0_and_spread_1_once_normalised():
    ds = hours()
    stats = statistics(ds, xr.ones_like(ds["time"], dtype=bool))
    tp = replace(described(ds, "tp"), mean=stats["mean"].item(), std=stats["std"].item())
    z = normalise(ds["tp"].values[:, None], [tp])
    assert z.mean() == pytest.approx(0, abs=1e-5) and z.std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "cell_methods", "over_time"),
    [
        ("tp", "time: sum", "sum"),
        ("tp", "", "sum"),  # by the vocabulary
        ("tp", "time: mean", "mean"),
        ("t2m", "time: point", "point"),
        ("t2m", "", "point"),
        ("hail", "area: mean time: sum", "sum"),
    ],
)
def test_a_sum_is_known_by_its_cell_methods_or_the_vocabulary(name, cell_methods, over_time):
    ds = hours(1).rename(tp=name)
    ds[name].attrs = {"units": "m", "cell_methods": cell_methods}
    assert described(ds, name).over_time == over_time


def test_the_interval_is_that_of_the_bounds_of_time():
    ds = hours(2)
    start = ds["time"].values - np.timedelta64(3, "h")
    bounds = ("time", "nv"), np.stack([start, ds["time"].values], axis=1)
    ds["tp"].attrs["cell_methods"] = "time: sum"
    assert described(ds.assign_coords(time_bnds=bounds), "tp").interval == 3


def test_variables_of_a_store_write_no_key_that_models_did_not_have_before():
    for variable in scaled_variables(training_store.made())["fine"]:
        plain = replace(variable, mean=0.0, std=1.0)
        assert plain == replace(plain, transform="linear", time_method=None, interval=1.0)
