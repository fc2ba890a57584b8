"""How the bar of a written store moves, and how its blocks are cut."""

import io

import dask.array as da
import numpy as np
import xarray as xr
from tqdm import tqdm

import xldm
from xldm.writing import store_layout, tasks
from xldm.writing.tasks import Moving


def test_a_bar_moves_by_field_and_agrees_with_the_blocks_that_are_done():
    bar = tqdm(total=10, file=io.StringIO())
    moving = Moving(bar)
    seen = []
    for drawn in (0.5, 0.5, 1.0):
        moving.drawn(drawn)
        seen.append(bar.n)
    moving.done(4)  # of which two were drawn elsewhere
    moving.drawn(20.0)  # drawn again, say
    assert (*seen, bar.n) == (0, 1, 2, 10)


def test_a_bar_never_goes_back():
    bar = tqdm(total=10, file=io.StringIO())
    moving = Moving(bar)
    moving.drawn(5.0)
    moving.done(3)
    assert bar.n == 5


def test_a_long_record_is_cut_some_blocks_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "_CUT", 2)
    monkeypatch.setattr(store_layout, "BLOCK_BYTES", 2 * 2 * 4 * 4 * 4)  # five blocks of two hours
    values = np.random.default_rng(0).normal(size=(9, 4, 4)).astype("float32")
    lazy = da.from_array(values, chunks=(3, 4, 4))
    times = np.datetime64("2001-01-01", "ns") + np.arange(9) * np.timedelta64(1, "h")
    dims = ("time", "y", "x")
    out = xr.Dataset({"u10": (dims, lazy), "v10": (dims, 2 * lazy)}, {"time": times})
    xldm.to_store(out.assign(ws=np.hypot(out["u10"], out["v10"])), tmp_path / "out.zarr")
    with xr.open_zarr(tmp_path / "out.zarr") as back:
        np.testing.assert_array_equal(back["ws"], np.hypot(values, 2 * values))
