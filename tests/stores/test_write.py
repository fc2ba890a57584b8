"""Writing a training store: what is refused, one writer at a time, and interruptions."""

from __future__ import annotations

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
from stores import ATTRS, HOURS, hashes, inputs, unmark

from xldm.errors import StoreError
from xldm.storage import claims
from xldm.storage.location import locate
from xldm.stores.open import open_training_store
from xldm.stores.write import write_training_store

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


def _along_the_grid(given):
    given["fine"].attrs["wind_frame"] = "grid"


def _unframed(given):
    del given["fine"].attrs["wind_frame"]


def _sum_at_a_point(given):
    given["coarse"]["tp"].attrs["cell_methods"] = "time: point"


def _sum_of_the_next_hour(given):
    time = given["coarse"]["time"]
    bounds = np.stack([time, time + np.timedelta64(1, "h")], axis=1)
    given["coarse"]["time_bnds"] = (("time", "nv"), bounds)
    given["coarse"]["time"].attrs["bounds"] = "time_bnds"


def _without_gap(given):
    given["split"].attrs.clear()


def _neighbours(given):
    given["split"][:] = np.arange(given["split"].size) % 2


def _other_static(given):
    given["static"] = given["static"].isel(y=slice(None, None, -1))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_later, "times of fine .* are not those of coarse"),
        (_without_an_hour, "hour by hour at 1 places, first from 2005-02-27T15"),
        (_twice_an_hour, "hour by hour at 1 places"),
        (_shifted, "grids do not nest: fine x has .* cells from"),
        (_unitless, "coarse msl has no units"),
        (_along_the_grid, r"fine holds winds \(u10\) .* wind_frame is 'grid', not 'earth'"),
        (_unframed, "fine holds winds .* wind_frame is None"),
        (_sum_at_a_point, "coarse tp has cell_methods 'time: point', not 'time: sum'"),
        (_sum_of_the_next_hour, "bounds of coarse time are not the hours that tp are summed over"),
        (_other_static, "y of static is not that of fine"),
        (_without_gap, "split states no gap .* make it with by_blocks"),
        (_neighbours, "are nearer than .* test hours would be neighbours of training hours"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(tmp_path, spoil, message):
    given = inputs()
    spoil(given)
    with pytest.raises(StoreError, match=f"nothing was written, since .*{message}"):
        write_training_store(tmp_path / "a.zarr", **given, attrs=ATTRS)
    assert not (tmp_path / "a.zarr").exists()


def _two_stretches(first: int) -> dict:
    """Inputs whose later hours are a year later."""
    given = inputs()
    later = np.where(np.arange(given["split"].size) < first, 0, 365).astype("timedelta64[D]")
    return {
        name: ds.assign_coords(time=ds["time"].values + later) if "time" in ds.dims else ds
        for name, ds in given.items()
    }


def test_a_gap_after_whole_days_is_stored(tmp_path):
    given = _two_stretches(48)
    write_training_store(tmp_path / "a.zarr", **given, attrs=ATTRS)
    tree = open_training_store(tmp_path / "a.zarr")
    for side in ("coarse", "fine"):
        np.testing.assert_array_equal(tree[side]["time"], given["coarse"]["time"])
        for name in given[side]:
            np.testing.assert_array_equal(tree[side][name], given[side][name])
    # The first sum after the gap is over the hour before it, which the store does not hold.
    first = tree["coarse"]["time_bnds"].values[48].astype("datetime64[h]").astype(str)
    assert first.tolist() == ["2006-02-27T23", "2006-02-28T00"]
    values = given["fine"]["t2m"].values[(given["split"] == 0).values]
    stats = tree["stats"].to_dataset().sel(group="fine", variable="t2m")
    np.testing.assert_allclose(stats["mean"], values.mean(dtype="float64"), rtol=1e-12)


@pytest.mark.parametrize("first", [1, 47, 49])
def test_a_gap_within_a_day_is_refused(tmp_path, first):
    into = f"{(first - 1) % 24 + 1} hours into a day: a gap may only follow whole days of 24 hours"
    with pytest.raises(StoreError, match=f"at 1 places, first from .*, {into}"):
        write_training_store(tmp_path / "a.zarr", **_two_stretches(first), attrs=ATTRS)
    assert not (tmp_path / "a.zarr").exists()


def test_all_faults_are_in_one_message(tmp_path):
    given = inputs()
    _unitless(given)
    _shifted(given)
    with pytest.raises(StoreError, match=r"(?s)lack 'title'.*no units.*do not nest"):
        write_training_store(tmp_path / "a.zarr", **given, attrs={**ATTRS, "title": ""})


def test_a_complete_store_is_never_overwritten(whole):
    before = hashes(whole)
    with pytest.raises(StoreError, match="complete store already, which is never overwritten"):
        write_training_store(whole, **inputs(), attrs=ATTRS)
    assert hashes(whole) == before


def test_a_complete_store_that_is_resumed_gives_its_mark(store):
    # As after a kill between the mark and the end of the claim.
    before = hashes(store)
    mark = open_training_store(store).attrs["xldm_complete"]
    assert write_training_store(store, **inputs(), attrs=ATTRS, resume=True) == mark
    assert hashes(store) == before


def test_a_complete_store_of_other_content_is_not_resumed(whole):
    given = inputs()
    given["fine"] = given["fine"].rename(u10="v10")
    with pytest.raises(StoreError, match="begun with something else"):
        write_training_store(whole, **given, attrs=ATTRS, resume=True)


def test_an_incomplete_store_is_resumed_only_if_asked(store):
    unmark(store)
    with pytest.raises(StoreError, match=r"an incomplete store already;.* resume=True"):
        write_training_store(store, **inputs(), attrs=ATTRS)


def test_a_store_of_other_content_is_not_resumed(store):
    unmark(store)
    given = inputs()
    given["fine"] = given["fine"].rename(u10="v10")
    differences = r"begun with something else.* title: .* another here; .* fine: [0-9a-f]{8}"
    with pytest.raises(StoreError, match=differences):
        write_training_store(store, **given, attrs={**ATTRS, "title": "another"}, resume=True)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="something else already"):
        write_training_store(tmp_path, **inputs(), attrs=ATTRS, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_lazy_static_fields_are_written(tmp_path, whole):
    given = inputs()
    given["static"] = given["static"].chunk()
    write_training_store(tmp_path / "a.zarr", **given, attrs=ATTRS)
    assert hashes(tmp_path / "a.zarr") == hashes(whole)


# One writer


def test_a_second_writer_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    refused = []

    def second(done, days):
        with pytest.raises(StoreError, match="another run is writing it") as error:
            write_training_store(tmp_path / "a.zarr", **inputs(), attrs=ATTRS, resume=True)
        refused.append(str(error.value))

    write_training_store(tmp_path / "a.zarr", **inputs(), attrs=ATTRS, progress=second)
    assert len(refused) == 4
    open_training_store(tmp_path / "a.zarr")


def test_of_writers_that_come_at_once_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_PAUSE", 0.05)
    place, alone, inside, most = locate(tmp_path / "a.zarr"), [], [], []
    start = threading.Barrier(4)

    def run():
        start.wait()
        try:
            with claims.sole_writer(place):
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
    with claims.sole_writer(place) as first_holds:
        [mine] = (tmp_path / "a.zarr" / claims.FOLDER).iterdir()
        os.utime(mine, (0, mine.stat().st_mtime - claims.STALE - 10))
        with claims.sole_writer(place) as second_holds:
            second_holds()
            with pytest.raises(StoreError, match="another took over"):
                first_holds()


# Interruptions

# The process dies with an unfinished file on disk.
KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    import stores
    from xldm.storage import objects
    from xldm.stores.write import write_training_store
    rename = objects.Path.replace
    def replace(self, path):
        if {key!r} in str(path):
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, path)
    objects.Path.replace = replace
    write_training_store({store!r}, **stores.inputs(), attrs=stores.ATTRS)
"""


@pytest.mark.parametrize("key", ["static/land_mask/c", "fine/u10/c/1", "stats/mean/c"])
def test_a_killed_run_resumes_to_the_same_bytes(whole, tmp_path, key, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    folder = tmp_path / "killed.zarr"
    tests = str(Path(__file__).parents[1])
    script = textwrap.dedent(KILLED).format(path=[tests], key=key, store=str(folder))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert list(folder.rglob("*.partial"))
    with pytest.raises(StoreError, match="not complete"):
        open_training_store(folder)
    assert list((folder / claims.FOLDER).iterdir())  # of a process that is known to be dead
    write_training_store(folder, **inputs(), attrs=ATTRS, resume=True)
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
    place = "xldm.stores.write.verify"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, lambda *_, **__: seen.extend(computed) or "0")
        write_training_store(store, **given, attrs=ATTRS, resume=True)
    assert seen == [1, 2]
