"""Stores of downscaled fields: what they hold, interruptions, outages, several writers."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import s3
import tiny
import xarray as xr
import zarr

import xldm
from xldm.errors import StoreError
from xldm.models.model import Model
from xldm.storage import blocks, objects
from xldm.storage.location import locate
from xldm.writing import store_layout

HOURS = 10
MARKS = ("xldm_block", "xldm_content", "xldm_complete")
# Blocks of three hours and two members.
BLOCK = 3 * 2 * 64 * 64 * 4


def drawn(hours: int = HOURS, members: int = 2, **options: object) -> xr.Dataset:
    """Lazy fields of the smallest model; the same in every process."""
    from conftest import cds_new

    config = tiny.config()
    model = Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)
    era5 = cds_new(hours).chunk(valid_time=1)
    return xldm.downscale(era5, model, members=members, **{"steps": 1, **options})


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(store_layout, "BLOCK_BYTES", BLOCK)


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    return drawn()


@pytest.fixture(scope="module")
def whole(out, tmp_path_factory) -> Path:
    """A store that was written without disturbance, not to be changed."""
    folder = tmp_path_factory.mktemp("stores") / "whole.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_layout, "BLOCK_BYTES", BLOCK)
        xldm.to_store(out, folder)
    return folder


@pytest.fixture
def store(whole, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "copy.zarr"))


@pytest.fixture
def begun(store) -> Path:
    """A copy whose third block, of four, is absent."""
    _lose(store, 2)
    return store


def _object(store: Path, block: int) -> Path:
    return store / "t2m" / "c" / "0" / str(block) / "0" / "0"


def _lose(store: Path, block: int) -> None:
    _object(store, block).unlink()
    root = json.loads((store / "zarr.json").read_text())
    del root["attributes"]["xldm_complete"]
    (store / "zarr.json").write_text(json.dumps(root, indent=2))


def contents(store: Path) -> dict[str, str]:
    """Of every file, but for the time in the root at which the store was complete."""
    return {
        str(path.relative_to(store)): _hash(path.read_bytes())
        for path in store.rglob("*")
        if path.is_file()
    }


def as_given(stored: xr.Dataset) -> xr.Dataset:
    """A dataset that was read, without what a store says of itself."""
    own = [n for n in stored.attrs if n in MARKS or n.startswith(("geospatial_", "time_coverage_"))]
    return stored.drop_attrs(deep=False).assign_attrs(
        {n: v for n, v in stored.attrs.items() if n not in own}
    )


def on_server(url: str, options: Mapping) -> dict[str, str]:
    fs, root = locate(url, options).fs, url.removeprefix("s3://")
    fs.invalidate_cache()
    return {p.removeprefix(root + "/"): _hash(fs.cat_file(p)) for p in fs.find(root)}


def _hash(data: bytes) -> str:
    return hashlib.sha256(re.sub(rb'"xldm_complete": "[^"]*Z"', b"", data)).hexdigest()


# What a store holds


def test_what_xarray_opens_is_what_was_written(out, whole):
    stored = xr.open_zarr(whole)
    xr.testing.assert_identical(as_given(stored).compute(), out.compute())


def test_what_is_opened_without_a_word_has_the_same_coordinates(out, whole):
    assert set(xr.open_zarr(whole).coords) == set(out.coords)


def test_the_store_says_where_and_when_its_fields_lie(out, whole):
    told = xr.open_zarr(whole).attrs
    assert told["geospatial_lat_max"] == out["lat"].values.max()
    assert (told["time_coverage_start"], told["time_coverage_end"]) == (
        "2020-02-12T00:00:00Z", "2020-02-12T09:00:00Z",
    )  # fmt: skip
    assert (told["time_coverage_duration"], told["time_coverage_resolution"]) == (
        "P0DT9H0M0S", "P0DT1H0M0S",
    )  # fmt: skip


def test_the_store_is_cf(whole):
    stored = xr.open_zarr(whole, decode_times=False)
    assert stored["time"].attrs["units"] == "hours since 1970-01-01"
    assert stored["time"].dtype == "int64"
    assert stored["t2m"].attrs["grid_mapping"] == "spatial_ref"
    assert stored.attrs["Conventions"] == "CF-1.11, ACDD-1.3"
    assert stored["t2m"].encoding["coordinates"] == "lat lon"


def test_a_chunk_is_a_field_and_an_object_a_block_of_all_members(whole):
    array = zarr.open_array(whole, path="t2m")
    assert array.chunks == (1, 1, 64, 64) and array.shards == (2, 3, 64, 64)


def test_metadata_are_consolidated(whole):
    assert zarr.open_group(whole, use_consolidated=True)["t2m"].shape == (2, HOURS, 64, 64)


def test_nothing_lies_there_but_the_store(whole):
    names = {path.parts[0] for path in map(Path, contents(whole))}
    assert names == {"zarr.json", "t2m", "time", "member", "y", "x", "lat", "lon", "spatial_ref"}
    assert not [name for name in contents(whole) if name.endswith(".partial")]


def test_fields_in_memory_give_the_same_bytes(out, whole, tmp_path):
    xldm.to_store(out.compute(), tmp_path / "a.zarr")
    assert contents(tmp_path / "a.zarr") == contents(whole)


def test_one_field_without_members_is_written(tmp_path):
    xldm.to_store(drawn(2, members=None), tmp_path / "a.zarr")
    assert xr.open_zarr(tmp_path / "a.zarr")["t2m"].dims == ("time", "y", "x")


def test_times_between_hours_are_kept(out, tmp_path):
    odd = out.isel(time=[0, 1]).compute()
    odd["time"] = odd["time"] + np.array([0, 90], "timedelta64[s]")
    xldm.to_store(odd, tmp_path / "a.zarr")
    assert (xr.open_zarr(tmp_path / "a.zarr")["time"].values == odd["time"].values).all()


def test_a_field_without_a_value_is_an_object_too(out, tmp_path):
    nothing = out.isel(time=[0]).compute() * np.nan
    xldm.to_store(nothing, tmp_path / "a.zarr")
    assert _object(tmp_path / "a.zarr", 0).exists()


def test_rounding_keeps_the_bits_asked_for(out, tmp_path):
    xldm.to_store(out.isel(time=[0]), tmp_path / "a.zarr", keep_bits=9)
    stored = xr.open_zarr(tmp_path / "a.zarr")
    values, exact = stored["t2m"].values, out["t2m"].isel(time=[0]).values
    assert not (values.view("uint32") & (2**14 - 1)).any()
    np.testing.assert_allclose(values, exact, rtol=2**-10)
    assert stored.attrs["keep_bits"] == 9


@pytest.mark.parametrize("lengths", [1, 2, 3, 4])
def test_no_chunk_of_the_input_is_computed_twice(lengths, tmp_path, monkeypatch):
    monkeypatch.setattr(store_layout, "BLOCK_BYTES", 3 * 2 * 8)
    computed = []

    def noted(block, block_info=None):
        computed.append(block_info[None]["chunk-location"])
        return block

    values = da.zeros((12, 1, 1), chunks=(lengths, 1, 1)).map_blocks(noted, meta=np.empty((0,) * 3))
    time = np.datetime64("2001-01-01", "ns") + np.arange(12) * np.timedelta64(1, "h")
    fields = xr.DataArray(values, dims=("time", "y", "x"), coords={"time": time})
    xldm.to_store(xr.Dataset({"a": fields, "b": fields + 1}), tmp_path / "a.zarr")
    assert len(computed) == len(set(computed)) == -(-12 // lengths)


# What is refused


def _refused(out, store, message, **options) -> None:
    before = contents(store)
    with pytest.raises(StoreError, match=message):
        xldm.to_store(out, store, **options)
    assert contents(store) == before


def test_a_complete_store_is_not_written_over(out, whole):
    _refused(out, whole, "there is a complete store already")


def test_a_store_that_is_begun_is_gone_on_with_only_if_asked(out, begun):
    _refused(out, begun, "there is an incomplete store already.*resume=True")


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"steps": 2}, "steps: 1 there, 2 here"),
        ({"members": 3}, r"member: int64 \(member 2\) 0 ... 1"),
        ({"members": [0, 2]}, r"member: .* 0 ... 2 .* here"),
        ({"hours": 9}, r"time: .*2020-02-12T09:00 .* there, .*2020-02-12T08:00 .* here"),
    ],
)
def test_another_run_is_not_mixed_into_a_store(other, named, begun):
    _refused(drawn(**other), begun, f"begun with something else.*{named}", resume=True)


def test_another_model_is_not_mixed_into_a_store(out, begun):
    other = out.assign_attrs(model_sha256="b" * 64)
    _refused(other, begun, "model_sha256: aaa.* there, bbb.* here", resume=True)


def test_other_rounding_is_not_mixed_into_a_store(out, begun):
    _refused(out, begun, "keep_bits: nothing there, 12 here", resume=True, keep_bits=12)


def test_other_input_is_not_mixed_into_a_store(out, begun):
    other = out.copy(data={"t2m": out["t2m"].data + np.float32(0.5)})
    _refused(other, begun, "t2m by up to 0.5 K.*another input", resume=True)


def test_other_files_are_left_alone(out, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    _refused(out, tmp_path, r"something else already \(thesis.txt\)", resume=True)


def test_another_zarr_store_is_left_alone(out, tmp_path):
    out.isel(time=[0]).to_zarr(tmp_path / "a.zarr", consolidated=False)
    _refused(out, tmp_path / "a.zarr", "a Zarr store that xldm did not begin", resume=True)


@pytest.mark.parametrize("options", [{"share": (2, 2)}, {"share": (-1, 2)}, {"keep_bits": 24}])
def test_a_wrong_argument_is_refused_before_anything_is_written(options, out, tmp_path):
    with pytest.raises(ValueError, match="expected"):
        xldm.to_store(out, tmp_path / "a.zarr", **options)
    assert not (tmp_path / "a.zarr").exists()


def test_a_dataset_without_time_is_refused(out, tmp_path):
    with pytest.raises(ValueError, match="expected a coordinate time"):
        xldm.to_store(out.isel(time=0, drop=True), tmp_path / "a.zarr")


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.assign_coords(time=ds.indexes["time"].tz_localize("Europe/Rome")),
        lambda ds: ds.astype(object),
        lambda ds: ds["t2m"],
    ],
)
def test_the_advice_of_what_cannot_be_written_works(change, out, tmp_path):
    wrong = change(out.isel(time=[0]).compute())
    with pytest.raises(xldm.XldmError, match="; use ") as error:
        xldm.to_store(wrong, tmp_path / "a.zarr")
    mended = eval(str(error.value).partition("; use ")[2], {"out": wrong})
    xldm.to_store(mended, tmp_path / "a.zarr")


def test_nothing_is_not_written(out, tmp_path):
    with pytest.raises(ValueError, match="holds nothing along time"):
        xldm.to_store(out.isel(time=[]), tmp_path / "a.zarr")


# Interruptions


def test_only_what_is_absent_or_damaged_is_written_again(out, begun, whole):
    path = _object(begun, 1)
    path.write_bytes(path.read_bytes()[:-1000])
    path = _object(begun, 3)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    kept = _object(begun, 0).stat().st_mtime_ns
    xldm.to_store(out, begun, resume=True)
    assert contents(begun) == contents(whole)
    assert _object(begun, 0).stat().st_mtime_ns == kept


def test_chunks_of_the_input_may_differ_when_it_is_resumed(out, begun, whole):
    xldm.to_store(out.chunk(time=2), begun, resume=True)
    assert contents(begun) == contents(whole)


def test_resuming_what_is_complete_changes_nothing(out, store):
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    mark = xldm.to_store(out, store, resume=True)
    assert mark == xr.open_zarr(store).attrs["xldm_complete"]
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_resume_begins_where_there_is_nothing(out, tmp_path, whole):
    xldm.to_store(out, tmp_path / "a.zarr", resume=True)
    assert contents(tmp_path / "a.zarr") == contents(whole)


WRITER = """
    import os, signal, sys
    sys.path[:0] = {tests!r}
    import test_resumable
    import xldm
    from xldm.storage import objects
    from xldm.writing import store_layout
    store_layout.BLOCK_BYTES = test_resumable.BLOCK
    {first}
    xldm.to_store(test_resumable.drawn(), {url!r}, storage_options={options!r}, **{how!r})
