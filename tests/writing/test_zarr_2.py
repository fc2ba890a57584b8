"""Stores of Zarr 2, for tools that cannot read Zarr 3."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from user_made import CELLS, MADE, drawn

import xldm
from xldm.errors import ArgumentError, StoreError


def files(folder: Path) -> dict[str, bytes]:
    """All objects, without the time of the mark."""
    there = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    for name in (".zattrs", ".zmetadata"):
        root = json.loads(there[name])
        root.get("metadata", {".zattrs": root})[".zattrs"].pop("xldm_complete")
        there[name] = json.dumps(root).encode()
    return there


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "a.zarr"
    xldm.to_store(drawn(), path, zarr_format=2)
    return path


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_store_holds_what_a_user_makes_of_an_output(made, tmp_path):
    out = made(drawn())
    xldm.to_store(out, tmp_path / "a.zarr", zarr_format=2)
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "a.zarr").compute(), out.compute())


def test_a_chunk_is_a_map_that_numpy_and_zlib_can_read(store):
    told = json.loads((store / "u10" / ".zarray").read_text())
    assert (told["zarr_format"], told["dtype"]) == (2, "<f4")
    assert told["chunks"] == [1, 1, CELLS, CELLS]
    assert told["compressor"] == {"id": "zlib", "level": 1}
    assert told["filters"] is None
    values = np.frombuffer(zlib.decompress((store / "u10" / "1.3.0.0").read_bytes()), "<f4")
    np.testing.assert_array_equal(values.reshape(CELLS, CELLS), drawn()["u10"][1, 3])


def test_no_chunk_is_longer_than_its_array(store):
    for told in map(json.loads, (f.read_text() for f in store.rglob(".zarray"))):
        assert all(n <= max(m, 1) for n, m in zip(told["chunks"], told["shape"], strict=True))


def test_every_object_is_one_of_zarr_2(store):
    assert not [f for f in store.rglob("*") if f.name == "zarr.json"]
    assert json.loads((store / "u10" / ".zattrs").read_text())["_ARRAY_DIMENSIONS"] == [
        "member", "time", "y", "x"
    ]  # fmt: skip


@pytest.mark.parametrize("consolidated", [True, False])
def test_readers_of_any_metadata_see_the_mark(consolidated, store):
    assert "xldm_complete" in xr.open_zarr(store, consolidated=consolidated).attrs


def test_metadata_that_a_killed_run_did_not_write_are_written(store, tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, share=(1, 2))  # has no block
    for key in (".zgroup", ".zmetadata", "v10/.zarray"):
        (tmp_path / "a.zarr" / key).unlink()
    assert xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, resume=True)
    assert files(tmp_path / "a.zarr") == files(store)


def test_a_chunk_that_is_absent_is_written(store, tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2)
    (tmp_path / "a.zarr" / "u10" / "0.1.0.0").unlink()
    xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, resume=True)
    assert files(tmp_path / "a.zarr") == files(store)


def test_a_damaged_chunk_is_written_again(store, tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2)
    chunk = tmp_path / "a.zarr" / "v10" / "1.4.0.0"
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)
    xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, resume=True)
    assert files(tmp_path / "a.zarr") == files(store)


def test_shares_make_one_store(store, tmp_path, monkeypatch):
    monkeypatch.setattr("xldm.writing.store_layout.BLOCK_BYTES", 1)
    marks = [
        xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, share=(i, 2)) for i in (0, 1)
    ]
    assert marks[0] is None and marks[1] is not None
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "a.zarr"), xr.open_zarr(store))


def test_a_store_of_the_other_format_is_left_alone(store, tmp_path):
    xldm.to_store(drawn(), tmp_path / "a.zarr")
    with pytest.raises(StoreError, match="something else already"):
        xldm.to_store(drawn(), tmp_path / "a.zarr", zarr_format=2, resume=True)
    with pytest.raises(StoreError, match="something else already"):
        xldm.to_store(drawn(), store, resume=True)


@pytest.mark.parametrize("options", [{"zarr_format": 1}, {"append_dim": "time", "zarr_format": 2}])
def test_what_cannot_be_done_is_refused(options, tmp_path):
    with pytest.raises(ArgumentError, match="expected 3, or 2 without append_dim"):
        xldm.to_store(drawn(), tmp_path / "a.zarr", **options)
