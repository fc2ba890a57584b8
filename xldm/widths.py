"""Widths of the networks of a component, as in ``model.yaml`` and presets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from .errors import ArgumentError
from .settings import checked

__all__ = [
    "AutoencoderConfig",
    "ConditionerConfig",
    "DenoiserConfig",
    "Positive",
    "RegressionConfig",
    "Widths",
]

Positive = Annotated[int, Field(gt=0)]
#: Channels of a layer. Networks are laid out before their weights are read, so sizes are bounded.
Width = Annotated[int, Field(gt=0, le=2**16)]
#: Layers in a row, and halvings of a field.
Depth = Annotated[int, Field(gt=0, le=32)]
Levels = Annotated[int, Field(gt=0, le=8)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]


@checked
class RegressionConfig:
    """Widths of the regression UNET, outermost level first."""

    features: Widths = (64, 128, 256, 512)


@checked
class AutoencoderConfig:
    """Channels of the autoencoder after each halving; the latent has half the last."""

    channels: Widths

    @model_validator(mode="after")
    def _even(self) -> AutoencoderConfig:
        if self.channels[-1] % 2:
            raise ArgumentError(
                f"the last of channels must be even, since it is split in two; got {self.channels}"
            )
        return self

    @property
    def latent_channels(self) -> int:
        """Channels of the latent."""
        return self.channels[-1] // 2


@checked
class ConditionerConfig:
    """Widths of the conditioner: static branch, coarse branch, and its output to the denoiser."""

    static_channels: Widths
    static_width: Width = 128
    coarse_width: Width = 24
    out_width: Width = 256
    depth: Depth = 4
    levels: Levels = 3
    blocks: Width = 8


@checked
class DenoiserConfig:
    """Widths of the denoiser; ``attention`` lists the downsampling factors that see the context."""

    width: Width = 256
    multipliers: Widths = (1, 2, 4)
    res_blocks: Levels = 2
    attention: Annotated[tuple[Width, ...], Field(max_length=8)] = (1, 2)
    blocks: Width = 8
