"""Static fine fields of terrain, coast and land cover that shape the air near the ground."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft
import xarray as xr
from scipy.ndimage import gaussian_filter

__all__ = ["DIRECTIONS", "Surface", "downwind", "positive", "surface"]

DIRECTIONS = 16  # of the wind, counted from the x axis anticlockwise
MARGIN = 72  # cells mirrored around the domain before it is transformed

# By land cover: 10 m wind relative to the open sea; daytime heating and nightly cooling relative to
# cropland.
_COVER = {
    "evergreen_needleleaf_forest": (0.29, 0.56, 0.70),
    "evergreen_broadleaf_forest": (0.29, 0.56, 0.70),
    "deciduous_broadleaf_forest": (0.29, 0.58, 0.70),
    "mixed_forest": (0.29, 0.58, 0.70),
    "open_shrubland": (0.49, 1.25, 1.20),
    "woody_savanna": (0.34, 0.81, 0.80),
    "savanna": (0.40, 0.96, 0.90),
    "grassland": (0.54, 1.05, 1.20),
    "permanent_wetland": (0.53, 0.69, 0.70),
    "cropland": (0.51, 1.00, 1.00),
    "urban": (0.29, 1.20, 0.30),
    "cropland_natural_mosaic": (0.44, 0.94, 0.90),
    "snow_and_ice": (0.60, 0.31, 1.30),
    "barren": (0.58, 1.35, 1.30),
    "inland_water": (0.95, 0.35, 0.30),
    "sea": (1.00, 0.30, 0.30),
}


class Surface(NamedTuple):
    """Static fields (y, x), float32; vectors are along the projection's axes.

    ``orog`` [m]; ``land`` and ``inland`` (land mask, sharp and 10 km wide);
    ``maritime`` (share of sea within about 60 km); ``wind``, ``heat``,
    ``cool`` (land-cover factors); ``relief_8``, ``relief_40`` [m] (height above surroundings of 8
    and 40 km); ``hollow`` (0 to 1.6: how much of a valley or basin, inland only); ``rough`` (0 to
    1: unevenness within 10 km); ``slope``, ``flank`` (gradient at 3 and 12 km); ``onshore`` (about
    one at the coast, towards the land, 25 km wide); ``squeeze`` (xx, xy, yy: relative speed-up of
    flow over terrain). By the direction the wind blows to, `DIRECTIONS` of them: ``wake`` (-1 to 1:
    behind lower or higher ground than its neighbours) and ``fetch`` (0 to 1: land that the air has
    crossed of late).
    """

    orog: np.ndarray
    land: np.ndarray
    inland: np.ndarray
    maritime: np.ndarray
    wind: np.ndarray
    heat: np.ndarray
    cool: np.ndarray
    relief_8: np.ndarray
    relief_40: np.ndarray
    hollow: np.ndarray
    rough: np.ndarray
    slope: tuple[np.ndarray, np.ndarray]
    flank: tuple[np.ndarray, np.ndarray]
    onshore: tuple[np.ndarray, np.ndarray]
    squeeze: tuple[np.ndarray, np.ndarray, np.ndarray]
    wake: np.ndarray
    fetch: np.ndarray


def surface(static: xr.Dataset, spacing: float) -> Surface:
    """Derive the fields from terrain, land mask and land cover; rows of the grid run south."""
    orog = static["orog"].values.astype(np.float32)
    land = static["land_mask"].values.astype(np.float32)
    factors = np.array([_COVER[str(name)] for name in static["land_cover_class"].values])
    codes = static["land_cover"].argmax("land_cover_class").values
    cover = factors.astype(np.float32)[codes]

    def smooth(field: np.ndarray, metres: float) -> np.ndarray:
        return gaussian_filter(field, metres / spacing, mode="nearest")

    relief_8 = orog - smooth(orog, 8e3)
    spread = np.sqrt(smooth(relief_8**2, 10e3))
    relief_40 = orog - smooth(orog, 40e3)
    inland = smooth(land, 10e3)
    hollow = np.tanh(np.maximum(-relief_8, 0) / (40 + 0.6 * spread))
    hollow += 0.6 * np.tanh(np.maximum(-relief_40, 0) / 350)
    east, north = _gradient(smooth(land, 14e3), spacing)
    crossed = _upwind(smooth(orog, 4e3), 70e3, spacing)
    broad = np.stack([smooth(field, 25e3) for field in crossed])
    return Surface(
        orog=orog,
        land=smooth(land, 1.5e3),
        inland=inland,
        maritime=1 - smooth(land, 60e3),
        wind=smooth(cover[..., 0], 1.6e3),
        heat=smooth(cover[..., 1], 1.6e3),
        cool=smooth(cover[..., 2], 1.6e3),
        relief_8=relief_8,
        relief_40=relief_40,
        hollow=hollow * inland**2,
        rough=np.tanh(spread / 200),
        slope=_gradient(smooth(orog, 3e3), spacing),
        flank=_gradient(smooth(orog, 12e3), spacing),
        onshore=(east * 35e3, north * 35e3),
        squeeze=_squeeze(smooth(orog, 2.5e3), spacing),
        wake=np.tanh((crossed - broad) / 45),
        fetch=_upwind(land, 15e3, spacing),
    )


def positive(field: np.ndarray) -> np.ndarray:
    """Return the positive part of a field."""
    return np.maximum(field, 0)


def downwind(by_direction: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Interpolate fields (direction, y, x) to the local wind direction; in a calm, average them."""
    count = len(by_direction)
    place = np.arctan2(v, u) * np.float32(count / (2 * np.pi)) % count
    low = place.astype(np.int32)
    part = (place - low).astype(np.float32)
    cell = np.arange(u.size).reshape(u.shape)
    flat = by_direction.reshape(-1)
    first = flat[(low % count) * u.size + cell]
    found = first + part * (flat[((low + 1) % count) * u.size + cell] - first)
    calm = by_direction.mean(axis=0)
    return calm + np.tanh(np.hypot(u, v) / 3) * (found - calm)


