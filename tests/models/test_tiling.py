"""Tile by tile gives what the whole domain gives, as far as the networks see no further."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
import xarray as xr
from torch import nn

import xldm
from xldm.models.downscaler import Sampling
from xldm.models.model import Model
from xldm.numerics.persistence import persistent_normal
from xldm.numerics.samplers import SAMPLERS
from xldm.twin import Twin

TIMES = np.array(["2020-01-01T00", "2020-07-01T12"], "datetime64[ns]")
#: 28 x 24 coarse cells: tiles of 16 that overlap by 8 need three rows and two columns.
GRID = replace(
    tiny.GRID, x=(3918000.0, 3918000.0 + 23 * 16e3), y=(2690000.0, 2690000.0 - 27 * 16e3)
)
SHAPE = (28, 24)
TILINGS = ((28, 8), ((24, 20), 8))
WAY = Sampling(members=(0, 1), steps=3)


class LocalRegression(nn.Module):
    """Sees two fine cells to every side."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(14 + 4, 1, 5, padding=2)

    def forward(self, x):
        return self.conv(x).tanh()


class LocalAutoencoder(nn.Module):
    """Sees the coarse cell, and two fine cells to every side."""

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(8, 4, 8, stride=8)
        self.conv = nn.Conv2d(4, 1, 5, padding=2)

    def decode(self, latent):
        return self.conv(self.up(latent).tanh())


class LocalConditioner(nn.Module):
    """Sees a coarse cell to every side."""

    def __init__(self):
        super().__init__()
        self.static = nn.Conv2d(4, 4, 8, stride=8)
        self.both = nn.Conv2d(14 + 4, 4, 3, padding=1)

    def static_features(self, static):
        return self.static(static)

    def context(self, features, coarse):
        both = torch.cat((features.expand(len(coarse), -1, -1, -1), coarse), 1)
        return [self.both(both).tanh()]


