"""Verification finds whatever is not as it went in."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr
from stores import ATTRS, HOURS, inputs

from xldm.errors import StoreError
from xldm.stores.open import open_training_store
from xldm.stores.schema import gathered
from xldm.stores.verify import verify
from xldm.stores.write import write_training_store

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


def _one_hour_longer(store):
    bounds = zarr.open_group(store, mode="r+")["coarse"]["time_bnds"]
    bounds[7, 0] = bounds[7, 0] - 1


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
        (_one_hour_longer, "/coarse: time_bnds differs from the input at 1 of 160 values"),
        (_latitude_lost, "/fine: lat is not that of y and x"),
        (_statistics_broken, "/stats: msl of /coarse has mean .* and std 0"),
        (_split_changed, "/split: split differs from the input"),
    ],
)
def test_verification_finds(store, spoil, message):
    spoil(store)
    with pytest.raises(StoreError, match=message):
        verify(store, gathered(**inputs()), hours=HOURS if spoil is _flipped else 2)


def test_verification_tells_every_fault(store):
    _chunk_deleted(store)
    _split_changed(store)
    with pytest.raises(StoreError, match=r"(?s)t2m lacks.*split differs"):
        verify(store, gathered(**inputs()))


def test_what_fails_verification_is_not_marked(tmp_path, monkeypatch):
    folder = tmp_path / "a.zarr"

    def spoil(done, days):
        if done == days:
            _one_time_wrong(folder)

    with pytest.raises(StoreError, match="differs from its inputs"):
        write_training_store(folder, **inputs(), attrs=ATTRS, progress=spoil)
    with pytest.raises(StoreError, match="not complete: its writing was interrupted or failed"):
        open_training_store(folder)
