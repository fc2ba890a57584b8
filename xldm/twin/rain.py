"""Hourly precipitation of the fine cells, given that of the coarse cells.

An hour's amounts are drawn in two steps. A Gaussian field that the wind aloft carries along is
raised above a threshold; the part above it, to a power, is the pattern of the rain. The pattern is
then scaled to the coarse amounts: the mean of the fine cells over each coarse cell is exactly the
coarse ``tp``. Where a coarse cell is dry, so are its fine cells. The law of the fine rain given the
coarse side is thus that of the Gaussian field, and another seed of it gives another draw.

Coarse amounts come from models of very different detail: ERA5 gives smooth areas, a
kilometre-scale model seen in cells of 0.25 degrees gives patches. The twin's coarse side goes from
one to the other as days pass (``sharp``, 0 to 1). Where it is sharp, how much it varies from cell
to cell tells how much the rain varies inside them.

`tools/fit_rain.py` measures the law and fits `LAW`; see ``docs/explanation/twin.md``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.ndimage
import scipy.sparse
import scipy.special

from .large_scales import State
from .varying import Varying

__all__ = [
    "LAW", "Cells", "Weather", "amounts", "cells", "gathered", "kind", "sharp", "steering",
    "varying",
]  # fmt: skip

#: Coefficients of the law. At ``kind`` 0 and 1 (steady rain and showers): the ``threshold`` of the
#: Gaussian field in a coarse cell with 1 mm in the hour, and the ``power`` of its excess. The
#: threshold falls by ``wetter`` for each e-fold of the coarse amount, and where the coarse side is
#: sharp it rises by ``patchy`` for each e-fold by which coarse amounts vary more than is usual.
#: Ground raises the field by ``height`` for each km above its surroundings, and by ``climb`` for
#: each m s-1 of forced ascent. ``small`` is the share of small scales in the field's variance. The
#: kind is ``kind[0]``, plus ``kind[1]`` on hot afternoons on land, and varies by ``kind[2]`` from
#: day to day; ``sharp`` is ``sharp[0]`` and varies by ``sharp[1]``. ``storms`` gathers sharp coarse
#: rain: threshold of another Gaussian field at 1 mm, its change from steady rain to showers, power
#: of the excess, and fall of the threshold for each e-fold of the amount. ``patches`` is the share
#: of that field's variance below 140 km in steady rain, and what showers add to it.
LAW: dict[str, Any] = {
    "threshold": (-3.05, -3.02),
    "power": (1.14, 3.36),
    "wetter": 0.84,
    "patchy": 0.81,
    "height": 0.4,
    "climb": 0.6,
    "small": 0.15,
    "kind": (0.3, 0.5, 0.3),
    "sharp": (0.4, 0.5),
    "storms": (-1.3, 0.8, 1.5, 0.5),
    "patches": (0.2, 0.4),
}
# Cells of the support over which the steering wind is smoothed (standard deviation).
_SMOOTHED = 4
# Amounts in mm between which the threshold follows the coarse amount.
_FOLLOWS = (2e-3, 20.0)
# The same for the threshold of storms.
_GATHERS = (2e-2, 10.0)
# Rounds of scaling: with ratios interpolated between coarse cells, which leaves no edges, then with
# those of the cells until the greatest relative error is `_EXACT`.
_SMOOTH, _MOST, _EXACT = 6, 200, 1e-5
# Share of the Gaussian field's range that is wet where no cell of a wet coarse cell exceeds it.
_LEAST = 0.3
# Usual standard deviation over the mean of 3 by 3 coarse cells around one with 1 mm, and the power
# by which it falls with the amount.
_USUAL = 0.6, 0.2


class Cells(NamedTuple):
    """Coarse cells over the fine ones.

    ``shape`` is that of the coarse cells, ``fine`` that of the fine ones. ``means`` (coarse, fine)
    takes means over coarse cells, ``share`` (fine, coarse) has the part of each fine cell that lies
    in each coarse one, and ``whole`` says which lie in one only. ``row`` and ``column`` are the
    places of the fine cells among the coarse.
    """

    shape: tuple[int, int]
    fine: tuple[int, int]
    means: scipy.sparse.csr_array
    share: scipy.sparse.csr_array
    whole: np.ndarray
    row: np.ndarray
    column: np.ndarray

    def spread(self, field: np.ndarray) -> np.ndarray:
        """Interpolate a field of the coarse cells to the fine ones."""
        places = np.stack([self.row, self.column])
        return scipy.ndimage.map_coordinates(field, places, order=1, mode="nearest")


class Weather(NamedTuple):
    """What the law depends on beside the coarse amounts.

    ``kind`` (0 steady rain, 1 showers) on the coarse cells; on the fine cells, ``relief`` [m] above
    the surroundings and ``climb`` [m s-1], the forced ascent of the wind aloft. ``sharp`` is how
    far the coarse amounts have the detail that cells of 0.25 degrees can have, 0 to 1.
    """

    kind: np.ndarray
    relief: np.ndarray
    climb: np.ndarray
    sharp: float


def varying(coarse: np.ndarray) -> np.ndarray:
    """Return the standard deviation over the mean of 3 by 3 cells of amounts (..., row, column)."""
    size = (1,) * (coarse.ndim - 2) + (3, 3)
    mean, square = (
        scipy.ndimage.uniform_filter(f, size, mode="nearest") for f in (coarse, coarse**2)
    )
    return np.sqrt(np.maximum(square - mean**2, 0)) / np.maximum(mean, 1e-9)


def patchiness(coarse: np.ndarray) -> np.ndarray:
    """Return by how many e-folds amounts vary more from cell to cell than is usual.

    The usual is that of kilometre-scale rain, seen in cells of 0.25 degrees.
    """
    usual, falls = _USUAL
    expected = usual * np.clip(coarse, 2e-2, 20.0) ** -falls
    # Of nine cells no deviation is more than sqrt(8) times the mean.
    return np.log(np.clip(varying(coarse), 0.05, 2.8) / expected)


def cells(
    means: scipy.sparse.csr_array, shape: tuple[int, int], row: np.ndarray, column: np.ndarray
) -> Cells:
    """Set up coarse cells of which ``means`` (coarse, fine) has the weights of the fine cells."""
    weight = scipy.sparse.csr_array(means.T, dtype=np.float64)
    total = np.asarray(weight.sum(axis=1)).ravel()
    share = scipy.sparse.diags_array(1 / np.where(total > 0, total, 1)) @ weight
    share = share.tocsr()
    whole = np.diff(share.indptr) == 1
    return Cells(shape, row.shape, means.astype(np.float64), share, whole, row, column)


def kind(heat: np.ndarray, vary: Varying) -> np.ndarray:
    """Return how much of the rain is showers, 0 to 1: ``heat`` is 1 on hot afternoons on land.

    How the same sum falls on another day is not known from the coarse side: it varies.
    """
    usual, of_heat, spread = LAW["kind"]
    return np.clip(usual + of_heat * heat + spread * vary("kind of rain"), 0, 1)


def sharp(vary: Varying) -> float:
    """Return how much detail the coarse side has: 0 as ERA5, 1 as a kilometre-scale model."""
    usual, spread = LAW["sharp"]
    return float(np.clip(usual + spread * vary("sharp rain"), 0, 1))


def gathered(
    smooth: np.ndarray, storms: tuple[np.ndarray, np.ndarray], kind: np.ndarray, sharp: float
) -> np.ndarray:
    """Gather smooth coarse amounts in patches and areas, as far as the coarse side is sharp.

    Showers gather in smaller patches than steady rain, so the pattern of the cells tells the kind.

    Parameters
    ----------
    smooth : numpy.ndarray
        Amounts in mm.
    storms : tuple of numpy.ndarray
        Gaussian fields of mean 0 and variance 1, of `Climate.storms`.
    kind : numpy.ndarray
        0 steady rain, 1 showers.
    sharp : float
        0 leaves the amounts as they are.

    Returns
    -------
    numpy.ndarray
        Amounts in mm, whose mean over many hours is that of ``smooth``.

    Examples
    --------
    >>> storms = tuple(np.random.default_rng(0).standard_normal((2, 10_000)))
    >>> made = gathered(np.ones(10_000), storms, np.zeros(10_000), 1.0)
    >>> made.mean().round(2), (made == 0).mean().round(2)
    (np.float64(1.0), np.float64(0.09))
    """
    start, of_kind, power, falls = LAW["storms"]
    threshold = start + of_kind * kind - falls * np.log(np.clip(smooth, *_GATHERS))
    threshold = np.clip(threshold, -4.0, 2.5)
    usual, of_showers = LAW["patches"]
    share = usual + of_showers * kind
    gauss = np.sqrt(share) * storms[0] + np.sqrt(1 - share) * storms[1]
    pattern = np.maximum(gauss - threshold, 0) ** power
    pattern = pattern / expected_excess(threshold, np.full_like(threshold, power))
    return smooth * (1 - sharp + sharp * pattern)


def steering(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Return the wind at 850 hPa that carries rain along, smoothed over some 200 km, in m s-1."""
    u, v = (scipy.ndimage.gaussian_filter(w, _SMOOTHED) for w in (state.u850, state.v850))
    return u, v


