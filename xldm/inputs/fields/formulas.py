"""Formulas that give a field from others; arithmetic on NumPy, dask and xarray alike.

Saturation follows the IFS (ECMWF, *IFS Documentation, Part IV: Physical Processes*): Tetens'
formula with the constants of Buck (1981), over water. Dew points of ERA5 are over water too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

__all__ = [
    "dew_point",
    "dew_point_from_relative_humidity",
    "dew_point_from_sea_level",
    "dew_point_from_specific_humidity",
    "eastward_from_direction",
    "northward_from_direction",
    "omega_from_vertical_velocity",
    "open_water",
    "saturation_pressure",
    "sea_surface_from_skin",
    "snow_water",
    "specific_humidity_from_relative",
    "surface_pressure_from_sea_level",
    "total_of",
]

_G = 9.80665  # m s-2
_DRY, _VAPOUR = 287.0597, 461.5250  # J kg-1 K-1: gas constants of the IFS
_RATIO = _DRY / _VAPOUR  # of molar masses, water to dry air: 0.622
_E0, _A, _T0, _T1 = 611.21, 17.502, 273.16, 32.19  # Pa, 1, K, K: over water
_A_ICE, _T1_ICE = 22.587, -0.7  # over ice
_ALL_ICE = 250.16  # K, below which the IFS has no liquid water
_FREEZING = 271.46  # K: the lowest sea surface temperature of ERA5
_LAPSE = 0.0065  # K m-1: the standard atmosphere
_WATER = 1000.0  # kg m-3


def saturation_pressure(temperature: Any) -> Any:
    """Return the saturation pressure of water vapour over water, in Pa.

    e = 611.21 exp(17.502 (T - 273.16) / (T - 32.19)), T in K.

    Examples
    --------
    >>> round(float(saturation_pressure(273.16)), 2), round(float(saturation_pressure(300.0)))
    (611.21, 3532)
    """
    return _E0 * np.exp(_A * (temperature - _T0) / (temperature - _T1))


def dew_point(vapour_pressure: Any) -> Any:
    """Return the dew point over water in K: the inverse of :func:`saturation_pressure`.

    Examples
    --------
    >>> round(float(dew_point(saturation_pressure(285.0))), 6)
    285.0
    """
    # Dry air has no dew point; a hundredth of a pascal stands for 200 K.
    log = np.log(np.maximum(vapour_pressure, 0.01) / _E0)
    return (_A * _T0 - _T1 * log) / (_A - log)


def dew_point_from_specific_humidity(humidity: Any, pressure: Any) -> Any:
    """Return the dew point in K from specific humidity (kg kg-1) and pressure (Pa) at the surface.

    e = q p / (0.622 + 0.378 q), then the inverse of Tetens' formula.

    Examples
    --------
    >>> round(float(dew_point_from_specific_humidity(0.01, 1e5)), 2)
    287.16
    """
    return dew_point(humidity * pressure / (_RATIO + (1 - _RATIO) * humidity))


def dew_point_from_sea_level(humidity: Any, pressure: Any, temperature: Any, height: Any) -> Any:
    """Return the dew point in K from specific humidity, and pressure reduced to sea level.

    See :func:`surface_pressure_from_sea_level` and :func:`dew_point_from_specific_humidity`.

    Examples
    --------
    >>> round(float(dew_point_from_sea_level(0.01, 1e5, 290.0, 0.0)), 2)
    287.16
    """
    surface = surface_pressure_from_sea_level(pressure, temperature, height)
    return dew_point_from_specific_humidity(humidity, surface)


def dew_point_from_relative_humidity(percent: Any, temperature: Any) -> Any:
    """Return the dew point in K from relative humidity (%) over water and temperature (K) at 2 m.

    e = (r / 100) e_s(T). Where humidity is stated over ice below 0 degC, as in CMIP6, the dew point
    comes out too high, by 1 K at -10 degC.

    Examples
    --------
    >>> round(float(dew_point_from_relative_humidity(100.0, 280.0)), 6)
    280.0
    """
    return dew_point(percent / 100 * saturation_pressure(temperature))


def surface_pressure_from_sea_level(pressure: Any, temperature: Any, height: Any) -> Any:
    """Return surface pressure in Pa from pressure at sea level, temperature at 2 m and orography.

    p = p0 exp(-g z / (R Tm)), where Tm = T + 0.0065 z / 2 is the mean temperature of a standard
    atmosphere below the surface (WMO-No. 8, chapter on pressure).

    Examples
    --------
    >>> round(float(surface_pressure_from_sea_level(101325.0, 281.65, 1000.0)))
    89875
    """
    mean = temperature + _LAPSE * height / 2
    return pressure * np.exp(-_G * height / (_DRY * mean))


def specific_humidity_from_relative(percent: Any, temperature: Any, *, pressure: float) -> Any:
    """Return specific humidity (kg kg-1) from relative humidity (%) and temperature on a level.

    q = 0.622 e / (p - 0.378 e), e = (r / 100) e_s. As in the IFS, e_s is over water above 0 degC,
    over ice below -23 degC, and mixed between: a e_water + (1 - a) e_ice with
    a = ((T - 250.16) / 23)^2.

    Examples
    --------
    >>> round(float(specific_humidity_from_relative(50.0, 283.15, pressure=85000.0)), 5)
    0.0045
    """
    share = np.clip((temperature - _ALL_ICE) / (_T0 - _ALL_ICE), 0, 1) ** 2
    ice = _E0 * np.exp(_A_ICE * (temperature - _T0) / (temperature - _T1_ICE))
    vapour = percent / 100 * (share * saturation_pressure(temperature) + (1 - share) * ice)
    return _RATIO * vapour / (pressure - (1 - _RATIO) * vapour)


def omega_from_vertical_velocity(
    velocity: Any, temperature: Any, humidity: Any, *, pressure: float
) -> Any:
    """Return vertical velocity in Pa s-1 from that in m s-1, hydrostatically.

    omega = -w g p / (R Tv), Tv = T (1 + 0.608 q) (Holton, *Dynamic Meteorology*, chapter 3).

    Examples
    --------
    >>> round(float(omega_from_vertical_velocity(0.1, 280.0, 0.0, pressure=85000.0)), 3)
    -1.037
    """
    virtual = temperature * (1 + (1 / _RATIO - 1) * humidity)
    return -velocity * _G * pressure / (_DRY * virtual)


def sea_surface_from_skin(skin: xr.DataArray, land: xr.DataArray) -> xr.DataArray:
    """Return sea surface temperature in K from skin temperature, where a cell is mostly water.

    The skin of the sea differs from the water below it by some tenths of a kelvin. Cells that are
    more than half land have no value. Sea ice is colder than water: as in ERA5, nothing is below
    271.46 K.

    Examples
    --------
    >>> skin, land = xr.DataArray([290.0, 295.0, 250.0]), xr.DataArray([0.0, 1.0, 0.0])
    >>> sea_surface_from_skin(skin, land).values
    array([290.  ,    nan, 271.46])
    """
    return skin.clip(min=_FREEZING).where(land <= 0.5)


def open_water(skin: Any) -> Any:
    """Return sea surface temperature in K from the skin temperature of open water.

    Examples
    --------
    >>> open_water(290.0)
    290.0
    """
    return skin


def snow_water(thickness: Any, density: Any) -> Any:
    """Return the water of snow in m from its thickness (m) and density (kg m-3).

    Examples
    --------
    >>> snow_water(1.0, 250.0)
    0.25
    """
    return thickness * density / _WATER


def eastward_from_direction(speed: Any, direction: Any) -> Any:
    """Return the eastward wind from speed and the direction it comes from, in degrees from north.

    u = -s sin d.

    Examples
    --------
    >>> round(float(eastward_from_direction(5.0, 270.0)), 6)
    5.0
    """
    return -speed * np.sin(np.deg2rad(direction))


def northward_from_direction(speed: Any, direction: Any) -> Any:
    """Return the northward wind from speed and the direction it comes from, in degrees from north.

    v = -s cos d.

    Examples
    --------
    >>> round(float(northward_from_direction(5.0, 180.0)), 6)
    5.0
    """
    return -speed * np.cos(np.deg2rad(direction))


def total_of(large_scale: Any, convective: Any) -> Any:
    """Return total precipitation as the sum of its two parts.

    Examples
    --------
    >>> total_of(1.0, 2.0)
    3.0
    """
    return large_scale + convective
