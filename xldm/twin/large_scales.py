"""Large-scale states of the twin: seasons, travelling waves and sunshine.

Every state is a continuous function of place and hour, so any hour can be computed alone. Vectors
are along the axes of the projection (x east-like, y north-like).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Climate", "Points", "State", "saturation_pressure", "sunshine"]

GRAVITY = 9.81
RHO = 1.2
HEIGHT_850 = 1450.0  # m
YEAR = 365.2425
REFERENCE_LATITUDE, REFERENCE_LONGITUDE = 38.0, 12.0  # of the climatologies

# Climate of the land's air in degC at sea level, at HEIGHT_850, and of the air over the sea: what
# each part of `_seasons` is multiplied by. `tools/fit_twin.py` fits the first two to stations and
# WorldClim; the third fits ERA5's monthly means over open sea to 0.5 K.
LOW = {
    "1": 15.77,
    "north": -0.44,
    "east": 0.05,
    "s": 7.53,
    "q": 0.25,
    "s north": 0.00,
    "s east": -0.12,
    "q north": -0.15,
    "2s": 0.32,
    "2q": 0.23,
    "north east": -0.16,
    "s north east": 0.31,
    "north2": -0.25,
    "s north2": 0.17,
}
HIGH = {
    "1": 4.94,
    "s": 8.67,
    "q": 0.76,
    "north": -0.65,
    "s north": -0.18,
    "east": -0.21,
    "s east": 0.13,
    "2s": 0.38,
    "2q": -0.71,
}
SEA = {
    "1": 18.9, "north": -0.33, "east": 0.04, "s": 6.0, "s north": 0.12, "s east": 0.08, "q": 2.0,
}  # fmt: skip


class Points(NamedTuple):
    """Places: projection coordinates in metres, longitude and latitude in degrees."""

    x: np.ndarray
    y: np.ndarray
    lon: np.ndarray
    lat: np.ndarray


class State(NamedTuple):
    """Large-scale state at some points, every field of the points' shape.

    ``pressure`` [Pa], ``t850`` [K], ``rh850`` and ``cloud`` [1], geostrophic wind near the ground
    ``ug, vg`` and at 850 hPa ``u850, v850`` [m s-1], ``lift`` (slow ascent, [Pa s-1], negative
    upwards), ``low`` and ``high`` (climate over land at sea level and at
    850 hPa's height, before `temperature` adds the day's course, [K]), ``sst`` [K], ``sea`` (air
    over the sea, [K]), ``heat`` and ``cool`` (lagged insolation and clear, calm night; about 0 to
    1), ``snowline`` [m], ``sun_x, sun_y`` (sunlight from that side; 0 at night).
    """

    pressure: np.ndarray
    t850: np.ndarray
    rh850: np.ndarray
    cloud: np.ndarray
    ug: np.ndarray
    vg: np.ndarray
    u850: np.ndarray
    v850: np.ndarray
    lift: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sst: np.ndarray
    sea: np.ndarray
    heat: np.ndarray
    cool: np.ndarray
    snowline: np.ndarray
    sun_x: np.ndarray
    sun_y: np.ndarray


def saturation_pressure(kelvin: np.ndarray) -> np.ndarray:
    """Return the saturation vapour pressure over water in Pa (Alduchov and Eskridge 1996)."""
    celsius = kelvin - 273.15
    return 610.94 * np.exp(17.625 * celsius / (celsius + 243.04))


def season(hour: float, peak: float) -> float:
    """Return the cosine of the year, 1 on day ``peak`` and -1 half a year away."""
    return float(np.cos(2 * np.pi * (hour / 24 - peak) / YEAR))


def _seasons(points: Points, hour: float) -> dict[str, np.ndarray]:
    """Return what the coefficients of the climatologies multiply, by name.

    ``s`` is the yearly cosine, 1 on 30 July, and ``q`` a quarter of a year later; ``2s`` and ``2q``
    are half-yearly.
    """
    north, east = points.lat - REFERENCE_LATITUDE, points.lon - REFERENCE_LONGITUDE
    one = np.ones_like(north)
    places = {"1": one, "north": north, "east": east, "north east": north * east / 10}
    places["north2"] = north**2 / 10
    s, q = season(hour, 211), season(hour, 211 + YEAR / 4)
    out = {**places}
    for name, place in places.items():
        tail = "" if name == "1" else f" {name}"
        out |= {f"s{tail}": s * place, f"q{tail}": q * place}
    out["2s"], out["2q"] = (2 * s**2 - 1) * one, 2 * s * q * one
    return out


def sun(hour: float, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the eastward, northward and upward components of the unit vector to the sun.

    Declination and equation of time are the first terms of Spencer (1971).
    """
    day = 2 * np.pi * ((hour / 24) % YEAR) / YEAR
    declination = 0.006918 - 0.399912 * np.cos(day) + 0.070257 * np.sin(day)
    minutes = 229.18 * (
        0.001868 * np.cos(day) - 0.032077 * np.sin(day) - 0.040849 * np.sin(2 * day)
    )
    angle = np.radians(15 * (hour % 24 - 12 + minutes / 60) + lon)
    phi = np.radians(lat)
    east = -np.cos(declination) * np.sin(angle)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(angle)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    return east, north, up


