"""The regression UNET that gives the mean of the fine field."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..config import RegressionConfig

__all__ = ["RegressionUNet"]


class DoubleConv(nn.Module):
    """Two times: 3x3 convolution without bias, batch norm, ReLU.

    Outside training the norms are constants, and go into the convolutions: a fifth of the time.
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
        if self.training:
            return self.conv(x)
        for conv, norm in (self.conv[:2], self.conv[3:5]):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = conv.weight * scale[:, None, None, None]
            bias = norm.bias - norm.running_mean * scale
            x = nn.functional.conv2d(x, weight, bias, padding=1).relu_()
        return x


class Down(nn.Module):
    """One encoder level: the features it found, and the same at half the resolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(channels, out_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skip = self.conv(x)
        return skip, nn.functional.max_pool2d(skip, 2)


class Up(nn.Module):
    """One decoder level: twice the resolution, joined with the encoder's features."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(2 * out_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
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
        Widths; four levels, since the release names each level.

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
        """(B, channels, H, W) -> (B, targets, H, W); H and W are multiples of 16."""
        skip1, x = self.e1(x)
        skip2, x = self.e2(x)
        skip3, x = self.e3(x)
        skip4, x = self.e4(x)
        x = self.d1(self.b(x), skip4)
        x = self.d2(x, skip3)
        x = self.d3(x, skip2)
        return self.outputs(self.d4(x, skip1))
