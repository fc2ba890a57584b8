"""Labelled batches: windows of xbatcher, numbers of the loop, coordinates of the store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import training_store
import xarray as xr
from torch.utils.data import DataLoader
from xbatcher import BatchGenerator
from xbatcher.loaders.torch import IterableDataset, MapDataset

from xldm import open_training_store
from xldm.batches.generator import Batches, batches
from xldm.batches.sample_reader import SampleReader
from xldm.stores.variables import scaled_variables


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> xr.DataTree:
    """A store on disk whose training hours are all of it."""
    path = training_store.written(tmp_path_factory.mktemp("store") / "store.zarr")
    return open_training_store(path, dask=False)


def as_they_are(store: xr.DataTree, **options) -> Batches:
    """Batches whose values are those of the store, predictors at sea only left out."""
    known = {
        side: [replace(v, mean=0.0, std=1.0) for v in variables if v.name != "sst"]
        for side, variables in scaled_variables(store).items()
    }
    return batches(store, predictors=known["coarse"], targets=known["fine"], **options)


@pytest.mark.parametrize("size", [(4, 4), (8, 2), (8, 8)])
@pytest.mark.parametrize("group", ["coarse", "fine"])
def test_windows_are_those_of_xbatcher_where_it_covers_the_grid(store, group, size):
    made = as_they_are(store, size=size, windows=None, shuffle=0)
    hours = store[group].to_dataset().isel(time=store["split"]["split"].values == 0)
    names = [v.name for v in (made.predictors if group == "coarse" else made.targets)]
    factor = 1 if group == "coarse" else made.factor
    window = {"time": 1, "y": size[0] * factor, "x": size[1] * factor}
    expected = BatchGenerator(hours[names], window)
    assert len(made) == len(expected)
    for number in (0, 1, 7, len(made) - 1, -1):
        found = made[number][group].to_dataset(inherit=False)
        for name in names:
            assert found[name].attrs["normalised_from"] == expected[number][name].attrs["units"]
            found[name].attrs = expected[number][name].attrs
        xr.testing.assert_identical(found, expected[number])


def test_what_xbatcher_leaves_over_has_windows_that_end_there(store):
    ours = as_they_are(store, size=(8, 3), windows=None, shuffle=0)
    hours = ours.reader.groups["coarse"][["t2m", "u10"]]
    theirs = BatchGenerator(hours, {"time": 1, "y": 8, "x": 3})
    assert len(theirs) == hours.sizes["time"] * 2 and len(ours) == hours.sizes["time"] * 3
    for number in range(3):
        assert ours.coarse[number]["x"].equals(
            hours["x"][[slice(3), slice(3, 6), slice(5, 8)][number]]
        )


@pytest.mark.parametrize("options", [{}, {"batch_size": 5, "size": (4, 3)}, {"shard": (1, 2)}])
def test_labelled_batches_are_those_of_the_loop(store, options):
    made = batches(store, dropout=0.5, seed=2, **options)
    for number, batch in zip(range(4), made, strict=False):
        tree = made[number]
        for group in ("coarse", "fine"):
            values = tree[group].to_dataset().to_dataarray().values.swapaxes(0, 1)
            np.testing.assert_array_equal(values, getattr(batch, group))
        np.testing.assert_array_equal(tree["fine"]["time"].values.ravel(), batch.time)


def test_coordinates_say_where_each_window_of_a_batch_lies(store):
    made = batches(store, size=(4, 3), batch_size=6, seed=4)
    batch, tree = next(iter(made)), made[0]
    assert tree["coarse"]["t2m"].dims == ("sample", "y_input", "x_input")
    for group, factor in (
        ("coarse", 1),
        ("fine", made.factor),
        ("static", made.factor),
    ):
        whole, found = store[group].to_dataset(), tree[group].to_dataset()
        for i, (row, column) in enumerate(batch.corner.tolist()):
            at = {
                "y": slice(row * factor, (row + 4) * factor),
                "x": slice(column * factor, (column + 3) * factor),
            }
            static = ("orog", "land_mask") if group == "static" else ()
            for name in ("y", "x", "lat", "lon", *static):
                np.testing.assert_array_equal(found[name][i], whole.isel(at)[name])


def test_dims_coordinates_and_attributes_are_those_of_the_store(store):
    tree, fine = batches(store, size=(4, 4))[0], store["fine"].to_dataset()
    found = tree["fine"].to_dataset()
    assert found["t2m"].dims == fine["t2m"].dims
    assert set(found.coords) == set(fine.coords)
    assert found["y"].attrs == fine["y"].attrs and found.attrs == fine.attrs
    changed = {"units": "1", "normalised_from": "K"}
    assert found["t2m"].attrs == fine["t2m"].attrs | changed
    assert set(tree["static"].data_vars) == set(store["static"].data_vars)


def test_a_number_that_an_epoch_has_not_is_refused(store):
    made = batches(store)
    with pytest.raises(IndexError, match=f"there is no batch {len(made)}"):
        made[len(made)]
    with pytest.raises(IndexError):
        made.fine[-len(made) - 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_both_sides_go_into_a_map_dataset_of_xbatcher(store, workers):
    made = batches(store, size=(4, 4), batch_size=5)
    loader = DataLoader(MapDataset(made.coarse, made.fine), batch_size=None, num_workers=workers)
    assert len(loader) == len(made)
    for (coarse, fine), batch in zip(loader, made, strict=True):
        np.testing.assert_array_equal(coarse, batch.coarse)
        np.testing.assert_array_equal(fine, batch.fine)


def test_a_loader_collects_and_shuffles_windows_of_a_map_dataset(store):
    made = batches(store, size=(4, 4))
    loader = DataLoader(MapDataset(made.coarse, made.fine), batch_size=4, shuffle=True)
    inputs, outputs = next(iter(loader))
    assert inputs.shape == (4, 1, 3, 4, 4) and outputs.shape == (4, 1, 1, 32, 32)


def test_both_sides_go_into_an_iterable_dataset_of_xbatcher(store):
    made = batches(store, size=(4, 4), batch_size=16)
    found = list(IterableDataset(made.coarse, made.fine))
    assert len(found) == len(made)
    for (coarse, fine), batch in zip(found, made, strict=True):
        assert torch.equal(coarse, torch.from_numpy(batch.coarse))
        assert torch.equal(fine, torch.from_numpy(batch.fine))


def test_both_sides_of_an_indexed_batch_are_read_once(store, monkeypatch):
    made, read = batches(store, size=(4, 4)), []
    inner = SampleReader.read
    monkeypatch.setattr(
        SampleReader, "read", lambda self, rows: read.append(rows) or inner(self, rows)
    )
    MapDataset(made.coarse, made.fine)[3]
    assert len(read) == 1


def test_a_batch_can_be_plotted(store):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    one, several = batches(store)[0], batches(store, size=(4, 4), batch_size=2)[0]
    mesh = one["fine"]["t2m"].plot()
    assert mesh.axes.get_xlabel() == "Easting [metre]"
    assert several["fine"]["t2m"][0].plot(x="x", y="y") is not None