def _gradient(field: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    south, east = np.gradient(field, spacing)
    return east, -south


def _squeeze(orog: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the speed-up of linear potential flow over low hills (Jackson and Hunt 1975).

    In the outer layer, a wind U over terrain h gains ``u_i = sum_j F^-1[k_i k_j / |k| F h] U_j``:
    it is faster over crests across it, slower in valleys across it, and hardly changed in valleys
    along it. Limited to +-1.
    """
    spectrum, kx, ky, back = _spectrum(orog, spacing)
    spectrum /= np.maximum(np.hypot(kx, ky), 1e-9)
    xx, xy, yy = (back(spectrum * pair) for pair in (kx * kx, kx * ky, ky * ky))
    limit = 1 / np.sqrt(1 + xx**2 + yy**2 + 2 * xy**2)
    return xx * limit, xy * limit, yy * limit


def _upwind(field: np.ndarray, length: float, spacing: float) -> np.ndarray:
    """Average a field upwind, for every direction, with weights ``exp(-distance / length)``.

    In wavenumbers this kernel, one-sided along the unit vector d, is ``1 / (1 + i length k.d)``.
    """
    spectrum, kx, ky, back = _spectrum(field, spacing)
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return np.stack(
        [back(spectrum / (1 + 1j * length * (kx * np.cos(a) + ky * np.sin(a)))) for a in angles]
    )


def _spectrum(
    field: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return the spectrum of the mirrored field, wavenumbers (x, y), and the inverse transform."""
    padded = np.pad(field, MARGIN, mode="symmetric")
    ky = -2 * np.pi * scipy.fft.fftfreq(padded.shape[0], spacing)[:, None]  # rows run southwards
    kx = 2 * np.pi * scipy.fft.rfftfreq(padded.shape[1], spacing)[None, :]

    def back(spectrum: np.ndarray) -> np.ndarray:
        inner = scipy.fft.irfft2(spectrum, s=padded.shape)[MARGIN:-MARGIN, MARGIN:-MARGIN]
        return inner.astype(np.float32)

    return scipy.fft.rfft2(padded), kx, ky, back
