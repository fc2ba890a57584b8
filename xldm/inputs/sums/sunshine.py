"""The sun's height, by which radiation over several hours is shared out among them."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_cosine"]

# In milliseconds, which hold any year.
_EPOCH = np.datetime64("2000-01-01T12", "ms")
# Parts of an hour whose means are taken; the error of a whole hour's mean is then below 1e-3.
_PARTS = 12


def mean_cosine(
    begin: np.ndarray, end: np.ndarray, latitude: np.ndarray, longitude: np.ndarray
) -> np.ndarray:
    """Return the mean of the cosine of the sun's zenith angle over periods, 0 below the horizon.

    The sun's place is that of the Astronomical Almanac's formulas of low precision, good to 0.01
    degrees from 1950 to 2050: with the days n since 2000-01-01 12 UTC,

        mean longitude L = 280.460 + 0.9856474 n,  mean anomaly g = 357.528 + 0.9856003 n,
        ecliptic longitude = L + 1.915 sin g + 0.020 sin 2g,  obliquity = 23.439 - 4e-7 n,

    from which declination and right ascension follow; the hour angle is sidereal time plus
    longitude less right ascension, and cos(zenith) = sin(lat) sin(declination) + cos(lat)
    cos(declination) cos(hour angle). Refraction is left out.

    Parameters
    ----------
    begin, end : ndarray of datetime64
        Of the same shape (...).
    latitude, longitude : ndarray (y), (x)
        In degrees.

    Returns
    -------
    ndarray (..., y, x)

    Examples
    --------
    Noon of the equinox at the equator: the sun stands in the zenith.

    >>> noon = np.array("2020-03-20T12:07", "datetime64[ns]")
    >>> minute = np.timedelta64(1, "m")
    >>> mean_cosine(noon - minute, noon + minute, np.array([0.0]), np.array([0.0])).round(4)
    array([[1.]])
    """
    begin, end = np.broadcast_arrays(begin, end)
    begin, end = (a.astype("datetime64[ms]") for a in (begin, end))
    longest = (end - begin).max(initial=np.timedelta64(0, "ms")) / np.timedelta64(1, "h")
    parts = max(1, int(np.ceil(longest * _PARTS)))
    lat = np.radians(np.asarray(latitude, "float64"))[:, None]
    total = np.zeros((*begin.shape, lat.shape[0], np.size(longitude)))
    for i in range(parts):
        middle = begin + (end - begin) * (2 * i + 1) // (2 * parts)
        declination, angle = _sun(middle[..., None], np.asarray(longitude, "float64"))
        declination, angle = declination[..., None, :], angle[..., None, :]
        cosine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(
            angle
        )
        total += np.maximum(cosine, 0)
    return total / parts


def _sun(time: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return declination and hour angle in radians, (..., x)."""
    n = (time - _EPOCH) / np.timedelta64(1, "D")
    mean = np.radians(280.460 + 0.9856474 * n)
    g = np.radians(357.528 + 0.9856003 * n)
    ecliptic = mean + np.radians(1.915 * np.sin(g) + 0.020 * np.sin(2 * g))
    obliquity = np.radians(23.439 - 4e-7 * n)
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    # Sidereal time is the sun's mean longitude at the hour of the day from midnight.
    sidereal = mean + 2 * np.pi * ((n + 0.5) % 1) - np.pi
    return declination, sidereal + np.radians(longitude) - ascension
