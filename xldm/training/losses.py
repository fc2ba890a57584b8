"""Losses as functions of tensors; equations of arXiv 2406.13627."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..nets.autoencoder import Autoencoder
from ..numerics.schedule import Schedule

__all__ = [
    "autoencoder_loss",
    "between",
    "diffusion_loss",
    "distillation_loss",
    "energy_score",
    "lattice_error",
    "log_spectral_error",
    "log_squared_error",
    "squared_error",
]


def squared_error(mean: Tensor, fine: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean squared error of fields (B, C, H, W), with weights (C,) of targets.

    Examples
    --------
    >>> fields = torch.zeros(1, 2, 1, 1), torch.tensor([2.0, 1.0]).reshape(1, 2, 1, 1)
    >>> float(squared_error(*fields, torch.tensor([0.5, 1.0])))
    1.5
    """
    return (weights[:, None, None] * (mean - fine) ** 2).mean()


def log_squared_error(mean: Tensor, fine: Tensor, weights: Tensor, floor: float) -> Tensor:
    """Return the weighted mean of log(floor + squared error of a target in a window).

    Windows whose predictors were dropped dominate the squared error itself, although nothing can be
    learnt from them; the logarithm lets every window count.
    """
    square = ((mean - fine) ** 2).mean((2, 3))
    return (weights * torch.log(floor + square)).mean()


def autoencoder_loss(
    net: Autoencoder,
    field: Tensor,
    noise: Tensor,
    *,
    kl_weight: float = 0.01,
    weights: Tensor | float = 1.0,
) -> Tensor:
    r"""Return the reconstruction error of a posterior draw plus the posterior's divergence.

    .. math:: \overline{|y - \hat y|} + w\,\overline{(e^{s} + m^2 - 1 - s) / 2}

    with posterior mean m and log variance s; the divergence is from a standard normal.

    Parameters
    ----------
    net : Autoencoder
    field : Tensor
        Normalised residuals (B, C, H, W).
    noise : Tensor
        Standard normal (B, L, h, w).
    kl_weight : float
        w.
    weights : Tensor or float
        Weights in the error, which broadcast to it.
    """
    mean, log_var = net.encode(field)
    decoded = net.decode(mean + torch.exp(0.5 * log_var) * noise)
    divergence = 0.5 * (log_var.exp() + mean**2 - 1.0 - log_var)
    error = (weights * (decoded.float() - field).abs()).mean()
    return error + kl_weight * divergence.float().mean()


