"""Appending to a store: the same bytes as written at once, whatever interrupts it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import s3
import xarray as xr
import zarr

import xldm
from xldm.errors import ArgumentError, StoreError
from xldm.storage import claims, objects
from xldm.storage.location import locate
from xldm.writing import appending, store_layout

HOUR = np.timedelta64(1, "h")
LEADS = 10


def forecast(
    starts: int = 2, leads: int = LEADS, *, numbers: int = 5, members: int = 2, cells: int = 8
) -> xr.Dataset:
    """A lazy ensemble forecast as downscale gives it; the same in every process."""
    start = np.datetime64("2026-05-12T00", "ns") + np.arange(starts) * 12 * HOUR
    lead = np.arange(leads) * 6 * HOUR.astype("timedelta64[ns]")
    dims = ("member", "init_time", "lead_time", "number", "y", "x")
    shape = (members, starts, leads, numbers, cells, cells)
    chunks = (members, 1, 1, numbers, cells, cells)

    def values(seed: int) -> da.Array:
        def draw(block_info: dict | None = None) -> np.ndarray:
            place = block_info[None]["chunk-location"]
            rng = np.random.default_rng([seed, *place])
            return rng.normal(280, 3, block_info[None]["chunk-shape"]).astype("float32")

        return da.map_blocks(draw, chunks=da.core.normalize_chunks(chunks, shape), dtype="float32",
                             meta=np.empty((0,) * 6, "float32"))  # fmt: skip

    about = {"standard_name": "realization"}
    return xr.Dataset(
        {"t2m": (dims, values(0), {"units": "K"}), "u10": (dims, values(1), {"units": "m s-1"})},
        {
            "member": ("member", np.arange(members), about),
            "number": ("number", np.arange(numbers), about),
            "init_time": ("init_time", start, {"standard_name": "forecast_reference_time"}),
            "lead_time": ("lead_time", lead, {"standard_name": "forecast_period"}),
            "valid_time": (
                ("init_time", "lead_time"), start[:, None] + lead, {"standard_name": "time"},
            ),
            "time_bnds": (
                ("init_time", "lead_time", "nv"),
                np.stack([start[:, None] + lead - HOUR, start[:, None] + lead], -1),
            ),
            "y": np.arange(cells) * -2e3,
            "x": np.arange(cells) * 2e3,
            "lat": (("y", "x"), np.zeros((cells, cells))),
        },
        {"model": "tiny", "seed": 0},
    )  # fmt: skip


def series(hours: int) -> xr.Dataset:
    values = da.random.default_rng(1).normal(size=(hours, 8, 8), chunks=(1, 8, 8))
    time = np.datetime64("2001-01-01", "ns") + np.arange(hours) * HOUR
    return xr.Dataset({"a": (("time", "y", "x"), values)}, {"time": time})


def contents(url: Path | str, options: dict | None = None) -> dict[str, bytes]:
    """Every object, but for the time in the root at which the store was complete."""
    place = locate(url, options)
    place.fs.invalidate_cache()
    found = {p.removeprefix(f"{place.root}/"): place.fs.cat_file(p)
             for p in place.fs.find(place.root)}  # fmt: skip
    return {k: re.sub(rb'"xldm_complete": "[^"]*Z"', b"", data) for k, data in found.items()}


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    return forecast()


@pytest.fixture(scope="module")
def whole(out, tmp_path_factory) -> Path:
    """A store that was written at once, not to be changed."""
    folder = tmp_path_factory.mktemp("stores") / "whole.zarr"
    xldm.to_store(out, folder)
    return folder


def ahead(out: xr.Dataset, dim: str, first: int, last: int | None = None) -> xr.Dataset:
    return out.isel({dim: slice(first, last)})


@pytest.fixture
def begun(out, tmp_path) -> Path:
    """A store without the last lead."""
    xldm.to_store(ahead(out, "lead_time", 0, -1), tmp_path / "begun.zarr")
    return tmp_path / "begun.zarr"


# What a store of forecasts holds


def test_what_xarray_opens_is_what_was_written(out, whole):
    stored = xr.open_zarr(whole)
    for name in [n for n in stored.attrs if n.startswith(("xldm_", "time_coverage_"))]:
        del stored.attrs[name]
    xr.testing.assert_identical(stored.compute(), out.compute())


def test_an_object_is_all_members_of_one_initialisation_and_lead(whole):
    array = zarr.open_array(whole, path="t2m")
    assert array.shards == (2, 1, 1, 5, 8, 8)
    assert array.chunks == (1, 1, 1, 1, 8, 8)


def test_an_object_beyond_the_limit_is_cut_along_members_of_the_input(out, tmp_path, monkeypatch):
    monkeypatch.setattr(store_layout, "BLOCK_BYTES", 2 * 2 * 2 * 8 * 8 * 4)
    xldm.to_store(out.chunk(number=1), tmp_path / "a.zarr")
    assert zarr.open_array(tmp_path / "a.zarr", path="t2m").shards == (2, 1, 1, 2, 8, 8)
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "a.zarr").compute(), out.compute())


def test_fields_in_memory_give_the_same_bytes(out, whole, tmp_path):
    xldm.to_store(out.compute(), tmp_path / "a.zarr")
    assert contents(tmp_path / "a.zarr") == contents(whole)


def test_one_initialisation_without_a_dim_is_written_by_lead(out, tmp_path):
    one = out.isel(init_time=0)
    xldm.to_store(one, tmp_path / "a.zarr")
    assert zarr.open_array(tmp_path / "a.zarr", path="t2m").shards == (2, 1, 5, 8, 8)


def test_a_chunk_of_several_leads_is_computed_once(out, tmp_path):
    computed = []

    def noted(block, block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return block

    lazy = out[["t2m"]].chunk(init_time=2, lead_time=4)
    data = lazy["t2m"].data.map_blocks(noted, dtype="float32", meta=np.empty((0,) * 6, "float32"))
    xldm.to_store(lazy.assign(t2m=lazy["t2m"].copy(data=data)), tmp_path / "a.zarr")
    assert len(computed) == len(set(computed)) == 3


def test_a_share_of_forecasts_is_completed_by_the_other(out, whole, tmp_path):
    for number in range(2):
        xldm.to_store(out, tmp_path / "a.zarr", share=(number, 2))
    assert contents(tmp_path / "a.zarr") == contents(whole)


# Appending


@pytest.mark.parametrize("dim", ["lead_time", "init_time"])
def test_what_is_appended_one_by_one_is_what_is_written_at_once(out, whole, tmp_path, dim):
    store = tmp_path / "a.zarr"
    for i in range(out.sizes[dim]):
        xldm.to_store(ahead(out, dim, i, i + 1), store, append_dim=dim)
    assert contents(store) == contents(whole)


def test_what_is_appended_several_at_once_is_the_same(out, whole, tmp_path):
    store = tmp_path / "a.zarr"
    for first, last in ((0, 3), (3, 4), (4, None)):
        xldm.to_store(ahead(out, "lead_time", first, last), store, append_dim="lead_time")
    assert contents(store) == contents(whole)


def test_only_new_objects_of_fields_are_written(out, begun):
    before = {p: p.stat().st_mtime_ns for p in begun.glob("*/c/**/*") if p.is_file()}
    fields = {p for p in before if p.parts[-7] in ("t2m", "u10") or "t2m" in p.parts}
    xldm.to_store(ahead(out, "lead_time", LEADS - 1), begun, append_dim="lead_time")
    assert all(p.stat().st_mtime_ns == before[p] for p in fields)


def test_coordinates_longer_than_a_chunk_are_appended_too(monkeypatch, tmp_path):
    monkeypatch.setattr(store_layout, "GROWING", {1: 3, 2: 2})
    small = forecast(starts=1, numbers=1, members=1, cells=2)
    for i in range(LEADS):
        xldm.to_store(ahead(small, "lead_time", i, i + 1), tmp_path / "a", append_dim="lead_time")
    xldm.to_store(small, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_whole_objects_of_a_series_are_followed_by_more(tmp_path, monkeypatch):
    monkeypatch.setattr(store_layout, "BLOCK_BYTES", 3 * 8 * 8 * 8)
    fields = series(10).compute()
    xldm.to_store(fields.isel(time=slice(0, 6)), tmp_path / "a", append_dim="time")
    xldm.to_store(fields.isel(time=slice(6, 10)), tmp_path / "a", append_dim="time")
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "a").compute(), fields)
    with pytest.raises(StoreError, match="its last objects hold 1 of 3 along time"):
        xldm.to_store(series(11).isel(time=[10]), tmp_path / "a", append_dim="time")


def test_notes_of_the_input_are_kept_from_all_that_is_appended(out, tmp_path):
    for i, note in enumerate(("sums of 3 h", "sums of 3 h", "sums of 6 h")):
        lead = ahead(out, "lead_time", i, i + 1).assign_attrs(input_notes=note, history="drawn")
        xldm.to_store(lead, tmp_path / "a", append_dim="lead_time")
    stored = xr.open_zarr(tmp_path / "a")
    assert stored.attrs["input_notes"] == "sums of 3 h\nsums of 6 h"
    assert stored.attrs["history"] == "drawn"


# What is refused


def _refused(out, store, match, **options) -> None:
    before = contents(store)
    with pytest.raises(StoreError, match=match):
        xldm.to_store(out, store, append_dim="lead_time", **options)
    assert contents(store) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda ds: ds.assign_attrs(seed=1), "seed: 0 there, 1 here"),
        (lambda ds: ds.isel(init_time=[0]), "init_time: .*there"),
        (lambda ds: ds.isel(number=[0]), "number"),
        (lambda ds: ds.drop_vars("u10"), "u10: .* there, nothing here"),
        (lambda ds: ds.astype("float64"), "t2m: float32 .* there, float64"),
        (lambda ds: ds.assign_coords(x=ds["x"] + 1), "x: "),
    ],
)
def test_other_fields_are_not_appended(out, begun, change, named):
    _refused(
        change(ahead(out, "lead_time", LEADS - 1)), begun, f"begun with something else.*{named}"
    )


def test_leads_out_of_order_are_not_appended(out, begun):
    early = ahead(out, "lead_time", LEADS - 1)
    early = early.assign_coords(lead_time=[np.timedelta64(3, "h").astype("timedelta64[ns]")])
    early["lead_time"].attrs = out["lead_time"].attrs
    _refused(early, begun, "3 h to 3 h is appended to 48 h, and must follow on")


def test_of_overlapping_leads_the_new_ones_are_named(out, begun, whole):
    overlapping = ahead(out, "lead_time", LEADS - 3)
    with pytest.raises(StoreError, match="must follow on") as error:
        xldm.to_store(overlapping, begun, append_dim="lead_time")
    [code] = re.findall(r"use (out\..+?)\.$", str(error.value))
    xldm.to_store(eval(code, {"out": overlapping}), begun, append_dim="lead_time")
    assert contents(begun) == contents(whole)


def test_what_is_there_already_is_not_appended_again(out, whole, tmp_path):
    store = Path(shutil.copytree(whole, tmp_path / "a.zarr"))
    last = ahead(out, "lead_time", LEADS - 1)
    _refused(last, store, "holds what is appended already")
    assert xldm.to_store(last, store, append_dim="lead_time", resume=True)
    assert contents(store) == contents(whole)
    other = last.copy(data={n: v.data + np.float32(1) for n, v in last.items()})
    _refused(other, store, "an existing block differs", resume=True)


def test_leads_between_hours_are_not_appended_to_whole_ones(out, begun):
    odd = ahead(out, "lead_time", LEADS - 1)
    lead = odd["lead_time"].values + np.timedelta64(30, "m")
    odd = odd.assign_coords(
        lead_time=("lead_time", lead, out["lead_time"].attrs),
        valid_time=odd["valid_time"] + np.timedelta64(30, "m"),
    )
    odd["valid_time"].attrs = out["valid_time"].attrs
    _refused(odd, begun, "is in hours.* there, which cannot hold")


@pytest.mark.parametrize("dim", ["number", "y", "time"])
def test_a_dim_along_which_no_times_lie_is_refused(out, tmp_path, dim):
    with pytest.raises(ArgumentError, match="append_dim: expected 'init_time' or 'lead_time'"):
        xldm.to_store(out, tmp_path / "a", append_dim=dim)


def test_shares_are_not_appended(out, tmp_path):
    with pytest.raises(ArgumentError, match="one run appends at a time"):
        xldm.to_store(out, tmp_path / "a", append_dim="lead_time", share=(0, 2))


def test_of_two_that_append_one_is_refused(out, begun):
    last = ahead(out, "lead_time", LEADS - 1)
    with (
        claims.sole_writer(locate(begun)),
        pytest.raises(StoreError, match="another run is writing it"),
    ):
        xldm.to_store(last, begun, append_dim="lead_time")


# Interruptions

WRITER = """
    import os, signal, sys
    sys.path[:0] = {tests!r}
    import test_appending
    import xldm
    from xldm.storage import objects
    puts = objects.put
    def put(place, key, data):
        if key.startswith({at!r}):
            os.kill(os.getpid(), signal.SIGKILL)
        return puts(place, key, data)
    for module in ("storage.blocks", "writing.appending", "storage.marks"):
        sys.modules["xldm." + module].put = put
    out = test_appending.forecast()
    xldm.to_store(out.isel(lead_time=slice(8, None)), {url!r}, append_dim="lead_time")
