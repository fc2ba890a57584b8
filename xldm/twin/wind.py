"""The ground's answer in wind: the field at 10 m that the large-scale state determines.

Coefficients are the twin's own; `docs/twin.md` shows the resulting climate.
"""

from __future__ import annotations

import numpy as np

from .large_scales import HEIGHT_850, State
from .surface import Surface, downwind, positive
from .varying import Varying

__all__ = ["mean", "spread"]

FASTEST = 23.0  # m s-1; the mean wind at 10 m approaches it, as friction grows with the square


def mean(ground: Surface, state: State, vary: Varying) -> tuple[np.ndarray, np.ndarray]:
    """Return the wind at 10 m along the projection's axes in m s-1, without small scales."""
    u, v = _surface_layer(ground, state)
    u, v = _over_and_around(ground, state, u, v)

    # Thermal circulations fade as the large-scale wind grows.
    weak = np.exp(-(state.ug**2 + state.vg**2) / 13.0**2)
    steep = np.sqrt(ground.slope[0] ** 2 + ground.slope[1] ** 2 + 0.05**2)
    broad = np.sqrt(ground.flank[0] ** 2 + ground.flank[1] ** 2 + 0.02**2)
    up = (8.0 * state.heat * weak - 7.0 * state.cool) * ground.land
    valley = (8.0 * state.heat * weak - 4.5 * state.cool) * ground.inland
    breeze = (5.5 * positive(state.heat - 0.15) - 2.0 * state.cool) * weak
    u += up * ground.slope[0] / steep + valley * ground.flank[0] / broad
    v += up * ground.slope[1] / steep + valley * ground.flank[1] / broad
    u += breeze * ground.onshore[0]
    v += breeze * ground.onshore[1]
    limit = (1 + ((u**2 + v**2) / FASTEST**2) ** 2) ** -0.25
    return u * limit, v * limit


def _surface_layer(ground: Surface, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Slow and turn the geostrophic wind by friction; on high ground, approach the free wind."""
    mixing = 1 + ground.land * (0.25 * state.heat - 0.45 * state.cool)
    basin = np.tanh(positive(-ground.relief_40) / 400)
    slow = 0.53 * ground.wind * mixing * (1 - 0.45 * basin)
    turn = np.radians(17 + 16 * ground.inland).astype(np.float32)
    along, across = slow * np.cos(turn), slow * np.sin(turn)
    u = along * state.ug - across * state.vg
    v = along * state.vg + across * state.ug

    # Wakes behind mountains, jets behind the gaps between them; the steadier the air, the longer.
    wake = downwind(ground.wake, u, v)
    carry = np.exp((0.25 * state.heat - 1.25) * wake)
    u, v = carry * u, carry * v

    part = np.minimum(ground.orog / HEIGHT_850, 1.3)
    free_u = state.ug + part * (state.u850 - state.ug)
    free_v = state.vg + part * (state.v850 - state.vg)
    exposed = (1 - np.exp(-ground.orog / 700)) / (
        1 + np.exp(-(0.7 * ground.relief_8 + 0.5 * ground.relief_40 - 90) / 90)
    )
    bound = 1 - 0.9 * np.tanh(positive(-ground.relief_8) / 90)
    u = bound * u + exposed * (0.85 * free_u - u)
    v = bound * v + exposed * (0.85 * free_v - v)
    return u, v


def _over_and_around(
    ground: Surface, state: State, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add speed-up over crests, and blocking, foehn and channelling by broad flanks."""
    xx, xy, yy = ground.squeeze
    u, v = u + 1.7 * (xx * u + xy * v), v + 1.7 * (xy * u + yy * v)

    gx, gy = ground.flank
    norm = 1 / np.sqrt(gx**2 + gy**2 + 1e-8)
    nx, ny = gx * norm, gy * norm
    steep = np.tanh(np.sqrt(gx**2 + gy**2) / 0.03)
    uphill = u * nx + v * ny
    # Stable air is blocked on the windward side, turns along the range, and accelerates in the lee.
    stiff = 0.45 + 0.4 * state.cool - 0.3 * state.heat
    change = steep * (0.55 * positive(-uphill) * (-1) - stiff * positive(uphill))
    return u + change * nx, v + change * ny


def spread(ground: Surface, state: State, speed: np.ndarray, vary: Varying) -> np.ndarray:
    """Return the standard deviation of the small scales of a wind component in m s-1.

    It grows with the wind, mostly over rough terrain, and with convection over land.
    """
    convective = state.heat * (0.25 + 0.75 * ground.inland)
    return 0.10 + speed * (0.06 + 0.055 * ground.rough) + 0.4 * convective
