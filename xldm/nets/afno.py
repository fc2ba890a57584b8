"""Adaptive Fourier neural operator: a perceptron on Fourier modes mixes over space.

After Guibas et al. (2022), arXiv 2111.13587, in the variant that arXiv 2406.13627 uses.
All tensors here have channels last: (B, H, W, C).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ArgumentError

__all__ = ["AFNOBlock", "AFNOCrossBlock", "AFNOFilter", "hold_constants"]

SHRINKAGE = 0.01
#: Elements by which the rows of a matrix are spaced: tensor cores want rows that start at multiples
#: of 16 bytes.
_ALIGNED = 8


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
        # The sum has the memory layout of its first term.
        return x + (self._by_products(x) if in_products(x.device) else self._by_transforms(x))

    def _by_transforms(self, x: Tensor) -> Tensor:
        """Filter by fast Fourier transforms and complex products, in float32."""
        batch, height, width, channels = x.shape
        # Always float32, since half-precision FFTs overflow on large grids. The transforms need
        # channels first; moving them makes no copy.
        modes = torch.fft.rfft2(x.float().movedim(-1, 1), norm="ortho")
        kept = _kept(height, width)
        modes = modes[..., :kept].reshape(batch, self.blocks, channels // self.blocks, -1)
        # One complex matrix product per layer: (blocks, size, modes of the whole batch).
        modes = modes.permute(1, 2, 0, 3).flatten(2)
        modes = _on_parts(functional.relu, _affine(modes, self.w1, self.b1))
        modes = _on_parts(_shrink, _affine(modes, self.w2, self.b2))
        modes = modes.unflatten(2, (batch, height, kept)).flatten(0, 1).movedim(1, 0)
        modes = functional.pad(modes, (0, width // 2 + 1 - kept))
        out = torch.fft.irfft2(modes, s=(height, width), norm="ortho")
        return out.to(x.dtype).movedim(1, -1)

    def _by_products(self, x: Tensor) -> Tensor:
        """Filter by real matrix products, in bfloat16 if autocast asks for it.

        Channels stay last, as convolutions leave them: no layout is copied for the transforms. The
        layers need both parts of a block side by side.
        """
        batch, height, width, channels = x.shape
        blocks, size = self.blocks, channels // self.blocks
        dtype = _precision(x.device)
        there = _matrices(height, width, x.device, dtype)
        with torch.autocast(x.device.type, enabled=False):
            # (B, 2 H, W * C), then (B * H, 2 kept, C).
            rows = _product(there.rows, x.to(dtype).reshape(batch, height, -1))
            modes = _product(there.columns, rows.view(batch * height, 2 * width, channels))
            modes = modes.view(-1, 2, blocks, size).permute(2, 0, 1, 3)
            modes = modes.reshape(blocks, -1, 2 * size)
            modes = _layer(modes, self.w1, self.b1).relu_()
            modes = _shrink(_layer(modes, self.w2, self.b2))
            modes = modes.view(blocks, -1, 2, size).permute(1, 2, 0, 3)
            modes = modes.reshape(batch * height, -1, channels)
            rows = _product(there.columns_back, modes).view(batch, 2 * height, -1)
            return _product(there.rows_back, rows).view(x.shape).to(x.dtype)


def in_products(device: torch.device) -> bool:
    """Return whether filters on a device are matrix products instead of fast transforms.

    Not on a CPU: there, products take up to twice as long on the largest grid.
    """
    return device.type != "cpu"


def _kept(height: int, width: int) -> int:
    return min(height, width) // 2 + 1


def _precision(device: torch.device) -> torch.dtype:
    """Return bfloat16 under its autocast, float32 otherwise: float16 overflows on large grids."""
    kind = device.type
    low = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.bfloat16
    return torch.bfloat16 if low else torch.float32


class _Matrices(NamedTuple):
    """Orthonormal Fourier transforms as real matrices.

    Complex values are pairs of real ones: at frequencies, each real part is followed by its
    imaginary part; along the cells of a row, all real parts come before all imaginary ones.
    """

    #: (2 H, H): from the cells of a column to its frequencies.
    rows: Tensor
    #: (2 kept, 2 W): from the cells of a row to the frequencies that are kept.
    columns: Tensor
    #: (2 W, 2 kept): back to the cells of a row.
    columns_back: Tensor
    #: (H, 2 H): back to the cells of a column, of which only the real part is wanted.
    rows_back: Tensor


def hold_constants() -> None:
    """Tell torch's compiler to hold the matrices as constants; to be called before it compiles.

    Not a decorator, which would import the compiler: two seconds.
    """
    torch.compiler.assume_constant_result(_matrices)


def _matrices(height: int, width: int, device: torch.device, dtype: torch.dtype) -> _Matrices:
    # The compiler would look through a cache: it takes this function's result as it is.
    return _computed(height, width, device, dtype)


@functools.lru_cache(maxsize=64)
def _computed(height: int, width: int, device: torch.device, dtype: torch.dtype) -> _Matrices:
    # Outside inference mode, since a training takes gradients through them.
    with torch.inference_mode(False), torch.no_grad():
        cos, sin = _waves(height, height)
        rows = torch.stack((cos, -sin), 1).flatten(0, 1)
        rows_back = rows.T
        kept = _kept(height, width)
        cos, sin = _waves(kept, width)
        real, imaginary = torch.cat((cos, sin), 1), torch.cat((-sin, cos), 1)
        columns = torch.stack((real, imaginary), 1).flatten(0, 1)
        # A kept frequency stands for its conjugate too, unless it is its own.
        twice = torch.full((kept,), 2.0, dtype=torch.float64)
        twice[0] = 1
        if 2 * (kept - 1) == width:
            twice[-1] = 1
        columns_back = (columns * twice.repeat_interleave(2)[:, None]).T
        made = (_aligned(m.to(device, dtype)) for m in (rows, columns, columns_back, rows_back))
        return _Matrices(*made)


def _waves(frequencies: int, cells: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (frequencies, cells), of norm 1 along the cells for all of them."""
    turns = torch.outer(torch.arange(frequencies), torch.arange(cells)) % cells
    angles = turns.double() * (2 * math.pi / cells)
    return angles.cos() / math.sqrt(cells), angles.sin() / math.sqrt(cells)


def _aligned(matrix: Tensor) -> Tensor:
    """Space the rows of a matrix by a multiple of some elements; the values stay."""
    columns = matrix.shape[1]
    return functional.pad(matrix, (0, -columns % _ALIGNED))[:, :columns]


def _product(matrix: Tensor, fields: Tensor) -> Tensor:
    """Multiply each of some fields (N, in, columns) by a matrix (out, in) from the left."""
    return torch.bmm(matrix.expand(len(fields), -1, -1), fields)


def _layer(modes: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a complex affine map to each block of modes (blocks, N, 2 size), parts in turn."""
    real, imaginary = weight.to(modes.dtype)
    above, below = torch.cat((real, imaginary), -1), torch.cat((-imaginary, real), -1)
    both = torch.cat((*bias.to(modes.dtype),), -1)[:, None]
    return torch.baddbmm(both, modes, torch.cat((above, below), 1))


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
