"""GeoTIFFs for tests, written by rasterio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin


def write(path: Path, pixels: np.ndarray, north: float, west: float, step: float, **said) -> str:
    """A raster with pixels of ``step`` degrees, or of ``said["crs"]``'s units."""
    scales = said.pop("scales", None)
    profile = {
        "driver": "GTiff",
        "height": pixels.shape[-2],
        "width": pixels.shape[-1],
        "count": 1 if pixels.ndim == 2 else len(pixels),
        "dtype": pixels.dtype,
        "crs": "EPSG:4326",
        "transform": from_origin(west, north, step, step),
    }
    with rasterio.open(path, "w", **(profile | said)) as raster:
        raster.write(pixels if pixels.ndim == 3 else pixels[None])
        if scales:
            raster.scales = scales
    return str(path)


def values(function, north: float, west: float, step: float, shape: tuple[int, int]) -> np.ndarray:
    """A function of latitude and longitude at the centres of pixels, float32."""
    lat = north - step * (np.arange(shape[0]) + 0.5)
    lon = west + step * (np.arange(shape[1]) + 0.5)
    return np.asarray(function(*np.meshgrid(lat, lon, indexing="ij")), "float32")