"""


@pytest.mark.parametrize("at", ["u10/c/0/1/9", "lead_time/c", "valid_time/zarr.json", "zarr.json"])
def test_a_killed_append_leaves_the_store_and_is_resumed_to_the_same_bytes(
    out, whole, tmp_path, at
):
    store, shown = tmp_path / "a.zarr", out.isel(lead_time=slice(0, 8))
    xldm.to_store(shown, store)
    script = textwrap.dedent(WRITER).format(
        tests=[str(folder) for folder in Path(__file__).parents[:2]], url=str(store), at=at
    )
    process = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True,
                             text=True, env=os.environ)  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr
    seen = xr.open_zarr(store)
    assert "xldm_complete" in seen.attrs
    xr.testing.assert_equal(seen.compute(), shown.compute())
    more = out.isel(lead_time=slice(8, None))
    with pytest.raises(StoreError, match=r"interrupted; nothing was written. resume=True"):
        xldm.to_store(more, store, append_dim="lead_time")
    xldm.to_store(more, store, append_dim="lead_time", resume=True)
    assert contents(store) == contents(whole)


def _interrupted(out: xr.Dataset, store: Path, monkeypatch) -> None:
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(appending, "finish", fail)
        with pytest.raises(KeyboardInterrupt):
            xldm.to_store(out, store, append_dim="lead_time")


def test_others_do_not_resume_an_interrupted_append(out, begun, monkeypatch):
    last = ahead(out, "lead_time", LEADS - 1)
    _interrupted(last, begun, monkeypatch)
    other = last.copy(data={n: v.data + np.float32(1) for n, v in last.items()})
    _refused(other, begun, "an existing block differs", resume=True)
    later = last.assign_coords(
        lead_time=("lead_time", last["lead_time"].values + 6 * HOUR, last["lead_time"].attrs)
    )
    _refused(later, begun, "while appending. To give that one up, delete .*xldm_appending.json",
             resume=True)  # fmt: skip


def test_after_giving_an_append_up_another_overwrites_it(out, whole, begun, monkeypatch):
    last = ahead(out, "lead_time", LEADS - 1)
    _interrupted(
        last.copy(data={n: v.data + np.float32(1) for n, v in last.items()}), begun, monkeypatch
    )
    (begun / appending.PENDING).unlink()
    xldm.to_store(last, begun, append_dim="lead_time")
    assert contents(begun) == contents(whole)


# S3


def test_leads_appended_to_s3_are_the_bytes_of_all_at_once(out, whole, tmp_path):
    with s3.serve(tmp_path) as options:
        url = f"s3://{s3.BUCKET}/leads.zarr"
        for i in range(LEADS):
            xldm.to_store(ahead(out, "lead_time", i, i + 1), url, append_dim="lead_time",
                          storage_options=options)  # fmt: skip
        assert contents(url, options) == contents(whole)
        seen = xr.open_zarr(url, storage_options=options)
        xr.testing.assert_equal(seen.compute(), out.compute())


def test_a_failed_put_of_the_root_leaves_the_store_as_it_was(out, begun, monkeypatch):
    shown = contents(begun)["zarr.json"]
    last = ahead(out, "lead_time", LEADS - 1)
    put: Callable = objects.put

    def fails(place, key, data):
        if key == "zarr.json":
            raise StoreError("no space")
        put(place, key, data)

    monkeypatch.setattr(appending, "put", fails)
    with pytest.raises(StoreError, match="no space"):
        xldm.to_store(last, begun, append_dim="lead_time")
    assert contents(begun)["zarr.json"] == shown


@pytest.mark.filterwarnings("ignore:Unable to decode time axis")
def test_times_beyond_nanoseconds_are_stored_and_followed_on(tmp_path):
    place = tmp_path / "late.zarr"

    def hours(*of_day: int) -> xr.Dataset:
        time = np.datetime64("2300-07-15T00", "s") + np.array(of_day) * HOUR
        field = (("time", "y", "x"), np.ones((len(of_day), 4, 4), "f4"), {"units": "K"})
        roles = {"standard_name": "time"}
        coords = {"time": ("time", time, roles), "y": np.arange(4.0), "x": np.arange(4.0)}
        return xr.Dataset({"t2m": field}, coords)

    xldm.to_store(hours(0, 1), place, progress=False)
    xldm.to_store(hours(2, 3), place, progress=False, append_dim="time")
    with xr.open_zarr(place, decode_times=False) as stored:
        assert stored["time"].attrs["units"] == "hours since 1970-01-01"
        since = np.datetime64("2300-07-15T00", "h").astype("int64")
        np.testing.assert_array_equal(stored["time"], since + np.arange(4))


def nine(first: int) -> xr.Dataset:
    """Nine hours, and one field a time."""
    hours = np.datetime64("2001-07-15", "ns") + np.arange(first, first + 9) * np.timedelta64(1, "h")
    values = np.arange(9 * 16.0).reshape(9, 4, 4) + first
    return xr.Dataset({"t2m": (("time", "y", "x"), values)}, {"time": hours})


@pytest.mark.parametrize("long", [9, 4096])
def test_a_series_reads_as_before_until_the_root_is_put(tmp_path, monkeypatch, long):
    store = tmp_path / "a.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(store_layout, "GROWING", {1: long})  # stores of earlier versions have 9
        xldm.to_store(nine(0), store)
    before = xr.open_zarr(store).load()

    def stop(place, key, data):
        if key == "zarr.json":
            raise StoreError("stopped")
        objects.put(place, key, data)

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="stopped"):
        patch.setattr("xldm.writing.appending.put", stop)
        xldm.to_store(nine(9), store, append_dim="time")
    xr.testing.assert_identical(xr.open_zarr(store).load(), before)
    xldm.to_store(nine(9), store, append_dim="time", resume=True)
    with monkeypatch.context() as patch:  # killed after the root, before the note is removed
        patch.setattr("xldm.writing.appending.remove", lambda *_: None)
        xldm.to_store(nine(18), store, append_dim="time")
    xldm.to_store(nine(27), store, append_dim="time")
    assert not (store / appending.PENDING).exists()
    both = xr.concat([nine(0), nine(9), nine(18), nine(27)], "time")
    xr.testing.assert_equal(xr.open_zarr(store).load(), both)
