"""The plan of a store: its objects by key, and the place of each block."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..storage.blocks import Block
from ..storage.location import Place

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """The plan of a store: its objects by key, except blocks, and the place of each block.

    Parameters
    ----------
    place : Place
        Place of the store.
    objects : mapping of str to bytes
        Metadata and coordinates; ``zarr.json`` is the root, with all metadata consolidated.
    dims : mapping of str to tuple of str
        Dims of the variables that are written in blocks.
    sizes : mapping of str to int
        Sizes of the dims.
    lengths, steps : mapping of str to int
        Lengths of an object and of a block along the dims that are cut. A block is whole objects.
    start : mapping of str to int
        Where the blocks begin along dims that are cut, if not at 0.
    keep_bits : int or None
        Bits of the mantissa of floats that are kept.
    shown : mapping of str to tuple of str
        Dims of all variables and coordinates.
    space : tuple of str
        Dims of a map.
    """

    place: Place
    objects: Mapping[str, bytes]
    dims: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]
    lengths: Mapping[str, int]
    steps: Mapping[str, int]
    start: Mapping[str, int]
    keep_bits: int | None
    shown: Mapping[str, tuple[str, ...]]
    space: tuple[str, ...]

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return math.prod(self._counts)

    @property
    def _counts(self) -> tuple[int, ...]:
        return tuple(
            math.ceil((self.sizes[d] - self.start.get(d, 0)) / n) for d, n in self.steps.items()
        )

    def part(self, number: int) -> dict[str, slice]:
        """Return where a block lies in the fields that are written, by its number."""
        at = np.unravel_index(number, self._counts)
        return {
            d: slice(int(i) * n, min((int(i) + 1) * n, self.sizes[d] - self.start.get(d, 0)))
            for i, (d, n) in zip(at, self.steps.items(), strict=True)
        }

    def block(self, number: int) -> Block:
        """Return a block by its number."""
        region = {
            d: slice(part.start + self.start.get(d, 0), part.stop + self.start.get(d, 0))
            for d, part in self.part(number).items()
        }
        objects = {name: self._keys(name, region) for name in self.dims}
        arrays = {name: self.objects[f"{name}/zarr.json"] for name in self.dims}
        return Block(self.place, arrays, objects, region)

    def _keys(self, name: str, region: Mapping[str, slice]) -> tuple[str, ...]:
        along = (
            range(region[d].start // self.lengths[d], math.ceil(region[d].stop / self.lengths[d]))
            if d in region
            else range(1)
            for d in self.dims[name]
        )
        return tuple("/".join([name, "c", *map(str, at)]) for at in itertools.product(*along))

    def fields(self, number: int) -> int:
        """Return the number of fields of a variable in a block."""
        dims = [d for d in next(iter(self.dims.values())) if d not in self.space]
        part = self.part(number)
        return math.prod(part[d].stop - part[d].start if d in part else self.sizes[d] for d in dims)
