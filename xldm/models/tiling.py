"""Components whose networks see one tile of a domain at a time, as one field without seams.

The regression's mean and what the decoder makes are blended where tiles overlap. The sampler runs
on the latent of the whole domain, and at every step of it what the denoiser makes of the tiles is
blended. So tiles never part ways: there is one trajectory, from one noise.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError
from ..nets.field_sizes import FieldSizes
from ..numerics import tiles
from ..numerics.samplers import SAMPLERS
from .components import Downscaler, Interpolation, Regression, Sampling, for_members

__all__ = ["Tiled", "TiledRegression", "tiled"]


def tiled(
    components: Mapping[str, Downscaler],
    size: int | tuple[int, int],
    overlap: int,
    factor: int,
    sizes: FieldSizes,
) -> dict[str, Downscaler]:
    """Components of the same networks that work tile by tile.

    Parameters
    ----------
    components : mapping of str to Downscaler
        Interpolation stays as it is: it has no networks.
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
        raise ArgumentError("the model is tiled already: tile the one that it was made from")
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    nets = {n: c for n, c in components.items() if not isinstance(c, Interpolation)}
    _check(sides, overlap, sizes)
    made: dict[str, Downscaler] = dict(components)
    for name, net in nets.items():
        kind = TiledRegression if isinstance(net, Regression) else Tiled
        made[name] = kind(net, sides, overlap, factor).eval()
    return made


def _check(sides: tuple[int, ...], overlap: int, sizes: FieldSizes) -> None:
    step, least = sizes
    rule = (
        "tiles: the networks halve a field several times, so a tile measures a multiple of "
        f"{step} coarse cells and {least} at least"
    )
    if len(sides) != 2 or not all(_multiple(n, step) and n >= least for n in sides):
        some = ", ".join(str(least + n * step) for n in range(4))
        got = " x ".join(map(str, sides))
        raise ArgumentError(f"{rule}: {some} and so on, one number or (rows, columns); got {got}")
    most = min(sides) // 2 // step * step
    if not (_multiple(overlap, step) and 0 <= overlap <= most):
        valid = [str(n) for n in range(0, most + 1, step)]
        if len(valid) > 4:
            valid[3:-1] = ["..."]
        raise ArgumentError(
            f"{rule}; the overlap is such a multiple too, from 0 to half of the shorter side, so "
            f"for tiles of {sides[0]} x {sides[1]} one of {', '.join(valid)}; got an overlap of "
            f"{overlap!r}"
        )


def _multiple(value: Any, step: int) -> bool:
    try:
        return operator.index(value) % step == 0
    except TypeError:
        return False


@dataclass(frozen=True)
class _Layout:
    """Tiles on a grid: where they start, their size, and their shares along each axis."""

    shape: tuple[int, int]
    size: tuple[int, int]
    starts: tuple[tuple[int, ...], tuple[int, ...]]
    shares: tuple[Tensor, Tensor]

    @property
    def single(self) -> bool:
        return self.size == self.shape

    def crops(self, field: Tensor) -> Iterator[Tensor]:
        """Every tile of a field (..., y, x), row by row; the field itself if there is one."""
        if self.single:
            yield field
            return
        for top in self.starts[0]:
            for left in self.starts[1]:
                yield field[..., top : top + self.size[0], left : left + self.size[1]]

    def blend(self, parts: Iterable[Tensor]) -> Tensor:
        """A field (..., y, x) of what was made of every tile; a single tile's bit for bit."""
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


def _layout(shape, size, overlap, device) -> _Layout:
    size = tuple(min(pair) for pair in zip(size, shape, strict=True))
    starts = tuple(
        # A tile that was cut to the domain has no neighbour on that axis.
        tiles.cover(cells, n, overlap if n < cells else 0)
        for cells, n in zip(shape, size, strict=True)
    )
    shares = tuple(
        torch.from_numpy(tiles.weights(s, n)).to(device, torch.float32)
        for s, n in zip(starts, size, strict=True)
    )
    return _Layout(shape, size, starts, shares)


