"""Components whose networks see one tile of a domain at a time, without seams.

The mean and the decoded small scales are blended where tiles overlap. The sampler runs on the
latent of the whole domain: at each of its steps the denoiser sees tile by tile, and its output is
blended. So tiles cannot drift apart: there is one trajectory, from one noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..arguments import brief, whole
from ..errors import ArgumentError
from ..nets.field_sizes import FieldSizes
from ..numerics import tiles
from ..numerics.samplers import SAMPLERS
from .components import Regression, ResidualDiffusion, present
from .downscaler import Downscaler, Sampling

__all__ = ["TiledRegression", "TiledResidualDiffusion", "tiled"]


def tiled(
    components: Mapping[str, Downscaler],
    size: int | tuple[int, int],
    overlap: int,
    factor: int,
    sizes: FieldSizes,
) -> dict[str, Downscaler]:
    """Let the networks of components work tile by tile.

    Parameters
    ----------
    components : mapping of str to Downscaler
        Interpolation is returned as it is: it has no networks.
    size : int or (int, int)
        Rows and columns of a tile in coarse cells.
    overlap : int
        Coarse cells that neighbours share, at least.
    factor : int
        Fine cells per coarse cell and axis.
    sizes : FieldSizes
        Sizes that the networks can work on.

    Raises
    ------
    ArgumentError
        If the networks cannot work on such tiles, or the components are tiled already.

    Examples
    --------
    >>> from xldm.nets.regression import RegressionUNet
    >>> from xldm.config import RegressionConfig
    >>> net = Regression(RegressionUNet(5, 1, RegressionConfig(features=(4, 4, 8, 8))))
    >>> tiled({"2mT": net}, 30, 9, factor=8, sizes=FieldSizes(multiple=2, least=4))
    Traceback (most recent call last):
        ...
    xldm.errors.ArgumentError: tiles: the networks halve a field several times, so a tile measures
    a multiple of 2
    coarse cells and 4 at least; the overlap is such a multiple too, from 0 to half of the shorter
    side, so for tiles of 30 x 30 one of 0, 2, 4, ..., 14; got an overlap of 9
    """
    if any(isinstance(part, _Tiles) for part in components.values()):
        raise ArgumentError("the model is tiled already: tile the model that it was made from")
    sides = _checked(size, overlap, sizes)
    made = dict(components)
    for name, net in components.items():
        if isinstance(net, Regression):
            made[name] = TiledRegression(net, sides, overlap, factor).eval()
        elif isinstance(net, ResidualDiffusion):
            made[name] = TiledResidualDiffusion(net, sides, overlap, factor).eval()
    return made


def _checked(size: int | tuple[int, int], overlap: int, sizes: FieldSizes) -> tuple[int, int]:
    """Return rows and columns of a tile, or refuse them or the overlap."""
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    step, least = sizes
    rule = (
        "tiles: the networks halve a field several times, so a tile measures a multiple of "
        f"{step} coarse cells and {least} at least"
    )
    if len(sides) != 2 or not all(_multiple(n, step) and n >= least for n in sides):
        some = ", ".join(str(least + n * step) for n in range(4))
        got = " x ".join(map(brief, sides))
        raise ArgumentError(f"{rule}: {some} and so on, one number or (rows, columns); got {got}")
    most = min(sides) // 2 // step * step
    if not (_multiple(overlap, step) and 0 <= overlap <= most):
        valid = [str(n) for n in range(0, most + 1, step)]
        if len(valid) > 4:
            valid[3:-1] = ["..."]
        raise ArgumentError(
            f"{rule}; the overlap is such a multiple too, from 0 to half of the shorter side, so "
            f"for tiles of {sides[0]} x {sides[1]} one of {', '.join(valid)}; got an overlap of "
            f"{brief(overlap)}"
        )
    return sides[0], sides[1]


def _multiple(value: Any, step: int) -> bool:
    return whole(0).takes(value) and int(value) % step == 0


@dataclass(frozen=True)
class _Layout:
    """Tiles on a grid: their starts, their size, and their shares along each axis."""

    shape: tuple[int, int]
    size: tuple[int, int]
    starts: tuple[tuple[int, ...], tuple[int, ...]]
    shares: tuple[Tensor, Tensor]

    @property
    def single(self) -> bool:
        return self.size == self.shape

    def crops(self, field: Tensor) -> Iterator[Tensor]:
        """Yield the tiles of a field (..., y, x), row by row; the field itself if there is one."""
        if self.single:
            yield field
            return
        for top in self.starts[0]:
            for left in self.starts[1]:
                yield field[..., top : top + self.size[0], left : left + self.size[1]]

    def blend(self, parts: Iterable[Tensor]) -> Tensor:
        """Blend the parts made from the tiles into a field (..., y, x); a single part as it is."""
        parts = iter(parts)
        first = next(parts)
        if self.single:
            return first
        # Half precision would round each tile's share, and the shares would not add up to 1.
        dtype = torch.promote_types(first.dtype, torch.float32)
        out = first.new_zeros((*first.shape[:-2], *self.shape), dtype=dtype)

        def every() -> Iterator[Tensor]:
            yield first
            yield from parts

        return tiles.blend(out, every(), self.starts, self.shares)


def _layout(
    shape: tuple[int, int], size: tuple[int, int], overlap: int, device: torch.device
) -> _Layout:
    (rows, y, height), (columns, x, width) = (
        _along_axis(cells, n, overlap, device) for cells, n in zip(shape, size, strict=True)
    )
    return _Layout(shape, (height, width), (rows, columns), (y, x))


def _along_axis(
    cells: int, size: int, overlap: int, device: torch.device
) -> tuple[tuple[int, ...], Tensor, int]:
    """Return starts, shares and size of the tiles along an axis."""
    # A tile that is cut to the domain has no neighbour along the axis.
    size, overlap = (size, overlap) if size < cells else (cells, 0)
    starts = tiles.cover(cells, size, overlap)
    shares = torch.from_numpy(tiles.weights(starts, size)).to(device, torch.float32)
    return starts, shares, size


@dataclass(frozen=True)
class _Prepared:
    coarse: _Layout
    fine: _Layout
    parts: list[Any]  # of the component's `prepare`, one per tile


class _Tiles(Downscaler):
    """A component, and the tiles that its networks see of a domain or of a window of it."""

    net: Downscaler

    def __init__(self, net: Downscaler, size: tuple[int, int], overlap: int, factor: int) -> None:
        super().__init__()
        self.net, self.size, self.overlap, self.factor = net, size, overlap, factor

    @property
    def mean(self) -> TiledRegression:
        """The regression, tile by tile."""
        return TiledRegression(self.net.mean, self.size, self.overlap, self.factor)

    def prepare(self, static: Tensor) -> _Prepared:
        """Let the component prepare every tile."""
        (height, width), (rows, columns), n = static.shape[-2:], self.size, self.factor
        coarse = _layout((height // n, width // n), self.size, self.overlap, static.device)
        size = rows * n, columns * n
        fine = _layout((height, width), size, self.overlap * n, static.device)
        return _Prepared(coarse, fine, [self.net.prepare(crop) for crop in fine.crops(static)])

    def noise_shape(self, height: int, width: int) -> tuple[int, ...] | None:
        """Return the shape of the component: noise is of the whole domain, tiles take theirs."""
        return self.net.noise_shape(height, width)

    def _conditions(self, coarse: Tensor, prepared: _Prepared) -> Iterator[Any]:
        crops = prepared.coarse.crops(coarse)
        for crop, part in zip(crops, prepared.parts, strict=True):
            yield self.net.condition(crop, part)


class TiledRegression(_Tiles):
    """A regression that sees one tile at a time."""

    def condition(self, coarse: Tensor, prepared: _Prepared) -> Tensor:
        """Compute the mean of the targets (B, C, H, W)."""
        return prepared.fine.blend(self._conditions(coarse, prepared))


@dataclass(frozen=True)
class _Condition:
    coarse: _Layout
    fine: _Layout
    mean: Tensor | None
    contexts: list


class TiledResidualDiffusion(_Tiles):
    """A residual diffusion whose networks see one tile at a time, and its sampler the whole domain.

    Memory holds the predictors, static fields, latent and targets of the whole domain and the
    contexts of all tiles; running networks hold one tile.

    Parameters
    ----------
    net : ResidualDiffusion
    size : (int, int)
        Rows and columns of a tile in coarse cells; cut to the domain where that is smaller.
    overlap : int
        Coarse cells that neighbours share, at least.
    factor : int
        Fine cells per coarse cell and axis.
    """

    net: ResidualDiffusion

    def condition(self, coarse: Tensor, prepared: _Prepared) -> _Condition:
        """Compute the mean of the domain and the contexts of the tiles from (B, P, h, w)."""
        made = list(self._conditions(coarse, prepared))
        mean = None if made[0].mean is None else prepared.fine.blend(c.mean for c in made)
        return _Condition(prepared.coarse, prepared.fine, mean, [c.context for c in made])

    def denoise(self, condition: _Condition) -> Callable[[Tensor, int], Tensor]:
        """Join the denoisers of the tiles into one: (noisy latent, step) -> clean latent."""
        of_tiles = [self.net.denoise(context) for context in condition.contexts]

        def clean(x: Tensor, t: int) -> Tensor:
            crops = condition.coarse.crops(x)
            return condition.coarse.blend(
                denoise(crop, t) for denoise, crop in zip(of_tiles, crops, strict=True)
            )

        return clean

    def draw(self, condition: _Condition, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Sample a latent from noise (B * M, L, h, w), decode it, and add it to the mean."""
        net = self.net
        if net.denoiser is None or noise is None:
            return present(condition.mean, "regression")
        sampler, steps = sampling.resolve(net.config.diffusion)
        latent = SAMPLERS[sampler](self.denoise(condition), net.schedule, noise, steps)
        decode = present(net.autoencoder, "autoencoder").decode
        small_scales = condition.fine.blend(decode(crop) for crop in condition.coarse.crops(latent))
        return net.joined(condition.mean, small_scales)
