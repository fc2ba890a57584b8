"""Components of networks, and networks that a component lacks."""

from dataclasses import replace

import pytest
import tiny
import torch

from xldm.errors import ArgumentError
from xldm.models.components import for_members
from xldm.models.downscaler import Sampling

LATENT = {"autoencoder": None, "conditioner": None, "denoiser": None}
STATIC = torch.zeros(1, 4, *tiny.GRID.fine_shape)


def test_the_regression_alone_is_the_mean_of_the_diffusion_model():
    component = tiny.network(tiny.part())
    given = torch.randn(1, 14, *tiny.GRID.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        condition = component.condition(given, component.prepare(STATIC))
        mean = component.mean.condition(given, STATIC)
    assert torch.equal(condition.mean, mean)


def test_a_component_without_a_denoiser_draws_the_mean():
    net = tiny.network(replace(tiny.part(), **LATENT))
    with torch.inference_mode():
        condition = net.condition(torch.zeros(1, 14, *tiny.GRID.shape), net.prepare(STATIC))
        assert net.draw(condition, None, Sampling()) is condition.mean
    assert net.noise_shape(8, 8) is None


def test_an_autoencoder_alone_says_that_it_has_no_regression_yet():
    net = tiny.network(
        replace(
            tiny.part(), **LATENT | {"regression": None, "autoencoder": tiny.part().autoencoder}
        )
    )
    condition = net.condition(torch.zeros(1, 14, *tiny.GRID.shape), net.prepare(STATIC))
    with pytest.raises(ArgumentError, match="no regression yet: train it first"):
        net.draw(condition, None, Sampling())


def test_values_of_hours_are_repeated_for_the_members_of_each_in_turn():
    of_hours = torch.tensor([[1.0], [2.0]])
    assert for_members(of_hours, 6)[:, 0].tolist() == [1, 1, 1, 2, 2, 2]
