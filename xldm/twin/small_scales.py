"""Small scales that the coarse fields do not determine: addressed spectral noise."""

from __future__ import annotations

import numpy as np
import scipy.fft

__all__ = ["KNOT_HOURS", "SmallScales"]

#: Hours between the independent fields that the noise passes through.
KNOT_HOURS = 3
LONGEST = 100e3  # m; below this wavelength the spectrum follows k^-5/3


class SmallScales:
    """Noise fields of unit variance whose one-dimensional spectra follow k^-5/3 down to the grid.

    Three quarters of the wind's variance are rotational, one quarter is divergent. Between two
    knots in time, cosine and sine weights blend the white noise and keep its variance constant:
    ``n(t) = cos(a) n_i + sin(a) n_{i+1}``, ``a = (t - t_i) / (t_{i+1} - t_i) * pi / 2``.

    Parameters
    ----------
    seed : int
        Together with the index of the knot, the address of each random number.
    shape : tuple of int
        Rows and columns of the fine grid.
    spacing : float
        Cell width in metres.
    """

    def __init__(self, seed: int, shape: tuple[int, int], spacing: float):
        self._seed = seed
        self._shape = shape
        ky = 2 * np.pi * scipy.fft.fftfreq(shape[0], spacing)[:, None]
        kx = 2 * np.pi * scipy.fft.rfftfreq(shape[1], spacing)[None, :]
        k = np.hypot(kx, ky)
        # Energy per unit k times 1 / k is the density in the plane: k^-5/3 -> k^-8/3.
        density = (k**2 + (2 * np.pi / LONGEST) ** 2) ** (-4 / 3)
        density[0, 0] = 0.0
        twice = np.full(k.shape, 2.0)
        twice[:, 0] = twice[:, -1] = 1.0
        amplitude = np.sqrt(density * np.prod(shape) / (density * twice).sum())
        safe = np.where(k > 0, k, 1.0)
        self._scalar = amplitude.astype(np.float32)
        # Components of the unit vector along k; rows run southwards, so the y axis is reversed.
        self._along = (1j * kx / safe * amplitude).astype(np.complex64)
        self._across = (-1j * ky / safe * amplitude).astype(np.complex64)

    def at(self, hour: int) -> np.ndarray:
        """Return the noise of temperature and both wind components, (3, y, x) in float32."""
        knot, part = divmod(hour, KNOT_HOURS)
        angle = np.float32(part / KNOT_HOURS * np.pi / 2)
        white = np.cos(angle) * self._white(knot)
        if part:
            white += np.sin(angle) * self._white(knot + 1)
        stream, potential, scalar = scipy.fft.rfft2(white)
        stream *= np.float32(np.sqrt(1.5))
        potential *= np.float32(np.sqrt(0.5))
        spectra = (
            self._scalar * scalar,
            self._along * potential - self._across * stream,
            self._across * potential + self._along * stream,
        )
        return scipy.fft.irfft2(np.stack(spectra), s=self._shape)

    def _white(self, knot: int) -> np.ndarray:
        # Seed sequences take no negative words, so knots before 1970 become odd numbers.
        address = 2 * knot if knot >= 0 else -2 * knot - 1
        sequence = np.random.SeedSequence([self._seed, 2, address])
        generator = np.random.Generator(np.random.Philox(sequence))
        return generator.standard_normal((3, *self._shape), dtype=np.float32)