def sunshine(hour: float, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the clear-sky irradiance of a horizontal surface in W m-2 (Haurwitz 1945)."""
    up = np.maximum(sun(hour, lon, lat)[2], 1e-3)
    return np.where(up > 1e-3, 1098.0 * up * np.exp(-0.057 / up), 0.0)


def veil(cloud: np.ndarray) -> np.ndarray:
    """Return the share of irradiance that passes the clouds (Kasten and Czeplak 1980)."""
    return 1 - 0.75 * cloud**3.4


class Waves:
    """A random field of unit variance: travelling plane waves with a red spectrum.

    ``f = sum_i a_i cos(k_i . (r - c_i t) + p_i)``, wavelengths between ``shortest`` and ``longest``
    metres spaced evenly in logarithm, ``a_i`` proportional to wavelength ** ``redness``, drifting
    eastwards at ``drift`` +- ``spread`` m s-1.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shortest: float,
        longest: float,
        redness: float,
        drift: float,
        spread: float,
        count: int = 48,
    ) -> None:
        length = np.exp(np.linspace(np.log(shortest), np.log(longest), count))
        direction = rng.permutation(count) * np.pi / count + rng.uniform(0, np.pi / count, count)
        k = 2 * np.pi / length
        self.kx, self.ky = k * np.cos(direction), k * np.sin(direction)
        self.omega = self.kx * rng.normal(drift, spread, count)
        self.omega += self.ky * rng.normal(0, spread, count)
        self.phase = rng.uniform(0, 2 * np.pi, count)
        amplitude = length**redness
        self.amplitude = amplitude * np.sqrt(2 / (amplitude**2).sum())

    def at(self, points: Points, seconds: float, turn: float = 0.0) -> tuple[np.ndarray, ...]:
        """Return the value and its gradient along x and y, with all phases shifted by ``turn``."""
        phase = np.multiply.outer(points.x - 4.5e6, self.kx)
        phase += np.multiply.outer(points.y - 2.0e6, self.ky)
        phase += np.mod(self.phase + turn - self.omega * seconds, 2 * np.pi)
        phase = phase.astype(np.float32)
        slope = -np.sin(phase) * self.amplitude.astype(np.float32)
        value = np.cos(phase) @ self.amplitude.astype(np.float32)
        return value, slope @ self.kx.astype(np.float32), slope @ self.ky.astype(np.float32)


