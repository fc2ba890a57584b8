"""Average the tiles of a raster, at any URL, over the fine cells of a grid.

Only the part of a tile that a block of cells needs is read at a time, so memory does not grow with
the number or the size of tiles.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from os import PathLike, fspath
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from fsspec.core import has_magic

from ..config import GridConfig
from ..errors import InputError, MissingPackageError
from ..grids.projected import METRES_PER_DEGREE, axes
from ..storage.location import Place, locate, reaching

if TYPE_CHECKING:
    from affine import Affine
    from rasterio import DatasetReader
    from rasterio.crs import CRS

__all__ = ["Fields", "cell_means"]

Key = TypeVar("Key", bound=Hashable)
#: A function from pixels to fields by key: float32, NaN where unknown, at the same pixels for all.
Fields = Callable[[np.ma.MaskedArray], Mapping[Key, np.ndarray]]

# Cells along each side of a block, and parts along each side of a cell. GDAL averages over the box
# around a part, which is too large where cells are turned; small parts keep the error small.
_BLOCK, _PARTS = 64, 8
_MARGIN = 2  # pixels read beyond a block
_CACHE = 256  # MB of decoded pixels that GDAL keeps; its default grows with the machine's memory


def cell_means(
    urls: str | PathLike | Sequence[str | PathLike],
    grid: GridConfig,
    fields: Fields[Key],
    storage_options: Mapping[str, Any] | None = None,
) -> tuple[dict[Key, np.ndarray], dict[str, str]]:
    """Average fields, computed from a raster's pixels, over each fine cell.

    The mean of a cell is over the part of it that tiles with data cover. Where tiles overlap, the
    last one counts.

    Parameters
    ----------
    urls : str, path or sequence of these
        Tiles at any URL of fsspec or path of GDAL (``/vsi...``), or patterns such as
        ``s3://bucket/dem/*.tif``. Their projections, extents and pixels need not match.
    grid : GridConfig
        The grid; its fine cells are filled.
    fields : callable
        It gets pixels (row, column), masked where the raster has no data, and returns fields of
        them by key. A key that it leaves out is 0 at these pixels.
    storage_options : mapping, optional
        Options of fsspec, credentials for instance.

    Returns
    -------
    means : dict of ndarray (y, x) float32
        By key; NaN in cells without data.
    tags : dict of str
        Tags of the first tile.

    Raises
    ------
    InputError
        If there is no tile, if no tile has data on the grid, or if a tile cannot be used.
    StoreError
        If a place cannot be reached.
    MissingPackageError
        If rasterio is not installed.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> cell_means("nowhere/*.tif", ITALY, lambda pixels: {"height": pixels.filled()})
    Traceback (most recent call last):
    xldm.errors.InputError: nowhere/*.tif: there is no such file. ...
    """
    places = _places(urls, storage_options)
    means: dict[Key, np.ndarray] = {}
    known = np.zeros(grid.fine_shape, bool)
    with ExitStack() as stack:
        stack.enter_context(_rasterio().Env(GDAL_CACHEMAX=_CACHE))
        tiles = [(place, stack.enter_context(_opened(place, grid))) for place in places]
        tags = tiles[0][1].tags()
        for block in _blocks(grid.fine_shape):
            parts, seen = _parts(tiles, grid, block, fields)
            count = _summed(seen)
            known[block] = count > 0
            for key, field in parts.items():
                mean = means.setdefault(key, np.zeros(grid.fine_shape, "float32"))
                mean[block] = _summed(field) / np.maximum(count, 1)
    if not known.any():
        raise InputError(
            f"{places[0].url}{' and others' * (len(places) > 1)}: no data on the grid; give the "
            "tiles that lie on it, with longitudes from -180 to 180."
        )
    return {key: np.where(known, mean, np.float32(np.nan)) for key, mean in means.items()}, tags


def _places(
    urls: str | PathLike | Sequence[str | PathLike], storage_options: Mapping[str, Any] | None
) -> list[Place]:
    """Return the places of all tiles; patterns are expanded, in the order of names."""
    places = []
    for url in [urls] if isinstance(urls, str | PathLike) else urls:
        place = locate(url, storage_options)
        if fspath(url).startswith("/vsi"):
            places.append(place)
            continue
        with reaching(place):
            pattern = has_magic(place.root)
            paths = sorted(place.fs.glob(place.root)) if pattern else [place.root]
            paths = [path for path in paths if pattern or place.fs.exists(path)]
        if not paths:
            raise InputError(
                f"{place.url}: there is no such file. Check the URL; a pattern must match at least "
                "one file."
            )
        protocol = "" if place.local else place.url.partition("://")[0] + "://"
        places += [replace(place, url=protocol + path, root=path) for path in paths]
    if not places:
        raise InputError("no tile is given: name the files that cover the grid.")
    return places


def _rasterio() -> ModuleType:
    try:
        import rasterio
    except ImportError as error:
        raise MissingPackageError(
            "reading GeoTIFFs needs rasterio: pip install 'xldm[recipes]'"
        ) from error
    return rasterio


@contextmanager
def _opened(place: Place, grid: GridConfig) -> Iterator[DatasetReader]:
    with ExitStack() as stack:
        with _naming(place):
            opener = None if place.local else place.fs
            tile = stack.enter_context(_rasterio().open(place.root, opener=opener))
            _refuse_unusable(tile, grid)
        yield tile


@contextmanager
def _naming(place: Place) -> Iterator[None]:
    """Name the tile in the message of an error."""
    from rasterio.errors import RasterioError

    try:
        yield
    except InputError as error:
        raise InputError(f"{place.url}: {error}") from None
    except RasterioError as error:
        # GDAL's own message names a file that exists only inside it, when it reads through fsspec.
        raise InputError(
            f"{place.url}: it cannot be read as a raster ({type(error).__name__}). Is it a "
            "complete GeoTIFF? Fetch it again."
        ) from error


def _refuse_unusable(tile: DatasetReader, grid: GridConfig) -> None:
    if tile.crs is None:
        raise InputError("it states no projection: add one with gdal_edit -a_srs.")
    if tile.count != 1:
        raise InputError(
            f"it has {tile.count} bands, expected one: extract it with gdal_translate."
        )
    if (tile.scales[0], tile.offsets[0]) != (1, 0):
        raise InputError("its values are scaled: unpack them with gdal_translate -unscale.")
    metres = METRES_PER_DEGREE if tile.crs.is_geographic else tile.crs.linear_units_factor[1]
    pixel, cell = max(tile.res) * metres, grid.spacing / grid.factor
    if pixel > cell:
        raise InputError(
            f"its pixels of {pixel:.0f} m are coarser than the grid's cells of {cell:.0f} m, so "
            "several cells would share a pixel: give a finer raster."
        )


def _blocks(shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    rows, columns = (
        [slice(n, min(n + _BLOCK, size)) for n in range(0, size, _BLOCK)] for size in shape
    )
    yield from itertools.product(rows, columns)


def _parts(
    tiles: Sequence[tuple[Place, DatasetReader]],
    grid: GridConfig,
    block: tuple[slice, slice],
    fields: Fields[Key],
) -> tuple[dict[Key, np.ndarray], np.ndarray]:
    """Return fields on the parts of a block's cells, 0 where unknown, and a mask of known parts."""
    transform, shape = _frame(grid, block)
    seen = np.zeros(shape, bool)
    parts: dict[Key, np.ndarray] = {}
    for place, tile in tiles:
        with _naming(place):
            found = _warped(tile, grid.crs, transform, shape, fields)
        if not found:
            continue
        here = ~np.isnan(next(iter(found.values())))
        seen |= here
        for key in parts.keys() | found.keys():
            parts.setdefault(key, np.zeros(shape, "float32"))[here] = (
                found[key][here] if key in found else 0
            )
    return parts, seen


def _frame(grid: GridConfig, block: tuple[slice, slice]) -> tuple[Affine, tuple[int, int]]:
    """Return the transform and the shape of the parts of a block's cells."""
    from affine import Affine

    (y, x), (rows, columns) = axes(grid, fine=True), block
    height, width = y[1] - y[0], x[1] - x[0]
    north, west = y[rows.start] - height / 2, x[columns.start] - width / 2
    transform = Affine(width / _PARTS, 0, west, 0, height / _PARTS, north)
    shape = (rows.stop - rows.start) * _PARTS, (columns.stop - columns.start) * _PARTS
    return transform, shape


def _warped(
    tile: DatasetReader, crs: str, transform: Affine, shape: tuple[int, int], fields: Fields[Key]
) -> dict[Key, np.ndarray]:
    """Average the fields of a tile over parts, NaN where unknown; no field if it lies outside."""
    from rasterio import windows
    from rasterio.transform import array_bounds
    from rasterio.warp import Resampling, reproject

    bounds = _turned(crs, tile.crs, array_bounds(*shape, transform))
    window = windows.from_bounds(*bounds, tile.transform)
    rows, columns = (
        (max(int(np.floor(low)) - _MARGIN, 0), min(int(np.ceil(high)) + _MARGIN, size))
        for (low, high), size in zip(window.toranges(), tile.shape, strict=True)
    )
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return {}
    window = windows.Window.from_slices(rows, columns)
    made = fields(tile.read(1, window=window, masked=True))
    if not made:
        return {}
    averaged = np.full((len(made), *shape), np.nan, "float32")
    reproject(
        np.stack([*made.values()]),
        averaged,
        src_transform=tile.window_transform(window),
        src_crs=tile.crs,
        src_nodata=np.nan,
        dst_transform=transform,
        dst_crs=crs,
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    return dict(zip(made, averaged, strict=True))


@functools.lru_cache(maxsize=8)
def _turned(crs: str, to: CRS, bounds: tuple[float, ...]) -> tuple[float, ...]:
    """Transform bounds to another projection; cached, since most tiles share their projection."""
    from rasterio.warp import transform_bounds

    return transform_bounds(crs, to, *bounds)


def _summed(parts: np.ndarray) -> np.ndarray:
    """Sum over the parts of each cell."""
    rows, columns = (size // _PARTS for size in parts.shape)
    return parts.reshape(rows, _PARTS, columns, _PARTS).sum(axis=(1, 3))
