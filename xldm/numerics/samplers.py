"""Samplers: from Gaussian noise to a clean field, along the probability flow of a denoiser.

A sampler is a function of a denoiser, a schedule, noise and a number of steps. The denoiser is
any callable ``denoise(x, t) -> clean`` that gives its estimate of the clean field for the noisy
field ``x`` at the integer time ``t``, whatever its network was trained on. Samplers draw no random
numbers and keep the array type, precision and device of ``noise``. Wrap the denoiser to record the
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import expm1

import numpy as np

from ..arguments import brief, faults, whole
from ..errors import ArgumentError
from .arrays import Array
from .schedule import Schedule

__all__ = [
    "SAMPLERS",
    "check_sampler",
    "check_steps",
    "ddim",
    "ddim_trailing",
    "dpm_solver_pp_2m",
    "trailing_times",
    "unipc",
]

Denoise = Callable[[Array, int], Array]


def check_sampler(name: str) -> str:
    """Return the name of a sampler, or refuse it if no sampler is called so.

    Raises
    ------
    ArgumentError
        If the name is not a key of :data:`SAMPLERS`.

    Examples
    --------
    >>> check_sampler("euler")
    Traceback (most recent call last):
        ...
    xldm.errors.ArgumentError: sampler must be one of ddim, ...; got 'euler'
    """
    if not isinstance(name, str) or name not in SAMPLERS:
        known = ", ".join(sorted(SAMPLERS))
        raise ArgumentError(f"sampler must be one of {known}; got {brief(name)}")
    return name


def check_steps(steps: int, schedule: Schedule) -> None:
    """Refuse a number of steps that does not suit the schedule.

    Raises
    ------
    ArgumentError
        If ``steps`` is not a whole number from 1 to ``len(schedule)``.

    Examples
    --------
    >>> check_steps(0, Schedule.linear())
    Traceback (most recent call last):
        ...
    xldm.errors.ArgumentError: steps is a whole number from 1 to 1000, the length of the noise
    schedule; got 0
    """
    if faults(steps=(steps, whole(1, len(schedule)))):
        raise ArgumentError(
            f"steps is a whole number from 1 to {len(schedule)}, the length of the noise "
            f"schedule; got {brief(steps)}"
        )


def ddim(denoise: Denoise[Array], schedule: Schedule, noise: Array, steps: int) -> Array:
    """Sample with DDIM [1]_ (eta 0), at the times used by arXiv 2406.13627.

    Times are 1, 1 + c, 1 + 2c, ... below T = ``len(schedule)``, with c = T // ``steps``; the last
    step ends at time 0. The published times have two consequences. If ``steps`` does not divide T,
    the number of denoiser calls is the number of times and not ``steps`` (with T = 1000: 333 for
    300, 999 for 501 to 1000). The first time is up to c below T, although ``noise`` is pure noise;
    so very few steps give poor fields (one step starts at time 1).

    Parameters
    ----------
    denoise : callable
        ``denoise(x, t) -> clean``, all of the shape of ``noise``.
    schedule : Schedule
        The schedule that the denoiser was trained on.
    noise : array or tensor, any shape
        Standard normal.
    steps : int
        Number of steps asked for.

    Returns
    -------
    array or tensor
        The clean field; shape and type of ``noise``.

    Raises
    ------
    ArgumentError
        If ``steps`` is not between 1 and the length of the schedule.

    References
    ----------
    .. [1] Song, Meng and Ermon, Denoising Diffusion Implicit Models, arXiv 2010.02502, eq. 12.

    Examples
    --------
    A perfect denoiser gives its answer, plus the noise left at time 0:

    >>> ddim(lambda x, t: 0 * x + 3, Schedule.linear(), np.array([-1.0, 1.0]), 10).round(1)
    array([3., 3.])
    """
    check_steps(steps, schedule)
    times = [0, *range(1, len(schedule), len(schedule) // steps)]
    x = noise
    for t, s in pairwise(reversed(times)):  # from t to the less noisy s
        x = schedule.step(x, denoise(x, t), t, s)
    return x


def ddim_trailing(denoise: Denoise[Array], schedule: Schedule, noise: Array, steps: int) -> Array:
    """Sample with DDIM (eta 0) from the noisiest time on, as distilled denoisers need it.

    Times and the last step are those of :func:`dpm_solver_pp_2m`; the steps are of first order, as
    in distillation. With one or two steps, this, DPM-Solver++(2M) and UniPC agree.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, t) -> clean``, all of the shape of ``noise``.
    schedule : Schedule
        The schedule that the denoiser was trained on.
    noise : array or tensor, any shape
        Standard normal.
    steps : int
        Number of steps, equal to the number of denoiser calls (T steps make T - 1 calls).

    Returns
    -------
    array or tensor
        The clean field; shape and type of ``noise``.

    Raises
    ------
    ArgumentError
        If ``steps`` is not between 1 and the length of the schedule.

    Examples
    --------
    >>> ddim_trailing(lambda x, t: 0 * x + 3, Schedule.linear(), np.array([-1.0, 1.0]), 1)
    array([3., 3.])
    """
    check_steps(steps, schedule)
    times = trailing_times(schedule, steps)
    x = noise
    for t, s in pairwise(times):
        x = schedule.step(x, denoise(x, t), t, s)
    return denoise(x, times[-1])


def dpm_solver_pp_2m(
    denoise: Denoise[Array], schedule: Schedule, noise: Array, steps: int
) -> Array:
    """Sample with DPM-Solver++(2M), second order, multistep, midpoint [1]_.

    Of ``steps + 1`` times, evenly spaced from T - 1 to 0 and rounded, the sampler visits each once
    except 0: the last step goes from the least noisy time to the clean prediction. The last step is
    of first order, but so short that this matters only with many steps. `docs/howto/inference.md`
    compares these times with others.

    Arguments and result are those of :func:`ddim_trailing`.

    References
    ----------
    .. [1] Lu et al., DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic
       Models, arXiv 2211.01095, algorithm 2.

    Examples
    --------
    >>> dpm_solver_pp_2m(lambda x, t: 0 * x + 3, Schedule.linear(), np.array([-1.0, 1.0]), 10)
    array([3., 3.])
    """
    check_steps(steps, schedule)
    alpha, sigma, lam = schedule.alpha, schedule.sigma, schedule.lam
    times = trailing_times(schedule, steps)
    x, before, h_before = noise, None, None
    for s, t in pairwise(times):  # from s to the less noisy t, as the paper names them
        clean = denoise(x, s)
        h = lam(t) - lam(s)
        if before is None:
            d = clean
        else:
            r = h_before / h
            d = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * before
        x = sigma(t) / sigma(s) * x - alpha(t) * expm1(-h) * d
        before, h_before = clean, h
    return denoise(x, times[-1])


def unipc(denoise: Denoise[Array], schedule: Schedule, noise: Array, steps: int) -> Array:
    """Sample with UniPC of second order [1]_: a multistep predictor with a corrector.

    The corrector repeats each step with the denoiser's answer at its end, which the next step needs
    anyway, so it costs no call. This is the paper's variant for clean predictions with
    B(h) = exp(h) - 1 (B_2). Times and the last step are those of :func:`dpm_solver_pp_2m`.

    Arguments and result are those of :func:`ddim_trailing`.

    References
    ----------
    .. [1] Zhao et al., UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of
       Diffusion Models, arXiv 2302.04867, algorithms 1 and 2.

    Examples
    --------
    >>> unipc(lambda x, t: 0 * x + 3, Schedule.linear(), np.array([-1.0, 1.0]), 10)
    array([3., 3.])
    """
    check_steps(steps, schedule)
    alpha, sigma, lam = schedule.alpha, schedule.sigma, schedule.lam
    times = trailing_times(schedule, steps)
    x, before, h_before = noise, None, None
    clean = denoise(x, times[0])
    for s, t in pairwise(times):  # from s to the less noisy t
        h = lam(t) - lam(s)
        gain = -expm1(-h)
        first = sigma(t) / sigma(s) * x + alpha(t) * gain * clean
        if before is None:
            trend, of_trend, of_change = 0 * clean, 0.0, 0.5
        else:
            trend = (clean - before) * (h / h_before)  # of the clean field, over this step
            b1 = 1 / gain - 1 / h
            b2 = 1 / gain - 2 * b1 / h
            of_trend = (b1 - b2) * h / (h + h_before)
            of_change = b1 - of_trend
        before, h_before = clean, h
        clean = denoise(first + alpha(t) * gain / 2 * trend, t)
        x = first + alpha(t) * gain * (of_trend * trend + of_change * (clean - before))
    return clean


def trailing_times(schedule: Schedule, steps: int) -> list[int]:
    """Return evenly spaced times, noisiest first, that end one spacing above 0.

    Examples
    --------
    >>> trailing_times(Schedule.linear(), 4)
    [999, 749, 500, 250]
    """
    evenly = np.linspace(0, len(schedule) - 1, steps + 1).round().astype(int)
    return np.unique(evenly)[:0:-1].tolist()


#: Samplers by name. A sampler entered here is known to configurations, models and the command line.
SAMPLERS: dict[str, Callable] = {
    "ddim": ddim,
    "ddim-trailing": ddim_trailing,
    "dpm-solver++": dpm_solver_pp_2m,
    "unipc": unipc,
}
