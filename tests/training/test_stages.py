"""Each stage learns what it is meant to, on the smallest networks."""

from dataclasses import replace

import pytest
import tiny
import torch

from xldm.config import RegressionConfig
from xldm.training import losses, stages

STATIC = torch.zeros(2, 4, *tiny.GRID.fine_shape)


@pytest.fixture
def net():
    return tiny.network(tiny.part())


def batch(step):
    """Targets that are the first predictor, upsampled; seeded by step."""
    generator = torch.Generator().manual_seed(step)
    coarse = torch.randn(2, 14, *tiny.GRID.shape, generator=generator)
    fine = torch.nn.functional.interpolate(coarse[:, :1], scale_factor=8, mode="nearest")
    return coarse, fine, STATIC


def error(net) -> float:
    coarse, fine, static = batch(10**6)
    with torch.inference_mode():
        return (net.mean.condition(coarse, static) - fine).square().mean().item()


def test_regression_learns(net):
    before = error(net)
    stages.fit_regression(net, batch, 80, lr=1e-2, progress=False)
    assert error(net) < 0.7 * before


def test_the_same_seed_trains_to_the_same_weights():
    ends = []
    for _ in range(2):
        net = tiny.network(tiny.part())
        stages.fit_regression(net, batch, 5, progress=False)
        ends.append(net.regression.outputs.weight.detach().clone())
    assert torch.equal(*ends)


def test_a_start_from_the_coarse_field_is_nearest_neighbour_interpolation():
    predictors = tiny.config().predictors
    source = replace(predictors[0], mean=280.0, std=10.0)
    target = replace(tiny.TARGET, mean=285.0, std=8.0)
    part = replace(tiny.part(), regression=RegressionConfig((4, 4, 4, 4)), targets=(target,))
    net = tiny.network(part)
    for module in net.regression.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_parameters()
    stages.start_from_coarse(net, (source, *predictors[1:]), (target,))
    coarse, fine, static = batch(3)
    with torch.inference_mode():
        got = net.mean.condition(coarse, static) * 8 + 285
    torch.testing.assert_close(got, fine * 10 + 280, atol=1e-2, rtol=0)


def test_weights_choose_what_is_learnt(net):
    before = net.regression.outputs.weight.clone()
    stages.fit_regression(net, batch, 2, weights=(0.0,), progress=False)
    assert torch.equal(net.regression.outputs.weight, before)


def test_autoencoder_learns(net):
    def residual(step):
        return batch(step)[1]

    def lost() -> float:
        field = residual(10**6)
        with torch.inference_mode():
            return (net.autoencoder.decode(net.autoencoder.encode(field)[0]) - field).abs().mean()

    before = lost()
    generator = torch.Generator().manual_seed(0)
    stages.fit_autoencoder(
        net.autoencoder, residual, 60, generator=generator, lr=1e-2, progress=False
    )
    assert lost() < 0.8 * before


def test_standardising_the_latent_changes_no_decoded_field(net):
    field = batch(0)[1]
    with torch.inference_mode():
        before = net.autoencoder.decode(net.autoencoder.encode(field)[0])
    stages.standardise_latent(net.autoencoder, net.autoencoder.encode(field)[0].detach())
    with torch.inference_mode():
        after = net.autoencoder.decode(net.autoencoder.encode(field)[0])
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


def test_a_standardised_latent_has_zero_mean_and_unit_variance(net):
    field = batch(0)[1]
    stages.standardise_latent(net.autoencoder, net.autoencoder.encode(field)[0].detach())
    latent = net.autoencoder.encode(field)[0]
    torch.testing.assert_close(latent.mean((0, 2, 3)), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(latent.std((0, 2, 3)), torch.ones(8), atol=1e-4, rtol=0)


def test_denoiser_learns(net):
    latent = torch.randn(2, 8, *tiny.GRID.shape, generator=torch.Generator().manual_seed(1))

    def lost() -> float:
        generator = torch.Generator().manual_seed(2)
        noise = torch.randn(latent.shape, generator=generator)
        t = torch.tensor([300, 700])
        with torch.inference_mode():
            context = net.conditioner(STATIC[:1], batch(0)[0])
            return losses.diffusion_loss(net.denoiser, net.schedule, latent, context, t, noise)

    before = lost()
    stages.fit_denoiser(
        net, lambda step: (batch(step)[0], latent), STATIC[:1], 40,
        generator=torch.Generator().manual_seed(0), lr=1e-3, progress=False,
    )  # fmt: skip
    assert lost() < 0.9 * before


def test_the_static_branch_rests_after_its_steps(net):
    latent = torch.randn(2, 8, *tiny.GRID.shape, generator=torch.Generator().manual_seed(1))

    def fit(steps):
        fitted = tiny.network(tiny.part())
        stages.fit_denoiser(
            fitted, lambda step: (batch(step)[0], latent), STATIC[:1], steps,
            generator=torch.Generator().manual_seed(0), static_steps=0, progress=False,
        )  # fmt: skip
        return fitted.conditioner.static_proj.weight

    assert torch.equal(fit(1), fit(3))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_muon_learns_in_either_memory_format(memory_format):
    net = tiny.network(tiny.part()).to(memory_format=memory_format)
    before = error(net)
    stages.fit_regression(net, batch, 80, lr=1e-2, muon_lr=1e-2, progress=False)
    assert error(net) < 0.7 * before


def test_muon_moves_every_kernel_and_adam_the_rest(net):
    before = {name: p.clone() for name, p in net.regression.named_parameters()}
    stages.fit_regression(net, batch, 2, muon_lr=1e-2, progress=False)
    still = [n for n, p in net.regression.named_parameters() if torch.equal(p, before[n])]
    assert not still


def test_the_logarithmic_loss_learns_from_a_window_beside_a_hopeless_one():
    def beside_noise(step):
        coarse, fine, static = batch(step)
        noise = torch.randn(fine.shape, generator=torch.Generator().manual_seed(step))
        return coarse, torch.stack([fine[0], 30 * noise[1]]), static

    errors = {}
    for floor in (None, 0.01):
        net = tiny.network(tiny.part())
        stages.fit_regression(net, beside_noise, 80, lr=1e-2, floor=floor, progress=False)
        errors[floor] = error(net)
    assert errors[0.01] < 0.75 * errors[None]
