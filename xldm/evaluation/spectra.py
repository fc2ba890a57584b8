"""Radially averaged power spectra of fields on a square grid, their errors and resolution.

Lengths are in metres. White noise of variance s has power s at every wavelength. A field with a
missing value has no spectrum: all of it is NaN.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft

from ..errors import ArgumentError

__all__ = ["band_error", "effective_resolution", "radial_spectrum", "ring_power", "wind_spectra"]


def radial_spectrum(
    field: np.ndarray, spacing: float, *, window: str | None = "hann"
) -> tuple[np.ndarray, np.ndarray]:
    """Return power by wavelength, averaged over directions.

    The mean is removed. Trends between opposite edges stay; the window keeps them from leaking into
    the small scales.

    Parameters
    ----------
    field : ndarray (..., y, x)
        Values at cell centres.
    spacing : float
        Cell width, in metres.
    window : {"hann", None}
        None for fields that are periodic in both directions.

    Returns
    -------
    wavelength : ndarray (n,)
        Centres of the bins in metres, longest first. A bin is one wavenumber of the shorter side
        wide; the last holds the shortest wave, of two cells.
    power : ndarray (..., n)
        Mean power of each bin's modes, in the field's units squared.

    Raises
    ------
    ArgumentError
        If ``window`` is something else.

    Examples
    --------
    >>> x = np.arange(64)
    >>> wave = np.tile(np.sin(2 * np.pi * x / 8), (64, 1))
    >>> wavelength, power = radial_spectrum(wave, spacing=2000.0)
    >>> float(wavelength[power.argmax()])
    16000.0
    """
    power, _ = ring_power(field, window=window)
    wavelength = _wavelengths(field.shape[-2:], spacing)
    return wavelength, power[..., 1 : wavelength.size + 1]


def ring_power(field: np.ndarray, *, window: str | None = "hann") -> tuple[np.ndarray, np.ndarray]:
    """Return the mean power of every ring of Fourier modes, and the number of its modes.

    Unlike :func:`radial_spectrum`, it keeps ring 0 (the mean of the windowed anomaly) and the rings
    in the corners, with waves shorter than the shorter side's shortest one. No mode is missing, so
    Parseval's theorem holds, with a the field less its mean, w the window and N the number of
    cells::

        sum(power * modes) / N = sum((w a)^2) / sum(w^2)

    which is the field's variance without a window.

    Parameters
    ----------
    field : ndarray (..., y, x)
        Values at cell centres.
    window : {"hann", None}
        None for fields that are periodic in both directions.

    Returns
    -------
    power : ndarray (..., rings)
        In the field's units squared; ring k holds wavenumbers from k - 1/2 to below k + 1/2, in
        cycles per shorter side. 0 where a ring has no mode.
    modes : ndarray (rings,)
        Number of modes, N in all.

    Raises
    ------
    ArgumentError
        If ``window`` is something else.

    Examples
    --------
    >>> field = np.random.default_rng(0).normal(size=(30, 40))
    >>> power, modes = ring_power(field, window=None)
    >>> bool(np.isclose((power * modes).sum() / field.size, field.var()))
    True
    """
    waves = _transform(field, window)
    shape = field.shape[-2:]
    return _ring_means(_squared(waves), shape), _rings(shape)[1]


def wind_spectra(
    u: np.ndarray, v: np.ndarray, spacing: float, *, window: str | None = "hann"
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return spectra of a wind field's kinetic energy, vorticity and divergence.

    With a hat for the transform of the windowed component, and k and l the angular wavenumbers to
    the right and northward::

        kinetic energy = (|u^|^2 + |v^|^2) / 2
        vorticity      = |k v^ - l u^|^2
        divergence     = |k u^ + l v^|^2

    Parameters
    ----------
    u, v : ndarray (..., y, x)
        Components in m s-1 along the axes of the grid: u to the right along x, v northward, while
        rows run from north to south.
    spacing : float
        Cell width, in metres.
    window : {"hann", None}
        None for fields that are periodic in both directions.

    Returns
    -------
    wavelength : ndarray (n,)
        As of :func:`radial_spectrum`.
    power : dict of str to ndarray (..., n)
        ``kinetic_energy`` in m2 s-2, ``vorticity`` and ``divergence`` in s-2.

    Raises
    ------
    ArgumentError
        If ``window`` is something else.

    Examples
    --------
    A jet to the right shears, but does not diverge:

    >>> y = np.arange(64)[:, None]
    >>> u = np.sin(2 * np.pi * y / 16) * np.ones(64)
    >>> wavelength, power = wind_spectra(u, np.zeros_like(u), 2000.0, window=None)
    >>> peak = power["vorticity"].argmax()
    >>> float(wavelength[peak]), float(power["divergence"].max())
    (32000.0, 0.0)
    """
    shape = u.shape[-2:]
    waves_u, waves_v = _transform(u, window), _transform(v, window)
    right, north = _angular_wavenumbers(shape, spacing)
    power = {
        "kinetic_energy": (_squared(waves_u) + _squared(waves_v)) / 2,
        "vorticity": _squared(right * waves_v - north * waves_u),
        "divergence": _squared(right * waves_u + north * waves_v),
    }
    wavelength = _wavelengths(shape, spacing)
    inside = slice(1, wavelength.size + 1)
    return wavelength, {n: _ring_means(p, shape)[..., inside] for n, p in power.items()}


