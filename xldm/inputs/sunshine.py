"""The sun's height, by which radiation over several hours is shared out among them."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_cosine"]

# Parts of an hour whose means are taken; the error of a whole hour's mean is then below 1e-3.
_PARTS = 12


def mean_cosine(
    begin: np.ndarray, end: np.ndarray, latitude: np.ndarray, longitude: np.ndarray
) -> np.ndarray:
    """Return the mean of the cosine of the sun's zenith angle over periods, 0 below the horizon.

    The declination and the equation of time are Spencer's series (1971), as in NOAA's solar
    calculator: with the fractional year g in radians,

        declination = 0.006918 - 0.399912 cos g + 0.070257 sin g - 0.006758 cos 2g
                      + 0.000907 sin 2g - 0.002697 cos 3g + 0.00148 sin 3g,
        equation of time = 229.18 (0.000075 + 0.001868 cos g - 0.032077 sin g - 0.014615 cos 2g
                           - 0.040849 sin 2g) minutes,

    and cos(zenith) = sin(lat) sin(declination) + cos(lat) cos(declination) cos(hour angle). They
    are good to 0.04 degrees and half a minute. Refraction is left out.

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
    longest = (end - begin).max(initial=np.timedelta64(0, "ns")) / np.timedelta64(1, "h")
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
    day = time.astype("datetime64[D]")
    hours = (time - day) / np.timedelta64(1, "h")
    year = day.astype("datetime64[Y]").astype("datetime64[D]")
    g = 2 * np.pi / 365.25 * ((day - year).astype(float) + (hours - 12) / 24)
    declination = (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g) - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g) - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )  # fmt: skip
    solar = hours + minutes / 60 + longitude / 15
    return declination, np.radians(15 * (solar - 12))
