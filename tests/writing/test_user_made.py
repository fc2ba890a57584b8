"""Stores and files of what users make of an output: other orders, parts, types, more variables."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import zarr
from user_made import CELLS, MADE, drawn

import xldm
from xldm.storage.location import locate
from xldm.storage.objects import keys


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_store_holds_what_a_user_makes_of_a_lazy_output(made, tmp_path):
    out = made(drawn())
    xldm.to_store(out, tmp_path / "a.zarr")
    stored = xr.open_zarr(tmp_path / "a.zarr", decode_coords="all")
    xr.testing.assert_equal(stored.compute(), out.compute())


@pytest.mark.parametrize("made", ["reversed", "time last", "turned over"])
def test_a_store_holds_what_a_user_makes_of_an_output_in_memory(made, tmp_path):
    out = MADE[made](drawn().compute())
    xldm.to_store(out, tmp_path / "a.zarr")
    stored = xr.open_zarr(tmp_path / "a.zarr", decode_coords="all")
    xr.testing.assert_equal(stored.compute(), out)


def test_a_chunk_is_a_map_in_any_order_of_dims(tmp_path):
    xldm.to_store(drawn().transpose("y", "x", "time", "member"), tmp_path / "a.zarr")
    assert zarr.open_array(tmp_path / "a.zarr", path="u10").chunks == (CELLS, CELLS, 1, 1)


def test_series_lie_in_one_chunk_as_they_are_read(tmp_path):
    xldm.to_store(drawn().isel(y=3, x=4), tmp_path / "a.zarr")
    assert zarr.open_array(tmp_path / "a.zarr", path="u10").chunks == (2, 6)


def test_fields_that_a_user_derives_name_the_grid_mapping_too(tmp_path):
    xldm.to_store(drawn().assign(ws=np.hypot(drawn()["u10"], 1.0)), tmp_path / "a.zarr")
    assert xr.open_zarr(tmp_path / "a.zarr")["ws"].attrs["grid_mapping"] == "spatial_ref"


def test_no_chunk_is_computed_twice_for_a_field_that_derives_from_others(tmp_path):
    computed = []

    def noted(block, block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return block

    out = drawn()
    u10 = out["u10"].data.map_blocks(noted, meta=np.empty((0,) * 4, "f4"))
    out = out.assign(u10=out["u10"].copy(data=u10))
    xldm.to_store(out.assign(ws=np.hypot(out["u10"], out["v10"])), tmp_path / "a.zarr")
    assert sorted(computed) == [(0, hour, 0, 0) for hour in range(6)]


def test_what_cannot_be_computed_leaves_no_store_behind(tmp_path):
    def broken(block):
        raise ZeroDivisionError("as in a user's function")

    out = drawn()
    wrong = out["u10"].data.map_blocks(broken, meta=np.empty((0,) * 4, "f4"))
    with pytest.raises(ZeroDivisionError):
        xldm.to_store(out.assign(u10=out["u10"].copy(data=wrong)), tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_blocks_that_were_written_stay_when_a_later_one_cannot_be_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("xldm.writing.store_layout.BLOCK_BYTES", 1)

    def broken(block, block_info=None):
        if block_info[None]["chunk-location"][1] == 5:
            raise ZeroDivisionError
        return block

    out = drawn()
    wrong = out["u10"].data.map_blocks(broken, meta=np.empty((0,) * 4, "f4"))
    with pytest.raises(ZeroDivisionError):
        xldm.to_store(out.assign(u10=out["u10"].copy(data=wrong)), tmp_path / "a.zarr")
    assert "u10/c/0/0/0/0" in keys(locate(tmp_path / "a.zarr", None))


def test_a_store_that_is_read_and_written_again_is_complete_at_the_end_only(tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr")
    again = xr.open_zarr(tmp_path / "a.zarr", decode_coords="all")
    assert xldm.to_store(again, tmp_path / "b.zarr", share=(1, 2)) is None
    assert "xldm_complete" not in xr.open_zarr(tmp_path / "b.zarr").attrs


def test_extents_are_those_of_what_is_written(tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr")
    part = xr.open_zarr(tmp_path / "a.zarr").isel(time=[0], y=[0], x=[0])
    xldm.to_store(part, tmp_path / "b.zarr")
    told = xr.open_zarr(tmp_path / "b.zarr").attrs
    assert told["geospatial_lat_max"] == 44.0
    assert told["time_coverage_end"] == "2001-01-30T20:00:00Z"
    assert "time_coverage_resolution" not in told


def test_a_dataset_without_coordinates_of_place_keeps_no_extents_of_a_store(tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr")
    without = xr.open_zarr(tmp_path / "a.zarr").drop_vars("lat")
    [path] = xldm.to_netcdf(without, tmp_path / "b.nc")
    with xr.open_dataset(path) as back:
        assert not [name for name in back.attrs if name.startswith("geospatial_")]