def band_error(
    wavelength: np.ndarray, power: np.ndarray, truth: np.ndarray, band: tuple[float, float]
) -> np.ndarray:
    """Return the error in dB of a band's power: ``10 log10(sum(power) / sum(truth))``.

    Parameters
    ----------
    wavelength : ndarray (n,)
        Wavelengths of the bins.
    power, truth : ndarray (..., n)
        Spectra on these bins.
    band : (short, long)
        The band holds the bins with short <= wavelength < long, in the unit of ``wavelength``;
        neighbouring bands share no bin.

    Returns
    -------
    ndarray (...)
        In dB: 0 where the power is right, -3 where half of it is missing; NaN if no bin lies in
        the band.

    Examples
    --------
    >>> wavelength, truth = np.array([40.0, 20.0, 10.0]), np.array([4.0, 2.0, 1.0])
    >>> float(band_error(wavelength, truth / 2, truth, (10, 40)).round(2))
    -3.01
    """
    short, long = band
    inside = (wavelength >= short) & (wavelength < long)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = power[..., inside].sum(-1) / truth[..., inside].sum(-1)
        return np.asarray(10 * np.log10(ratio))


def effective_resolution(
    wavelength: np.ndarray, power: np.ndarray, truth: np.ndarray, share: float = 0.5
) -> np.ndarray:
    """Return the wavelength below which power stays under a share of the truth's.

    From long waves to short, this is the crossing after which the ratio of the two stays under
    ``share``. Between two bins, the ratio is interpolated as a power of the wavelength.

    Parameters
    ----------
    wavelength : ndarray (n,)
        Wavelengths of the bins, longest first.
    power, truth : ndarray (..., n)
        Spectra on these bins.
    share : float
        Share of the truth's power.

    Returns
    -------
    ndarray (...)
        In the unit of ``wavelength``. NaN if the shortest wave's power is not under the share: the
        field resolves all waves of the grid. The longest wavelength if all power is under it.

    Examples
    --------
    >>> wavelength, truth = np.array([40.0, 20.0, 10.0, 5.0]), np.ones(4)
    >>> float(effective_resolution(wavelength, np.array([1, 1, 0.25, 0.1]), truth).round(3))
    14.142
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(power / truth) - np.log(share)
    resolved = ~(ratio < 0)  # an unknown ratio is not under the share
    n = wavelength.size
    first = n - resolved[..., ::-1].argmax(-1)  # bin from which on all are under the share
    first = np.where(resolved.any(-1), first, 0)
    below, above = np.clip(first, 0, n - 1), np.clip(first - 1, 0, n - 1)

    def at(bins: np.ndarray) -> np.ndarray:
        return np.take_along_axis(ratio, bins[..., None], -1)[..., 0]

    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(first == 0, 0.0, at(above) / (at(above) - at(below)))
        crossing = wavelength[above] * (wavelength[below] / wavelength[above]) ** part
    return np.where(first == n, np.nan, crossing)


def _transform(field: np.ndarray, window: str | None) -> np.ndarray:
    """Return the half plane of the transform of the windowed anomaly."""
    anomaly = np.asarray(field, "float64")
    anomaly = anomaly - anomaly.mean((-2, -1), keepdims=True)
    anomaly *= _window(field.shape[-2:], window)
    return scipy.fft.rfft2(anomaly, overwrite_x=True)


@functools.lru_cache(maxsize=4)
def _window(shape: tuple[int, int], window: str | None) -> np.ndarray:
    """Return a window (y, x) whose squares sum to one."""
    match window:
        case "hann":
            weights = np.outer(*(np.hanning(n + 2)[1:-1] for n in shape))
        case None:
            weights = np.ones(shape)
        case _:
            raise ArgumentError(
                f'window: expected "hann", or None for periodic fields; got {window!r}'
            )
    weights /= np.sqrt((weights**2).sum())
    weights.flags.writeable = False
    return weights


@functools.lru_cache(maxsize=4)
def _rings(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each mode's ring (flat), the modes of each ring, and each mode's weight."""
    rows, columns = shape
    short = min(shape)
    y = scipy.fft.fftfreq(rows, 1 / rows) * short / rows
    x = scipy.fft.rfftfreq(columns, 1 / columns) * short / columns
    ring = np.floor(np.hypot(y[:, None], x) + 0.5).astype(int)
    # Each mode stands for its conjugate too, but for the first and the last column.
    weight = np.full(ring.shape, 2.0)
    weight[:, 0] = 1
    if columns % 2 == 0:
        weight[:, -1] = 1
    modes = np.bincount(ring.ravel(), weight.ravel())
    for array in (ring, modes, weight):
        array.flags.writeable = False
    return ring.ravel(), modes, weight


def _ring_means(power: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Average half planes (..., y, x // 2 + 1) over rings (..., rings)."""
    ring, modes, weight = _rings(shape)
    planes = (power * weight).reshape(-1, ring.size)
    sums = np.array([np.bincount(ring, plane, minlength=modes.size) for plane in planes])
    return (sums / np.maximum(modes, 1)).reshape(*power.shape[:-2], modes.size)


def _wavelengths(shape: tuple[int, int], spacing: float) -> np.ndarray:
    short = min(shape)
    return short * spacing / np.arange(1, short // 2 + 1)


def _angular_wavenumbers(shape: tuple[int, int], spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Return wavenumbers rightward (x // 2 + 1,) and northward (y, 1), in radians per metre.

    A wave of two cells has no derivative at cell centres, so its wavenumber is 0.
    """
    rows, columns = shape
    right = 2 * np.pi * scipy.fft.rfftfreq(columns, spacing)
    north = -2 * np.pi * scipy.fft.fftfreq(rows, spacing)
    if columns % 2 == 0:
        right[-1] = 0
    if rows % 2 == 0:
        north[rows // 2] = 0
    return right, north[:, None]


def _squared(waves: np.ndarray) -> np.ndarray:
    return waves.real**2 + waves.imag**2
