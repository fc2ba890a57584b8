"""The training store: written day by day, verified, marked, and refused if it is not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import s3
import tiny
import xarray as xr
import zarr

from xldm.data import claim
from xldm.data.grid import axes
from xldm.data.place import StoreError, locate
from xldm.data.splits import by_blocks
from xldm.data.store import open_store
from xldm.data.storing import write
from xldm.data.verifying import verify

ATTRS = {
    "title": "A store for tests",
    "source": "random numbers",
    "license": "CC0-1.0",
    "references": "none",
    "crs": "EPSG:3035",
}
COARSE = {"msl": "Pa", "t2m": "K", "sst": "K"}
FINE = {"t2m": "K", "u10": "m s-1"}
GRID = dataclasses.replace(tiny.GRID, factor=2)
HOURS = 80  # three days and a third


def fields(units: dict[str, str], *, fine: bool) -> xr.Dataset:
    """Lazy random fields, a day to a chunk; sst has gaps, and an hour without any value."""
    rng = np.random.default_rng(7)
    y, x = axes(GRID, fine=fine)
    time = np.datetime64("2005-02-26", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    ds = xr.Dataset(coords={"time": time, "y": y, "x": x})
    for name, unit in units.items():
        values = rng.normal(280, 5, (HOURS, y.size, x.size)).astype("float32")
        if name == "sst":
            values[:, :3], values[30] = np.nan, np.nan
        ds[name] = (("time", "y", "x"), values, {"units": unit})
    return ds.chunk(time=24)


def inputs() -> dict:
    """What a store is written from."""
    coarse = fields(COARSE, fine=False)
    static = tiny.static().coarsen(y=4, x=4).max()
    y, x = axes(GRID, fine=True)
    return {
        "coarse": coarse,
        "fine": fields(FINE, fine=True),
        "static": static.drop_vars(("lat", "lon")).assign_coords(y=y, x=x),
        "split": by_blocks(coarse["time"], val=(), test=("2005-02-28",), gap="6h"),
    }


def hashes(folder: Path) -> dict[str, str]:
    """Of every file but the root's metadata, which hold the time of verification."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / "zarr.json"
    }


def unmark(folder: Path) -> None:
    path = folder / "zarr.json"
    root = json.loads(path.read_text())
    del root["attributes"]["xldm_complete"]
    path.write_text(json.dumps(root))


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    """A complete store, not to be changed."""
    folder = tmp_path_factory.mktemp("stores") / "whole.zarr"
    write(folder, **inputs(), attrs=ATTRS)
    return folder


@pytest.fixture
def store(whole, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "copy.zarr"))


@pytest.fixture(scope="session")
def bucket(tmp_path_factory) -> dict:
    """Storage options of a running S3 server."""
    with s3.serve(tmp_path_factory.mktemp("s3")) as options:
        yield options


# What is in a store


def test_a_store_gives_back_what_was_written(whole):
    tree, given = open_store(whole), inputs()
    for group in ("coarse", "fine"):
        stored = tree[group].to_dataset()
        assert list(stored) == list(given[group])
        assert all(field.chunks and field.dtype == "float32" for field in stored.values())
        for name in stored:
            np.testing.assert_array_equal(stored[name], given[group][name])
            assert stored[name].attrs["units"] == given[group][name].attrs["units"]
    for name in given["static"]:
        np.testing.assert_array_equal(tree["static"][name], given["static"][name])
    assert list(tree["static"]["land_cover_class"].values) == list(tiny.COVER)
    np.testing.assert_array_equal(tree["split"]["split"], given["split"])
    assert tree["split"]["split"].attrs["gap"] == "6h"


def test_the_root_says_what_it_is(whole):
    attrs = open_store(whole).attrs
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
    tree, given = open_store(whole), inputs()
    train = given["split"].values == 0
    for group, name in (("coarse", "t2m"), ("coarse", "sst"), ("fine", "u10")):
        values = given[group][name].values[train].astype("float64")
        one = tree["stats"].to_dataset().sel(group=group, variable=name)
        np.testing.assert_allclose(one["mean"], np.nanmean(values), rtol=1e-9)
        np.testing.assert_allclose(one["std"], np.nanstd(values), rtol=1e-9)
        assert one["count"] == np.isfinite(values).sum()
    assert tree["stats"]["count"].sel(group="fine", variable="msl") == 0
    assert {"period", "split", "mask_rule"} <= set(tree["stats"].attrs)


def test_nothing_but_the_store_is_left(whole):
    assert not (whole / claim.FOLDER).exists()
    assert {p.name for p in whole.iterdir()} == {
        "zarr.json", "coarse", "fine", "static", "stats", "split",
    }  # fmt: skip


