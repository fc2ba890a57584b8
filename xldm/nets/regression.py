"""The regression UNET, which predicts the mean of the fine field."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ..config import RegressionConfig

__all__ = ["RegressionUNet"]


class DoubleConv(nn.Module):
    """Two layers of 3x3 convolution without bias, batch norm and ReLU.

    In evaluation mode the constant norms are folded into the convolutions, which saves a fifth of
    the time.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, out_channels, H, W)."""
        if self.training:
            return self.conv(x)
        for i in (0, 3):
            conv, norm = cast(nn.Conv2d, self.conv[i]), cast(nn.BatchNorm2d, self.conv[i + 1])
            mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
            scale = norm.weight / torch.sqrt(variance + norm.eps)
            weight = conv.weight * scale[:, None, None, None]
            x = nn.functional.conv2d(x, weight, norm.bias - mean * scale, padding=1).relu_()
        return x


class Down(nn.Module):
    """One encoder level: returns its features, and the features at half the resolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(channels, out_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, out_channels, H, W) and the same pooled to (H/2, W/2)."""
        skip = self.conv(x)
        return skip, nn.functional.max_pool2d(skip, 2)


class Up(nn.Module):
    """One decoder level: doubles the resolution and joins the encoder's features."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(2 * out_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Combine x (B, channels, H, W) with the encoder's features at (2H, 2W)."""
        return self.conv(torch.cat((self.up(x), skip), dim=1))


class RegressionUNet(nn.Module):
    """UNET from upsampled predictors and static fields to the targets' mean.

    Parameters
    ----------
    channels : int
        Predictors plus static channels.
    targets : int
        Number of targets.
    config : RegressionConfig
        Widths of exactly four levels, since the release names each level.

    Examples
    --------
    >>> net = RegressionUNet(5, 1, RegressionConfig(features=(4, 4, 8, 8)))
    >>> net(torch.zeros(1, 5, 32, 16)).shape
    torch.Size([1, 1, 32, 16])
    """

    def __init__(self, channels: int, targets: int, config: RegressionConfig) -> None:
        super().__init__()
        f1, f2, f3, f4 = config.features
        self.e1, self.e2 = Down(channels, f1), Down(f1, f2)
        self.e3, self.e4 = Down(f2, f3), Down(f3, f4)
        self.b = DoubleConv(f4, 2 * f4)
        self.d1, self.d2 = Up(2 * f4, f4), Up(f4, f3)
        self.d3, self.d4 = Up(f3, f2), Up(f2, f1)
        self.outputs = nn.Conv2d(f1, targets, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to (B, targets, H, W); H and W are multiples of 16."""
        skip1, x = self.e1(x)
        skip2, x = self.e2(x)
        skip3, x = self.e3(x)
        skip4, x = self.e4(x)
        x = self.d1(self.b(x), skip4)
        x = self.d2(x, skip3)
        x = self.d3(x, skip2)
        return self.outputs(self.d4(x, skip1))
