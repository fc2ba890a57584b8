"""The conditioner, which turns predictors and static fields into the denoiser's context."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ..config import ConditionerConfig
from .afno import AFNOBlock
from .blocks import ResidualBlock, channels_first, channels_last, encoder_levels

__all__ = ["Conditioner"]


class Conditioner(nn.Module):
    """Context maps on the coarse grid and its successive halvings.

    The static branch depends only on static fields, and nothing depends on the diffusion step. So
    compute :meth:`static_features` once for a model and :meth:`context` once for a time.

    Parameters
    ----------
    predictors, static_channels : int
        Channels of the coarse predictors and of the fine static fields.
    config : ConditionerConfig
        Widths.

    Examples
    --------
    >>> config = ConditionerConfig(
    ...     (8, 16, 16), static_width=8, coarse_width=8, out_width=16, depth=1)
    >>> net = Conditioner(5, 6, config)
    >>> [tuple(c.shape) for c in net(torch.zeros(1, 6, 64, 32), torch.zeros(1, 5, 8, 4))]
    [(1, 16, 8, 4), (1, 32, 4, 2), (1, 64, 2, 1)]
    """

    def __init__(self, predictors: int, static_channels: int, config: ConditionerConfig) -> None:
        super().__init__()
        deepest = config.static_channels[-1]
        self.static_encoder = encoder_levels(static_channels, config.static_channels)
        # Only the first half of the moments is used; the release reused a complete autoencoder.
        self.static_moments = nn.Conv2d(deepest, 2 * (deepest // 2), 1)
        self.static_proj = nn.Conv2d(deepest // 2, config.static_width, 1)
        self.static_analysis = _analysis(config.static_width, config)
        self.coarse_proj = nn.Conv2d(predictors, config.coarse_width, 1)
        self.coarse_analysis = _analysis(config.coarse_width, config)
        both = config.static_width + config.coarse_width
        self.fusion = nn.Sequential(
            nn.Linear(both, both),
            AFNOBlock(both, ratio=2, blocks=config.blocks),
            nn.Linear(both, config.out_width),
        )
        widths = [config.out_width * 2**level for level in range(config.levels)]
        self.cascade = nn.ModuleList(
            ResidualBlock(wide, wider, normalised=False)
            for wide, wider in itertools.pairwise(widths)
        )

    def static_features(self, static: Tensor) -> Tensor:
        """Encode static fields (B, S, H, W) as features (B, h, w, static_width)."""
        moments = self.static_moments(self.static_encoder(static))
        return self.static_analysis(channels_last(self.static_proj(moments.chunk(2, dim=1)[0])))

    def context(self, static_features: Tensor, coarse: Tensor) -> list[Tensor]:
        """Combine static features with predictors (B, P, h, w) to maps, finest first."""
        features = self.coarse_analysis(channels_last(self.coarse_proj(coarse)))
        static_features = static_features.expand(len(features), -1, -1, -1)
        level = channels_first(self.fusion(torch.cat((static_features, features), dim=-1)))
        maps = [level]
        for block in self.cascade:
            level = block(nn.functional.avg_pool2d(level, 2))
            maps.append(level)
        return maps

    def forward(self, static: Tensor, coarse: Tensor) -> list[Tensor]:
        """Turn static fields (B, S, H, W) and predictors (B, P, h, w) into maps, finest first."""
        return self.context(self.static_features(static), coarse)


def _analysis(channels: int, config: ConditionerConfig) -> nn.Sequential:
    return nn.Sequential(*(AFNOBlock(channels, blocks=config.blocks) for _ in range(config.depth)))
