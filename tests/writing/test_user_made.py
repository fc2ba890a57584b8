"""Stores and files of what users make of an output: other orders, parts, types, more variables."""

from __future__ import annotations

from collections.abc import Callable

import dask.array as da
import numpy as np
import pytest
import xarray as xr
import zarr

import xldm
from xldm.storage.location import locate
from xldm.storage.objects import keys

HOUR = np.timedelta64(1, "h")
TIME = np.datetime64("2001-01-30T20", "ns") + np.arange(6) * HOUR
CELLS = 8


def drawn() -> xr.Dataset:
    """Wind as downscale gives it: lazy, an hour in a chunk, on a grid that names its projection."""

    def values(seed: int) -> da.Array:
        shape, chunks = (2, 6, CELLS, CELLS), (2, 1, CELLS, CELLS)
        return da.random.default_rng(seed).normal(size=shape, chunks=chunks).astype("float32")

    dims, mapping = ("member", "time", "y", "x"), {"grid_mapping": "spatial_ref"}
    degrees = np.linspace(44, 45, CELLS * CELLS).reshape(CELLS, CELLS)
    return xr.Dataset(
        {n: (dims, values(i), {"units": "m s-1"}, mapping) for i, n in enumerate(("u10", "v10"))},
        {
            "time": ("time", TIME, {"standard_name": "time"}),
            "member": [0, 1],
            "y": ("y", np.arange(CELLS) * -2e3, {"standard_name": "projection_y_coordinate"}),
            "x": ("x", np.arange(CELLS) * 2e3, {"standard_name": "projection_x_coordinate"}),
            "lat": (("y", "x"), degrees, {"standard_name": "latitude"}),
            "spatial_ref": ((), 0, {"grid_mapping_name": "lambert_azimuthal_equal_area"}),
        },
    )


# What a user does -> it has to be read back equal, from what is lazy and from what is not.
MADE: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "cropped": lambda out: out.isel(y=slice(2, 7), x=slice(3, 6)),
    "reversed": lambda out: out.isel(y=slice(None, None, -1)),
    "backwards in time": lambda out: out.isel(time=slice(None, None, -1)),
    "every other cell and hour": lambda out: out.isel(
        time=slice(None, None, 2), y=slice(None, None, 2), x=slice(None, None, 3)
    ),
    "time first": lambda out: out.transpose("time", ...),
    "time last": lambda out: out.transpose(..., "time"),
    "turned over": lambda out: out.transpose("x", "y", "time", "member"),
    "with wind speed": lambda out: out.assign(ws=np.hypot(out["u10"], out["v10"])),
    "wind speed alone": lambda out: np.hypot(out["u10"], out["v10"]).to_dataset(name="ws"),
    "mean of members": lambda out: out.mean("member"),
    "mean of the cells": lambda out: out.mean(("y", "x")),
    "at one cell": lambda out: out.isel(y=3, x=4),
    "with a mean over time": lambda out: out.assign(mean=out["u10"].mean("time")),
    "a mean of hours": lambda out: out.resample(time="3h").mean(),
    "exceedance": lambda out: out > 1,
    "float64": lambda out: out.astype("float64"),
    "float16": lambda out: out.astype("float16"),
    "int16": lambda out: out.astype("int16"),
    "big endian": lambda out: out.astype(">f4"),
    "times as a field": lambda out: out.assign(when=out["time"].broadcast_like(out["u10"])),
    "masked": lambda out: out.where(out["lat"] > 44.5),
    "chunks of other lengths": lambda out: out.chunk(time=(1, 2, 3)) if out.chunks else out,
}  # fmt: skip


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
