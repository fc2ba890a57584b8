"""Compiled networks draw beside those that are not compiled, and only where torch can compile."""

import numpy as np
import pytest
import tiny
import torch

from xldm.errors import ArgumentError
from xldm.models import compiled
from xldm.models.downscaler import Sampling
from xldm.models.model import Model
from xldm.nets.autoencoder import Levels
from xldm.nets.denoiser import Denoiser

TIME = np.array(["2020-01-01T00"], "datetime64[ns]")
COARSE = np.random.default_rng(0).normal(size=(1, 14, *tiny.GRID.shape)).astype(np.float32)


@pytest.fixture
def model():
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])})


@pytest.fixture
def ran(monkeypatch):
    """Let torch compile nothing, and list the networks that run as compiled."""
    ran = []

    def compiles(what, **options):
        assert options == {"dynamic": False}

        def run(*given):
            ran.append(type(what))
            return what(*given)

        return run

    monkeypatch.setattr(torch, "compile", compiles)
    compiled.compile_fault.cache_clear()
    yield ran
    compiled.compile_fault.cache_clear()


def draw(model, **options):
    return model.fields(COARSE, TIME, Sampling(members=range(3), steps=2), **options)


def test_denoiser_and_decoder_run_compiled_on_full_blocks_only(model, ran):
    component = compiled.compiled(model.components["2mT"], 2, torch.device("cpu"))
    ran.clear()
    with torch.inference_mode():
        coarse, static = torch.zeros(1, 14, 8, 8), torch.zeros(1, 4, 64, 64)
        condition = component.condition(coarse, component.prepare(static))
        for fields in (1, 2):
            component.draw(condition, torch.zeros(fields, 8, 8, 8), Sampling(steps=2))
    assert ran == [Denoiser, Denoiser, Levels]


@pytest.mark.parametrize("tile", [0, 8])
def test_a_model_draws_compiled_only_when_asked_to(model, ran, tile):
    plain = draw(model)
    fast = draw(model.tiled(tile, 4) if tile else model, compile=True)
    assert {Denoiser, Levels} <= {*ran}
    np.testing.assert_array_equal(plain, fast)
    ran.clear()
    draw(model)
    assert not ran


def test_a_machine_that_cannot_compile_is_told_what_it_needs(model, monkeypatch):
    def compiles(*_, **__):
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", compiles)
    compiled.compile_fault.cache_clear()
    with pytest.raises(ArgumentError, match=r"compile: .* No working C\+\+ compiler found.*g\+\+"):
        draw(model, compile=True)
    compiled.compile_fault.cache_clear()
