"""The KL-regularised autoencoder of fine fields; it knows nothing of residuals."""

from __future__ import annotations

from torch import Tensor, nn

from ..config import AutoencoderConfig
from .blocks import ResidualBlock, encoder_levels

__all__ = ["Autoencoder", "Levels"]


class Levels(nn.Module):
    """A sequence of levels under the release's parameter name ``net``."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Apply all levels."""
        return self.net(x)


class Autoencoder(nn.Module):
    """Map fields (B, targets, H, W) to a latent (B, L, h, w) and back; h = H / 2**levels.

    Parameters
    ----------
    targets : int
        Channels of the field.
    config : AutoencoderConfig
        Channels after each level; L is half the last.

    Examples
    --------
    >>> import torch
    >>> net = Autoencoder(1, AutoencoderConfig(channels=(16, 16, 64)))
    >>> mean, log_var = net.encode(torch.zeros(1, 1, 32, 16))
    >>> mean.shape, net.decode(mean).shape
    (torch.Size([1, 32, 4, 2]), torch.Size([1, 1, 32, 16]))
    """

    def __init__(self, targets: int, config: AutoencoderConfig) -> None:
        super().__init__()
        widest = config.channels[-1]
        self.encoder = Levels(encoder_levels(targets, config.channels))
        self.to_moments = nn.Conv2d(widest, 2 * config.latent_channels, 1)
        self.to_decoder = nn.Conv2d(config.latent_channels, widest, 1)
        self.decoder = Levels(_decoder_levels(targets, config))

    def encode(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Return posterior mean and log variance (B, L, h, w) of a field (B, targets, H, W)."""
        mean, log_var = self.to_moments(self.encoder(field)).chunk(2, dim=1)
        return mean, log_var

    def decode(self, latent: Tensor) -> Tensor:
        """Return the field (B, targets, H, W) of a latent (B, L, h, w)."""
        return self.decoder(self.to_decoder(latent))


def _decoder_levels(targets: int, config: AutoencoderConfig) -> nn.Sequential:
    widths = (targets, *config.channels)
    levels: list[nn.Module] = []
    for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
        levels += [nn.ConvTranspose2d(wide, wide, 2, stride=2), ResidualBlock(wide, narrow)]
    return nn.Sequential(*levels)
