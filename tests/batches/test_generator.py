"""Batches to train on: every sample once, aligned, and the same for the same seed and epoch."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import tiny
import xarray as xr

from xldm import statics
from xldm.batches import epoch_order
from xldm.batches.generator import batches
from xldm.batches.sample_reader import SampleReader
from xldm.config import Variable
from xldm.errors import BatchError
from xldm.grids.projected import coordinates, lon_lat
from xldm.numerics import sun
from xldm.numerics.scaling import DRY_LAND
from xldm.stores import splits
from xldm.stores.statistics import statistics

GRID = dataclasses.replace(tiny.GRID, factor=4)
HOURS = 24 * 12
ATTRS = {
    "t2m": {"units": "K", "standard_name": "air_temperature", "paper_name": "2mT"},
    "sst": {"units": "K", "standard_name": "sea_surface_temperature"},
    "t850": {"units": "K", "standard_name": "air_temperature", "level": 850.0},
}
#: Scaling that leaves values as they are.
AS_THEY_ARE = {name: Variable(name, a["standard_name"], "K", 0.0, 1.0) for name, a in ATTRS.items()}


#: An hour after another; and with gaps between stretches of five, four and three days.
HOURLY = np.datetime64("2001-03-01", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
DAYS_OFF = np.repeat([0, 361, 1000], [5 * 24, 4 * 24, 3 * 24]).astype("timedelta64[D]")


def side(fine: bool, names: tuple[str, ...], time: np.ndarray = HOURLY) -> xr.Dataset:
    """Fields that say where they are: hour, row and column of the fine grid in one number."""
    rows, columns = (
        np.arange(n) * (1 if fine else GRID.factor)
        for n in (GRID.fine_shape if fine else GRID.shape)
    )
    values = np.arange(HOURS)[:, None, None] * 1e4 + rows[:, None] * 100 + columns
    fields = {n: (("time", "y", "x"), values.astype("float32"), ATTRS[n]) for n in names}
    return xr.Dataset(fields, {"time": time}).assign_coords(coordinates(GRID, fine=fine))


@pytest.fixture
def store() -> xr.DataTree:
    return made(HOURLY, "2001-03-08")


@pytest.fixture
def years() -> xr.DataTree:
    """A store of a few days of each of three years."""
    return made(HOURLY + DAYS_OFF, "2002-03-02")


def made(time: np.ndarray, test: str) -> xr.DataTree:
    coarse, fine = side(False, ("t2m", "sst", "t850"), time), side(True, ("t2m",), time)
    coarse["sst"][:, :2] = np.nan
    split = splits.by_blocks(coarse["time"], val=("2001-03-04",), test=(test,), gap="1D")
    stats = [statistics(ds, split == 0) for ds in (coarse, fine)]
    stats[1] = stats[1].reindex_like(stats[0], fill_value={"count": 0, "missing": 0})
    rng, (height, width) = np.random.default_rng(3), GRID.fine_shape
    land = rng.random((height, width)) < 0.5
    static = xr.Dataset(
        {
            "orog": (("y", "x"), rng.normal(300, 100, (height, width))),
            "northing": (("y", "x"), np.arange(height * width).reshape(height, width)),
            "land_cover": (("land_cover_class", "y", "x"), np.stack([land, ~land]).astype("int8")),
        },
        coords={"land_cover_class": ["grassland", "sea"]},
    )
    groups = {"coarse": coarse, "fine": fine, "static": static, "split": split.to_dataset()}
    groups["stats"] = xr.concat(
        stats, xr.Variable("group", ["coarse", "fine"]), combine_attrs="override"
    )
    return xr.DataTree.from_dict(groups)


def training(store: xr.DataTree) -> np.ndarray:
    """Rows of the training hours."""
    return np.flatnonzero(store["split"]["split"].values == 0)


def plain(store: xr.DataTree, **options) -> object:
    """Batches in which values are those of the store."""
    predictors = [AS_THEY_ARE[n] for n in ("t2m", "sst", "t850")]
    return batches(store, predictors=predictors, targets=[AS_THEY_ARE["t2m"]], **options)


def corners(batch) -> list[tuple[int, int, int]]:
    """Hour, row and column (of the fine grid) that the first cell of each target says it is."""
    first = batch.fine[:, 0, 0, 0].astype(int)
    return [(int(v) // 10000, int(v) % 10000 // 100, int(v) % 100) for v in first]


def seen(made, number: int = 0) -> list[tuple[int, int, int]]:
    return [corner for batch in made.epoch(number) for corner in corners(batch)]


def test_every_training_hour_comes_once_in_an_epoch(store):
    hours = [hour for hour, _, _ in seen(plain(store, batch_size=7))]
    assert sorted(hours) == training(store).tolist()


@pytest.mark.parametrize("shuffle", [0, 60])
def test_with_gaps_in_time_every_training_hour_comes_once_with_its_own_time(years, shuffle):
    time, hours = HOURLY + DAYS_OFF, []
    for batch in plain(years, batch_size=7, shuffle=shuffle):
        hours += (of := [hour for hour, _, _ in corners(batch)])
        np.testing.assert_array_equal(batch.time, time[of])
        np.testing.assert_array_equal(batch.coarse[:, 0, 0, 0], batch.fine[:, 0, 0, 0])
    assert sorted(hours) == training(years).tolist()
    others = time[years["split"]["split"].values > 0]
    assert np.abs(time[hours][:, None] - others).min() == np.timedelta64(1, "D")
    # The row before the first of the test is a year away, and trains.
    assert others[-24] == time[120] and 119 in hours


def test_with_gaps_in_time_no_read_spans_one(years):
    found = plain(years, shuffle=60, batch_size=7).order(0)
    of_day = {day: (HOURLY + DAYS_OFF)[training(years)][found.row[found.day == day]]
              for day in set(found.day)}  # fmt: skip
    assert all(np.ptp(hours) < np.timedelta64(1, "D") for hours in of_day.values())


def test_windows_of_all_fields_are_of_the_same_place_and_hour(store):
    static = statics.channels(store["static"].to_dataset())
    for batch in plain(store, size=(4, 3), batch_size=5):
        for i, (hour, row, column) in enumerate(corners(batch)):
            assert batch.time[i] == store["coarse"]["time"].values[hour]
            assert row % GRID.factor == column % GRID.factor == 0
            assert batch.fine[i, 0, -1, -1] == hour * 1e4 + (row + 15) * 100 + column + 11
            assert batch.coarse[i, 0, 0, 0] == batch.fine[i, 0, 0, 0]
            assert batch.coarse[i, 0, -1, -1] == hour * 1e4 + (row + 12) * 100 + column + 8
            np.testing.assert_array_equal(
                batch.static[i], static[:, row : row + 16, column : column + 12]
            )


def test_windows_that_cover_meet_every_cell_of_every_hour(store):
    count = Counter()
    for batch in plain(store, size=(5, 4), windows=None, shuffle=0, batch_size=4):
        for hour, row, column in corners(batch):
            count.update((hour, row + r, column + c) for r in range(20) for c in range(16))
    height, width = GRID.fine_shape
    assert len(count) == training(store).size * height * width


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("ranks", [1, 2])
def test_workers_and_ranks_share_the_samples_without_loss_or_repeat(store, workers, ranks):
    whole = sorted(seen(plain(store, batch_size=5, size=(4, 4), windows=3)))
    found = []
    for rank in range(ranks):
        made = plain(store, batch_size=5, size=(4, 4), windows=3, shard=(rank, ranks))
        for worker in range(workers):
            found += [c for b in made.epoch(0, start=worker, step=workers) for c in corners(b)]
    assert sorted(found) == whole


def test_every_rank_has_as_many_batches_as_the_length_says(store):
    for ranks in (1, 2, 3, 5):
        for rank in range(ranks):
            made = plain(store, batch_size=7, shard=(rank, ranks))
            assert sum(1 for _ in made) == len(made)


def test_two_ranks_have_together_what_one_has_with_twice_the_batch(store):
    one = [sorted(corners(b)) for b in plain(store, batch_size=6)]
    two = [plain(store, batch_size=3, shard=(rank, 2)).epoch(0) for rank in range(2)]
    for whole, *halves in zip(one, *two, strict=True):
        assert sorted(c for half in halves for c in corners(half)) == whole


def test_the_same_seed_and_epoch_give_the_same_batches_however_they_are_read(store):
    made = [
        plain(store, size=(4, 4), batch_size=5, dropout=0.5, seed=3, ahead=ahead, cache_bytes=b)
        for ahead, b in ((1, 0), (3, 10**8))
    ]
    for one, other in zip(*(m.epoch(2) for m in made), strict=True):
        for name in ("coarse", "fine", "static", "time", "address"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("change", [{"seed": 1}, {"epoch": 1}])
def test_another_seed_or_epoch_gives_another_order_and_other_windows(store, change):
    one = seen(plain(store, size=(4, 4)))
    other = seen(plain(store, size=(4, 4), seed=change.get("seed", 0)), change.get("epoch", 0))
    assert one != other
    assert sorted(one) != sorted(other)
    assert sorted(h for h, _, _ in one) == sorted(h for h, _, _ in other)


def test_an_epoch_goes_on_where_it_was_left(store):
    made = plain(store, size=(4, 4), batch_size=5, dropout=0.5)
    whole = list(made.epoch(1))
    for one, other in zip(whole[4:], made.epoch(1, start=4), strict=True):
        np.testing.assert_array_equal(one.coarse, other.coarse)
        np.testing.assert_array_equal(one.time, other.time)


def test_a_day_is_read_once_in_an_epoch(store, monkeypatch):
    made, read = plain(store, size=(4, 4), windows=3, batch_size=5, shuffle=40), []
    inner = SampleReader.read
    monkeypatch.setattr(
        SampleReader, "read", lambda self, rows: read.append(rows) or inner(self, rows)
    )
    list(made)
    train = training(store)
    assert len(read) == len(set(train // 24))
    assert sorted(row for rows in read for row in rows) == list(range(train.size))


def test_samples_of_several_days_are_mixed(store):
    hours = [hour // 24 for hour, _, _ in seen(plain(store, shuffle=60))]
    assert len(set(hours[:24])) >= 2


def test_without_shuffling_the_record_comes_in_order(store):
    hours = [hour for hour, _, _ in seen(plain(store, shuffle=0, batch_size=5))]
    assert hours == sorted(hours)


def test_fields_are_scaled_by_the_statistics_of_the_training_hours(store):
    made = batches(store, batch_size=training(store).size)
    (batch,) = made
    assert abs(batch.coarse[:, 0].mean()) < 1e-5
    assert abs(batch.coarse[:, 0].std() - 1) < 1e-5
    assert abs(batch.fine.std() - 1) < 1e-5


def test_sea_surface_temperature_has_its_mark_on_dry_land(store):
    batch = next(iter(batches(store)))
    assert (batch.coarse[:, 1, :2] == DRY_LAND).all()
    assert (batch.coarse[:, 1, 2:] != DRY_LAND).all()


def test_a_split_has_none_of_the_hours_of_another(store):
    hours = {
        split: {h for h, _, _ in seen(plain(store, split=split))}
        for split in ("train", "val", "test")
    }
    assert hours["train"] == set(training(store).tolist())
    assert len(hours["val"]) == len(hours["test"]) == 24
    assert not hours["train"] & hours["val"] and not hours["train"] & hours["test"]
    # A gap of a day: no training hour is nearer to a test hour than that.
    nearest = min(abs(a - b) for a in hours["train"] for b in hours["val"] | hours["test"])
    assert nearest >= 24


def test_a_leaky_split_is_refused_unless_it_is_meant(store):
    store["split"] = xr.DataTree(splits.random_hours(store["coarse"]["time"]).to_dataset())
    with pytest.raises(ValueError, match=r"leaky|gap"):
        batches(store)
    assert len(batches(store, allow_leaky=True)) > 0


def test_a_missing_target_is_refused_by_name_hour_and_cell(store):
    store["fine"]["t2m"][30, 5, 6] = np.nan
    with pytest.raises(BatchError, match=r"t2m at 2001-03-02T06 .* row 5, column 6"):
        list(batches(store))


def test_a_predictor_that_the_store_lacks_is_refused(store):
    wanted = dataclasses.replace(AS_THEY_ARE["t2m"], name="q850")
    with pytest.raises(ValueError, match="lacks q850; it has t2m, sst, t850"):
        batches(store, predictors=[wanted])


def test_a_window_larger_than_the_grid_is_refused(store):
    with pytest.raises(ValueError, match="does not fit"):
        batches(store, size=(999, 4))


def test_dropped_predictors_are_at_their_mean(store):
    kept = np.concatenate([b.coarse for b in batches(store, dropout=0.0, shuffle=0)])
    some = np.concatenate([b.coarse for b in batches(store, dropout=1.0, shuffle=0)])
    gone = (some == 0).all(axis=(2, 3))
    assert 0.2 < gone.mean() < 0.8
    np.testing.assert_array_equal(some[~gone], kept[~gone])


@pytest.mark.parametrize(
    ("samples", "size", "ranks"), [(100, 7, 3), (5, 1, 2), (9, 2, 2), (6, 4, 1)]
)
def test_global_batches_leave_no_rank_without_a_sample(samples, size, ranks):
    found = epoch_order.global_batches(samples, size, ranks)
    lengths = [s.stop - s.start for s in found]
    assert sum(lengths) == samples
    assert min(lengths) >= ranks


def test_the_sun_follows_the_predictors_and_no_other_channel_changes(store):
    store.attrs["crs"] = GRID.crs
    plain, sunny = (next(iter(batches(store, sun=s, shuffle=0))) for s in (False, True))
    np.testing.assert_array_equal(sunny.coarse[:, :3], plain.coarse)
    lon, lat = lon_lat(GRID, fine=False)
    wanted = sun.channels(plain.time, lat, lon)
    np.testing.assert_array_equal(sunny.coarse[:, 3:], wanted)


def test_the_sun_of_a_window_is_that_of_its_place(store):
    store.attrs["crs"] = GRID.crs
    batch = next(iter(batches(store, sun=True, size=(4, 4), batch_size=3)))
    lon, lat = lon_lat(GRID, fine=False)
    for found, time, (y, x) in zip(batch.coarse, batch.time, batch.corner, strict=True):
        here = slice(y, y + 4), slice(x, x + 4)
        np.testing.assert_array_equal(found[3:], sun.channels(time[None], lat[here], lon[here])[0])


def test_the_sun_is_never_dropped(store):
    store.attrs["crs"] = GRID.crs
    made = batches(store, sun=True, dropout=1.0, subsets=[["t2m"]], shuffle=0)
    assert all(np.abs(b.coarse[:, 3:]).max() > 0.1 for b in made)


def test_subsets_of_unknown_predictors_are_refused(store):
    with pytest.raises(ValueError, match=r"subsets name q850, which are not among .* t2m, sst"):
        batches(store, subsets=[["t2m", "q850"]])


def test_the_dither_of_a_dry_cell_is_the_same_in_every_window(store):
    fine = store["fine"].to_dataset()
    rain = Variable("t2m", "", "mm", 0.0, 1.0, lower=0.0, dry_below=1e9)  # all is dry
    found: dict = {}
    for windows in (1, None):
        made = batches(
            store, split="train", size=(2, 2), windows=windows, targets=[rain], allow_leaky=True,
            predictors=[AS_THEY_ARE["t2m"]], seed=3,
        )  # fmt: skip
        for batch in made:
            y, x = (4 * n for n in batch.corner[0])
            for (row, column), value in np.ndenumerate(batch.fine[0, 0]):
                address = (batch.time[0], y + row, x + column)
                assert found.setdefault(address, value) == value
    assert len(set(found.values())) > 0.99 * len(found) > fine["t2m"][0].size