"""
# The process dies with a part of the file on disk.
DIES = """
    rename = objects.Path.replace
    def replace(self, path):
        if "t2m/c/0/1" in str(path):
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, path)
    objects.Path.replace = replace
"""


def _start(url, *, first: str = "", options: Mapping | None = None, **how: object):
    script = textwrap.dedent(WRITER).format(
        tests=[str(folder) for folder in Path(__file__).parents[:2]],
        url=str(url), options=options, how=how, first=textwrap.dedent(first),
    )  # fmt: skip
    environ = {**os.environ, "OMP_NUM_THREADS": str(_threads())}
    return subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, env=environ
    )


def _threads() -> int:
    """Fields are the same bit for bit with the same number of threads only."""
    import torch

    return torch.get_num_threads()


def _end(*processes: subprocess.Popen) -> None:
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said


def test_a_killed_run_is_gone_on_with_to_the_same_bytes(out, whole, tmp_path):
    store = tmp_path / "a.zarr"
    process = _start(store, first=DIES)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    assert [name for name in contents(store) if name.endswith(".partial")]
    xldm.to_store(out, store, resume=True)
    assert contents(store) == contents(whole)


def test_metadata_that_a_killed_run_did_not_write_are_written(out, store, whole):
    for block in range(4):
        _object(store, block).unlink()
    shutil.rmtree(store / "lat")
    xldm.to_store(out, store, resume=True)
    assert contents(store) == contents(whole)


def test_a_run_that_fails_keeps_what_it_wrote_and_says_so(out, whole, tmp_path):
    store = tmp_path / "a.zarr"
    # As a disk that is full would: files over a size cannot be written.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    least = min(_object(whole, block).stat().st_size for block in range(3))
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least - 1, limits[1]))
        with pytest.raises(StoreError, match=r"a.zarr: File too large; .* kept: .*resume=True"):
            xldm.to_store(out, store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, was)
    xldm.to_store(out, store, resume=True)
    assert contents(store) == contents(whole)


def test_a_place_that_cannot_be_written_is_named(out):
    with pytest.raises(StoreError, match=r"/proc/a.zarr: .*check the path"):
        xldm.to_store(out, "/proc/a.zarr")


# Several writers


def test_shares_in_two_processes_make_one_store(out, whole, tmp_path):
    store = tmp_path / "a.zarr"
    other = _start(store, share=(0, 2))
    xldm.to_store(out, store, share=(1, 2))
    _end(other)
    assert contents(store) == contents(whole)


def test_a_share_alone_is_not_complete(out, tmp_path):
    store = tmp_path / "a.zarr"
    assert xldm.to_store(out, store, share=(1, 2)) is None
    assert "xldm_complete" not in xr.open_zarr(store).attrs
    assert sorted(p.name for p in (store / "t2m" / "c" / "0").iterdir()) == ["1", "3"]


def test_a_share_that_is_begun_is_gone_on_with_only_if_asked(out, tmp_path):
    store = tmp_path / "a.zarr"
    xldm.to_store(out, store, share=(1, 2))
    _refused(out, store, "blocks of share 1/2 exist already.*resume=True", share=(1, 2))


def test_writers_of_everything_at_once_lose_nothing(out, whole, tmp_path):
    store, start = tmp_path / "a.zarr", threading.Barrier(3)

    def write(_):
        start.wait()
        return xldm.to_store(out, store, resume=True)

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(write, range(3)))
    assert contents(store) == contents(whole)


def test_of_writers_that_begin_at_once_one_makes_the_store(out, tmp_path):
    start, made, refused = threading.Barrier(4), [], []

    def begin():
        start.wait()
        try:
            made.append(xldm.to_store(out, tmp_path / "a.zarr"))
        except StoreError as error:
            refused.append(str(error))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(begin)
    assert len(made) == 1 and len(refused) == 3
    assert all("nothing was written" in said for said in refused)


def test_workers_of_a_cluster_write(tmp_path):
    distributed = pytest.importorskip("distributed")
    time = np.datetime64("2001-01-01", "ns") + np.arange(12) * np.timedelta64(1, "h")
    values = da.random.default_rng(1).normal(size=(12, 64, 64), chunks=(2, 64, 64))
    fields = xr.Dataset({"a": (("time", "y", "x"), values)}, {"time": time})
    xldm.to_store(fields, tmp_path / "threads")
    put = blocks.put
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        pytest.MonkeyPatch.context() as patch,
    ):

        def metadata_only(place, key, data):
            assert "/a/c/" not in f"/{key}"
            put(place, key, data)

        patch.setattr(blocks, "put", metadata_only)  # in this process, the client's
        xldm.to_store(fields, tmp_path / "cluster")
    assert contents(tmp_path / "cluster") == contents(tmp_path / "threads")


# S3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own, to be killed and started."""
    with s3.running(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def options(server) -> dict:
    # botocore tries again for ten seconds otherwise.
    return {**server.options, "config_kwargs": {"retries": {"max_attempts": 0}}}


def test_the_same_bytes_go_to_s3(out, whole, options):
    url = f"s3://{s3.BUCKET}/same.zarr"
    xldm.to_store(out, url, storage_options=options)
    assert on_server(url, options) == contents(whole)


def test_no_secret_is_in_a_store(out, options):
    url = f"s3://{s3.BUCKET}/secret.zarr"
    xldm.to_store(out.isel(time=[0]), url, storage_options=options)
    fs = locate(url, options).fs
    said = b"".join(fs.cat_file(p) for p in fs.find(url) if p.endswith("zarr.json"))
    assert s3.SECRET.encode() not in said and s3.KEY.encode() not in said


def test_of_runs_on_s3_the_second_is_refused(out, options):
    url = f"s3://{s3.BUCKET}/twice.zarr"
    xldm.to_store(out.isel(time=[0]), url, storage_options=options)
    with pytest.raises(StoreError, match="there is a complete store already"):
        xldm.to_store(out.isel(time=[0]), url, storage_options=options)


def test_a_root_on_s3_is_created_once(options):
    place = locate(f"s3://{s3.BUCKET}/once.zarr", options)
    assert [objects.create(place, "zarr.json", data) for data in (b"1", b"2")] == [True, False]
    assert place.fs.cat_file(f"{place.root}/zarr.json") == b"1"


def test_two_writers_on_s3_lose_nothing(out, whole, options):
    url = f"s3://{s3.BUCKET}/both.zarr"
    other = _start(url, options=options, resume=True)
    xldm.to_store(out, url, storage_options=options, resume=True)
    _end(other)
    assert on_server(url, options) == contents(whole)


def _and_then(out: xr.Dataset, hour: int, event) -> xr.Dataset:
    """The same fields, with something that happens when one of them is drawn."""

    def happen(values, block_info=None):
        if block_info[None]["array-location"][1][0] == hour:
            event()
        return values

    fields = out["t2m"].data.map_blocks(happen, meta=np.empty((0,) * 4, "f4"))
    return out.copy(data={"t2m": fields})


def test_a_server_that_stops_is_told_and_nothing_is_lost(out, whole, server, options, monkeypatch):
    url = f"s3://{s3.BUCKET}/stopped.zarr"
    monkeypatch.setattr(objects, "WAITS", (0.1,))
    with pytest.raises(StoreError, match=r"stopped.zarr: it cannot be reached .*resume=True"):
        xldm.to_store(_and_then(out, 6, server.kill), url, storage_options=options)
    server.start()
    xldm.to_store(out, url, storage_options=options, resume=True)
    assert on_server(url, options) == contents(whole)


def test_a_run_waits_for_a_server_that_comes_back(out, whole, server, options):
    url = f"s3://{s3.BUCKET}/back.zarr"

    def restart():
        server.kill()
        threading.Thread(target=lambda: (time.sleep(3), server.start())).start()

    xldm.to_store(_and_then(out, 6, restart), url, storage_options=options)
    assert on_server(url, options) == contents(whole)
