"""Losses against their formulas, written out with NumPy."""

import math

import numpy as np
import properscoring
import pytest
import torch

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


@pytest.mark.parametrize("members", [2, 3])
def test_the_energy_score_of_one_target_is_its_fair_crps(generator, members):
    drawn = torch.randn(2, members, 1, 3, 4, generator=generator)
    truth = torch.randn(2, 1, 3, 4, generator=generator)
    got = losses.energy_score(drawn, truth, torch.ones(1)).mean().item()
    x = np.moveaxis(drawn.double().numpy(), 1, -1)
    # properscoring counts a member's distance to itself among the pairs, which is not fair.
    plain = properscoring.crps_ensemble(truth.double().numpy(), x).mean()
    to_truth = np.abs(x - truth.double().numpy()[..., None]).mean()
    want = to_truth - (to_truth - plain) * members / (members - 1)
    assert got == pytest.approx(want, rel=1e-5)


def test_the_energy_score_is_of_weighted_targets_together():
    members = torch.tensor([[3.0, 2.0], [3.0, 2.0]]).reshape(1, 2, 2, 1, 1)
    score = losses.energy_score(members, torch.zeros(1, 2, 1, 1), torch.tensor([1.0, 2.0]))
    assert score.item() == pytest.approx(5.0, abs=1e-5)


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_the_energy_score_is_smallest_for_members_that_spread_as_the_truth(generator, spread):
    drawn = torch.randn(1, 2, 2, 400, 400, generator=generator)
    truth = torch.randn(1, 2, 400, 400, generator=generator)
    right, wrong = (
        losses.energy_score(s * drawn, truth, torch.ones(2)).mean() for s in (1.0, spread)
    )
    assert right < wrong


def test_the_energy_score_of_equal_members_has_a_gradient():
    members = torch.zeros(1, 2, 1, 2, 2, requires_grad=True)
    losses.energy_score(members, torch.zeros(1, 1, 2, 2), torch.ones(1)).sum().backward()
    assert torch.isfinite(members.grad).all()


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


def test_spectra_that_differ_by_a_factor_differ_by_its_logarithm():
    truth = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    error = losses.log_spectral_error(truth * 3.0 + 5.0, truth)
    assert float(error) == pytest.approx(2 * math.log(3.0), rel=1e-4)


def test_the_spectral_error_is_that_of_the_rings_that_a_wave_lies_in():
    y = torch.arange(32.0)[:, None].expand(32, 32)
    noise = 1e-2 * torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    wave = torch.cos(2 * math.pi * (5 * y) / 32)[None, None]
    error = losses.log_spectral_error(noise + 0.1 * wave, noise + wave)
    # A Hann window spreads a wave over its ring and the neighbours: 3 of 16 rings, ln 100 each.
    assert float(error) == pytest.approx(3 / 16 * math.log(100), rel=0.1)


def test_a_dry_hour_has_no_spectral_error():
    rain = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(3))
    pairs = torch.cat([rain, 3 * rain]), torch.cat([rain, torch.zeros_like(rain)])
    assert float(losses.log_spectral_error(*pairs)) == 0


def test_noise_has_no_lattice_whatever_its_amplitude():
    noise = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(4))
    assert float(losses.lattice_error(5.0 * noise, 8)) < 0.05


def test_a_lattice_is_the_logarithm_of_its_variance_over_the_mean():
    field = torch.ones(1, 1, 16, 16)
    field[..., ::2] = 3.0  # power 9 and 1, mean 5
    want = (math.log(9 / 5) + math.log(5)) / 2
    assert float(losses.lattice_error(field, 8)) == pytest.approx(want, rel=1e-5)


def test_a_target_that_is_not_drawn_has_no_lattice():
    assert float(losses.lattice_error(torch.zeros(1, 2, 16, 16), 8)) == 0
