"""How networks begin."""

from dataclasses import replace

import pytest
import tiny
import torch

from xldm.config import RegressionConfig
from xldm.training import initialisation

STATIC = torch.zeros(2, 4, *tiny.GRID.fine_shape)


@pytest.fixture
def net():
    return tiny.network(tiny.part())


def batch():
    """Targets that are the first predictor, upsampled."""
    coarse = torch.randn(2, 14, *tiny.GRID.shape, generator=torch.Generator().manual_seed(3))
    fine = torch.nn.functional.interpolate(coarse[:, :1], scale_factor=8, mode="nearest")
    return coarse, fine, STATIC


def test_a_start_from_the_coarse_field_is_nearest_neighbour_interpolation():
    predictors = tiny.config().predictors
    source = replace(predictors[0], mean=280.0, std=10.0)
    target = replace(tiny.TARGET, mean=285.0, std=8.0)
    part = replace(tiny.part(), regression=RegressionConfig((4, 4, 4, 4)), targets=(target,))
    net = tiny.network(part)
    for module in net.regression.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
    initialisation.start_from_coarse(net, (source, *predictors[1:]), (target,))
    coarse, fine, static = batch()
    with torch.inference_mode():
        got = net.mean.condition(coarse, static) * 8 + 285
    torch.testing.assert_close(got, fine * 10 + 280, atol=1e-2, rtol=0)


def test_standardising_the_latent_changes_no_decoded_field(net):
    field = batch()[1]
    with torch.inference_mode():
        before = net.autoencoder.decode(net.autoencoder.encode(field)[0])
    initialisation.standardise_latent(net.autoencoder, net.autoencoder.encode(field)[0].detach())
    with torch.inference_mode():
        after = net.autoencoder.decode(net.autoencoder.encode(field)[0])
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_a_standardised_latent_has_zero_mean_and_unit_variance(net):
    field = batch()[1]
    initialisation.standardise_latent(net.autoencoder, net.autoencoder.encode(field)[0].detach())
    latent = net.autoencoder.encode(field)[0]
    torch.testing.assert_close(latent.mean((0, 2, 3)), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std((0, 2, 3)), torch.ones(8), atol=1e-4, rtol=0)
