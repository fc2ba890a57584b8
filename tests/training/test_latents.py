"""Latents computed once: what they are, whose turn it is, what an interruption costs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
import training_store
import zarr

from xldm import statics
from xldm.batches.generator import batches
from xldm.errors import TrainingError
from xldm.packages import package
from xldm.storage.location import locate
from xldm.training import losses, train
from xldm.training.latents import SQUARES, Latents
from xldm.training.objectives.base import Sample
from xldm.training.objectives.diffusion import Diffusion
from xldm.training.preset import Preset, read_preset
from xldm.training.stages import DiffusionPhase

QUIET = {"device": "cpu", "progress": False}


def cached(**changes) -> Preset:
    preset = read_preset("tiny")
    phase = replace(preset.diffusion[0], size=None, cache_latents=True, **changes)
    return replace(preset, diffusion=(phase,))


@pytest.fixture(scope="module")
def run(store, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(cached(), store, folder, **QUIET)
    return folder


@pytest.fixture
def before(run, tmp_path) -> Path:
    """A run whose first two stages are done."""
    for stage in ("regression", "autoencoder"):
        shutil.copytree(run / stage, tmp_path / stage)
    return tmp_path


def kept(folder: Path) -> zarr.Group:
    """Arrays of the hours that train."""
    return zarr.open_group(folder / "diffusion" / "all" / "1" / "latents" / "train", mode="r")


def sorted_hours(latents) -> np.ndarray:
    """In an order that follows from the values."""
    return np.stack(sorted(latents, key=lambda latent: float(latent.flat[0])))


def test_latents_are_posterior_means_of_the_residual(run, store):
    (net,) = package.read(run / "autoencoder" / "package").components.values()
    static = torch.from_numpy(statics.channels(store["static"].to_dataset()))[None]
    expected = []
    with torch.no_grad():
        for batch in batches(store, windows=1):
            coarse, fine = torch.from_numpy(batch.coarse), torch.from_numpy(batch.fine)
            mean = net.mean.condition(coarse, static)
            expected.append(net.autoencoder.encode(fine - mean)[0][0].numpy())
    found = kept(run)["latent"][:]
    assert len(found) == len(expected)
    np.testing.assert_allclose(sorted_hours(found), sorted_hours(expected), atol=1e-5)


def test_an_interrupted_encoding_goes_on_and_ends_with_the_same_bits(run, before, store):
    shutil.copytree(run / "diffusion", before / "diffusion")
    shutil.rmtree(before / "diffusion" / "package")
    shutil.rmtree(before / "diffusion" / "all" / "1" / "checkpoints")
    latents = before / "diffusion" / "all" / "1" / "latents" / "train"
    whole = kept(before)["latent"][:]
    (latents / SQUARES).unlink()
    for hour in range(20, len(whole)):
        shutil.rmtree(latents / "latent" / "c" / str(hour))
    train(cached(), store, before, stage="diffusion", resume=True, **QUIET)
    np.testing.assert_array_equal(kept(before)["latent"][:], whole)
    once, again = (
        package.read(f / "diffusion" / "package").components["all"].state_dict()
        for f in (run, before)
    )
    assert all(torch.equal(once[name], again[name]) for name in once)


@pytest.mark.parametrize("ranks", [1, 2])
def test_each_hour_comes_once_an_epoch(run, ranks):
    place = locate(run / "diffusion" / "all" / "1" / "latents" / "train")
    whole = kept(run)["latent"][:]
    seen = []
    for rank in range(ranks):
        shard = Latents(
            place, np.arange(len(whole)), None, 1, batch_size=3, seed=4, shard=(rank, ranks)
        )
        found = [batch.latent for batch in shard.epoch(1)]
        assert len(found) == len(shard)
        seen += list(np.concatenate(found))
    np.testing.assert_array_equal(sorted_hours(seen), sorted_hours(whole))


def test_an_epoch_goes_on_from_any_batch(run):
    place = locate(run / "diffusion" / "all" / "1" / "latents" / "train")
    latents = Latents(place, np.arange(9), (4, 4), 2, batch_size=2, seed=4)
    whole, rest = list(latents.epoch(3)), list(latents.epoch(3, start=2))
    for one, other in zip(whole[2:], rest, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_latents_too_large_for_memory_come_alike_from_their_folder(run, monkeypatch):
    place = locate(run / "diffusion" / "all" / "1" / "latents" / "train")
    remembered, read = (Latents(place, np.arange(9), (4, 4), 2, 2, seed=4) for _ in range(2))
    expected = list(remembered.epoch(3))
    monkeypatch.setattr("xldm.training.latents.IN_MEMORY", 0)
    for one, other in zip(read.epoch(3), expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_hours_far_from_unit_variance_are_left_out(run, before, store):
    squares = np.sort(np.mean(kept(run)["latent"][:] ** 2, axis=(1, 2, 3)))
    limit = float(squares[len(squares) // 2])
    train(cached(latent_limit=limit, steps=2), store, before, stage="diffusion", **QUIET)
    assert package.read(before / "diffusion" / "package").components["all"].denoiser


def test_a_limit_that_leaves_nothing_is_refused(before, store):
    with pytest.raises(TrainingError, match="smallest is"):
        train(cached(latent_limit=1e-6), store, before, stage="diffusion", **QUIET)


def test_a_static_branch_that_stays_gives_the_same_features_each_step(before, store):
    frozen = training_store.changed(cached(), train_static=False)
    location = train(frozen, store, before, stage="diffusion", **QUIET)
    first = package.read(location).components["all"].conditioner
    assert all(torch.isfinite(p).all() for p in first.parameters())


def test_windows_are_cut_from_the_latents_of_whole_fields(run):
    place, whole = locate(run / "diffusion" / "all" / "1" / "latents" / "train"), kept(run)
    latents = Latents(place, np.array([3]), (4, 6), 5, batch_size=5, seed=1)
    (batch,) = latents.epoch(0)
    assert len({tuple(corner) for corner in batch.corner.tolist()}) > 1
    for side in ("coarse", "latent"):
        for window, (y, x) in zip(getattr(batch, side), batch.corner.tolist(), strict=True):
            np.testing.assert_array_equal(window, whole[side][3, :, y : y + 4, x : x + 6])


def test_features_of_a_window_are_those_of_the_whole_grid_there():
    torch.manual_seed(0)
    phase = DiffusionPhase(steps=1, lr=1.0, train_static=False, cache_latents=True)
    objective, net = Diffusion(phase, tiny.part()), tiny.network(tiny.part())
    static = torch.randn(4, *tiny.GRID.fine_shape)
    sample = Sample(
        [(4, 0)], torch.randn(1, 14, 4, 4), None, torch.randn(1, 8, 4, 4), torch.tensor([500]),
        latent=torch.randn(1, 8, 4, 4),
    ).on(static)  # fmt: skip
    with torch.no_grad():
        features = net.conditioner.static_features(static[None])[:, 4:8, :4]
        context = net.conditioner.context(features, sample.coarse)
        expected = losses.diffusion_loss(
            net.denoiser, net.schedule, sample.latent, context, sample.t, sample.noise
        )
        assert torch.equal(objective.loss(net, sample), expected)


def test_windows_that_cover_are_not_cut_from_latents():
    with pytest.raises(ValueError, match="set windows to a number"):
        replace(cached().diffusion[0], windows=None)
