"""The sun's height, by which radiation over several hours is shared out among them."""

from __future__ import annotations

import numpy as np

from ...numerics.sun import position

__all__ = ["mean_cosine"]

# Parts of an hour whose means are taken; the error of a whole hour's mean is then below 1e-3.
_PARTS = 12


def mean_cosine(
    begin: np.ndarray, end: np.ndarray, latitude: np.ndarray, longitude: np.ndarray
) -> np.ndarray:
    """Return the mean of the cosine of the sun's zenith angle over periods, 0 below the horizon.

    With the declination and hour angle of `xldm.numerics.sun`, cos(zenith) = sin(lat)
    sin(declination) + cos(lat) cos(declination) cos(hour angle). Refraction is left out.

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
        declination, angle, _ = position(middle[..., None], np.asarray(longitude, "float64"))
        declination, angle = declination[..., None, :], angle[..., None, :]
        cosine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(
            angle
        )
        total += np.maximum(cosine, 0)
    return total / parts
