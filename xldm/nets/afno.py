"""Adaptive Fourier neural operator: a perceptron on Fourier modes mixes over space.

After Guibas et al. (2022), arXiv 2111.13587, in the variant that arXiv 2406.13627 uses.
All tensors here have channels last: (B, H, W, C).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ArgumentError

__all__ = ["AFNOBlock", "AFNOCrossBlock", "AFNOFilter"]

SHRINKAGE = 0.01


class AFNOFilter(nn.Module):
    """Block-diagonal complex perceptron on the modes of a field, plus the field itself.

    The network keeps H//2+1 modes along the second spectral axis too, so it drops higher modes if
    W > H. The published weights were trained this way.

    Parameters
    ----------
    channels : int
        Channels of the field; a multiple of ``blocks``.
    blocks : int
        Number of diagonal blocks.
    """

    def __init__(self, channels: int, blocks: int = 8) -> None:
        super().__init__()
        if channels % blocks:
            raise ArgumentError(f"channels must be a multiple of blocks={blocks}, got {channels}")
        self.blocks = blocks
        size = channels // blocks
        self.w1, self.b1 = _initial(2, blocks, size, size), _initial(2, blocks, size)
        self.w2, self.b2 = _initial(2, blocks, size, size), _initial(2, blocks, size)

    def forward(self, x: Tensor) -> Tensor:
        """Filter a field (B, H, W, C) and add it to the result."""
        batch, height, width, channels = x.shape
        # Always float32, since half-precision FFTs overflow on large grids. The transforms need
        # channels first; moving them makes no copy.
        modes = torch.fft.rfft2(x.float().movedim(-1, 1), norm="ortho")
        kept = min(height // 2 + 1, modes.shape[3])
        modes = modes[..., :kept].reshape(batch, self.blocks, channels // self.blocks, -1)
        # One complex matrix product per layer: (blocks, size, modes of the whole batch).
        modes = modes.permute(1, 2, 0, 3).flatten(2)
        modes = _on_parts(functional.relu, _affine(modes, self.w1, self.b1))
        modes = _on_parts(_shrink, _affine(modes, self.w2, self.b2))
        modes = modes.unflatten(2, (batch, height, kept)).flatten(0, 1).movedim(1, 0)
        modes = functional.pad(modes, (0, width // 2 + 1 - kept))
        out = torch.fft.irfft2(modes, s=(height, width), norm="ortho")
        # The sum has the memory layout of its first term.
        return x + out.to(x.dtype).movedim(1, -1)


def _affine(modes: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a complex affine map to each block; index 0 of weight and bias is real, 1 imaginary."""
    weight, bias = torch.complex(*weight.float()), torch.complex(*bias.float())
    return torch.baddbmm(bias[..., None], weight.mT, modes)


def _on_parts(function: Callable[[Tensor], Tensor], modes: Tensor) -> Tensor:
    """Apply a function to the real and imaginary parts separately."""
    return torch.view_as_complex(function(torch.view_as_real(modes)))


def _shrink(x: Tensor) -> Tensor:
    return functional.softshrink(x, SHRINKAGE)


def _initial(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.normal_(torch.empty(*shape), std=0.02))


class Perceptron(nn.Module):
    """Linear, GELU and linear layers on the last axis."""

    def __init__(self, channels: int, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., channels) to (..., out_channels)."""
        return self.fc2(functional.gelu(self.fc1(x)))


class AFNOBlock(nn.Module):
    """Filter and perceptron, each applied to a layer-normalised input and added to the input."""

    def __init__(self, channels: int, *, ratio: int = 4, blocks: int = 8) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.filter = AFNOFilter(channels, blocks)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Perceptron(channels, ratio * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Mix a field (B, H, W, C) over space and channels."""
        x = x + self.filter(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class AFNOCrossBlock(nn.Module):
    """Condition a field on a context of the same spatial size by filtering both together."""

    def __init__(self, channels: int, context_channels: int, *, blocks: int = 8) -> None:
        super().__init__()
        both = channels + context_channels
        self.pre_proj = nn.Linear(both, both)
        self.filter = AFNOFilter(both, blocks)
        self.mlp = Perceptron(both, 2 * both, channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Condition a field (B, H, W, channels) on a context (B, H, W, context_channels)."""
        both = torch.cat((x, context), dim=-1)
        both = self.pre_proj(both) + both
        # The filter adds its input once more, as in the published model.
        both = both + self.filter(both)
        return x + self.mlp(both)
