"""The ground's answer in temperature: the field at 2 m that the large-scale state determines.

``tools/fit_twin.py`` fits the coefficients to stations and climatologies. The measurements are in
``docs/explanation/twin.md``.
"""

from __future__ import annotations

import numpy as np

from .large_scales import HEIGHT_850, State, season
from .surface import Surface, downwind, positive
from .varying import Varying

__all__ = ["COEFFICIENTS", "base", "coast", "mean", "parts", "spread"]

#: Air warms with less than the power 1 of insolation: a morning's shallow layer warms fast.
POWER = 0.7
#: Fitted coefficients of `parts` in K.
COEFFICIENTS = {
    "height": 1.10,
    "heat": 9.40,
    "heat cover": 0.30,
    "heat height": -0.79,
    "heat hollow": -0.19,
    "heat ridge": 0.39,
    "heat basin": 0.89,
    "heat shore": 0.41,
    "heat maritime": -3.62,
    "cool": -3.60,
    "cool cover": -1.00,
    "cool height": 1.68,
    "cool hollow": -1.48,
    "cool ridge": 1.16,
    "cool basin": 1.60,
    "cool shore": -1.96,
    "cool maritime": -1.15,
    "slope": -1.50,
    "heat snow": 1.60,
    "sea": 0.47,
}

#: Relative standard deviations of coefficients from day to day, as far as the fit leaves them open.
_OPEN = {
    "heat": 0.15,
    "cool": 0.3,
    "cool hollow": 0.6,
    "cool ridge": 0.6,
    "heat maritime": 0.3,
    "slope": 0.5,
}


def mean(ground: Surface, state: State, vary: Varying) -> np.ndarray:
    """Return the air temperature at 2 m in K, without the unpredictable small scales."""
    land = base(ground, state)
    # Over the stations, the lapse rate of single nights varies by 2.7 K/km in winter and 0.8 K/km
    # in summer (standard deviation). The free air above 2 km does not take part.
    winter = (1 - season(vary.hour, 211)) / 2
    lapse = (0.5 + 1.5 * winter**2) * vary("lapse")
    land += np.float32(1.5 * lapse) * (np.tanh(ground.orog / 1500) - np.float32(0.3))
    coefficients = _of_day(vary)
    for name, part in parts(ground, state).items():
        land += coefficients[name] * part
    return coast(ground, state, land)


def _of_day(vary: Varying) -> dict[str, float]:
    """Return the coefficients, with the values of the day where the data leave them open."""
    found = dict(COEFFICIENTS)
    for name, part in _OPEN.items():
        found[name] *= 1 + part * vary(name)
    return found


def base(ground: Surface, state: State) -> np.ndarray:
    """Return the climate of the lowland, of the free air as the ground rises, and wind effects."""
    z = ground.orog
    share = np.exp(-((z / 1300.0) ** 2))
    lowland = state.low - 0.0068 * z
    free = state.high + 0.0068 * (HEIGHT_850 - z)
    land = share * lowland + (1 - share) * free
    # Foehn: air warms as it descends behind a range.
    down = state.u850 * ground.flank[0] + state.v850 * ground.flank[1]
    foehn = 4.0 * np.tanh(positive(-down) / 0.8) - 2.0 * np.tanh(positive(down) / 0.8)
    # Cold air passes through gaps; behind the mountains between the gaps it stays mild.
    return land + foehn * ground.inland + 1.0 * downwind(ground.wake, state.ug, state.vg)


def parts(ground: Surface, state: State) -> dict[str, np.ndarray]:
    """Return what each coefficient multiplies."""
    km = ground.orog / 1000
    ridge = np.tanh(positive(ground.relief_8) / 150)
    basin = np.tanh(positive(-ground.relief_40) / 350)
    shore = 1 - ground.inland
    steep = np.sqrt(ground.slope[0] ** 2 + ground.slope[1] ** 2 + 0.06**2)
    snow = 1 / (1 + np.exp((state.snowline - ground.orog) / 150))
    out = {"height": km}
    warming = positive(state.heat) ** POWER
    for name, drive, cover in (
        ("heat", warming, ground.heat),
        ("cool", state.cool, ground.cool),
    ):
        out |= {
            name: drive,
            f"{name} cover": drive * (cover - 1),
            f"{name} height": drive * km,
            f"{name} hollow": drive * ground.hollow,
            f"{name} ridge": drive * ridge,
            f"{name} basin": drive * basin,
            f"{name} shore": drive * shore,
            f"{name} maritime": drive * ground.maritime,
        }
    slope = (ground.slope[0] * state.sun_x + ground.slope[1] * state.sun_y) / steep
    maritime = ground.maritime * (state.sea - state.low)
    return out | {"slope": slope, "heat snow": state.heat * snow, "sea": maritime}


def coast(ground: Surface, state: State, land: np.ndarray) -> np.ndarray:
    """Join the air over land and sea: sharply at the shore, and carried downwind to either side."""
    fetch = downwind(ground.fetch, state.ug, state.vg)
    contrast = land + 0.006 * ground.orog - state.sea
    sea = state.sea + 0.35 * fetch * contrast
    land = land - 0.25 * (1 - fetch) * contrast
    return sea + ground.land * (land - sea)


def spread(ground: Surface, state: State, speed: np.ndarray, vary: Varying) -> np.ndarray:
    """Return the standard deviation of the small scales in K.

    It grows with convection and wind over land, and over rough ground on clear
    nights and sunny days.
    """
    convective = state.heat * (0.25 + 0.75 * ground.inland)
    out = (0.18 + 0.1 * ground.land) + 0.37 * convective + 0.025 * speed * ground.land
    return out + (0.12 + 0.45 * state.cool + 0.35 * state.heat) * ground.rough
