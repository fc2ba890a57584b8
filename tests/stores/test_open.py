"""What a training store holds, and which stores readers refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
import zarr
from stores import ATTRS, COVER, inputs, unmark

import xldm
from xldm.errors import StoreError
from xldm.storage import claims
from xldm.stores.open import open_training_store
from xldm.stores.write import write_training_store

# What is in a store


def test_a_store_gives_back_what_was_written(whole):
    tree, given = open_training_store(whole), inputs()
    for group in ("coarse", "fine"):
        stored = tree[group].to_dataset()
        assert list(stored) == list(given[group])
        assert all(field.chunks and field.dtype == "float32" for field in stored.values())
        for name in stored:
            np.testing.assert_array_equal(stored[name], given[group][name])
            assert stored[name].attrs["units"] == given[group][name].attrs["units"]
    for name in given["static"]:
        np.testing.assert_array_equal(tree["static"][name], given["static"][name])
    assert list(tree["static"]["land_cover_class"].values) == list(COVER)
    np.testing.assert_array_equal(tree["split"]["split"], given["split"])
    assert tree["split"]["split"].attrs["gap"] == "6h"


def test_the_root_says_what_it_is(whole):
    attrs = open_training_store(whole).attrs
    assert attrs["Conventions"] == "CF-1.11"
    assert (attrs["xldm_schema"], attrs["ratio"], attrs["crs"]) == ("1", 2, "EPSG:3035")
    assert attrs["title"] == ATTRS["title"]


@pytest.mark.parametrize("group", ["coarse", "fine", "split"])
def test_time_is_hours_since_1970_in_every_group(whole, group):
    time = zarr.open_group(whole, mode="r")[group]["time"]
    assert time.dtype == "int64"
    assert time.attrs["units"] == "hours since 1970-01-01"
    assert time.attrs["calendar"] == "proleptic_gregorian"
    # 35 years of which 9 are leap, then January and 25 days
    assert time[0] == (35 * 365 + 9 + 31 + 25) * 24
    assert (np.diff(time[:]) == 1).all()


def test_fine_fields_are_sharded_by_day_and_chunked_by_hour(whole):
    root = zarr.open_group(whole, mode="r")
    assert root["fine"]["u10"].shards == (24, 16, 16)
    assert root["fine"]["u10"].chunks == (1, 16, 16)
    assert root["coarse"]["t2m"].chunks == (24, 8, 8)
    assert len(list((whole / "fine" / "u10" / "c").glob("*/0/0"))) == 4


def test_statistics_are_those_of_training_rows(whole):
    tree, given = open_training_store(whole), inputs()
    train = given["split"].values == 0
    for group, name in (("coarse", "t2m"), ("coarse", "sst"), ("fine", "u10")):
        values = given[group][name].values[train].astype("float64")
        one = tree["stats"].to_dataset().sel(group=group, variable=name)
        np.testing.assert_allclose(one["mean"], np.nanmean(values), rtol=1e-9)
        np.testing.assert_allclose(one["std"], np.nanstd(values), rtol=1e-9)
        assert one["count"] == np.isfinite(values).sum()
    assert tree["stats"]["count"].sel(group="fine", variable="msl") == 0
    assert {"period", "split", "mask_rule"} <= set(tree["stats"].attrs)


def test_sums_are_over_the_hour_that_ends_at_their_time(whole):
    coarse = open_training_store(whole)["coarse"].to_dataset()
    assert coarse["tp"].attrs["cell_methods"] == "time: sum"
    assert coarse["time"].attrs["bounds"] == "time_bnds"
    bounds, hour = coarse.coords["time_bnds"], np.timedelta64(1, "h")
    assert bounds.dims == ("time", "nv")
    np.testing.assert_array_equal(bounds[:, 1], coarse["time"])
    np.testing.assert_array_equal(bounds[:, 0], coarse["time"] - hour)


def test_states_are_at_their_time(whole):
    tree = open_training_store(whole)
    states = [tree["coarse"]["t2m"], *tree["fine"].data_vars.values()]
    assert {field.attrs["cell_methods"] for field in states} == {"time: point"}
    assert "time_bnds" not in tree["fine"].variables


def test_bounds_are_stored_in_the_units_of_time(whole):
    bounds = zarr.open_group(whole, mode="r")["coarse"]["time_bnds"]
    time = zarr.open_group(whole, mode="r")["coarse"]["time"]
    assert bounds.dtype == "int64"
    np.testing.assert_array_equal(bounds[:], np.stack([time[:] - 1, time[:]], axis=1))


def test_bounds_of_fine_sums_are_those_of_the_source(tmp_path):
    given = inputs()
    time = given["fine"]["time"]
    bounds = np.stack([time - np.timedelta64(3, "h"), time], axis=1)
    given["fine"] = given["fine"].assign_coords(hours=(("time", "bnds"), bounds))
    given["fine"]["time"].attrs["bounds"] = "hours"
    write_training_store(tmp_path / "a.zarr", **given, attrs=ATTRS)
    stored = open_training_store(tmp_path / "a.zarr")["fine"].to_dataset()
    np.testing.assert_array_equal(stored.coords["time_bnds"], bounds)


def test_winds_say_that_they_point_east_and_north(whole):
    tree = open_training_store(whole)
    assert tree["fine"].attrs["wind_frame"] == tree["coarse"].attrs["wind_frame"] == "earth"


def test_the_package_gives_the_two_functions():
    assert xldm.open_training_store is open_training_store
    assert xldm.write_training_store is write_training_store


def test_importing_the_package_imports_no_zarr():
    code = "import sys, xldm; assert not {'zarr', 'torch', 'intake'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_but_the_store_is_left(whole):
    assert not (whole / claims.FOLDER).exists()
    assert {p.name for p in whole.iterdir()} == {
        "zarr.json", "coarse", "fine", "static", "stats", "split",
    }  # fmt: skip


def test_a_store_in_memory_is_a_store():
    url = "memory://tests/training.zarr"
    mark = write_training_store(url, **inputs(), attrs=ATTRS)
    assert open_training_store(url).attrs["xldm_complete"] == mark


# Readers


def test_an_unmarked_store_is_refused(store):
    unmark(store)
    with pytest.raises(StoreError, match="write it again with resume=True or delete it"):
        open_training_store(store)


def test_another_schema_is_refused(store):
    path = store / "zarr.json"
    path.write_text(path.read_text().replace('"xldm_schema": "1"', '"xldm_schema": "2"'))
    with pytest.raises(StoreError, match="schema '2', this xldm reads '1'"):
        open_training_store(store)


def test_another_zarr_store_is_refused(tmp_path):
    xr.Dataset({"a": 1}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    with pytest.raises(StoreError, match="no training store"):
        open_training_store(tmp_path / "a.zarr")


def test_an_absent_store_is_named(tmp_path):
    with pytest.raises(StoreError, match=f"{tmp_path}/none.zarr: there is no Zarr 3 store"):
        open_training_store(tmp_path / "none.zarr")
