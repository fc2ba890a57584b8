"""Gaussian fields that the wind carries along: the random part of the twin's rain."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.ndimage

__all__ = ["BANDS", "Band", "Carried"]

# Wavelengths in m: scales that the coarse cells hold are left out beyond the first, the spectrum
# steepens at the second, and the bands meet at the third.
_LONGEST, _BEND, _MEET = 80e3, 40e3, 20e3
# Exponent of the density in the plane at short waves.
_STEEP = 4.0

#: The wind along x and y on the cells [m s-1] at a time in hours.
_Wind = Callable[[float], tuple[np.ndarray, np.ndarray]]


class Band(NamedTuple):
    """Scales that live equally long.

    Between two knots, ``hours`` apart, fields are joined by cosine and sine weights. ``order`` is
    that of the splines by which a field is moved.
    """

    number: int
    hours: int
    order: int


#: Showers of less than about 20 km, which live for an hour or two, and the wider scales.
BANDS = (Band(0, 1, 3), Band(1, 3, 1))


class Carried:
    """A Gaussian field of mean 0 and variance 1, carried along by a wind.

    Parameters
    ----------
    seed : int
        Together with band and knot, the address of each random number.
    shape : tuple of int
        Rows and columns. The field continues at the opposite edge.
    spacing : float
        Cell width in metres.
    """

    def __init__(self, seed: int, shape: tuple[int, int], spacing: float):
        self._of = (seed, *shape, float(spacing))
        self._rows, self._columns = np.indices(shape, sparse=True)
        self._spacing = spacing

    def at(
        self,
        time: float,
        wind: _Wind,
        small: float,
    ) -> np.ndarray:
        """Return the field at a time in hours, (y, x).

        Parameters
        ----------
        time : float
            Hours since 1970.
        wind : callable
            Returns the wind along x and y [m s-1] on the cells at a time in hours.
        small : float
            Share of the variance in the band of small scales.
        """
        out = np.zeros(self._of[1:3], np.float32)
        for band, share in zip(BANDS, (small, 1 - small), strict=True):
            if share:
                out += np.float32(np.sqrt(share)) * self._band(band, time, wind)
        return out

    def _band(self, band: Band, time: float, wind: _Wind) -> np.ndarray:
        knot, part = divmod(time / band.hours, 1)
        angle = part * np.pi / 2
        out = np.zeros(self._of[1:3], np.float32)
        for at, weight in ((int(knot), np.cos(angle)), (int(knot) + 1, np.sin(angle))):
            if weight < 1e-9:
                continue
            hours = time - at * band.hours
            u, v = wind(time - hours / 2)
            # Air that is here now was there at the knot; rows run southwards.
            cells = hours * 3600 / self._spacing
            places = np.stack([self._rows + cells * v, self._columns - cells * u])
            moved = scipy.ndimage.map_coordinates(
                _knot(*self._of, band, at), places, order=band.order, mode="grid-wrap",
                prefilter=False, output=np.float32,
            )  # fmt: skip
            out += np.float32(weight) * moved
        return out


@functools.lru_cache(maxsize=8)
def _knot(seed: int, rows: int, columns: int, spacing: float, band: Band, knot: int) -> np.ndarray:
    """Return a band's field at a knot, as coefficients of its splines."""
    # Seed sequences take no negative words, so knots before 1970 become odd numbers.
    address = 2 * knot if knot >= 0 else -2 * knot - 1
    sequence = np.random.SeedSequence([seed, 4, band.number, address])
    generator = np.random.Generator(np.random.Philox(sequence))
    white = generator.standard_normal((rows, columns), dtype=np.float32)
    spectrum = scipy.fft.rfft2(white) * _amplitude(rows, columns, spacing, band.number)
    field = scipy.fft.irfft2(spectrum, s=(rows, columns))
    if band.order > 1:
        field = scipy.ndimage.spline_filter(field, band.order, np.float32, mode="grid-wrap")
    return field


@functools.lru_cache(maxsize=4)
def _amplitude(rows: int, columns: int, spacing: float, band: int) -> np.ndarray:
    """Return what white noise of unit variance is multiplied by, in wavenumbers."""
    k = np.hypot(scipy.fft.fftfreq(rows, spacing)[:, None], scipy.fft.rfftfreq(columns, spacing))
    density = (1 + (k * _BEND) ** 2) ** (-_STEEP / 2) * -np.expm1(-((k * _LONGEST) ** 4))
    high = (k * _MEET) ** 4 / (1 + (k * _MEET) ** 4)
    density = density * (high if band == 0 else 1 - high)
    twice = np.full(k.shape, 2.0)
    twice[:, 0] = 1.0
    if columns % 2 == 0:
        twice[:, -1] = 1.0
    return np.sqrt(density * rows * columns / (density * twice).sum()).astype(np.float32)
