"""Check winds against the pressure: they blow along its lines, and more slowly than these ask.

The geostrophic wind of a pressure at sea level is that at which the Coriolis force balances its
gradient. Over a wide domain, wind at 10 m follows it, turned towards the lower pressure and slowed
down by the ground. The bounds below hold for every window of 6 to 18 degrees and every hour of a
week of ERA5 on the globe outside the tropics, with grids of 1 to 3 degrees. Finer fields are
averaged to a degree first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .usual import Looked

__all__ = ["off_the_pressure"]

_EARTH, _OMEGA, _AIR = 6.371e6, 7.292e-5, 1.2
# Points nearer to the equator, in degrees, tell nothing; so many others do, and no more fields are
# looked at.
_TROPICS, _POINTS, _FIELDS = 20.0, 100, 24
# Degrees: finer fields are averaged, since the reduction to sea level roughens them over mountains.
_BOX = 1.0
# In ERA5, the mirrored wind fits by no more than 0.16 better where it fits that well.
_MIRRORED, _BETTER = 0.5, 0.3
# Wind that fits so well is at most 1.36 times as strong as the geostrophic one in an hour, and 0.9
# times over a week.
_FITS, _STRONG, _STRONG_MEAN, _SEVERAL = 0.6, 1.7, 1.25, 48
# It turns by -29 to 99 degrees where it fits so well.
_TURN, _OPPOSITE = 30.0, 110.0
# Strongest geostrophic wind in m s-1, as root mean square: 62 in ERA5. Where neighbours are not so
# much alike, there is noise, and no ground.
_STEEP, _ALIKE = 200.0, 0.5


@dataclass(frozen=True)
class _Fit:
    """How a wind follows the geostrophic one: correlations with it and its mirror image, factor."""

    direct: float
    mirrored: float
    factor: float
    turn: float
    turn_mirrored: float


def off_the_pressure(
    looked: Mapping[str, Looked], latitude: np.ndarray, longitude: np.ndarray
) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of winds and pressures that do not belong together.

    Parameters
    ----------
    looked : mapping of str to Looked
        By the name of the predictor; without those that have problems.
    latitude, longitude : ndarray
        Points of their last two dims.
    """
    names = ("msl", "u10", "v10", "u850", "v850", "sst")
    boxes = _size(latitude), _size(longitude)
    fields = {n: _means(_some(looked[n]), *boxes) for n in names if n in looked}
    latitude, longitude = (
        _means(axis[:, None], n, 1)[:, 0]
        for axis, n in zip((latitude, longitude), boxes, strict=True)
    )
    pressure = fields.get("msl")
    if pressure is None or min(pressure.shape[-2:]) < 3:
        return
    wind = _geostrophic(pressure, latitude, longitude)
    used = np.isfinite(wind)
    if used.sum() < _POINTS:
        return
    size = float(np.sqrt(np.mean(np.abs(wind[used]) ** 2)))
    if size > _STEEP and _alike(_some(looked["msl"])) > _ALIKE:
        yield "msl", _steep(looked["msl"], size)
        return
    south = np.broadcast_to((latitude < 0)[:, None], wind.shape)
    for at in ("10", "850"):
        east, north = (fields.get(f"{c}{at}") for c in "uv")
        if east is None or north is None or not east.shape == north.shape == wind.shape:
            continue
        given = east + 1j * north
        here = used & np.isfinite(given)
        # Over the sea, wind is slowed down less.
        sea = np.isfinite(fields["sst"]) if "sst" in fields else here
        if sea.shape == here.shape and (here & sea).sum() >= _POINTS:
            here = here & sea
        # South of the equator, all is mirrored.
        one, other = (np.where(south, np.conj(f), f)[here] for f in (given, wind))
        if one.size >= _POINTS and one.any():
            times = looked[f"u{at}"].times
            text = _problem(_fit(one, other), looked[f"u{at}"], looked[f"v{at}"], at, times)
            if text:
                yield f"u{at}", text


def _some(looked: Looked) -> np.ndarray:
    """Return some fields in the vocabulary's units, (field, latitude, longitude)."""
    values = looked.values.reshape(-1, *looked.values.shape[-2:])
    rows = np.unique(np.linspace(0, len(values) - 1, _FIELDS).round().astype(int))
    return Looked(looked.found, looked.entry, values[rows], looked.times).in_units()


def _size(axis: np.ndarray) -> int:
    """Return how many points along an axis, in degrees, make a box."""
    spacing = float(np.median(np.abs(np.diff(axis)))) if axis.size > 1 else _BOX
    return max(1, round(_BOX / spacing)) if spacing > 0 else 1


