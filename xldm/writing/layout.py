"""The plan of a store: its objects by key, and the place of each block."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..storage.blocks import METADATA, Block
from ..storage.location import Place
from ..storage.marks import ROOT

__all__ = ["Layout", "chunks_of"]


def chunks_of(
    dims: Sequence[Hashable], shard: Sequence[int], space: Sequence[str]
) -> tuple[int, ...]:
    """Return the lengths of a chunk: a map; what holds no maps, as series, is in one chunk.

    Examples
    --------
    >>> chunks_of(("member", "time", "y", "x"), (2, 6, 8, 8), ("y", "x"))
    (1, 1, 8, 8)
    >>> chunks_of(("member", "time"), (2, 6), ("y", "x"))
    (2, 6)
    """
    maps = len({*space} & {*dims}) > 1
    return tuple(1 if maps and d not in space else n for d, n in zip(dims, shard, strict=True))


@dataclass(frozen=True)
class Layout:
    """The plan of a store: its objects by key, except blocks, and the place of each block.

    Parameters
    ----------
    place : Place
        Place of the store.
    objects : mapping of str to bytes
        Metadata, also consolidated, and coordinates.
    dims : mapping of str to tuple of str
        Dims of the variables that are written in blocks.
    sizes : mapping of str to int
        Sizes of the dims.
    lengths, steps : mapping of str to int
        Lengths of a shard and of a block along the dims that are cut. A block is whole shards.
    start : mapping of str to int
        Where the blocks begin along dims that are cut, if not at 0.
    keep_bits : int or None
        Bits of the mantissa of floats that are kept.
    shown : mapping of str to tuple of str
        Dims of all variables and coordinates.
    space : tuple of str
        Dims of a map.
    zarr_format : int
        2, in which each chunk is an object, or 3, in which a shard of them is.
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
    zarr_format: int = 3

    @property
    def root(self) -> str:
        """Key of the object with the attributes of the root."""
        return ROOT[self.zarr_format]

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root."""
        found = json.loads(self.objects[self.root])
        return found["attributes"] if self.zarr_format == 3 else found

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
        described = METADATA[self.zarr_format]
        arrays = {name: self.objects[f"{name}/{described}"] for name in self.dims}
        return Block(self.place, arrays, objects, region, self.dims, self.zarr_format)

    def _keys(self, name: str, region: Mapping[str, slice]) -> tuple[str, ...]:
        along = []
        for d, n in self._of_object(name).items():
            part = region.get(d, slice(0, self.sizes[d]))
            along.append(range(part.start // n, math.ceil(part.stop / n)))
        keys = (tuple(map(str, at)) for at in itertools.product(*along))
        if self.zarr_format == 2:
            return tuple(f"{name}/{'.'.join(at)}" for at in keys)
        return tuple("/".join([name, "c", *at]) for at in keys)

    def _of_object(self, name: str) -> dict[str, int]:
        """Return the lengths of an object of a variable along its dims."""
        dims = self.dims[name]
        shard = {d: self.lengths.get(d, max(1, self.sizes[d])) for d in dims}
        if self.zarr_format == 3:
            return shard
        return dict(zip(dims, chunks_of(dims, [*shard.values()], self.space), strict=True))

    def fields(self, number: int) -> int:
        """Return the number of fields of a variable in a block."""
        dims = [d for d in next(iter(self.dims.values())) if d not in self.space]
        part = self.part(number)
        return math.prod(part[d].stop - part[d].start if d in part else self.sizes[d] for d in dims)
