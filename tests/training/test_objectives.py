"""Each objective teaches its networks what it is meant to, on the smallest ones."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from xldm.config import DiffusionConfig, Variable
from xldm.models.downscaler import Sampling
from xldm.numerics.samplers import ddim_trailing
from xldm.training import losses
from xldm.training.objectives.autoencoder import Autoencoder
from xldm.training.objectives.base import Sample, residual
from xldm.training.objectives.calibration import Calibration
from xldm.training.objectives.decoder import Decoder
from xldm.training.objectives.diffusion import Diffusion
from xldm.training.objectives.distillation import Distillation
from xldm.training.objectives.regression import Regression
from xldm.training.optimisers import with_muon
from xldm.training.stages import (
    AutoencoderPhase,
    CalibrationPhase,
    DecoderPhase,
    DiffusionPhase,
    DistillationPhase,
    RegressionPhase,
)

H, W = tiny.GRID.shape


@pytest.fixture
def net():
    return tiny.network(tiny.part())


def sample(step: int) -> Sample:
    """Targets that are the first predictor, upsampled; seeded by step."""
    generator = torch.Generator().manual_seed(step)
    coarse = torch.randn(2, 14, H, W, generator=generator)
    fine = torch.nn.functional.interpolate(coarse[:, :1], scale_factor=8, mode="nearest")
    noise = torch.randn(2, 8, H, W, generator=generator)
    t = torch.randint(1000, (2,), generator=generator)
    static = torch.zeros(1, 4, *tiny.GRID.fine_shape)
    return Sample([(0, 0)] * 2, coarse, fine, noise, t, static.expand(2, -1, -1, -1))


def fit(net, objective, steps: int, *, lr: float = 1e-2, muon_lr: float | None = None, of=sample):
    fitted = torch.nn.ModuleList(objective.modules(net))
    optimisers = [torch.optim.AdamW(fitted.parameters(), lr=lr)]
    if muon_lr:
        optimisers = with_muon(fitted, optimisers[0], muon_lr)
    for step in range(steps):
        objective.begin_step(net, step)
        for parameter in fitted.parameters():
            parameter.grad = None
        objective.loss(net, of(step)).backward()
        for optimiser in optimisers:
            optimiser.step()
    net.eval()


def regression(**settings):
    return Regression(RegressionPhase(steps=1, lr=1.0, **settings), tiny.part())


def error(net) -> float:
    one = sample(10**6)
    with torch.inference_mode():
        return (net.mean.condition(one.coarse, one.static) - one.fine).square().mean().item()


def test_regression_learns(net):
    before = error(net)
    fit(net, regression(), 80)
    assert error(net) < 0.7 * before


def test_weights_choose_what_is_learnt(net):
    before = net.regression.outputs.weight.clone()
    objective = regression(weights={"t2m": 0.0})
    objective.loss(net.train(), sample(0)).backward()
    assert not net.regression.outputs.weight.grad.any()
    assert torch.equal(net.regression.outputs.weight, before)


def test_the_logarithmic_loss_learns_from_a_window_beside_a_hopeless_one():
    def beside_noise(step):
        one = sample(step)
        noise = torch.randn(one.fine.shape, generator=torch.Generator().manual_seed(step))
        return one._replace(fine=torch.stack([one.fine[0], 30 * noise[1]]))

    errors = {}
    for loss in ("mse", "log"):
        net = tiny.network(tiny.part())
        fit(net, regression(loss=loss, floor=0.01), 80, of=beside_noise)
        errors[loss] = error(net)
    assert errors["log"] < 0.75 * errors["mse"]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_muon_learns_in_either_memory_format(memory_format):
    net = tiny.network(tiny.part()).to(memory_format=memory_format)
    before = error(net)
    fit(net, regression(), 80, muon_lr=1e-2)
    assert error(net) < 0.7 * before


def test_muon_moves_every_kernel_and_adam_the_rest(net):
    before = {name: p.clone() for name, p in net.regression.named_parameters()}
    fit(net, regression(), 2, muon_lr=1e-2)
    still = [n for n, p in net.regression.named_parameters() if torch.equal(p, before[n])]
    assert not still


def test_the_autoencoder_learns_what_the_regression_leaves(net):
    objective = Autoencoder(AutoencoderPhase(steps=1, lr=1.0), tiny.part())

    def lost() -> float:
        with torch.inference_mode():
            return float(objective.loss(net, sample(10**6)))

    before = lost()
    fit(net, objective, 120)
    assert lost() < 0.8 * before


@pytest.mark.parametrize("known", [False, True])
def test_the_denoiser_learns_from_fields_and_from_latents(net, known):
    objective = Diffusion(DiffusionPhase(steps=1, lr=1.0), tiny.part())
    latent = torch.randn(2, 8, H, W, generator=torch.Generator().manual_seed(1))

    def of(step):
        return sample(step)._replace(latent=latent) if known else sample(step)

    def lost() -> float:
        with torch.inference_mode():
            return float(objective.loss(net, of(10**6)))

    before = lost()
    fit(net, objective, 40, lr=1e-3, of=of)
    assert lost() < 0.9 * before


def test_a_static_branch_that_rests_is_not_touched(net):
    objective = Diffusion(DiffusionPhase(steps=1, lr=1.0, train_static=False), tiny.part())
    before = net.conditioner.static_proj.weight.clone()
    fit(net, objective, 2)
    assert torch.equal(net.conditioner.static_proj.weight, before)
    assert not torch.equal(
        net.conditioner.coarse_proj.weight, tiny.network(tiny.part()).conditioner.coarse_proj.weight
    )


def distillation(net, into: int, teacher_steps: int):
    phase = DistillationPhase(steps=1, lr=1.0, into=into, teacher_steps=teacher_steps)
    objective = Distillation(phase, tiny.part())
    objective.begin(net.eval())
    return objective


class Smooth(torch.nn.Module):
    """A denoiser that can be followed: networks that were not trained blow up."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, x, t, context):
        return self.gain * torch.sin(x + t[:, None, None, None] / 300)


