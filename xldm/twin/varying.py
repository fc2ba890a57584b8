"""Coefficients that the data leave open: they vary from day to day within their uncertainty.

A model trained on a family of plausible climates carries over better than one trained on one.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np

__all__ = ["Varying"]

#: Hours between the independent numbers that a coefficient passes through.
KNOT_HOURS = 48
#: Standard deviations beyond which no coefficient goes.
FURTHEST = 2.0


class Varying:
    """Standard normal numbers by name, at an hour: continuous in time, independent of one another.

    Between two knots, ``cos(a) n_i + sin(a) n_{i+1}`` keeps the variance. Knots of names lie at
    different hours, so that not all coefficients are between knots at once.

    Parameters
    ----------
    seed : int
        Seed of the climate.
    hour : float
        Hours since 1970-01-01T00 UTC.

    Examples
    --------
    >>> vary = Varying(seed=0, hour=300_000)
    >>> vary("lapse") == vary("lapse") != vary("coast")
    True
    """

    def __init__(self, seed: int, hour: float) -> None:
        self.seed, self.hour = seed, hour

    def __call__(self, name: str) -> float:
        """Return the number of a name, at most `FURTHEST` from 0."""
        digest = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
        knot, part = divmod(self.hour / KNOT_HOURS + digest / 2**64, 1)
        angle = part * np.pi / 2
        first, second = (self._number(digest, int(knot) + i) for i in (0, 1))
        number = np.cos(angle) * first + np.sin(angle) * second
        return float(np.clip(number, -FURTHEST, FURTHEST))

    def _number(self, digest: int, knot: int) -> float:
        # Seed sequences take no negative words, so knots before 1970 become odd numbers.
        address = 2 * knot if knot >= 0 else -2 * knot - 1
        sequence = np.random.SeedSequence([self.seed, 3, digest, address])
        return float(np.random.Generator(np.random.Philox(sequence)).standard_normal())