@dataclass(frozen=True)
class _Prepared:
    coarse: _Layout
    fine: _Layout
    parts: list  # what the component prepared, tile by tile


class _Tiles(nn.Module):
    """A component, and the tiles that its networks see of a domain or of a window of it."""

    def __init__(self, net, size: tuple[int, int], overlap: int, factor: int) -> None:
        super().__init__()
        self.net, self.size, self.overlap, self.factor = net, size, overlap, factor

    def prepare(self, static: Tensor) -> _Prepared:
        """What the component prepares, for every tile."""
        shape, factor = tuple(static.shape[-2:]), self.factor
        coarse = _layout(tuple(n // factor for n in shape), self.size, self.overlap, static.device)
        size = tuple(n * factor for n in self.size)
        fine = _layout(shape, size, self.overlap * factor, static.device)
        return _Prepared(coarse, fine, [self.net.prepare(crop) for crop in fine.crops(static)])

    def noise_shape(self, height: int, width: int) -> tuple[int, ...] | None:
        """As of the component: noise is of the whole domain, and tiles have their share of it."""
        return self.net.noise_shape(height, width)

    def _conditions(self, coarse: Tensor, prepared: _Prepared) -> Iterator[Any]:
        crops = prepared.coarse.crops(coarse)
        for crop, part in zip(crops, prepared.parts, strict=True):
            yield self.net.condition(crop, part)


class TiledRegression(_Tiles):
    """A regression that sees one tile at a time."""

    def condition(self, coarse: Tensor, prepared: _Prepared) -> Tensor:
        """Mean of the targets (B, C, H, W)."""
        return prepared.fine.blend(self._conditions(coarse, prepared))

    def draw(self, condition: Tensor, noise: None, sampling: Sampling) -> Tensor:
        """The mean: there is one member only."""
        return condition


@dataclass(frozen=True)
class _Condition:
    coarse: _Layout
    fine: _Layout
    mean: Tensor | None
    contexts: list


class Tiled(_Tiles):
    """A residual diffusion whose networks see one tile at a time, and its sampler the whole domain.

    Whole in memory are the predictors, static fields and latent, the contexts of all tiles, and the
    targets; what the networks hold while they run is of one tile.

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

    @property
    def mean(self) -> TiledRegression:
        """The regression, tile by tile."""
        return TiledRegression(self.net.mean, self.size, self.overlap, self.factor)

    def condition(self, coarse: Tensor, prepared: _Prepared) -> _Condition:
        """Mean of the domain and contexts of the tiles, of predictors (B, P, h, w)."""
        made = list(self._conditions(coarse, prepared))
        mean = None if made[0].mean is None else prepared.fine.blend(c.mean for c in made)
        return _Condition(prepared.coarse, prepared.fine, mean, [c.context for c in made])

    def denoise(self, condition: _Condition) -> Callable[[Tensor, int], Tensor]:
        """The denoisers of the tiles as one: (noisy latent, step) -> clean latent."""
        of_tiles = [self.net.denoise(context) for context in condition.contexts]

        def clean(x: Tensor, t: int) -> Tensor:
            crops = condition.coarse.crops(x)
            return condition.coarse.blend(
                denoise(crop, t) for denoise, crop in zip(of_tiles, crops, strict=True)
            )

        return clean

    def draw(self, condition: _Condition, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Mean plus the decoded latent that the sampler reaches from the noise (B, L, h, w)."""
        net = self.net
        if net.denoiser is None:
            return condition.mean
        sampler, steps = sampling.resolve(net.config.diffusion)
        latent = SAMPLERS[sampler](self.denoise(condition), net.schedule, noise, steps)
        small_scales = condition.fine.blend(
            net.autoencoder.decode(crop) for crop in condition.coarse.crops(latent)
        )
        if condition.mean is None:
            return small_scales
        return for_members(condition.mean, len(small_scales)) + small_scales
