"""Radially averaged power spectra of fields on a square grid."""

from __future__ import annotations

import numpy as np
import scipy.fft

__all__ = ["radial_spectrum"]


def radial_spectrum(field: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Power by wavelength, averaged over directions.

    The mean and linear trend between opposite edges are left in, a Hann window keeps the edges from
    leaking into the small scales, and the power is scaled so that white noise of variance s has
    power s at every wavelength.

    Parameters
    ----------
    field : ndarray (..., y, x)
        Values at cell centres.
    spacing : float
        Cell width; wavelengths come in its unit.

    Returns
    -------
    wavelength : ndarray (n,)
        Centres of the bins, longest first; bins are one wavenumber of the shorter side wide.
    power : ndarray (..., n)
        Mean power in each bin, in the field's units squared.

    Examples
    --------
    >>> x = np.arange(64)
    >>> wave = np.tile(np.sin(2 * np.pi * x / 8), (64, 1))
    >>> wavelength, power = radial_spectrum(wave, spacing=2.0)
    >>> float(wavelength[power.argmax()])
    16.0
    """
    rows, columns = field.shape[-2:]
    window = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1])
    anomaly = (field - field.mean((-2, -1), keepdims=True)) * window
    power = np.abs(scipy.fft.fft2(anomaly)) ** 2 / (window**2).sum()
    longest = min(rows, columns) * spacing
    ky, kx = (scipy.fft.fftfreq(n, spacing) for n in (rows, columns))
    number = np.rint(np.hypot(ky[:, None], kx) * longest).astype(int).ravel()
    last = min(rows, columns) // 2
    counts = np.bincount(number, minlength=last + 1)[1 : last + 1]
    flat = power.reshape(-1, rows * columns)
    sums = np.stack([np.bincount(number, p, minlength=last + 1)[1 : last + 1] for p in flat])
    return longest / np.arange(1, last + 1), (sums / counts).reshape(*field.shape[:-2], last)