def amounts(gauss: np.ndarray, coarse: np.ndarray, at: Cells, weather: Weather) -> np.ndarray:
    """Return the fine amounts of an hour, whose means over coarse cells are the coarse amounts.

    Parameters
    ----------
    gauss : numpy.ndarray (y, x)
        The Gaussian field, of mean 0 and variance 1.
    coarse : numpy.ndarray
        Amounts of the coarse cells in mm, none negative.
    at : Cells
        How both lie.
    weather : Weather
        What the law depends on besides.

    Returns
    -------
    numpy.ndarray (y, x)
        In mm, float64; exactly 0 where it is dry.

    Examples
    --------
    Two coarse cells of 8 by 8 fine ones, the second dry:

    >>> which = np.repeat([0, 1], 8) + np.zeros((8, 1), int)
    >>> means = scipy.sparse.csr_array((which.ravel() == np.arange(2)[:, None]) / 64)
    >>> row, column = np.zeros((8, 16)), np.tile((np.arange(16) - 3.5) / 8, (8, 1))
    >>> flat = Weather(np.zeros((1, 2)), np.zeros((8, 16)), np.zeros((8, 16)), sharp=0.0)
    >>> gauss = np.random.default_rng(0).standard_normal((8, 16))
    >>> rain = amounts(gauss, np.array([[0.2, 0.0]]), cells(means, (1, 2), row, column), flat)
    >>> rain[:, :8].mean().round(4), rain[:, 8:].max()
    (np.float64(0.2), np.float64(0.0))
    """
    wanted = np.asarray(coarse, np.float64)
    steady, showers = (np.array(LAW[name]) for name in ("threshold", "power"))
    amount = np.clip(wanted, *_FOLLOWS)
    threshold = steady[0] + (steady[1] - steady[0]) * weather.kind - LAW["wetter"] * np.log(amount)
    threshold = threshold + LAW["patchy"] * weather.sharp * patchiness(wanted)
    threshold = np.clip(threshold, -6.0, 3.0)
    power = showers[0] + (showers[1] - showers[0]) * weather.kind
    per_excess = amount / expected_excess(threshold, power)
    raised = gauss + LAW["height"] * np.tanh(weather.relief / 1500) * 1.5
    raised = raised + LAW["climb"] * 0.4 * np.tanh(weather.climb / 0.4)
    # A fine cell is dry if any of it lies in a dry coarse cell.
    may = at.share @ (wanted.ravel() <= 0).astype(np.float64) == 0
    excess = np.maximum(raised - at.spread(threshold), 0).ravel() * may
    excess = _somewhere(excess, raised.ravel(), may, wanted.ravel(), at)
    rain = excess ** at.spread(power).ravel() * at.spread(per_excess).ravel()
    return _scaled(rain, wanted, at).reshape(at.fine)


