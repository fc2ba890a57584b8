"""Samplers without a network.

For data that are N(mu, s^2), independent in every element, the best denoiser is known, and so is
where the probability flow takes a noisy field: (x - alpha mu) / sqrt(alpha^2 s^2 + sigma^2) stays
what it is all along.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from xldm.numerics.samplers import SAMPLERS, check_steps, ddim, dpm_solver_pp_2m, unipc
from xldm.numerics.schedule import Schedule

PAPER = Schedule.linear()
# lam runs from 2 to -2 in even steps, which leaves the order of a solver to be seen unmixed.
EVEN = Schedule(1 / (1 + np.exp(-2 * np.linspace(2, -2, 8001))))
MU, S = 1.5, 1.0
NOISE = np.random.default_rng(0).standard_normal((2, 3, 4))

each = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS.keys())
multistep = pytest.mark.parametrize("sampler", [dpm_solver_pp_2m, unipc])


class Gaussian:
    """The exact denoiser for N(MU, S^2); remembers what it was asked."""

    def __init__(self, schedule):
        self.schedule, self.asked = schedule, []

    def __call__(self, x, t):
        self.asked.append((x, t))
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        gain = alpha * S**2 / (alpha**2 * S**2 + sigma**2)
        return MU + gain * (x - alpha * MU)

    def constant(self, x, t):
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        return (x - alpha * MU) / np.sqrt(alpha**2 * S**2 + sigma**2)


def times_of(sampler, steps, schedule=PAPER):
    denoise = Gaussian(schedule)
    sampler(denoise, schedule, NOISE, steps)
    return [t for _, t in denoise.asked]


def orders(error, sampler, schedule, steps):
    """Slopes of the error between successive doublings of the steps."""
    errors = np.array([error(sampler, schedule, n) for n in steps])
    return np.log2(errors[:-1] / errors[1:])


def flow_error(sampler, schedule, steps):
    """How far the field that is last given to the denoiser has strayed from the exact flow."""
    denoise = Gaussian(schedule)
    sampler(denoise, schedule, NOISE, steps)
    first, last = denoise.asked[0], denoise.asked[-1]
    return np.abs(denoise.constant(*last) - denoise.constant(*first)).max()


def map_error(sampler, schedule, steps):
    """How far the result is from the exact one: at time 0 for DDIM, without noise for others."""
    denoise = Gaussian(schedule)
    result = sampler(denoise, schedule, NOISE, steps)
    start = denoise.constant(*denoise.asked[0])
    end = denoise.constant(result, 0) if sampler is ddim else (result - MU) / S
    return np.abs(end - start).max()


# order of convergence


def test_ddim_is_of_first_order():
    assert orders(flow_error, ddim, EVEN, [20, 40, 80, 160]) == pytest.approx(1, abs=0.05)


def test_dpm_solver_is_of_second_order():
    measured = orders(flow_error, dpm_solver_pp_2m, EVEN, [40, 80, 160, 320])
    assert measured == pytest.approx(2, abs=0.08)


def test_unipc_gains_an_order_by_correcting():
    # Its predictor is of second order; the paper's theorem 3.1 gives one more to the corrector.
    measured = orders(flow_error, unipc, EVEN, [20, 40, 80])
    assert np.all(measured > 2.5)


def test_ddim_is_of_first_order_on_the_papers_schedule():
    assert orders(map_error, ddim, PAPER, [25, 50, 100, 200]) == pytest.approx(1, abs=0.05)


@multistep
def test_multistep_samplers_stay_well_above_first_order_on_the_papers_schedule(sampler):
    # Steps even in time are uneven in lam near the clean end, which costs part of the order.
    assert orders(flow_error, sampler, PAPER, [50, 100, 200]).min() > 1.6


@pytest.mark.parametrize(
    ("sampler", "steps", "tolerance"),
    [
        (ddim, 100, 0.04),
        (ddim, 500, 0.01),
        (dpm_solver_pp_2m, 20, 0.01),
        (dpm_solver_pp_2m, 50, 1e-3),
        (unipc, 20, 0.01),
        (unipc, 50, 2e-3),
    ],
)
def test_the_exact_map_is_approached_on_the_papers_schedule(sampler, steps, tolerance):
    assert map_error(sampler, PAPER, steps) < tolerance


# steps and times


@pytest.mark.parametrize("steps", [1, 3, 7, 10, 27, 100, 300, 333, 500, 501, 999, 1000])
def test_ddim_visits_the_published_times(steps):
    published = np.asarray(list(range(0, 1000, 1000 // steps))) + 1
    published = published[published < 1000]
    assert times_of(ddim, steps) == published[::-1].tolist()


def test_ddim_may_take_more_steps_than_asked_as_published():
    assert len(times_of(ddim, 300)) == 333


@multistep
@pytest.mark.parametrize("steps", [1, 2, 20, 333, 999])
def test_multistep_samplers_call_the_denoiser_once_a_step(sampler, steps):
    assert len(times_of(sampler, steps)) == steps


@multistep
@pytest.mark.parametrize("steps", [1, 2, 17, 20, 500, 998, 999, 1000])
def test_multistep_samplers_start_at_the_noisy_end_and_never_stand_still(sampler, steps):
    times = times_of(sampler, steps)
    assert times[0] == 999
    assert np.all(np.diff(times) < 0)
    assert times[-1] > 0


@each
def test_times_are_python_integers(sampler):
    assert {type(t) for t in times_of(sampler, 10)} == {int}


@each
@pytest.mark.parametrize("steps", [0, -1, 1001, 10.0, "10", None])
def test_steps_off_the_schedule_are_refused_before_the_denoiser_is_asked(sampler, steps):
    def denoise(x, t):
        raise AssertionError("asked")

    with pytest.raises(ValueError, match=r"whole number from 1 to 1000.*got"):
        sampler(denoise, PAPER, NOISE, steps)


def test_the_most_steps_follow_from_the_schedule():
    short = Schedule.linear(10)
    check_steps(10, short)
    with pytest.raises(ValueError, match="from 1 to 10"):
        check_steps(11, short)


@each
@pytest.mark.parametrize("levels", [2, 3, 10])
def test_short_schedules_can_be_sampled_with_every_number_of_steps(sampler, levels):
    schedule = Schedule.linear(levels)
    for steps in range(1, levels + 1):
        assert np.isfinite(sampler(Gaussian(schedule), schedule, NOISE, steps)).all()


# results


@multistep
@pytest.mark.parametrize("steps", [1, 2, 5, 50])
def test_one_known_field_is_recovered_exactly_by_multistep_samplers(sampler, steps):
    known = np.arange(24.0).reshape(NOISE.shape)
    result = sampler(lambda x, t: known, PAPER, NOISE, steps)
    np.testing.assert_array_equal(result, known)


@pytest.mark.parametrize("steps", [2, 5, 50])
def test_one_known_field_is_recovered_by_ddim_with_the_noise_of_time_0(steps):
    known = np.arange(24.0).reshape(NOISE.shape)
    result = ddim(lambda x, t: known, PAPER, NOISE, steps)
    start = times_of(ddim, steps)[0]
    eps = (NOISE - PAPER.alpha(start) * known) / PAPER.sigma(start)
    np.testing.assert_allclose(result, PAPER.add_noise(known, eps, 0), rtol=1e-12, atol=1e-12)


@each
def test_the_noise_that_is_given_stays_as_it_is(sampler):
    noise = NOISE.copy()
    sampler(Gaussian(PAPER), PAPER, noise, 5)
    np.testing.assert_array_equal(noise, NOISE)


@each
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_numpy_and_torch_agree_and_keep_their_precision(sampler, kind):
    noise = NOISE.astype(kind)
    array = sampler(Gaussian(PAPER), PAPER, noise, 20)
    tensor = sampler(Gaussian(PAPER), PAPER, torch.from_numpy(noise), 20)
    assert array.dtype == noise.dtype
    assert tensor.dtype == getattr(torch, kind)
    np.testing.assert_allclose(array, tensor.numpy(), rtol=0, atol=8 * np.finfo(kind).eps)


# agreement with an independent implementation


def fake_v(x, t):
    """Something that no sampler was made for: nonlinear in the field, and changing with time."""
    return torch.tanh(1.3 * x) * (1 - t / 1500) - 0.4 * torch.sin(3 * x + t / 200)


def in_diffusers(scheduler, x, steps):
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        x = scheduler.step(fake_v(x, int(t)), t, x).prev_sample
    return x


def fake_clean(x, t):
    return PAPER.clean_from_v(x, fake_v(x, t), t)


@pytest.fixture(scope="module")
def diffusers():
    return pytest.importorskip("diffusers", reason="the oracle for samplers is not installed")


@pytest.mark.parametrize("steps", [2, 4, 10, 50, 100, 500])
def test_ddim_agrees_with_diffusers(diffusers, steps):
    scheduler = diffusers.DDIMScheduler(
        timestep_spacing="leading",
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type="v_prediction",
    )
    # Its own table is float32; ours in its place leaves the algorithms to be compared.
    scheduler.alphas_cumprod = torch.from_numpy(PAPER.abar.copy())
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    x = torch.from_numpy(NOISE)
    result = ddim(fake_clean, PAPER, x, steps)
    torch.testing.assert_close(result, in_diffusers(scheduler, x, steps), rtol=0, atol=1e-11)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [1, 2, 3, 10, 14, 15, 20, 50, 250])
def test_dpm_solver_agrees_with_diffusers(diffusers, steps):
    scheduler = diffusers.DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        timestep_spacing="linspace",
        final_sigmas_type="zero",
        lower_order_final=True,
        prediction_type="v_prediction",
    )
    scheduler.alphas_cumprod = torch.from_numpy(PAPER.abar.copy())
    x = torch.from_numpy(NOISE.astype("float32"))
    result = dpm_solver_pp_2m(fake_clean, PAPER, x, steps)
    # It keeps its coefficients in float32.
    torch.testing.assert_close(result, in_diffusers(scheduler, x, steps), rtol=0, atol=2e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 10, 20, 50, 250])
def test_unipc_agrees_with_diffusers(diffusers, steps):
    scheduler = diffusers.UniPCMultistepScheduler(
        solver_order=2,
        solver_type="bh2",
        predict_x0=True,
        timestep_spacing="linspace",
        final_sigmas_type="zero",
        lower_order_final=True,
        prediction_type="v_prediction",
    )
    scheduler.alphas_cumprod = torch.from_numpy(PAPER.abar.copy())
    x = torch.from_numpy(NOISE.astype("float32"))
    result = unipc(fake_clean, PAPER, x, steps)
    torch.testing.assert_close(result, in_diffusers(scheduler, x, steps), rtol=0, atol=2e-5)


def test_the_schedule_agrees_with_diffusers(diffusers):
    theirs = diffusers.DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=1e-4, beta_end=2e-2
    ).alphas_cumprod
    np.testing.assert_allclose(PAPER.abar, theirs.numpy(), rtol=2e-5)


@each
def test_every_sampler_is_called_alike(sampler):
    assert list(inspect.signature(sampler).parameters) == ["denoise", "schedule", "noise", "steps"]