def _means(field: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Average boxes of a field (..., row, column); what fills none at the end is left out.

    Examples
    --------
    >>> _means(np.array([[1.0, 3.0, 9.0]]), 1, 2)
    array([[2.]])
    """
    *first, height, width = field.shape
    height, width = height // rows, width // columns
    whole = field[..., : height * rows, : width * columns]
    return whole.reshape(*first, height, rows, width, columns).mean((-3, -1))


def _geostrophic(pressure: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Return the geostrophic wind as u + iv (field, latitude, longitude); NaN in the tropics."""
    sine = np.sin(np.radians(latitude))[:, None]
    coriolis = np.where(np.abs(latitude)[:, None] < _TROPICS, np.nan, 2 * _OMEGA * sine)
    to_north = np.gradient(pressure, np.radians(latitude), axis=-2) / _EARTH
    to_east = np.gradient(pressure, np.radians(longitude), axis=-1) / _EARTH
    to_east = to_east / np.cos(np.radians(latitude))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (1j * to_east - to_north) / (_AIR * coriolis)


def _alike(field: np.ndarray) -> float:
    """Return the correlation of neighbours along longitude."""
    departure = field - np.nanmean(field, axis=(-2, -1), keepdims=True)
    product = np.nanmean(departure[..., 1:] * departure[..., :-1])
    return float(product / np.nanmean(departure**2))


def _fit(given: np.ndarray, wind: np.ndarray) -> _Fit:
    """Fit a wind by a complex multiple of the geostrophic one, and of its mirror image.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wind = rng.normal(size=999) + 1j * rng.normal(size=999)
    >>> fit = _fit(0.5 * np.exp(0.3j) * wind, wind)
    >>> round(fit.factor, 6), round(fit.direct, 6), fit.mirrored < 0.1
    (0.5, 1.0, True)
    """
    product, mirror = np.vdot(wind, given), np.dot(wind, given)
    power = float(np.sum(np.abs(wind) ** 2))
    scale = float(np.sqrt(power * np.sum(np.abs(given) ** 2)))
    return _Fit(
        direct=float(abs(product)) / scale,
        mirrored=float(abs(mirror)) / scale,
        factor=float(abs(product)) / power,
        turn=float(np.degrees(np.angle(product))),
        turn_mirrored=float(np.degrees(np.angle(mirror))),
    )


def _problem(fit: _Fit, east: Looked, north: Looked, at: str, times: int) -> str:
    u, v = str(east.found.variable), str(north.found.variable)
    if fit.mirrored >= _MIRRORED and fit.mirrored - fit.direct >= _BETTER:
        text = (
            f"The wind of {u} and {v} does not blow along the lines of the pressure at sea level, "
            f"but its mirror image does (correlations {fit.direct:.2f} and {fit.mirrored:.2f}): "
        )
        # With the components exchanged, a turn becomes what lacks to a right angle.
        if abs(_between(fit.turn_mirrored, 90 - _TURN)) < 60:
            swapped = ", ".join(f"{a!r}: ds[{b!r}].assign_attrs(ds[{a!r}].attrs)"
                                for a, b in ((u, v), (v, u)))  # fmt: skip
            return text + f"the two may be exchanged. If so, use ds.assign({{{swapped}}})."
        return text + (
            "the sign of one of them may be wrong, or latitude or longitude may run the other way "
            "than the fields."
        )
    if fit.direct >= _FITS and abs(_between(fit.turn, _TURN)) > _OPPOSITE:
        return (
            f"The wind of {u} and {v} blows against the geostrophic wind of the pressure at sea "
            f"level (turned by {fit.turn:.0f} degrees): are both signs wrong, as of where the wind "
            "comes from?"
        )
    strong = _STRONG_MEAN if times >= _SEVERAL else _STRONG
    if at == "10" and fit.direct >= _FITS and fit.factor >= strong:
        said = east.found.units
        text = (
            f"The wind at 10 m ({u}, {v}) says {said}, but is {fit.factor:.2g} times as strong as "
            "the geostrophic wind of the pressure at sea level, which it follows: it is never "
            f"more than {strong:g} times. Other units, such as km/h or knots, under the name of "
            f"{said}? If so, set both components', e.g. ds[{u!r}].attrs['units'] = 'km/h'."
        )
        return text
    return ""


def _between(one: float, other: float) -> float:
    """Return the difference of two angles in degrees, from -180 to 180."""
    return (one - other + 180) % 360 - 180


def _steep(looked: Looked, size: float) -> str:
    name = looked.found.variable
    return (
        f"{name} is as steep as a geostrophic wind of {size:.0f} m s-1 on average, expected below "
        f"{_STEEP:g}: it seems to be pressure at the surface, not at sea level. If so, rename it: "
        f"ds.rename({{{str(name)!r}: 'sp'}})."
    )