@pytest.mark.parametrize("into", [1, 2, 4])
@torch.no_grad()
def test_distilled_steps_lead_where_the_teachers_sampler_leads(net, into):
    net.denoiser = Smooth()
    objective, context = distillation(net, into, 8 // into), []
    noise = sample(0).noise.double()

    def student(x, t):
        return objective._taught(net.schedule, x, np.array([t, t]), context)

    taught = ddim_trailing(student, net.schedule, noise, into)
    whole = ddim_trailing(net.denoise(context), net.schedule, noise, 8)
    torch.testing.assert_close(taught, whole, rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_denoiser_that_knows_the_answer_has_nothing_to_learn_by_distillation(net):
    one = sample(0)
    clean = net.autoencoder.encode(residual(net.eval(), one))[0]

    class Knowing(torch.nn.Module):
        def forward(self, x, t, context):
            noise = (x - alpha(t) * clean) / sigma(t)
            return alpha(t) * noise - sigma(t) * clean

    def alpha(t):
        return x_of(net.schedule.alpha(t.numpy()))

    def sigma(t):
        return x_of(net.schedule.sigma(t.numpy()))

    def x_of(coefficient):
        return torch.tensor(coefficient, dtype=torch.float32)[:, None, None, None]

    net.denoiser = Knowing()
    objective = distillation(net, 2, 3)
    one = one._replace(t=torch.tensor([999, 500]))
    assert objective.loss(net, one) < 1e-6


def test_distillation_learns(net):
    net.denoiser = Smooth()
    objective = distillation(net, 1, 4)
    net.denoiser.gain.data.zero_()

    def beginning(step):
        return sample(step)._replace(t=torch.tensor([999, 999]))

    def loss():
        with torch.no_grad():
            return objective.loss(net, beginning(10**6)).item()

    before = loss()
    fit(net, objective, 100, of=beginning)
    assert loss() < 0.7 * before


def test_the_decoder_learns_to_give_what_is_drawn_the_spectra_of_the_truth(net):
    net.denoiser = Smooth()
    part = replace(tiny.part(), diffusion=DiffusionConfig(sampler="ddim-trailing", steps=2))
    phase = DecoderPhase(steps=1, lr=1.0, spectral_weight=1.0)
    objective = Decoder(phase, part)

    @torch.no_grad()
    def spectral_error():
        one = sample(10**6)
        condition = net.condition(one.coarse, net.prepare(one.static))
        field = net.draw(condition, one.noise, Sampling(sampler="ddim-trailing", steps=2))
        return losses.log_spectral_error(field, one.fine).item()

    before = spectral_error()
    fit(net, objective, 60)
    assert spectral_error() < 0.7 * before


def test_the_decoder_unlearns_its_lattice(net):
    part = replace(tiny.part(), diffusion=FEW)
    objective = Decoder(DecoderPhase(steps=1, lr=1.0, spectral_weight=1.0), part)

    @torch.no_grad()
    def lattice():
        one = sample(10**6)
        condition = net.condition(one.coarse, net.prepare(one.static))
        latent = net.draw_latent(condition, one.noise, "unipc", 2)
        return losses.lattice_error(net.autoencoder.decode(latent), 8).item()

    before = lattice()
    fit(net, objective, 60)
    assert lattice() < 0.7 * before


FEW = DiffusionConfig(sampler="unipc", steps=2)


def calibration(**settings):
    part = replace(tiny.part(), diffusion=FEW)
    return Calibration(CalibrationPhase(steps=1, lr=1.0, **settings), part)


def for_two_members(step: int) -> Sample:
    """Truth that no predictor tells of: members can but spread as it does."""
    one, generator = sample(step), torch.Generator().manual_seed(1000 + step)
    fine = 0.5 * torch.randn(one.fine.shape, generator=generator)
    noise = torch.randn(2, 2, 8, H, W, generator=generator)
    return one._replace(fine=fine, noise=noise)


def test_calibration_makes_members_that_are_all_alike_spread(net):
    net.denoiser = Smooth()
    net.denoiser.gain.data.fill_(0.01)
    objective = calibration(spectral_weight=0.0)

    def score():
        with torch.no_grad():
            return objective.loss(net, for_two_members(10**6)).item()

    before, narrow = score(), net.denoiser.gain.item()
    fit(net, objective, 60, of=for_two_members)
    assert score() < before
    assert abs(net.denoiser.gain.item()) > 2 * narrow


def test_calibration_draws_as_the_model_does(net, monkeypatch):
    objective, one = calibration(), for_two_members(0)
    seen = []
    monkeypatch.setattr(
        losses, "energy_score", lambda fields, *_: seen.append(fields) or fields.mean()
    )
    with torch.no_grad():
        objective.loss(net, one)
        prepared = net.prepare(one.static)
        drawn = net.draw(
            net.condition(one.coarse, prepared),
            one.noise.flatten(0, 1),
            Sampling(steps=2, sampler="unipc"),
        )
    torch.testing.assert_close(seen[0].flatten(0, 1), drawn, rtol=0, atol=1e-6)


def test_edges_of_windows_are_not_scored_and_those_of_fields_are(net):
    one = for_two_members(0)
    edge = one.fine.clone()
    edge[..., :8] += 100.0
    for size, scored in (((H, W), False), (None, True)):
        objective = calibration(size=size, margin=1, spectral_weight=0.0)
        with torch.no_grad():
            plain, other = (objective.loss(net, one._replace(fine=f)) for f in (one.fine, edge))
        assert bool(plain != other) is scored


@torch.no_grad()
@pytest.mark.parametrize("relative", [False, True])
def test_a_relative_score_counts_calm_windows_as_much_as_wild_ones(net, relative, monkeypatch):
    objective, wild = calibration(spectral_weight=0.0, relative=relative), for_two_members(0)
    before = objective.loss(net, wild).item()
    decode = net.autoencoder.decode
    monkeypatch.setattr(net.autoencoder, "decode", lambda latent: 0.1 * decode(latent))
    net.regression.outputs.weight.mul_(0.1)
    net.regression.outputs.bias.mul_(0.1)
    after = objective.loss(net, wild._replace(fine=0.1 * wild.fine)).item()
    assert after == pytest.approx(before if relative else 0.1 * before, rel=1e-3)


def test_a_margin_that_leaves_nothing_of_a_window_is_refused():
    with pytest.raises(ValueError, match=r"size \(8, 4\) with a margin of 2 leaves nothing"):
        calibration(size=(8, 4))


WINDS = (
    Variable("u10", "eastward_wind", "m s-1", 0.5, 3.0),
    Variable("v10", "northward_wind", "m s-1", -0.5, 2.0),
)


@pytest.fixture
def scored(monkeypatch):
    """What the energy score is asked about."""
    seen, score = [], losses.energy_score
    monkeypatch.setattr(losses, "energy_score", lambda *of: seen.append(of) or score(*of))
    return seen


@torch.no_grad()
def test_the_wind_s_speed_is_scored_as_one_more_target(scored):
    part = replace(tiny.part(targets=(tiny.TARGET, *WINDS)), diffusion=FEW)
    weighted = {"t2m": 4.0, "wind_speed": 0.5}
    one = for_two_members(0)
    one = one._replace(fine=torch.cat([one.fine] * 3, 1))
    phase = CalibrationPhase(steps=1, lr=1.0, weights=weighted, relative=False)
    Calibration(phase, part).loss(tiny.network(part), one)
    ((members, truth, weights),) = scored
    assert weights.tolist() == [4.0, 1.0, 1.0, 0.5]
    for field in (members, truth):
        u, v = 3.0 * field[..., 1, :, :] + 0.5, 2.0 * field[..., 2, :, :] - 0.5
        speed = np.hypot(u.numpy(), v.numpy()) / 2.5
        np.testing.assert_allclose(field[..., 3, :, :].numpy(), speed, atol=1e-3)


@torch.no_grad()
def test_means_over_blocks_of_coarse_cells_are_scored_too(net, scored):
    calibration(pooled=(2,), relative=False).loss(net, for_two_members(0))
    (cells, _, _), (means, truth, _) = scored
    assert truth.shape[-2:] == (H / 2, W / 2)
    expected = cells.numpy().reshape(2, 2, 1, H // 2, 16, W // 2, 16).mean((4, 6))
    np.testing.assert_allclose(means.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_a_wind_s_speed_is_no_target_of_a_component_without_winds(scored, net):
    calibration(weights={"wind_speed": 1.0}, relative=False).loss(net, for_two_members(0))
    assert scored[0][2].tolist() == [1.0]


RAIN = Variable(
    "tp", "precipitation_amount", "kg m-2", 0.5, 0.4, transform="cbrt", lower=0.0, dry_below=0.1
)


@pytest.mark.parametrize(
    ("objective", "phase"), [(Autoencoder, AutoencoderPhase), (Decoder, DecoderPhase)]
)
def test_errors_in_heavy_rain_weigh_more(objective, phase):
    part = tiny.part("tp", (tiny.TARGET, RAIN))
    fine = torch.tensor([[-1.0, 0.0, 2.0], [-1.0, 0.0, 2.0]])[None, :, :, None]
    weigh = objective(
        phase(heavy={"tp": 1.5}, weights={"t2m": 0.5}, steps=1, lr=1.0), part
    ).error_weights
    torch.testing.assert_close(
        weigh(fine)[0, :, :, 0], torch.tensor([[0.5, 0.5, 0.5], [1.0, 1.0, 4.0]])
    )


def test_how_dry_members_are_is_not_scored(monkeypatch):
    part = tiny.part("tp", (RAIN,))
    net, scores = tiny.network(part), []
    objective = Calibration(CalibrationPhase(spectral_weight=0.0, margin=0, steps=1, lr=1.0), part)
    made = sample(0)
    noise = torch.stack([made.noise, made.noise], 1)
    for depth in (-2.0, -9.0):
        # The threshold is 0.1 mm: -0.09 in normalised numbers.
        monkeypatch.setattr(net, "joined", lambda mean, drawn, d=depth: torch.full_like(drawn, d))
        dry = made._replace(noise=noise, fine=torch.full_like(made.fine, depth / 2))
        scores.append(float(objective.loss(net, dry)))
    assert scores == [pytest.approx(0, abs=1e-5)] * 2
