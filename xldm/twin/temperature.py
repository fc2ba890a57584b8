"""The ground's answer in temperature: the field at 2 m that the large-scale state determines.

Coefficients are the twin's own; `docs/twin.md` shows the resulting climate.
"""

from __future__ import annotations

import numpy as np

from .large_scales import HEIGHT_850, State
from .surface import Surface, downwind, positive
from .varying import Varying

__all__ = ["mean", "spread"]


def mean(ground: Surface, state: State, vary: Varying) -> np.ndarray:
    """Return the air temperature at 2 m in K, without the unpredictable small scales."""
    z = ground.orog
    # From the lowland's climate to the free air's as the ground rises.
    share = np.exp(-((z / 1300.0) ** 2))
    lowland = state.low - 0.0068 * z
    free = state.t850 + 0.0068 * (HEIGHT_850 - z)
    land = share * lowland + (1 - share) * free

    land += 6.7 * state.heat * ground.heat
    steep = np.sqrt(ground.slope[0] ** 2 + ground.slope[1] ** 2 + 0.06**2)
    land -= 5.0 * (ground.slope[0] * state.sun_x + ground.slope[1] * state.sun_y) / steep
    land -= 3.0 * state.cool * ground.cool
    land -= 2.5 * (state.heat + 0.4) / (1 + np.exp((state.snowline - z) / 150))

    # Cold air gathers in narrow hollows and in basins, and leaves the ridges mild.
    hollow = ground.hollow
    ridge = np.tanh(positive(ground.relief_8) / 150)
    land += state.cool * (5.5 * ridge - 7.2 * hollow) + state.heat * (2.8 * hollow - 2.2 * ridge)

    # Foehn: air warms as it descends behind a range.
    down = state.u850 * ground.flank[0] + state.v850 * ground.flank[1]
    land += (
        7.0 * np.tanh(positive(-down) / 0.6) - 3.0 * np.tanh(positive(down) / 0.6)
    ) * ground.inland

    # Cold air passes through gaps; behind the mountains between the gaps it stays mild.
    sheltered = 2.0 * downwind(ground.wake, state.ug, state.vg)
    land += sheltered

    # The coast: sharp at the shore, and carried downwind to either side.
    fetch = downwind(ground.fetch, state.ug, state.vg)
    contrast = land + 0.006 * z - state.sea
    sea = state.sea + 0.35 * fetch * contrast + 0.6 * sheltered
    land -= 0.25 * (1 - fetch) * contrast
    return sea + ground.land * (land - sea)


def spread(ground: Surface, state: State, speed: np.ndarray, vary: Varying) -> np.ndarray:
    """Return the standard deviation of the small scales in K.

    It grows with convection and wind over land, and on clear nights over rough ground.
    """
    convective = state.heat * (0.25 + 0.75 * ground.inland)
    out = (0.18 + 0.1 * ground.land) + 0.37 * convective + 0.025 * speed * ground.land
    return out + 0.4 * state.cool * ground.rough