class Climate:
    """The large-scale climate of one seed."""

    def __init__(self, seed: int):
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 1])))
        self._mass = Waves(rng, 500e3, 6000e3, 1.6, 9.0, 4.0)
        self._air = Waves(rng, 500e3, 5000e3, 1.0, 7.0, 4.0)
        self._damp = Waves(rng, 300e3, 3000e3, 0.6, 8.0, 4.0)
        # Weather between the fronts and the small scales; its velocity has a spectrum of k^-5/3.
        self._meso = Waves(rng, 160e3, 600e3, 4 / 3, 7.0, 3.0, count=64)
        # Slow waves, with periods of weeks, give each month and sea an anomaly.
        self._slow = Waves(rng, 2000e3, 9000e3, 0.3, 0.0, 1.2, count=16)
        # Rain gathers in patches and areas that travel with the air.
        self._patches = Waves(rng, 60e3, 140e3, 0.7, 9.0, 3.0, count=96)
        self._areas = Waves(rng, 140e3, 500e3, 0.7, 9.0, 3.0, count=96)

    def storms(self, points: Points, hour: float) -> tuple[np.ndarray, np.ndarray]:
        """Return where rain gathers, in patches and in areas: fields of mean 0 and variance 1."""
        bands = (self._patches, self._areas)
        patches, areas = (band.at(points, hour * 3600.0)[0] for band in bands)
        return patches, areas

    def at(self, points: Points, hour: float) -> State:
        """Return the state at an hour since 1970-01-01T00 UTC; float32 fields."""
        seconds = hour * 3600.0
        summer = season(hour, 211)
        north = points.lat - REFERENCE_LATITUDE
        f = 2 * 7.292e-5 * np.sin(np.radians(points.lat))

        mass, mass_x, mass_y = self._mass.at(points, seconds)
        follow, follow_x, follow_y = self._mass.at(points, seconds, turn=-1.1)
        own, own_x, own_y = self._air.at(points, seconds)
        meso, meso_x, meso_y = self._meso.at(points, seconds)
        slow, _, _ = self._slow.at(points, seconds)
        damp, _, _ = self._damp.at(points, seconds)

        strength = 640.0 * (1 - 0.28 * summer)  # Pa
        drift = 1.6 - 0.8 * summer  # m s-1, mean westerly
        pressure = 101550.0 - 150 * summer + strength * mass - RHO * f * drift * (points.y - 2.0e6)
        pressure += 1.2e5 * RHO * f * meso
        ug = -strength * mass_y / (RHO * f) - 1.2e5 * meso_y + drift
        vg = strength * mass_x / (RHO * f) + 1.2e5 * meso_x

        warmth = 3.6 - 0.6 * summer  # K
        anomaly = warmth * (0.55 * follow + 0.75 * own) + 1.3 * slow
        t_x = warmth * (0.55 * follow_x + 0.75 * own_x)
        t_y = warmth * (0.55 * follow_y + 0.75 * own_y) - 4.8e-6
        t850 = 273.15 + 11.0 - 0.53 * north + (6.9 + 0.07 * north) * summer + anomaly
        shear = GRAVITY / (f * 275.0) * HEIGHT_850 * 0.7
        u850, v850 = ug - shear * t_y, vg + shear * t_x

        lift = -0.9e3 * (u850 * t_x + v850 * t_y) - 0.07 * follow
        rh850 = 0.53 - 0.05 * summer + 0.17 * damp - 0.6 * lift - 0.04 * mass
        rh850 = 0.12 + 0.86 / (1 + np.exp(-4.2 * (rh850 - 0.5)))
        cloud = 1 / (1 + np.exp(-(rh850 - 0.64) / 0.09))

        seasons = _seasons(points, hour)
        low = 273.15 + sum(LOW[name] * seasons[name] for name in LOW) + 0.7 * anomaly
        high = 273.15 + sum(HIGH[name] * seasons[name] for name in HIGH) + anomaly
        late = season(hour, 232)
        sst = 273.15 + 20.2 - 0.5 * north + (5.7 + 0.3 * north) * late + 0.8 * slow
        heat, cool, east, northward = self._radiation(points, hour, cloud, np.hypot(ug, vg))
        sea = 273.15 + sum(SEA[name] * seasons[name] for name in SEA)
        sea += 0.25 * anomaly + 0.5 * slow + 0.5 * (heat - 0.2)
        snowline = 1900 - 95 * (points.lat - 45) + 1150 * season(hour, 225) + 90 * anomaly
        fields = (
            pressure, t850, rh850, cloud, ug, vg, u850, v850, lift,
            low, high, sst, sea, heat, cool, snowline, east, northward,
        )  # fmt: skip
        return State(*(np.asarray(field, np.float32) for field in fields))

    @staticmethod
    def _radiation(
        points: Points, hour: float, cloud: np.ndarray, wind: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return lagged insolation, darkness on clear calm nights, and the sunlight's direction."""
        lags = np.array([0.2, 0.3, 0.25, 0.15, 0.1])
        heat = sum(
            weight * sunshine(hour - lag, points.lon, points.lat) for lag, weight in enumerate(lags)
        )
        dark = np.exp(-np.arange(10) / 5.0)
        night = sum(
            weight / (1 + np.exp(sun(hour - lag, points.lon, points.lat)[2] / 0.04))
            for lag, weight in enumerate(dark / dark.sum())
        )
        east, northward, _ = sun(hour - 1.0, points.lon, points.lat)
        heat = heat * veil(cloud) / 850.0
        cool = night * (1.1 - 0.8 * cloud) * np.exp(-((wind / 13.0) ** 2))
        return heat, cool, east * heat, northward * heat
