"""The ground's answer in wind: the field at 10 m that the large-scale state determines.

Coefficients are the twin's own; `docs/explanation/twin.md` shows the resulting climate.
"""

from __future__ import annotations

import numpy as np

from .large_scales import HEIGHT_850, State
from .surface import Surface, downwind, positive
from .varying import Varying

__all__ = ["mean", "spread"]

# By name: the size of an answer, and the share of it by which it varies from day to day. They are
# what `tools/fit_wind.py` finds in a real 0.1 degree model: terrain says little of what its coarse
# field does not say, so answers are small, and nobody should be sure of them.
_ANSWERS = {
    "friction": (0.55, 0.3),
    "crests": (0.10, 0.8),
    "valleys": (0.15, 0.8),
    "wakes": (0.3, 0.8),
    "speed-up": (0.9, 0.5),
    "blocking": (0.10, 0.8),
    "slope wind": (0.7, 0.8),
    "valley wind": (1.2, 0.8),
    "breeze": (1.5, 0.6),
    "small scales": (1.2, 0.25),
}

FASTEST = 23.0  # m s-1; the mean wind at 10 m approaches it, as friction grows with the square


class _Sizes:
    """Sizes of the answers on a day."""

    def __init__(self, vary: Varying) -> None:
        self._vary = vary

    def __call__(self, name: str) -> float:
        """Return the size of an answer."""
        size, share = _ANSWERS[name]
        return max(0.0, size * (1 + share * self._vary(name)))


def mean(ground: Surface, state: State, vary: Varying) -> tuple[np.ndarray, np.ndarray]:
    """Return the wind at 10 m along the projection's axes in m s-1, without small scales."""
    size = _Sizes(vary)
    u, v = _surface_layer(ground, state, size)
    u, v = _over_and_around(ground, state, u, v, size)

    # Thermal circulations fade as the large-scale wind grows.
    weak = np.exp(-(state.ug**2 + state.vg**2) / 13.0**2)
    steep = np.sqrt(ground.slope[0] ** 2 + ground.slope[1] ** 2 + 0.05**2)
    broad = np.sqrt(ground.flank[0] ** 2 + ground.flank[1] ** 2 + 0.02**2)
    up = size("slope wind") * (state.heat * weak - 0.8 * state.cool) * ground.land
    valley = size("valley wind") * (state.heat * weak - 0.6 * state.cool) * ground.inland
    breeze = size("breeze") * (positive(state.heat - 0.15) - 0.4 * state.cool) * weak
    u += up * ground.slope[0] / steep + valley * ground.flank[0] / broad
    v += up * ground.slope[1] / steep + valley * ground.flank[1] / broad
    u += breeze * ground.onshore[0]
    v += breeze * ground.onshore[1]
    limit = (1 + ((u**2 + v**2) / FASTEST**2) ** 2) ** -0.25
    return u * limit, v * limit


def _surface_layer(ground: Surface, state: State, size: _Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Slow and turn the geostrophic wind by friction; on high ground, approach the free wind."""
    mixing = 1 + ground.land * (0.25 * state.heat - 0.45 * state.cool)
    basin = np.tanh(positive(-ground.relief_40) / 400)
    # Friction of the land varies, that of the sea is known.
    friction = ground.wind ** size("friction")
    slow = 0.53 * friction * mixing * (1 - size("valleys") * basin)
    turn = np.radians(17 + 16 * ground.inland).astype(np.float32)
    along, across = slow * np.cos(turn), slow * np.sin(turn)
    u = along * state.ug - across * state.vg
    v = along * state.vg + across * state.ug

    # Wakes behind mountains, jets behind the gaps between them; the steadier the air, the longer.
    wake = downwind(ground.wake, u, v)
    carry = np.exp(size("wakes") * (0.2 * state.heat - 1) * wake)
    u, v = carry * u, carry * v

    part = np.minimum(ground.orog / HEIGHT_850, 1.3)
    free_u = state.ug + part * (state.u850 - state.ug)
    free_v = state.vg + part * (state.v850 - state.vg)
    exposed = (1 - np.exp(-ground.orog / 700)) / (
        1 + np.exp(-(0.7 * ground.relief_8 + 0.5 * ground.relief_40 - 90) / 90)
    )
    exposed = size("crests") * exposed
    bound = 1 - size("valleys") * np.tanh(positive(-ground.relief_8) / 90)
    u = bound * u + exposed * (0.85 * free_u - u)
    v = bound * v + exposed * (0.85 * free_v - v)
    return u, v


def _over_and_around(
    ground: Surface, state: State, u: np.ndarray, v: np.ndarray, size: _Sizes
) -> tuple[np.ndarray, np.ndarray]:
    """Add speed-up over crests, and blocking, foehn and channelling by broad flanks."""
    xx, xy, yy = ground.squeeze
    faster = size("speed-up")
    u, v = u + faster * (xx * u + xy * v), v + faster * (xy * u + yy * v)

    gx, gy = ground.flank
    norm = 1 / np.sqrt(gx**2 + gy**2 + 1e-8)
    nx, ny = gx * norm, gy * norm
    steep = np.tanh(np.sqrt(gx**2 + gy**2) / 0.03)
    uphill = u * nx + v * ny
    # Stable air is blocked on the windward side, turns along the range, and accelerates in the lee.
    stiff = 0.8 + 0.7 * state.cool - 0.5 * state.heat
    change = steep * size("blocking") * (-positive(-uphill) - stiff * positive(uphill))
    return u + change * nx, v + change * ny


def spread(ground: Surface, state: State, speed: np.ndarray, vary: Varying) -> np.ndarray:
    """Return the standard deviation of the small scales of a wind component in m s-1.

    It grows with the wind, mostly over rough terrain, and with convection over land.
    """
    convective = state.heat * (0.25 + 0.75 * ground.inland)
    weather = 0.50 + 0.15 * ground.rough + 0.25 * convective
    stirred = speed * (0.06 + 0.03 * ground.rough)
    return _Sizes(vary)("small scales") * np.hypot(weather, stirred)