def energy_score(members: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    r"""Return the fair energy score (B, H, W) of an ensemble, over the targets of each grid cell.

    .. math:: \frac1M \sum_i |x_i - y| - \frac1{2 M (M-1)} \sum_{i,j} |x_i - x_j|

    On average it is smallest for members with the distribution of the truth, whatever their number
    (doi 10.1198/016214506000001437, sections 4.2 and 4.3; fair as in doi 10.1002/qj.2270).

    Parameters
    ----------
    members : Tensor
        (B, M, C, H, W), with at least two members.
    truth : Tensor
        (B, C, H, W).
    weights : Tensor
        Weight of each target (C,); differences are multiplied by it.

    Examples
    --------
    >>> members = torch.tensor([-1.0, 1.0]).reshape(1, 2, 1, 1, 1)
    >>> round(float(energy_score(members, torch.zeros(1, 1, 1, 1), torch.ones(1))), 3)
    0.0
    """
    to_truth = _distance(members - truth[:, None], weights).mean(1)
    return to_truth - between(members, weights) / 2


def between(members: Tensor, weights: Tensor) -> Tensor:
    """Return the mean distance (B, H, W) between two members, as in `energy_score`."""
    pairs = [(i, j) for i in range(members.shape[1]) for j in range(i)]
    distances = (_distance(members[:, i] - members[:, j], weights) for i, j in pairs)
    return functools.reduce(torch.add, distances) / len(pairs)


def _distance(difference: Tensor, weights: Tensor) -> Tensor:
    square = (weights[:, None, None] * difference).square().sum(-3)
    return (square + 1e-12).sqrt()  # a slope at 0


def lattice_error(field: Tensor, size: int) -> Tensor:
    """Return the mean of abs(ln(power / mean power)) over positions in cells of size x size.

    Fields are (B, C, H, W), of mean 0. Small scales have no preferred position in the cells of a
    latent, but transposed convolutions give some positions more variance than others.

    Examples
    --------
    >>> field = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> field[..., ::2, :] *= 2
    >>> round(float(lattice_error(field, 2)), 1)
    0.7
    """
    positions = field.unflatten(3, (-1, size)).unflatten(2, (-1, size))
    power = positions.square().mean((2, 4))
    mean = power.mean((2, 3), keepdim=True)
    there = (mean > 1e-12).to(mean)  # a field of zeros does not count
    errors = (power.clamp_min(1e-12).log() - mean.clamp_min(1e-12).log()).abs().mean((2, 3))
    return (errors * there[..., 0, 0]).sum() / there.sum().clamp_min(1)


def log_spectral_error(field: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of abs(ln(power / true power)) over rings of wavenumbers.

    Fields are (B, C, H, W). Rings are as wide as the smallest wavenumber; the last is at a
    wavelength of two cells. The fields are not periodic: a Hann window tapers them along each axis.

    Examples
    --------
    >>> truth = torch.randn(1, 1, 32, 16, generator=torch.Generator().manual_seed(0))
    >>> round(float(log_spectral_error(torch.e * truth, truth)), 3)
    2.0
    """
    height, width = truth.shape[2:]
    taper = [torch.hann_window(n, device=truth.device) for n in (height, width)]
    ky, kx = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    ring = (torch.hypot(ky[:, None], kx) * min(height, width)).round().long().flatten()
    last = min(height, width) // 2
    ring = ring.clamp_max(last + 1).to(truth.device)

    def power(x: Tensor) -> Tensor:
        x = (x - x.mean((2, 3), keepdim=True)) * taper[0][:, None] * taper[1]
        modes = torch.view_as_real(torch.fft.rfft2(x, norm="ortho")).square().sum(-1).flatten(2)
        rings = modes.new_zeros(*modes.shape[:2], last + 2).index_add(2, ring, modes)
        return rings[..., 1 : last + 1].clamp_min(1e-12)

    true = power(truth)
    # A constant field, as a dry hour is, has no spectrum: it does not count.
    there = (true > 1e-12).to(true)
    return ((power(field).log() - true.log()).abs() * there).sum() / there.sum().clamp_min(1)


def diffusion_loss(
    denoiser: nn.Module,
    schedule: Schedule,
    clean: Tensor,
    context: Sequence[Tensor],
    t: Tensor,
    noise: Tensor,
) -> Tensor:
    r"""Return the mean squared error of the predicted velocity.

    .. math:: v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1-\bar\alpha_t}\,z_0

    Parameters
    ----------
    denoiser : callable
        (noisy latent (B, L, h, w), steps (B,), context) -> velocity.
    schedule : Schedule
    clean : Tensor
        Latents z_0 (B, L, h, w).
    context : sequence of Tensor
        The conditioner's output.
    t : Tensor
        Steps (B,), integers.
    noise : Tensor
        Standard normal, shaped as ``clean``.
    """
    at = t.cpu().numpy()
    velocity = schedule.velocity(clean, noise, at)
    predicted = denoiser(schedule.add_noise(clean, noise, at), t, context)
    return nn.functional.mse_loss(predicted.float(), velocity)


def distillation_loss(
    denoiser: nn.Module,
    schedule: Schedule,
    noisy: Tensor,
    context: Sequence[Tensor],
    t: Tensor,
    target: Tensor,
) -> Tensor:
    r"""Return the mean squared error of the predicted velocity against the velocity of a target.

    .. math:: v = (\alpha_t z_t - \tilde z) / \sigma_t

    This weighs errors of the clean latent by 1 + SNR, one of the weightings of arXiv 2202.00512.

    Parameters
    ----------
    denoiser, schedule, context, t
        As in `diffusion_loss`.
    noisy : Tensor
        z_t (B, L, h, w).
    target : Tensor
        The clean latent to predict, shaped as ``noisy``.
    """
    at = t.cpu().numpy()
    alpha, sigma = (
        noisy.new_tensor(of(at))[:, None, None, None] for of in (schedule.alpha, schedule.sigma)
    )
    predicted = denoiser(noisy, t, context)
    return nn.functional.mse_loss(predicted.float(), (alpha * noisy - target) / sigma)
