"""The sun's place in the sky: known exactly from time and position."""

from __future__ import annotations

import numpy as np

__all__ = ["CHANNELS", "channels", "position"]

# In milliseconds, which hold any year.
_EPOCH = np.datetime64("2000-01-01T12", "ms")

#: What networks are told of the sun, in order.
CHANNELS = ("height", "west", "noon", "season_cos", "season_sin")


def channels(times: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return what networks are told of the sun at given times and cells.

    The sine of the sun's elevation; the westward part of the direction to the sun, which is
    negative in the morning; the sine of the elevation at noon; and cosine and sine of the sun's
    ecliptic longitude, which tells the season in any calendar. All lie between -1 and 1.

    Parameters
    ----------
    times : ndarray (T,) of datetime64
        Valid times in UTC.
    lat, lon : ndarray (y, x)
        In degrees.

    Returns
    -------
    ndarray (T, 5, y, x) float32
        In the order of `CHANNELS`.

    Examples
    --------
    >>> noon = np.array(["2020-03-20T12:07"], "datetime64[s]")
    >>> channels(noon, np.array([[0.0]]), np.array([[0.0]])).round(1).ravel().tolist()
    [1.0, -0.0, 1.0, 1.0, 0.0]
    """
    declination, angle, ecliptic = position(times[:, None, None], lon)
    phi = np.radians(lat)
    of_pole = np.sin(phi) * np.sin(declination)
    of_equator = np.cos(phi) * np.cos(declination)
    height = of_pole + of_equator * np.cos(angle)
    parts = (
        height,
        np.cos(declination) * np.sin(angle),
        of_pole + of_equator,
        np.cos(ecliptic),
        np.sin(ecliptic),
    )
    return np.stack([np.broadcast_to(p, height.shape) for p in parts], axis=1).astype(np.float32)


def position(time: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return declination, hour angle and ecliptic longitude of the sun in radians.

    The sun's place is that of the Astronomical Almanac's formulas of low precision, good to 0.01
    degrees from 1950 to 2050: with the days n since 2000-01-01 12 UTC,

        mean longitude L = 280.460 + 0.9856474 n,  mean anomaly g = 357.528 + 0.9856003 n,
        ecliptic longitude = L + 1.915 sin g + 0.020 sin 2g,  obliquity = 23.439 - 4e-7 n,

    from which declination and right ascension follow; the hour angle is sidereal time plus
    longitude less right ascension.

    Parameters
    ----------
    time : ndarray of datetime64
        In UTC.
    longitude : ndarray
        In degrees; it broadcasts with ``time``.
    """
    n = (time.astype("datetime64[ms]") - _EPOCH) / np.timedelta64(1, "D")
    mean = np.radians(280.460 + 0.9856474 * n)
    g = np.radians(357.528 + 0.9856003 * n)
    ecliptic = mean + np.radians(1.915 * np.sin(g) + 0.020 * np.sin(2 * g))
    obliquity = np.radians(23.439 - 4e-7 * n)
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    # Sidereal time is the sun's mean longitude at the hour of the day from midnight.
    sidereal = mean + 2 * np.pi * ((n + 0.5) % 1) - np.pi
    return declination, sidereal + np.radians(longitude) - ascension, ecliptic