class LocalDenoiser(nn.Module):
    """Sees a coarse cell to every side, and what the context saw of its own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8 + 4, 8, 3, padding=1)

    def forward(self, x, step, context):
        return self.conv(torch.cat((x, context[0]), 1)).tanh() + 1e-3 * step[:, None, None, None]


def local_model(without=()):
    """A model whose networks see no more than two coarse cells to every side."""
    target = replace(tiny.TARGET, mean=0.0, std=1.0)
    config = tiny.config(grid=GRID, components=(tiny.part(targets=(target,)),))
    net = tiny.network(config.components[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net.regression, net.autoencoder = LocalRegression(), LocalAutoencoder()
        net.conditioner, net.denoiser = LocalConditioner(), LocalDenoiser()
    for name in without:
        setattr(net, name, None)
    return Model(config, tiny.static(GRID), {"2mT": net.eval()})


@pytest.fixture(scope="module")
def model():
    config = tiny.config(grid=GRID)
    return Model(config, tiny.static(GRID), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture(scope="module")
def coarse():
    return np.random.default_rng(0).normal(size=(2, 14, *SHAPE)).astype("float32")


@pytest.fixture(scope="module")
def drawn(model, coarse):
    return model.tiled(16, 8).fields(coarse, TIMES, WAY)


@pytest.mark.parametrize("size", [28, 64, (28, 24), (32, 28)])
def test_a_tile_as_large_as_the_domain_gives_the_same_bit_for_bit(size, model, coarse):
    whole = model.fields(coarse, TIMES, WAY)
    np.testing.assert_array_equal(model.tiled(size, 8).fields(coarse, TIMES, WAY), whole)


def test_a_tile_as_large_as_a_region_gives_the_same_bit_for_bit(model, coarse):
    window = {"rows": slice(4, 20), "columns": slice(8, 24)}
    given = coarse[:, :, 4:20, 8:24]
    whole = model.fields(given, TIMES, WAY, **window)
    np.testing.assert_array_equal(model.tiled(16, 8).fields(given, TIMES, WAY, **window), whole)


@pytest.mark.parametrize("size", [16, 20, (28, 16), (16, 32)])
def test_networks_that_see_a_quarter_of_the_overlap_draw_what_they_draw_whole(size, coarse):
    model = local_model()
    whole = model.fields(coarse, TIMES, WAY)
    assert whole.std() > 0.1
    tiled = model.tiled(size, 8).fields(coarse, TIMES, WAY)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("without", [("regression",), ("conditioner", "denoiser")])
def test_a_component_may_lack_a_part(without, coarse):
    model = local_model(without)
    whole = model.fields(coarse, TIMES, WAY)
    tiled = model.tiled(16, 8).fields(coarse, TIMES, WAY)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_every_sampler_draws_tile_by_tile_what_it_draws_whole(coarse):
    model = local_model()
    for sampler in SAMPLERS:
        way = replace(WAY, sampler=sampler)
        whole = model.fields(coarse, TIMES, way)
        tiled = model.tiled(16, 8).fields(coarse, TIMES, way)
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_a_region_is_drawn_tile_by_tile_as_it_is_whole(coarse):
    model, window = local_model(), {"rows": slice(4, 28), "columns": slice(0, 24)}
    given = coarse[:, :, 4:28]
    whole = model.fields(given, TIMES, WAY, **window)
    tiled = model.tiled(16, 8).fields(given, TIMES, WAY, **window)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_trained_networks_differ_between_tilings_by_far_less_than_members_do():
    """They look at the whole of what they are given, so that a tile is not quite the same."""
    model, way = xldm.load_model("italy-2km"), {"region": (7.0, 42.0, 13.0, 47.0)}
    era5 = Twin(0).era5("2008-07-15T12")
    members = xldm.downscale(era5, model, members=2, **way)
    spread = members.diff("member").std() / 2**0.5
    whole = members.sel(member=0)
    limit = xr.Dataset({"t2m": 0.3, "u10": 0.2, "v10": 0.2})
    one, two = (xldm.downscale(era5, model.tiled(*t), **way).sel(member=0) for t in TILINGS)
    for a, b in ((one, whole), (two, whole), (one, two)):
        assert ((a - b).std() < limit * spread).to_dataarray().all()


def test_half_precision_does_not_blur_the_shares(coarse):
    model = local_model()
    whole = model.fields(coarse, TIMES, WAY)
    tiled = model.tiled(16, 8).fields(coarse, TIMES, WAY, dtype="bfloat16")
    assert (tiled - whole).std() < 0.01 * whole.std()


def test_a_field_does_not_depend_on_times_and_members_drawn_with_it(model, coarse, drawn):
    alone = model.tiled(16, 8).fields(coarse[1:], TIMES[1:], replace(WAY, members=(1,)))
    np.testing.assert_array_equal(alone[0, 0], drawn[1, 1])


def test_chunks_do_not_matter(era5, model):
    way = {"model": model.tiled(16, 8), "members": 2, "steps": 2}
    lazy = xldm.downscale(era5.chunk(valid_time=1, latitude=10), **way)
    xr.testing.assert_identical(lazy.compute(), xldm.downscale(era5, **way))


def test_the_output_says_that_it_is_tiled_and_how(era5, model):
    lazy = era5.chunk()
    out = xldm.downscale(lazy, model.tiled(16, 8))
    assert out.attrs["model"] == "tiny (tiles of 16, overlap 8)"
    assert out.attrs["model_sha256"] == "a" * 64
    out = xldm.downscale(lazy, model.tiled((16, 20), 4))
    assert out.attrs["model"] == "tiny (tiles of 16 x 20, overlap 4)"


def test_the_regression_alone_may_be_tiled_before_or_after(model, coarse):
    one = model.tiled(16, 8).baseline("regression").fields(coarse, TIMES, WAY)
    two = model.baseline("regression").tiled(16, 8).fields(coarse, TIMES, WAY)
    np.testing.assert_array_equal(one, two)
    assert np.ptp(one, axis=0).max() == 0


def test_interpolation_has_no_networks_to_tile(model, coarse):
    plain = model.baseline("interpolation")
    tiled = plain.tiled(16, 8).fields(coarse, TIMES, WAY)
    np.testing.assert_array_equal(tiled, plain.fields(coarse, TIMES, WAY))


def test_a_model_that_was_pickled_draws_the_same(model, coarse, drawn):
    copy = pickle.loads(pickle.dumps(model.tiled(16, 8)))
    alone = copy.fields(coarse[:1], TIMES[:1], replace(WAY, members=(1,)))
    np.testing.assert_array_equal(alone[0], drawn[1, :1])


def test_a_model_of_a_package_is_pickled_without_its_weights():
    tiled = xldm.load_model("italy-2km").tiled((48, 40), 8)
    assert len(pickle.dumps(tiled)) < 10_000
    assert pickle.loads(pickle.dumps(tiled)).config == tiled.config


def test_members_of_several_times_may_be_drawn_in_one_batch(coarse):
    model, here = local_model().tiled(16, 8), torch.device("cpu")
    one_by_one = model.fields(coarse, TIMES, WAY)
    with torch.inference_mode():
        on = model._on(model.config.components[0], slice(None), slice(None), here)
        given = torch.from_numpy(model._seen(coarse, TIMES, slice(None), slice(None)))
        condition = on.net.condition(given, on.prepared)
        part, whole = model.config.components[0], on.net.noise_shape(*SHAPE)
        noise = [
            persistent_normal(WAY.seed, member, time, part.name, whole, "", {})
            for time in TIMES
            for member in WAY.members
        ]
        batch = on.net.draw(condition, torch.from_numpy(np.stack(noise)), WAY).numpy()
    batch = batch.reshape(2, 2, *batch.shape[1:]).swapaxes(0, 1)
    np.testing.assert_allclose(batch, one_by_one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [4, 0, -8, 10, 16.5, "16", (16,), (16, 16, 16), (16, 6)])
def test_a_size_that_the_networks_cannot_halve_is_refused(size, model):
    with pytest.raises(ValueError, match=r"multiple of 4 .* 8 at least: 8, 12, 16, 20 and so on"):
        model.tiled(size, 4)


@pytest.mark.parametrize("overlap", [-4, 2, 12, 4.5, None])
def test_an_overlap_that_is_none_is_refused(overlap, model):
    with pytest.raises(ValueError, match=f"tiles of 16 x 20 one of 0, 4, 8; got.* {overlap}"):
        model.tiled((16, 20), overlap)


def test_tiles_of_tiles_are_refused(model):
    with pytest.raises(ValueError, match="tiled already"):
        model.tiled(16, 8).tiled(8, 4)
