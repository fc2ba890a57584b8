"""The three stages that fit a component: regression, then autoencoder, then denoiser.

Each stage takes a function that gives the batch of a step, so that it does not matter here where
the data come from.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from tqdm.auto import trange

from ..components import ResidualDiffusion
from ..config import Variable
from ..nets.autoencoder import Autoencoder
from . import losses
from .optimisers import with_muon

__all__ = [
    "fit_autoencoder",
    "fit_denoiser",
    "fit_regression",
    "standardise_latent",
    "start_from_coarse",
]

log = logging.getLogger(__name__)

Batch = Callable[[int], tuple[Tensor, ...]]


def _fit(
    loss: Callable[[int], Tensor],
    parameters: Sequence[nn.Parameter],
    optimisers: Sequence[torch.optim.Optimizer],
    steps: int,
    *,
    progress: bool,
    after: Callable[[int], None] = lambda step: None,
) -> None:
    """A short warm-up and a cosine to zero, in bfloat16 where that is safe."""
    warm = max(1, min(200, steps // 10))

    def share(i: int) -> float:
        return min(1.0, (i + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1.0, i / steps)))

    rates = [torch.optim.lr_scheduler.LambdaLR(o, share) for o in optimisers]
    running = None
    for step in trange(steps, disable=not progress, mininterval=10):
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(step)
        for parameter in parameters:
            parameter.grad = None
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimiser, rate in zip(optimisers, rates, strict=True):
            optimiser.step()
            rate.step()
        after(step)
        running = value.item() if running is None else 0.98 * running + 0.02 * value.item()
        if step % 100 == 99 or step == steps - 1:
            log.info("step %d of %d: loss %.5f", step + 1, steps, running)


@torch.no_grad()
def start_from_coarse(
    net: ResidualDiffusion, predictors: Sequence[Variable], targets: Sequence[Variable]
) -> None:
    """Initialise the regression as the coarse predictor of each target's name, cell by cell.

    Two channels of the outermost level carry the positive and the negative part of each target
    through to the output; all else has He initialisation and reaches the output with weight zero.
    Training then starts at nearest-neighbour interpolation and not at noise. Meant for
    normalisation that keeps its initial statistics (``norm_steps=0``).

    Parameters
    ----------
    net : ResidualDiffusion
        Its ``regression`` is changed in place.
    predictors, targets : sequence of Variable
        Every target is a predictor too.
    """
    unet, names = net.regression, [p.name for p in predictors]
    for layer in unet.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    width = unet.outputs.in_channels
    outermost = (
        unet.e1.conv.conv[0],
        unet.e1.conv.conv[3],
        unet.d4.conv.conv[0],
        unet.d4.conv.conv[3],
    )
    for layer in outermost:
        layer.weight[: 2 * len(targets)] = 0
    nn.init.zeros_(unet.outputs.weight)
    for i, target in enumerate(targets):
        source = predictors[names.index(target.name)]
        for sign, k in ((1.0, 2 * i), (-1.0, 2 * i + 1)):
            inputs = (names.index(target.name), k, width + k, k)  # d4 joins (up, skip)
            for layer, channel, value in zip(outermost, inputs, (sign, 1.0, 1.0, 1.0), strict=True):
                layer.weight[k, channel, 1, 1] = value
            unet.outputs.weight[i, k] = sign * source.std / target.std
        unet.outputs.bias[i] = (source.mean - target.mean) / target.std


def fit_regression(
    net: ResidualDiffusion,
    batch: Batch,
    steps: int,
    *,
    lr: float = 1e-3,
    muon_lr: float | None = None,
    weights: Sequence[float] = (1.0,),
    floor: float | None = None,
    norm_steps: int | None = None,
    progress: bool = True,
) -> None:
    """Fit the regression UNET to the fine fields by mean squared error.

    Parameters
    ----------
    net : ResidualDiffusion
        Its ``regression`` is fitted in place and left in evaluation mode.
    batch : callable
        step -> normalised predictors (B, P, h, w), targets (B, C, H, W) and static channels
        (B, S, H, W) of the same windows.
    steps : int
    lr : float
        Largest learning rate.
    muon_lr : float, optional
        Largest learning rate of Muon for the kernels; AdamW fits all parameters unless given.
    weights : sequence of float
        Weight of each target in the loss, or one for all.
    floor : float, optional
        Takes the mean of log(floor + squared error of a target in a window) for the loss, in which
        each counts by what can be gained on it. The squared error itself is ruled by the windows
        whose predictors were dropped, which nothing can be done about.
    norm_steps : int, optional
        Steps after which batch normalisation keeps its running statistics. Where a batch is a few
        windows, its own mean is that of a few days: normalising by it would hide from the network
        how warm they are.
    """
    mean = net.mean.train()
    share = torch.tensor(weights)

    def loss(step: int) -> Tensor:
        if step == norm_steps:
            mean.eval()
        coarse, fine, static = batch(step)
        found = mean.condition(coarse, static).float()
        if floor is None:
            return losses.squared_error(found, fine, share)
        return losses.log_squared_error(found, fine, share, floor)

    adam = torch.optim.AdamW(
        net.regression.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0.0
    )
    optimisers = [adam] if muon_lr is None else with_muon(net.regression, adam, muon_lr)
    _fit(loss, list(net.regression.parameters()), optimisers, steps, progress=progress)
    mean.eval()


def fit_autoencoder(
    net: Autoencoder,
    residual: Callable[[int], Tensor],
    steps: int,
    *,
    generator: torch.Generator,
    kl_weight: float = 0.01,
    lr: float = 1e-3,
    muon_lr: float | None = None,
    weights: Sequence[float] = (1.0,),
    progress: bool = True,
) -> None:
    """Fit the autoencoder to normalised residuals (B, C, H, W), given by step.

    ``weights`` are those of the targets in the error; ``muon_lr`` as for `fit_regression`.
    """
    net.train()
    share = torch.tensor(weights)[:, None, None]

    def loss(step: int) -> Tensor:
        field = residual(step)
        factor = 2 ** (len(net.encoder.net) // 2)
        shape = (len(field), net.to_decoder.in_channels, *(n // factor for n in field.shape[2:]))
        return losses.autoencoder_loss(
            net, field, torch.randn(shape, generator=generator), kl_weight=kl_weight, weights=share
        )

    adam = torch.optim.AdamW(net.parameters(), lr=lr, betas=(0.5, 0.9), weight_decay=1e-3)
    optimisers = [adam] if muon_lr is None else with_muon(net, adam, muon_lr)
    _fit(loss, list(net.parameters()), optimisers, steps, progress=progress)
    net.eval()


@torch.no_grad()
def standardise_latent(net: Autoencoder, latents: Tensor) -> None:
    """Make each latent channel zero-mean and unit-variance without changing what is decoded.

    The shift and scale are folded into the two 1x1 convolutions beside the latent, so that nothing
    is added to the network: a schedule that ends in unit noise then fits every channel.

    Parameters
    ----------
    net : Autoencoder
        Changed in place.
    latents : Tensor
        Posterior means (B, L, h, w) of training residuals.
    """
    shift, scale = latents.mean((0, 2, 3)), latents.std((0, 2, 3)).clamp_min(1e-6)
    size = len(scale)
    weight, bias = net.to_moments.weight, net.to_moments.bias
    bias[:size] = (bias[:size] - shift) / scale
    weight[:size] /= scale[:, None, None, None]
    bias[size:] -= 2 * scale.log()
    net.to_decoder.bias += net.to_decoder.weight[:, :, 0, 0] @ shift
    net.to_decoder.weight *= scale[None, :, None, None]


def fit_denoiser(
    net: ResidualDiffusion,
    batch: Batch,
    static: Tensor,
    steps: int,
    *,
    generator: torch.Generator,
    lr: float = 1e-4,
    static_steps: int | None = None,
    average: float = 0.9999,
    progress: bool = True,
) -> None:
    """Fit denoiser and conditioner to latents; the averaged denoiser is what remains.

    Parameters
    ----------
    net : ResidualDiffusion
        Its ``denoiser`` and ``conditioner`` are fitted in place.
    batch : callable
        step -> normalised predictors (B, P, h, w) and latents (B, L, h, w).
    static : Tensor
        Static channels (1, S, H, W).
    steps : int
    static_steps : int, optional
        Steps after which the static branch stays as it is; its features are then kept, which
        saves most of the conditioner's cost.
    average : float
        Limit of the decay of the moving average of the denoiser's weights.
    """
    net.train()
    averaged = copy.deepcopy(net.denoiser)
    frozen: list[Tensor] = []

    def features(step: int) -> Tensor:
        if static_steps is None or step < static_steps:
            return net.conditioner.static_features(static)
        if not frozen:
            with torch.no_grad():
                frozen.append(net.conditioner.static_features(static).float())
        return frozen[0]

    def loss(step: int) -> Tensor:
        coarse, clean = batch(step)
        t = torch.randint(net.config.diffusion.timesteps, (len(clean),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        context = net.conditioner.context(features(step), coarse)
        return losses.diffusion_loss(net.denoiser, net.schedule, clean, context, t, noise)

    parameters = [*net.denoiser.parameters(), *net.conditioner.parameters()]
    adam = torch.optim.AdamW(parameters, lr=lr, betas=(0.5, 0.9), weight_decay=1e-3)
    _fit(
        loss,
        parameters,
        [adam],
        steps,
        progress=progress,
        after=lambda step: losses.update_average(averaged, net.denoiser, step, average),
    )
    net.denoiser.load_state_dict(averaged.state_dict())
    net.eval()
