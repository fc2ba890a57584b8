"""The patch discriminator of the GAN baseline; its generator is the regression UNET."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

__all__ = ["PatchDiscriminator"]


class PatchDiscriminator(nn.Module):
    """Classify patches of about 70 cells as real or generated, with one logit for each patch.

    Parameters
    ----------
    channels : int
        Channels of the fields.
    width : int
        Filters of the first layer; each layer doubles them, up to eight times ``width``.
    layers : int
        Number of layers that halve the size.

    Examples
    --------
    >>> import torch
    >>> PatchDiscriminator(2, width=8)(torch.zeros(1, 2, 64, 64)).shape
    torch.Size([1, 1, 6, 6])

    References
    ----------
    Isola et al. (2017), arXiv 1611.07004; as in the baseline of arXiv 2406.13627.
    """

    def __init__(self, channels: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(layers + 1)]
        body: list[nn.Module] = [_conv(channels, width, stride=2), nn.LeakyReLU(0.2)]
        for i, (before, after) in enumerate(pairwise(widths)):
            body += [
                # Without bias, since the normalisation that follows removes it.
                _conv(before, after, stride=2 if i + 1 < layers else 1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
        self.net = nn.Sequential(*body, _conv(widths[-1], 1, stride=1))
        self.apply(_initialise)

    def forward(self, field: Tensor) -> Tensor:
        """Return the logits (B, 1, h, w) of fields (B, C, H, W)."""
        return self.net(field)


def _conv(before: int, after: int, stride: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel_size=4, stride=stride, padding=1, bias=bias)


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
