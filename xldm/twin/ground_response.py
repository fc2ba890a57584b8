"""The response of the ground to the large-scale state: temperature and wind on the fine grid.

All coefficients are the twin's own, chosen for plausible size; `docs/twin.md` shows the resulting
climate.
"""

from __future__ import annotations

import numpy as np

from .large_scales import HEIGHT_850, State
from .surface import Surface

__all__ = ["noise_amplitude", "temperature", "wind"]

FASTEST = 23.0  # m s-1; the mean wind at 10 m approaches it, as friction grows with the square


def positive(field: np.ndarray) -> np.ndarray:
    """Return the positive part of a field."""
    return np.maximum(field, 0)


def temperature(ground: Surface, state: State) -> np.ndarray:
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


def downwind(by_direction: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Interpolate fields (direction, y, x) to the local wind direction; in a calm, average them."""
    count = len(by_direction)
    place = np.arctan2(v, u) * np.float32(count / (2 * np.pi)) % count
    low = place.astype(np.int32)
    part = (place - low).astype(np.float32)
    cell = np.arange(u.size).reshape(u.shape)
    flat = by_direction.reshape(-1)
    first = flat[(low % count) * u.size + cell]
    found = first + part * (flat[((low + 1) % count) * u.size + cell] - first)
    calm = by_direction.mean(axis=0)
    return calm + np.tanh(np.hypot(u, v) / 3) * (found - calm)


def wind(ground: Surface, state: State) -> tuple[np.ndarray, np.ndarray]:
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


def noise_amplitude(
    ground: Surface, state: State, speed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return standard deviations of the small scales of a wind component [m s-1] and T2m [K].

    They grow with the wind, mostly over rough terrain, and with convection over land.
    """
    convective = state.heat * (0.25 + 0.75 * ground.inland)
    stirred = speed * (0.06 + 0.055 * ground.rough)
    of_wind = 0.10 + stirred + 0.4 * convective
    of_temperature = (0.18 + 0.1 * ground.land) + 0.37 * convective + 0.025 * speed * ground.land
    of_temperature += 0.4 * state.cool * ground.rough
    return of_wind, of_temperature
