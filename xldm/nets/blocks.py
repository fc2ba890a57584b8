"""Building blocks shared by the autoencoder, the conditioner and the denoiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock", "channels_first", "channels_last", "encoder_levels"]


class ResidualBlock(nn.Module):
    """Two layers of SiLU and 3x3 convolution, plus the input (projected if the width changes).

    Parameters
    ----------
    channels, out_channels : int
        Channels of the input and of the output.
    normalised : bool
        Normalise with a one-group GroupNorm before each activation (autoencoder), or not
        (conditioner).
    """

    def __init__(self, channels: int, out_channels: int, *, normalised: bool = True) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(1, channels) if normalised else nn.Identity()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(1, out_channels) if normalised else nn.Identity()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = channels == out_channels
        self.proj = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, out_channels, H, W)."""
        h = self.conv1(nn.functional.silu(self.norm1(x)))
        h = self.conv2(nn.functional.silu(self.norm2(h)))
        return h + self.proj(x)


def encoder_levels(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Return levels that widen (residual block) and halve the resolution (2x2, stride 2)."""
    levels: list[nn.Module] = []
    for width in widths:
        levels += [ResidualBlock(channels, width), nn.Conv2d(width, width, 2, stride=2)]
        channels = width
    return nn.Sequential(*levels)


def channels_last(x: Tensor) -> Tensor:
    """Move channels from (B, C, H, W) to (B, H, W, C)."""
    return torch.movedim(x, 1, -1)


def channels_first(x: Tensor) -> Tensor:
    """Move channels from (B, H, W, C) to (B, C, H, W)."""
    return torch.movedim(x, -1, 1)
