"""Computing once what stays the same changes no number."""

import math

import numpy as np
import pytest
import tiny
import torch

from xldm.config import RegressionConfig
from xldm.nets.regression import DoubleConv, RegressionUNet


def plain_loop(net, trained, averaged, coarse, static, noise):
    """DDIM of 100 steps written out as the paper's code goes about it.

    Every step puts the averaged weights in the place of the trained ones and back, and computes the
    context from predictors and static fields anew.
    """
    beta = np.linspace(1e-4**0.5, 2e-2**0.5, 1000) ** 2
    abar = np.cumprod(1 - beta)
    times = np.arange(0, 1000, 10) + 1
    x = noise
    for t, before in zip(times[::-1], [*times[:-1][::-1], 0], strict=True):
        net.denoiser.load_state_dict(averaged)
        context = net.conditioner(static, coarse)
        v = net.denoiser(x, torch.tensor([t]), context)
        net.denoiser.load_state_dict(trained)
        alpha, sigma = math.sqrt(abar[t]), math.sqrt(1 - abar[t])
        clean, eps = alpha * x - sigma * v, alpha * v + sigma * x
        x = math.sqrt(abar[before]) * clean + math.sqrt(1 - abar[before]) * eps
    return x


def test_a_cached_context_gives_the_latent_of_the_plain_loop():
    net = tiny.network(tiny.part())
    for tensor in net.denoiser.state_dict().values():
        tensor.mul_(0.5)  # random as they are, 100 steps would amplify beyond what a number holds
    averaged = {k: v.clone() for k, v in net.denoiser.state_dict().items()}
    trained = {k: v + 0.01 for k, v in averaged.items()}
    draw = torch.Generator().manual_seed(0)
    coarse, static, noise = (
        torch.randn(shape, generator=draw)
        for shape in ((1, 14, 8, 8), (1, 4, 64, 64), (1, *net.noise_shape(8, 8)))
    )
    with torch.inference_mode():
        condition = net.condition(coarse, net.prepare(static))
        cached = net.draw_latent(condition, noise, "ddim", 100)
        plain = plain_loop(net, trained, averaged, coarse, static, noise)
    assert plain.std() > 0.1
    torch.testing.assert_close(cached, plain, rtol=1e-5, atol=1e-5)


@pytest.fixture
def unet() -> RegressionUNet:
    """With statistics that are not those of a new network."""
    torch.manual_seed(0)
    net = RegressionUNet(5, 2, RegressionConfig((4, 8, 8, 16)))
    for name, tensor in net.state_dict().items():
        if "running" in name or ".1." in name or ".4." in name:
            tensor.copy_(0.5 + torch.rand(tensor.shape))
    return net.eval()


def test_norms_in_the_convolutions_give_what_the_layers_give_in_turn(unet):
    x = torch.randn(2, 5, 32, 16)
    with torch.inference_mode():
        got = unet(x)
        # In training mode each layer is called; these stay in the mode they are in.
        for module in unet.modules():
            module.training = isinstance(module, DoubleConv)
        want = unet(x)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_gradients_pass_through_the_norms_outside_training(unet):
    unet(torch.randn(1, 5, 16, 16)).sum().backward()
    assert all(p.grad is not None for p in unet.parameters())
