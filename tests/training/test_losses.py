"""Losses against their formulas, written out with NumPy."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from xldm.config import AutoencoderConfig
from xldm.nets.autoencoder import Autoencoder
from xldm.numerics.schedule import Schedule
from xldm.training import losses


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_diffusion_loss_is_zero_for_the_true_velocity(generator):
    schedule = Schedule.linear()
    clean, noise = torch.randn(2, 3, 4, 4, generator=generator), torch.randn(2, 3, 4, 4)
    t = torch.tensor([3, 800])
    abar = np.cumprod(1 - np.linspace(1e-4**0.5, 2e-2**0.5, 1000) ** 2)[[3, 800]]
    a, s = (
        torch.tensor(c, dtype=torch.float32)[:, None, None, None]
        for c in (abar**0.5, (1 - abar) ** 0.5)
    )

    def truth(x, step, context):
        torch.testing.assert_close(x, a * clean + s * noise)
        return a * noise - s * clean

    assert losses.diffusion_loss(truth, schedule, clean, [], t, noise) < 1e-12


def test_autoencoder_loss_is_its_formula(generator):
    net = Autoencoder(1, AutoencoderConfig((4, 4, 8))).eval()
    field = torch.randn(2, 1, 16, 16, generator=generator)
    noise = torch.randn(2, 4, 2, 2, generator=generator)
    with torch.no_grad():
        m, s = (a.double().numpy() for a in net.encode(field))
        drawn = torch.from_numpy(m + np.exp(s / 2) * noise.numpy()).float()
        decoded = net.decode(drawn).numpy()
        got = losses.autoencoder_loss(net, field, noise, kl_weight=0.3).item()
    kl = (np.exp(s) + m**2 - 1 - s) / 2
    want = np.abs(decoded - field.numpy()).mean() + 0.3 * kl.mean()
    assert got == pytest.approx(want, rel=1e-5)


def test_the_average_moves_by_the_papers_decay():
    average, net = nn.Linear(1, 1), nn.Linear(1, 1)
    before = copy.deepcopy(average)
    losses.update_average(average, net, updates=5)
    decay = 6 / 15
    want = decay * before.weight + (1 - decay) * net.weight
    torch.testing.assert_close(average.weight, want)


def test_the_average_decays_no_slower_than_the_limit():
    average, net = nn.Linear(1, 1), nn.Linear(1, 1)
    before = copy.deepcopy(average)
    losses.update_average(average, net, updates=10**9, limit=0.5)
    torch.testing.assert_close(average.weight, 0.5 * before.weight + 0.5 * net.weight)
