"""The twin's terrain and land cover as GeoTIFFs, named and laid out as those of real providers.

Real terrain has pixels of 1 or 3 arc-seconds and real land cover of 3.6; these have 15, and every
pixel holds the value of the 2 km cell that its centre is in, so finer pixels would hold no more.
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

#: Code of CGLS-LC100 that each class of the embedded land cover (IGBP) is written as. IGBP's
#: savannas are grass under trees, which CGLS-LC100 has as open forest; shrubs have one class there.
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
    """Terrain in tiles of one degree, named as Copernicus DEM GLO-90; none over open sea.

    Beyond the domain, a tile goes on with the height of the nearest cell.

    Parameters
    ----------
    folder : path
        Where to; it has to exist.

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
    """Land cover in codes of CGLS-LC100, in one file named as the global map's, cut to the domain.

    Classes become codes by `CLASSES`. Beyond the domain, the nearest cell's code goes on.

    Parameters
    ----------
    folder : path
        Where to; it has to exist.

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
    """South-west corners of the squares of one degree that the domain reaches into."""
    lon, lat = lon_lat(ITALY, fine=True)
    ranges = (
        range(int(np.floor(degrees.min())), int(np.ceil(degrees.max()))) for degrees in (lat, lon)
    )
    return [*itertools.product(*ranges)]


def _cells(south: int, west: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Row and column of the cell nearest to each pixel, and which pixels lie in the domain."""
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
    """A GeoTIFF that says in its tags what it is, whatever its name says."""
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
