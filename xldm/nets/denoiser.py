"""The denoiser, which predicts the velocity v of a noisy latent, given the context."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config import ConditionerConfig, DenoiserConfig
from .afno import AFNOCrossBlock
from .blocks import channels_first, channels_last

__all__ = ["Denoiser"]

MAX_PERIOD = 10000.0


def embed_step(step: Tensor, width: int) -> Tensor:
    """Embed diffusion steps (B,) as sinusoids (B, width), cosines first."""
    half = width // 2
    rates = torch.exp(-math.log(MAX_PERIOD) / half * torch.arange(half, device=step.device))
    angle = step[:, None].float() * rates
    return torch.cat((angle.cos(), angle.sin()), dim=-1)


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


class StepBlock(nn.Module):
    """Residual block with the embedded diffusion step as a second input.

    The identities replace normalisation layers and keep the release's parameter names.
    """

    def __init__(self, channels: int, out_channels: int, embedding: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.Identity(), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, out_channels))
        self.out_layers = nn.Sequential(
            nn.Identity(),
            nn.SiLU(),
            nn.Identity(),
            _zero(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        same = channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Map x (B, channels, h, w) and the embedding (B, E) to (B, out_channels, h, w)."""
        h = self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None]
        return self.out_layers(h) + self.skip_connection(x)


class Downsample(nn.Module):
    """3x3 convolution with stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the resolution of x (B, C, h, w)."""
        return self.op(x)


class Upsample(nn.Module):
    """Nearest-neighbour interpolation by 2, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Double the resolution of x (B, C, h, w)."""
        return self.conv(nn.functional.interpolate(x, scale_factor=2, mode="nearest"))


class Stage(nn.ModuleList):
    """A sequence of layers, which receive step and context where they need them."""

    def forward(self, x: Tensor, embedding: Tensor, context: Sequence[Tensor]) -> Tensor:
        """Apply all layers to x (B, C, h, w)."""
        for layer in self:
            if isinstance(layer, StepBlock):
                x = layer(x, embedding)
            elif isinstance(layer, AFNOCrossBlock):
                here = next(c for c in context if c.shape[1:3] == x.shape[2:])
                x = channels_first(layer(channels_last(x), here))
            else:
                x = layer(x)
        return x


class Denoiser(nn.Module):
    """U-shaped network without normalisation, conditioned through AFNO cross blocks.

    Parameters
    ----------
    channels : int
        Latent channels, in and out.
    config : DenoiserConfig
        Widths.
    context : ConditionerConfig
        Defines the width of the context at each level.
    """

    def __init__(self, channels: int, config: DenoiserConfig, context: ConditionerConfig) -> None:
        super().__init__()
        width, embedding = config.width, 4 * config.width
        self.width = width
        self.time_embed = nn.Sequential(
            nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )

        def blocks(wide: int, out: int, level: int, *, attend: bool) -> list[nn.Module]:
            made: list[nn.Module] = [StepBlock(wide, out, embedding)]
            if attend:
                made.append(AFNOCrossBlock(out, context.out_width * 2**level, blocks=config.blocks))
            return made

        first = nn.Conv2d(channels, width, 3, padding=1)
        self.input_blocks = nn.ModuleList([Stage([first])])
        wide, skips, deepest = width, [width], len(config.multipliers) - 1
        for level, multiplier in enumerate(config.multipliers):
            attend = 2**level in config.attention
            for _ in range(config.res_blocks):
                out = width * multiplier
                self.input_blocks.append(Stage(blocks(wide, out, level, attend=attend)))
                wide = out
                skips.append(wide)
            if level < deepest:
                self.input_blocks.append(Stage([Downsample(wide)]))
                skips.append(wide)
        self.middle_block = Stage(
            [*blocks(wide, wide, deepest, attend=True), *blocks(wide, wide, deepest, attend=False)]
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            attend = 2**level in config.attention
            for i in range(config.res_blocks + 1):
                out = width * multiplier
                made = blocks(wide + skips.pop(), out, level, attend=attend)
                if level and i == config.res_blocks:
                    made.append(Upsample(out))
                self.output_blocks.append(Stage(made))
                wide = out
        self.out = nn.Sequential(
            nn.Identity(), nn.SiLU(), _zero(nn.Conv2d(wide, channels, 3, padding=1))
        )

    def forward(self, x: Tensor, step: Tensor, context: Sequence[Tensor]) -> Tensor:
        """Predict the velocity (B, L, h, w) of the noisy latent x (B, L, h, w) at steps (B,)."""
        embedding = self.time_embed(embed_step(step, self.width))
        maps = [channels_last(c) for c in context]
        skips = []
        for stage in self.input_blocks:
            x = stage(x, embedding, maps)
            skips.append(x)
        x = self.middle_block(x, embedding, maps)
        for stage in self.output_blocks:
            x = stage(torch.cat((x, skips.pop()), dim=1), embedding, maps)
        return self.out(x)