def test_a_store_in_memory_is_a_store():
    url = "memory://tests/training.zarr"
    mark = write(url, **inputs(), attrs=ATTRS)
    assert open_store(url).attrs["xldm_complete"] == mark


# What is refused before anything is written


def _later(given):
    given["fine"]["time"] = given["fine"]["time"] + np.timedelta64(1, "h")


def _without_an_hour(given):
    for name in ("coarse", "fine", "split"):
        given[name] = given[name].drop_isel(time=40)


def _twice_an_hour(given):
    for name in ("coarse", "fine", "split"):
        given[name] = given[name].isel(time=[*range(41), *range(40, HOURS)])


def _shifted(given):
    given["fine"]["x"] = given["fine"]["x"] + 500.0


def _unitless(given):
    del given["coarse"]["msl"].attrs["units"]


def _other_static(given):
    given["static"] = given["static"].isel(y=slice(None, None, -1))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_later, "times of fine .* are not those of coarse"),
        (_without_an_hour, "hour by hour at 1 places, first from 2005-02-27T15"),
        (_twice_an_hour, "hour by hour at 1 places"),
        (_shifted, "grids do not nest: fine x runs from"),
        (_unitless, "coarse msl has no units"),
        (_other_static, "y of static is not that of fine"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(tmp_path, spoil, message):
    given = inputs()
    spoil(given)
    with pytest.raises(StoreError, match=f"nothing was written, since .*{message}"):
        write(tmp_path / "a.zarr", **given, attrs=ATTRS)
    assert not (tmp_path / "a.zarr").exists()


def test_all_faults_are_in_one_message(tmp_path):
    given = inputs()
    _unitless(given)
    _shifted(given)
    with pytest.raises(StoreError, match=r"(?s)lack 'title'.*no units.*do not nest"):
        write(tmp_path / "a.zarr", **given, attrs={**ATTRS, "title": ""})


def test_a_complete_store_is_never_overwritten(whole):
    before = hashes(whole)
    for resume in (False, True):
        with pytest.raises(StoreError, match="complete store already, which is never overwritten"):
            write(whole, **inputs(), attrs=ATTRS, resume=resume)
    assert hashes(whole) == before


def test_an_incomplete_store_is_resumed_only_if_asked(store):
    unmark(store)
    with pytest.raises(StoreError, match="interrupted or failed; go on with it by resume=True"):
        write(store, **inputs(), attrs=ATTRS)


def test_a_store_of_other_content_is_not_resumed(store):
    unmark(store)
    given = inputs()
    given["fine"] = given["fine"].rename(u10="v10")
    with pytest.raises(StoreError, match=r"begun with other content \(attrs, fine differ\)"):
        write(store, **given, attrs={**ATTRS, "title": "another"}, resume=True)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="something else already"):
        write(tmp_path, **inputs(), attrs=ATTRS, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


# One writer


def test_a_second_writer_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "_PATIENCE", 0.1)
    refused = []

    def second(done, days):
        with pytest.raises(StoreError, match="another run is writing it") as error:
            write(tmp_path / "a.zarr", **inputs(), attrs=ATTRS, resume=True)
        refused.append(str(error.value))

    write(tmp_path / "a.zarr", **inputs(), attrs=ATTRS, progress=second)
    assert len(refused) == 4
    open_store(tmp_path / "a.zarr")


def test_of_writers_that_come_at_once_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "_PAUSE", 0.05)
    place, alone, inside, most = locate(tmp_path / "a.zarr"), [], [], []
    start = threading.Barrier(4)

    def run():
        start.wait()
        try:
            with claim.sole_writer(place):
                inside.append(1)
                most.append(len(inside))
                done.wait(20)
                inside.pop()
                alone.append(True)
        except StoreError:
            alone.append(False)
            if alone.count(False) == 3:
                done.set()

    done = threading.Event()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(alone) == [False, False, False, True]
    assert max(most) == 1


def test_a_writer_that_was_silent_for_long_is_taken_over_and_told(tmp_path):
    place = locate(tmp_path / "a.zarr")
    with claim.sole_writer(place) as first_holds:
        [mine] = (tmp_path / "a.zarr" / claim.FOLDER).iterdir()
        os.utime(mine, (0, mine.stat().st_mtime - claim.STALE - 10))
        with claim.sole_writer(place) as second_holds:
            second_holds()
            with pytest.raises(StoreError, match="another took over"):
                first_holds()


# Interruptions

KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    import zarr
    from data import test_store
    put = zarr.storage.LocalStore.set
    async def set_or_die(self, key, value):
        if key.startswith({key!r}):
            # As if in the midst of it: a part of the file is there.
            (self.root / (key + ".0123.partial")).parent.mkdir(parents=True, exist_ok=True)
            (self.root / (key + ".0123.partial")).write_bytes(b"part")
            os.kill(os.getpid(), signal.SIGKILL)
        await put(self, key, value)
    zarr.storage.LocalStore.set = set_or_die
    test_store.write({store!r}, **test_store.inputs(), attrs=test_store.ATTRS)
