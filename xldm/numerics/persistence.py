"""Addressed noise that persists: a field at a valid time is made of fields at knots around it.

An octave has knots that lie some hours apart. Between two knots, ``cos(a) n_i + sin(a) n_{i+1}``,
where a goes from 0 to pi/2, is exactly standard normal at any time. Each channel of a field has
knots at other hours, which follow from its address, so that no hour is special.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

import numpy as np

from .noise import second_of, standard_normal

__all__ = ["KNOT_BYTES", "Knots", "autocorrelation", "persistent_normal"]

#: Fields of knots by their number, of each octave of a member, and the shape of these fields.
Knots = dict[tuple[str, tuple[int, ...]], dict[int, np.ndarray]]
#: Largest size of the knots that are kept between calls.
KNOT_BYTES = 2**28


def persistent_normal(
    seed: int,
    member: int,
    time: np.datetime64 | datetime | str,
    component: str,
    shape: tuple[int, ...],
    given: str = "",
    persistence: Mapping[float, float] | None = None,
    knots: Knots | None = None,
) -> np.ndarray:
    """Return the standard normal field of one member, valid time and component.

    Parameters
    ----------
    seed, member, time, component, shape, given
        As of `xldm.numerics.noise.standard_normal`; the first axis of the shape is the channel.
    persistence : mapping of float to float, optional
        Hours between the knots of an octave, and its share of the variance. What the shares leave
        of 1 is independent from time to time: `standard_normal` of the same address. None of them
        by default.
    knots : dict, optional
        Keeps the fields of knots from one call to the next, by octave: consecutive hours have most
        of them in common. It changes no bit, several threads may share it, and it grows to
        `KNOT_BYTES`.

    Returns
    -------
    numpy.ndarray, shape ``shape``
        float32, mean 0 and variance 1.

    Examples
    --------
    >>> hours = np.datetime64("2020-01-01T00") + np.arange(2)
    >>> first, next = (
    ...     persistent_normal(0, 0, t, "all", (8, 40, 40), persistence={6.0: 1.0}) for t in hours)
    >>> round(float((first * next).mean()), 1)
    1.0
    """

    def draw(when: np.datetime64 | datetime | str, octave: str = "") -> np.ndarray:
        return standard_normal(seed, member, when, component + octave, shape, given)

    octaves = {hours: share for hours, share in (persistence or {}).items() if share > 0}
    left = 1 - sum(octaves.values())
    out = draw(time) if left > 1e-6 or not octaves else np.zeros(shape, np.float32)
    if not octaves:
        return out
    out *= np.float32(np.sqrt(max(left, 0.0)))
    second = second_of(time)
    for hours, share in sorted(octaves.items()):
        address = f"{int(seed)}/{int(member)}/{component}/{given}/{hours:g}"
        place = second / (3600 * hours) + _phases(address, shape[0])
        first = np.floor(place).astype(np.int64)
        knot = functools.partial(_knot, draw, f"/every {hours:g} h")
        key = address, shape
        have = knots.get(key, {}) if knots is not None else {}
        needed = range(int(first.min()), int(first.max()) + 2)
        around = {n: have[n] if n in have else knot(n) for n in needed}
        if knots is not None and (key in knots or len(knots) < _most_octaves(shape)):
            knots[key] = around
        _add_octave(out, np.float32(np.sqrt(share)), first, place - first, around)
    return out


def _most_octaves(shape: tuple[int, ...]) -> int:
    """Return of how many octaves the knots are kept, each of three fields or two."""
    return int(KNOT_BYTES // (3 * 4 * math.prod(shape)))


def autocorrelation(lag: np.ndarray | float, persistence: Mapping[float, float]) -> np.ndarray:
    """Return the correlation of noise at two times, averaged over all positions of the knots.

    With knots T apart and s = lag / T, it is ``(1 - s / 2) cos(pi s / 2) + sin(pi s / 2) / pi`` up
    to s = 2, and 0 beyond.

    Parameters
    ----------
    lag : float or ndarray
        In hours.
    persistence : mapping of float to float
        As of `persistent_normal`.

    Examples
    --------
    >>> float(autocorrelation(1.0, {3.0: 0.5, 12.0: 0.5}).round(3))
    0.936
    """
    lag = np.abs(np.asarray(lag, "float64"))
    total = np.where(lag == 0, 1 - sum(persistence.values()), 0.0)
    for hours, share in persistence.items():
        s = np.minimum(lag / hours, 2)
        total = total + share * (
            (1 - s / 2) * np.cos(np.pi * s / 2) + np.sin(np.pi * s / 2) / np.pi
        )
    return total


def _knot(draw: Callable[..., np.ndarray], octave: str, number: int) -> np.ndarray:
    return draw(np.datetime64(number, "s"), octave)


def _add_octave(
    out: np.ndarray,
    scale: np.float32,
    first: np.ndarray,
    place: np.ndarray,
    knots: Mapping[int, np.ndarray],
) -> None:
    """Add an octave to a field in place, each channel at its place between two knots.

    Channel by channel: what is worked on stays in the processor's cache.
    """
    angle = place * (np.pi / 2)
    cosine, sine = (f(angle).astype(np.float32) for f in (np.cos, np.sin))
    one, two = (np.empty(out.shape[1:], np.float32) for _ in range(2))
    for channel, knot in enumerate(first.tolist()):
        np.multiply(knots[knot][channel], cosine[channel], out=one)
        np.multiply(knots[knot + 1][channel], sine[channel], out=two)
        one += two
        one *= scale
        out[channel] += one


def _phases(address: str, channels: int) -> np.ndarray:
    """Return a number from 0 to 1 for each channel."""
    key = int.from_bytes(sha256(address.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key)).random(channels)
