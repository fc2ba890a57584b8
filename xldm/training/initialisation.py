"""How networks begin: a regression at the coarse field, a latent at mean 0 and spread 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config import Variable
from ..models.components import ResidualDiffusion
from ..nets.autoencoder import Autoencoder

__all__ = ["standardise_latent", "start_from_coarse"]


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