"""


@pytest.mark.parametrize("key", ["static/land_mask/c", "fine/u10/c/1", "stats/mean/c"])
def test_a_killed_run_resumes_to_the_same_bytes(whole, tmp_path, key):
    folder = tmp_path / "killed.zarr"
    tests = str(Path(__file__).parents[1])
    script = textwrap.dedent(KILLED).format(path=[tests], key=key, store=str(folder))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with pytest.raises(StoreError, match="not complete"):
        open_store(folder)
    with pytest.raises(StoreError, match="another run is writing it"):
        write(folder, **inputs(), attrs=ATTRS, resume=True)
    shutil.rmtree(folder / claim.FOLDER)  # as the message says
    write(folder, **inputs(), attrs=ATTRS, resume=True)
    assert hashes(folder) == hashes(whole)


def test_days_that_are_whole_are_not_computed_again(store):
    unmark(store)
    given, computed = inputs(), []

    def noted(block, block_info=None):
        computed.append(block_info[0]["chunk-location"][0])
        return block

    field = given["fine"]["u10"]
    given["fine"]["u10"] = field.copy(
        data=da.map_blocks(noted, field.data, dtype="float32", meta=np.empty((0, 0, 0), "f4"))
    )
    shutil.rmtree(store / "fine" / "t2m" / "c" / "2")
    path = store / "fine" / "u10" / "c" / "1" / "0" / "0"
    path.write_bytes(path.read_bytes()[:-100])
    seen = []
    place = "xldm.data.storing.verify"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, lambda *_, **__: seen.extend(computed) or "0")
        write(store, **given, attrs=ATTRS, resume=True)
    assert seen == [1, 2]


# Verification


def _flipped(store):
    zarr.open_group(store, mode="r+")["fine"]["u10"][50, 3, 4] += 1e-4


def _damaged(store):
    path = store / "fine" / "t2m" / "c" / "1" / "0" / "0"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)


def _chunk_deleted(store):
    (store / "coarse" / "t2m" / "c" / "2" / "0" / "0").unlink()


def _hour_lost(store):
    zarr.open_group(store, mode="r+")["coarse"]["t2m"][33] = np.nan


def _axis_of_another_unit(store):
    path = store / "fine" / "time" / "zarr.json"
    path.write_text(path.read_text().replace("hours since 1970-01-01", "hours since 1900-01-01"))


def _one_time_wrong(store):
    time = zarr.open_group(store, mode="r+")["coarse"]["time"]
    time[41] = time[41] + 1


def _latitude_lost(store):
    shutil.rmtree(store / "fine" / "lat" / "c")


def _statistics_broken(store):
    zarr.open_group(store, mode="r+")["stats"]["std"][0, 0] = 0.0


def _split_changed(store):
    zarr.open_group(store, mode="r+")["split"]["split"][5] = 2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_flipped, "/fine: u10 differs from the input at 2005-02-28T02"),
        (_damaged, "/fine: t2m cannot be read"),
        (_chunk_deleted, "/coarse: t2m lacks 1 of 4 days, beginning 2005-02-28T00"),
        (_hour_lost, "/coarse: t2m has no values at 2005-02-27T09, the input has"),
        (_axis_of_another_unit, "/fine: time is stored as int64 'hours since 1900-01-01'"),
        (_axis_of_another_unit, "/fine: .*time differs from the input at 80 of 80 values"),
        (_one_time_wrong, "/coarse: time differs from the input at 1 of 80 values, first at 41"),
        (_latitude_lost, "/fine: lat is not that of y and x"),
        (_statistics_broken, "/stats: msl of /coarse has mean .* and std 0"),
        (_split_changed, "/split: split differs from the input"),
    ],
)
def test_verification_finds(store, spoil, message):
    spoil(store)
    with pytest.raises(StoreError, match=message):
        verify(store, **inputs(), hours=HOURS if spoil is _flipped else 2)


def test_verification_tells_every_fault(store):
    _chunk_deleted(store)
    _split_changed(store)
    with pytest.raises(StoreError, match=r"(?s)t2m lacks.*split differs"):
        verify(store, **inputs())


def test_what_fails_verification_is_not_marked(tmp_path, monkeypatch):
    folder = tmp_path / "a.zarr"

    def spoil(done, days):
        if done == days:
            _one_time_wrong(folder)

    with pytest.raises(StoreError, match="is not what went in"):
        write(folder, **inputs(), attrs=ATTRS, progress=spoil)
    with pytest.raises(StoreError, match="not complete: its writing was interrupted or failed"):
        open_store(folder)


# Readers


def test_an_unmarked_store_is_refused(store):
    unmark(store)
    with pytest.raises(StoreError, match="run it again with resume=True or delete it"):
        open_store(store)


def test_another_schema_is_refused(store):
    path = store / "zarr.json"
    path.write_text(path.read_text().replace('"xldm_schema": "1"', '"xldm_schema": "2"'))
    with pytest.raises(StoreError, match="schema '2', this xldm reads '1'"):
        open_store(store)


def test_another_zarr_store_is_refused(tmp_path):
    xr.Dataset({"a": 1}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    with pytest.raises(StoreError, match="no training store"):
        open_store(tmp_path / "a.zarr")


def test_an_absent_store_is_named(tmp_path):
    with pytest.raises(StoreError, match=f"{tmp_path}/none.zarr: there is no Zarr 3 store"):
        open_store(tmp_path / "none.zarr")


@pytest.mark.parametrize("secret", ["hush", "slash/hush", "a:hush"])
def test_credentials_in_a_url_are_refused_unseen(secret):
    with pytest.raises(StoreError, match="give them in storage_options") as error:
        open_store(f"s3://key:{secret}@bucket/a.zarr")
    assert str(error.value).startswith("s3://bucket/a.zarr: ")


# On a real S3 server


@pytest.fixture(scope="session")
def on_s3(bucket) -> str:
    """A complete store in the bucket, not to be changed."""
    url = f"s3://{s3.BUCKET}/whole.zarr"
    write(url, **inputs(), attrs=ATTRS, storage_options=bucket)
    return url


def test_the_same_bytes_go_to_s3(on_s3, bucket, whole):
    fs = locate(on_s3, bucket).fs
    fs.invalidate_cache()
    root = on_s3.removeprefix("s3://")
    found = {
        path.removeprefix(root + "/"): hashlib.sha256(fs.cat_file(path)).hexdigest()
        for path in fs.find(root)
        if path != f"{root}/zarr.json"
    }
    assert found == hashes(whole)


def test_a_store_on_s3_is_read_by_the_same_function(on_s3, bucket):
    stored = open_store(on_s3, bucket)["fine"].to_dataset()
    np.testing.assert_array_equal(stored["u10"][50], inputs()["fine"]["u10"][50])


def test_no_secret_is_in_a_store_or_in_what_is_shown(on_s3, bucket):
    tree = open_store(on_s3, bucket)
    shown = repr(tree) + repr(tree.to_dict()) + repr(locate(on_s3, bucket)) + tree._repr_html_()
    shown += repr([node.encoding for node in tree.subtree])
    fs = locate(on_s3, bucket).fs
    shown += repr([fs.cat_file(p) for p in fs.find(on_s3) if p.endswith("zarr.json")])
    assert s3.SECRET not in shown and s3.KEY not in shown


def _message(*args, **kwargs) -> str:
    with pytest.raises(StoreError) as error:
        open_store(*args, **kwargs)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "secret"), [(s3.KEY, "wrong-but-hush"), ("nobody", "wrong-but-hush")]
)
def test_wrong_credentials_name_the_url_and_the_options_and_no_secret(on_s3, bucket, key, secret):
    said = _message(on_s3, {**bucket, "key": key, "secret": secret})
    assert said.startswith(f"{on_s3}: access denied") and "storage_options" in said
    assert secret not in said and key not in said


def test_a_missing_bucket_is_named(bucket):
    said = _message("s3://nowhere/a.zarr", bucket)
    assert said.startswith("s3://nowhere/a.zarr: there is no bucket 'nowhere'")


def test_a_missing_bucket_is_not_made_by_writing(bucket):
    with pytest.raises(StoreError, match="there is no bucket 'nowhere'"):
        write("s3://nowhere/a.zarr", **inputs(), attrs=ATTRS, storage_options=bucket)


def test_a_missing_store_on_s3_is_named(bucket):
    assert "there is no Zarr 3 store" in _message(f"s3://{s3.BUCKET}/none.zarr", bucket)


def test_a_server_that_does_not_answer_is_named(bucket):
    options = {
        **bucket,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1"},
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    said = _message("s3://training/a.zarr", options)
    assert "cannot be reached" in said and "endpoint_url" in said


def test_a_second_writer_on_s3_is_refused(bucket, monkeypatch):
    monkeypatch.setattr(claim, "_PATIENCE", 0.1)
    place = locate(f"s3://{s3.BUCKET}/claimed.zarr", bucket)
    with (
        claim.sole_writer(place) as still_mine,
        pytest.raises(StoreError, match="another run is writing it"),
        claim.sole_writer(place),
    ):
        pass
    with pytest.raises(StoreError, match="another took over"):
        still_mine()
