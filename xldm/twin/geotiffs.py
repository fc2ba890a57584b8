"""The twin's terrain and land cover as GeoTIFFs, with the names and layout of real providers.

Real terrain has pixels of 1 or 3 arc-seconds, and real land cover of 3.6. Here pixels have 15
arc-seconds and the value of the 2 km cell around their centre, so smaller pixels would add nothing.
"""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pyproj
import xarray as xr

from ..errors import MissingPackageError
from ..grids.projected import ITALY, axes, lon_lat
from ..statics import embedded
from ..statics.landcover import CGLS_LC100

__all__ = ["CLASSES", "write_dem", "write_land_cover"]

_PER_DEGREE = 240  # pixels, of 15 arc-seconds
_SEA = min(CGLS_LC100.sea)
_LAND_COVER = "PROBAV_LC100_global_v3.0.1_2019-nrt_Discrete-Classification-map_EPSG-4326.tif"

#: Code of CGLS-LC100 for each class of the embedded land cover (IGBP). IGBP's savannas are grass
#: under trees, which CGLS-LC100 calls open forest; CGLS-LC100 has one class of shrubs.
CLASSES = {
    "evergreen_needleleaf_forest": 111,
    "evergreen_broadleaf_forest": 112,
    "deciduous_broadleaf_forest": 114,
    "mixed_forest": 115,
    "open_shrubland": 20,
    "woody_savanna": 126,
    "savanna": 126,
    "grassland": 30,
    "permanent_wetland": 90,
    "cropland": 40,
    "urban": 50,
    "cropland_natural_mosaic": 40,
    "snow_and_ice": 70,
    "barren": 60,
    "inland_water": 80,
    "sea": _SEA,
}


def write_dem(folder: str | Path) -> list[Path]:
    """Write terrain in tiles of one degree, named as Copernicus DEM GLO-90, except over open sea.

    Beyond the domain, pixels have the height of the nearest cell.

    Parameters
    ----------
    folder : path
        An existing folder.

    Returns
    -------
    list of Path
        The tiles, float32 heights [m], EPSG:4326.

    Raises
    ------
    MissingPackageError
        If rasterio is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dem(folder)[0].name
    'Copernicus_DSM_COG_30_N35_00_E005_00_DEM.tif'
    """
    static, written = embedded(), []
    heights, land = static["orog"].to_numpy(), static["land_mask"].to_numpy() == 1
    for lat, lon in _squares():
        cells, inside = _cells(lat, lon)
        if (land[cells] & inside).any():
            path = Path(folder) / f"Copernicus_DSM_COG_30_N{lat:02d}_00_E{lon:03d}_00_DEM.tif"
            _write(path, heights[cells], lat + 1, lon, static["orog"])
            written.append(path)
    return written


def write_land_cover(folder: str | Path) -> Path:
    """Write land cover in codes of CGLS-LC100, in one file named as the global map.

    `CLASSES` maps classes to codes. The file covers the domain; pixels beyond it have the code of
    the nearest cell.

    Parameters
    ----------
    folder : path
        An existing folder.

    Returns
    -------
    Path
        The file, uint8, EPSG:4326, 255 declared as nodata.

    Raises
    ------
    MissingPackageError
        If rasterio is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_land_cover(folder).name
    'PROBAV_LC100_global_v3.0.1_2019-nrt_Discrete-Classification-map_EPSG-4326.tif'
    """
    static, squares = embedded(), _squares()
    codes = np.array([CLASSES[name] for name in static["land_cover_class"].values], "uint8")
    cover = codes[static["land_cover"].argmax("land_cover_class").to_numpy()]
    (south, west), (north, east) = squares[0], np.add(squares[-1], 1)
    pixels = np.empty(((north - south) * _PER_DEGREE, (east - west) * _PER_DEGREE), "uint8")
    for lat, lon in squares:
        row, column = (north - lat - 1) * _PER_DEGREE, (lon - west) * _PER_DEGREE
        square = np.s_[row : row + _PER_DEGREE, column : column + _PER_DEGREE]
        pixels[square] = cover[_cells(lat, lon)[0]]
    path = Path(folder) / _LAND_COVER
    _write(path, pixels, north, west, static["land_cover"], nodata=255)
    return path


def _squares() -> list[tuple[int, int]]:
    """Return the south-west corners of the squares of one degree that touch the domain."""
    lon, lat = lon_lat(ITALY, fine=True)
    rows, columns = (
        range(int(np.floor(degrees.min())), int(np.ceil(degrees.max()))) for degrees in (lat, lon)
    )
    return [*itertools.product(rows, columns)]


def _cells(south: int, west: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return row and column of the cell nearest to each pixel, and the mask of the domain."""
    lat = south + 1 - (np.arange(_PER_DEGREE) + 0.5) / _PER_DEGREE
    lon = west + (np.arange(_PER_DEGREE) + 0.5) / _PER_DEGREE
    x, y = _to_metres().transform(*np.meshgrid(lon, lat))
    nearest, inside = [], np.ones(x.shape, bool)
    for metres, axis in zip((y, x), axes(ITALY, fine=True), strict=True):
        cell = np.rint((metres - axis[0]) / (axis[1] - axis[0])).astype(int)
        inside &= (cell >= 0) & (cell < axis.size)
        nearest.append(cell.clip(0, axis.size - 1))
    return tuple(nearest), inside


@functools.cache
def _to_metres() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", ITALY.crs, always_xy=True)


def _write(
    path: Path,
    pixels: np.ndarray,
    north: int,
    west: int,
    field: xr.DataArray,
    nodata: int | None = None,
) -> None:
    """Write a GeoTIFF whose tags state that it is synthetic."""
    try:
        import rasterio
        from rasterio.transform import from_origin
    except ImportError as error:
        raise MissingPackageError(
            "writing GeoTIFFs needs rasterio: pip install 'xldm[recipes]'"
        ) from error
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=1,
        dtype=pixels.dtype,
        crs="EPSG:4326",
        transform=from_origin(west, north, 1 / _PER_DEGREE, 1 / _PER_DEGREE),
        nodata=nodata,
        tiled=True,
        compress="deflate",
    ) as tile:
        tile.write(pixels, 1)
        tile.update_tags(
            source="archive of the synthetic twin, not what its name says: pixels of 15 "
            f"arc-seconds with the values of 2 km cells: {field.attrs['source']}",
            license=field.attrs["license"],
            references=field.attrs["references"],
        )
