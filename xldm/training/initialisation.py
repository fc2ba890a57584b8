"""Initialise networks: the regression as the coarse field, the latent with mean 0 and spread 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config import Variable
from ..inputs.units import in_units
from ..models.components import ResidualDiffusion, present
from ..nets.autoencoder import Autoencoder
from ..numerics.scaling import linear_map

__all__ = ["standardise_latent", "start_from_coarse"]


@torch.no_grad()
def start_from_coarse(
    net: ResidualDiffusion, predictors: Sequence[Variable], targets: Sequence[Variable]
) -> None:
    """Initialise the regression so that it returns the coarse predictor of each target's name.

    Two channels of the outermost level carry the positive and the negative part of each target
    to the output. All other weights have He initialisation, and reach the output with weight zero.
    Training then starts from nearest-neighbour interpolation instead of noise. It needs batch
    normalisation that keeps its initial statistics (``norm_steps=0``).

    Parameters
    ----------
    net : ResidualDiffusion
        Its ``regression`` is changed in place.
    predictors, targets : sequence of Variable
        Every target is a predictor too.
    """
    unet, names = present(net.regression, "regression"), [p.name for p in predictors]
    for layer in unet.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    width = unet.outputs.in_channels
    blocks = unet.e1.conv.conv, unet.d4.conv.conv
    # Each block has two convolutions, with batch normalisation and ReLU after each.
    outermost = [m.weight for block in blocks for m in block if isinstance(m, nn.Conv2d)]
    for weight in outermost:
        weight[: 2 * len(targets)] = 0
    nn.init.zeros_(unet.outputs.weight)
    bias = present(unet.outputs.bias, "bias")
    for i, target in enumerate(targets):
        own = in_units(predictors[names.index(target.name)], target.units)
        gain, offset = linear_map(own, target)
        for sign, k in ((1.0, 2 * i), (-1.0, 2 * i + 1)):
            inputs = (names.index(target.name), k, width + k, k)  # d4 joins (up, skip)
            for weight, channel, value in zip(
                outermost, inputs, (sign, 1.0, 1.0, 1.0), strict=True
            ):
                weight[k, channel, 1, 1] = value
            unet.outputs.weight[i, k] = sign * gain
        bias[i] = offset


@torch.no_grad()
def standardise_latent(net: Autoencoder, latents: Tensor) -> None:
    """Bring each latent channel to mean 0 and variance 1 without changing decoded fields.

    Shift and scale go into the two 1x1 convolutions beside the latent, so the network gets no new
    layer. A noise schedule that ends in unit variance then fits every channel.

    Parameters
    ----------
    net : Autoencoder
        Changed in place.
    latents : Tensor
        Posterior means (B, L, h, w) of training residuals.
    """
    shift, scale = latents.mean((0, 2, 3)), latents.std((0, 2, 3)).clamp_min(1e-6)
    size = len(scale)
    weight, bias = net.to_moments.weight, present(net.to_moments.bias, "bias")
    bias[:size] = (bias[:size] - shift) / scale
    weight[:size] /= scale[:, None, None, None]
    bias[size:] -= 2 * scale.log()
    decoder = net.to_decoder
    present(decoder.bias, "bias").add_(decoder.weight[:, :, 0, 0] @ shift)
    decoder.weight.mul_(scale[None, :, None, None])
