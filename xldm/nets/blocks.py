"""Building blocks shared by the autoencoder, the conditioner and the denoiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock", "channels_first", "channels_last", "encoder_levels"]


class ResidualBlock(nn.Module):
    """SiLU and a 3x3 convolution, twice, plus the input (a 1x1 convolution of it if widened).

    Parameters
    ----------
    channels, out_channels : int
        Channels of the input and of the output.
    normalised : bool
        With a one-group GroupNorm before each activation (autoencoder) or without (conditioner).
    """

    def __init__(self, channels: int, out_channels: int, *, normalised: bool = True) -> None:
        super().__init__()
        norm = (lambda c: nn.GroupNorm(1, c)) if normalised else (lambda c: nn.Identity())
        self.norm1 = norm(channels)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.norm2 = norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = channels == out_channels
        self.proj = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, out_channels, H, W)."""
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        h = self.conv2(nn.functional.silu(self.norm2(h)))
        return h + self.proj(x)


def encoder_levels(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Levels that each widen (residual block) and halve the resolution (convolution k2 s2)."""
    levels: list[nn.Module] = []
    for width in widths:
        levels += [ResidualBlock(channels, width), nn.Conv2d(width, width, 2, stride=2)]
        channels = width
    return nn.Sequential(*levels)


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C)."""
    return torch.movedim(x, 1, -1)


def channels_first(x: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, C, H, W)."""
    return torch.movedim(x, -1, 1)
