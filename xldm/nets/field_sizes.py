"""Sizes of fields that networks can work on: every halving must come out even.

Regions, tiles, other domains and training windows all take their sizes from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from ..config import ComponentConfig

__all__ = ["FieldSizes", "field_sizes"]

# The regression halves the fine field once for each of its four levels.
_REGRESSION = 2**4
# Quadratic interpolation, the simplest baseline, needs three cells.
_INTERPOLATION = 3


class FieldSizes(NamedTuple):
    """Sizes in coarse cells that a field may have along each axis.

    Parameters
    ----------
    multiple : int
        Sizes are multiples of it.
    least : int
        The smallest size, a multiple too.
    """

    multiple: int = 1
    least: int = _INTERPOLATION

    def fit(self, cells: int) -> bool:
        """Return whether a field may have so many coarse cells along an axis."""
        return cells % self.multiple == 0 and cells >= self.least


def field_sizes(components: Iterable[ComponentConfig], factor: int) -> FieldSizes:
    """Return the sizes of fields that all networks of some components can work on.

    The regression halves the fine field; the conditioner and the denoiser halve the coarse one. The
    least size is two multiples, so that the deepest level still has two cells along each axis: with
    one it would see no gradient.

    Parameters
    ----------
    components : iterable of ComponentConfig
        Networks that are None need nothing.
    factor : int
        Fine cells per coarse cell and axis.

    Examples
    --------
    >>> from xldm.config import RegressionConfig, Variable
    >>> t2m = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
    >>> component = ComponentConfig("2mT", (t2m,), RegressionConfig((4, 4, 8, 8)))
    >>> field_sizes([component], factor=8), field_sizes([component], factor=2)
    (FieldSizes(multiple=2, least=4), FieldSizes(multiple=8, least=16))
    """
    multiple = 1
    for part in components:
        if part.regression is not None:
            multiple = math.lcm(multiple, _REGRESSION // math.gcd(_REGRESSION, factor))
        if part.conditioner is not None and part.denoiser is not None:
            levels = max(part.conditioner.levels, len(part.denoiser.multipliers))
            multiple = math.lcm(multiple, 2 ** (levels - 1))
    return FieldSizes(multiple, max(2 * multiple, _INTERPOLATION))