def expected_excess(threshold: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return the mean of ``max(g - threshold, 0) ** power``, with g standard normal.

    Examples
    --------
    >>> expected_excess(np.array([0.0]), np.array([2.0])).round(6).tolist()
    [0.5]
    """
    # In single precision, SciPy's function gives NaN.
    threshold, power = (np.asarray(a, np.float64) for a in (threshold, power))
    parabolic = scipy.special.pbdv(-power - 1, threshold)[0]
    scale = scipy.special.gamma(power + 1) / np.sqrt(2 * np.pi)
    return scale * np.exp(-(threshold**2) / 4) * parabolic


def _somewhere(
    excess: np.ndarray, raised: np.ndarray, may: np.ndarray, wanted: np.ndarray, at: Cells
) -> np.ndarray:
    """Let it rain at the peaks of the field in wet coarse cells where nothing exceeds.

    Rain on cells that a neighbour shares does not count, since the neighbour may want less of it.
    """
    lacking = (wanted > 0) & (at.means @ (excess * at.whole) <= 0)
    for cell in np.flatnonzero(lacking):
        inside = at.means.indices[at.means.indptr[cell] : at.means.indptr[cell + 1]]
        inside = inside[may[inside] & at.whole[inside]]
        if inside.size:
            peak = raised[inside].max()
            excess[inside] = np.maximum(raised[inside] - peak + _LEAST, 0)
    return excess


def _scaled(rain: np.ndarray, wanted: np.ndarray, at: Cells) -> np.ndarray:
    """Scale rain until its means over coarse cells are those wanted.

    Coarse cells without a fine cell of their own constrain nothing: they lie at the edge.
    """
    holds = (wanted.ravel() > 0) & (at.means @ (rain * at.whole) > 0)
    for step in range(_MOST):
        mean = at.means @ rain
        ratio = np.ones_like(mean)
        ratio[holds] = wanted.ravel()[holds] / mean[holds]
        if np.abs(ratio - 1).max() < _EXACT:
            break
        if step < _SMOOTH:
            smooth = np.exp(at.spread(np.log(ratio).reshape(at.shape))).ravel()
            rain = rain * smooth
        else:
            rain = rain * (at.share @ ratio)
    return rain
