"""The twin's coarse side: 14 fields with ERA5's grid, names, units and accumulations."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import xarray as xr

from ..grids.footprints import cosine_bells
from .large_scales import (
    GRAVITY,
    YEAR,
    Points,
    State,
    saturation_pressure,
    season,
    sunshine,
    veil,
)

__all__ = [
    "ATTRS",
    "FOOTPRINT",
    "LATITUDE",
    "LONGITUDE",
    "dataset",
    "footprint",
    "predictors",
    "rain",
]

RHO_850 = 1.05  # kg m-3
UPPER_AIR = ("q", "t", "u", "v", "w")  # at 850 hPa
SUMS = ("tp", "ssrd")
LATITUDE = np.arange(48.5, 33.9, -0.25)
LONGITUDE = np.arange(3.5, 21.1, 0.25)
FOOTPRINT = 31e3  # m, full width at half maximum of ERA5's effective cell

# How much rain moist, rising air gives. `tools/fit_coarse_rain.py` fits it to monthly sums of
# WorldClim and CHELSA at 809 sites, to 530 mm a year over sea, and to wet and heavy hours.
RAIN = {
    "moist": 0.683,
    "moist summer": -0.013,
    "moist autumn": -0.014,
    "moist north": -0.0041,
    "moist summer north": -0.0047,
    "power": 2.5,
    "depth": 4.25e-3,
    "always": 0.41,
    "heat": 2.5,
    "warm sea": 0.058,
}
RAIN_LATITUDE = 42.0

#: Units, long name and CF standard name of each field, as in ERA5.
ATTRS = {
    "t2m": ("K", "2 metre temperature", "air_temperature"),
    "msl": ("Pa", "Mean sea level pressure", "air_pressure_at_mean_sea_level"),
    "u10": ("m s**-1", "10 metre U wind component", "eastward_wind"),
    "v10": ("m s**-1", "10 metre V wind component", "northward_wind"),
    "d2m": ("K", "2 metre dewpoint temperature", "dew_point_temperature"),
    "sst": ("K", "Sea surface temperature", "sea_surface_temperature"),
    "sd": ("m of water equivalent", "Snow depth", "lwe_thickness_of_surface_snow_amount"),
    "tp": ("m", "Total precipitation", "lwe_thickness_of_precipitation_amount"),
    "ssrd": (
        "J m**-2",
        "Surface short-wave (solar) radiation downwards",
        "surface_downwelling_shortwave_flux_in_air",
    ),
    "q": ("kg kg**-1", "Specific humidity", "specific_humidity"),
    "t": ("K", "Temperature", "air_temperature"),
    "u": ("m s**-1", "U component of wind", "eastward_wind"),
    "v": ("m s**-1", "V component of wind", "northward_wind"),
    "w": ("Pa s**-1", "Vertical velocity", "lagrangian_tendency_of_air_pressure"),
}


def footprint(x: np.ndarray, y: np.ndarray, points: Points) -> scipy.sparse.csr_array:
    """Return the area means of fine cells around each point, as a sparse (points, cells) operator.

    Weights fall from the centre as ``1 + cos(pi r / R)`` and vanish beyond ``R`` = `FOOTPRINT`,
    which is also the width at half maximum. A point outside the grid gets the mean around the
    nearest place inside, over a circle that widens with its distance (up to 2 R). The projection is
    equal-area, so all cells have equal weight.
    """
    inner_x, inner_y = np.clip(points.x, x[0], x[-1]), np.clip(points.y, y[-1], y[0])
    outside = np.hypot(points.x - inner_x, points.y - inner_y)
    radius = np.minimum(FOOTPRINT + outside / 2, 2 * FOOTPRINT)
    means, _ = cosine_bells(y, x, inner_y, inner_x, radius)
    return means.astype(np.float32)


def dataset(fields: dict[str, np.ndarray], time: np.datetime64, attrs: dict) -> xr.Dataset:
    """Arrange (latitude, longitude) arrays as in a netCDF of the Climate Data Store, in float32."""
    variables = {}
    for name, (units, long_name, standard_name) in ATTRS.items():
        dims = ["valid_time", "latitude", "longitude"]
        if name in UPPER_AIR:
            dims.insert(1, "pressure_level")
        values = np.asarray(fields[name], np.float32)
        shape = (1,) * (len(dims) - 2) + values.shape
        about = {"units": units, "long_name": long_name, "standard_name": standard_name}
        if name in SUMS:
            about["cell_methods"] = "time: sum (interval: 1 hour)"
        variables[name] = (dims, values.reshape(shape), about)
    pressure = {"units": "hPa", "standard_name": "air_pressure", "positive": "down"}
    coords = {
        "valid_time": ("valid_time", [time], {"standard_name": "time", "long_name": "time"}),
        "pressure_level": ("pressure_level", [850.0], pressure | {"long_name": "pressure"}),
        "latitude": (
            "latitude",
            LATITUDE,
            {
                "units": "degrees_north",
                "standard_name": "latitude",
                "stored_direction": "decreasing",
            },
        ),
        "longitude": (
            "longitude",
            LONGITUDE,
            {"units": "degrees_east", "standard_name": "longitude"},
        ),
    }
    return xr.Dataset(variables, coords, attrs)


def predictors(
    points: Points,
    hour: int,
    state: State,
    middle: State,
    ground: dict[str, np.ndarray],
    near: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Compute all fields from the coarse ``near`` (t2m, u10, v10, tp) and the states.

    ``middle`` is the state half an hour earlier, in the middle of the accumulation. ``ground``
    holds the coarse orog [m], its gradient ``gx, gy`` and the land share. Winds are along the
    projection's axes.
    """
    t2m = near["t2m"]
    rise = state.u850 * ground["gx"] + state.v850 * ground["gy"]
    vapour = state.rh850 * saturation_pressure(state.t850)
    return {
        **near,
        "msl": state.pressure,
        "d2m": t2m - _depression(state, ground["land"]),
        "sst": np.where(ground["land"] > 0.5, np.nan, state.sst),
        "sd": _snow(state, ground["orog"]) * ground["land"],
        "ssrd": _sunshine_of_hour(points, hour, middle),
        "q": 0.622 * vapour / (85000.0 - 0.378 * vapour),
        "t": state.t850,
        "u": state.u850,
        "v": state.v850,
        "w": state.lift - 0.4 * RHO_850 * GRAVITY * rise,
    }


def _depression(state: State, land: np.ndarray) -> np.ndarray:
    """Return the dew-point depression in K: larger in dry air, on hot afternoons, inland."""
    dry = 1.5 + 6.0 * (1 - state.rh850) * (0.4 + 0.6 * land) + 8.0 * land * state.heat
    return np.maximum(dry * (1 - 0.6 * state.cool * land), 0.2)


def _snow(state: State, orog: np.ndarray) -> np.ndarray:
    return 0.25 * np.log1p(np.exp((orog - state.snowline) / 150)) * 150 / 800


def rain(points: Points, hour: float, state: State, ground: dict[str, np.ndarray]) -> np.ndarray:
    """Return the depth of water in m that falls in the hour around ``hour``, smooth in space.

    Moist air rains where it rises: in weather, up slopes, over heated land and over warm sea. How
    moist it must be depends on season and latitude (`RAIN`).
    """
    summer, autumn = season(hour, 211), season(hour, 211 + YEAR / 4)
    north = points.lat - RAIN_LATITUDE
    everywhere = RAIN["moist"] + RAIN["moist summer"] * summer + RAIN["moist autumn"] * autumn
    needed = everywhere + north * (RAIN["moist north"] + RAIN["moist summer north"] * summer)
    moist = np.maximum(state.rh850 - needed, 0) / 0.25
    rise = state.u850 * ground["gx"] + state.v850 * ground["gy"]
    warm = np.maximum(state.sst - state.t850 - 8.0, 0) * (1 - ground["land"])
    force = RAIN["always"] - 3.0 * state.lift + 4.0 * rise
    force = force + RAIN["heat"] * state.heat * ground["land"] + RAIN["warm sea"] * warm
    return RAIN["depth"] * moist ** RAIN["power"] * np.maximum(force, 0)


def _sunshine_of_hour(points: Points, hour: int, middle: State) -> np.ndarray:
    parts = [sunshine(hour - (i + 0.5) / 6, points.lon, points.lat) for i in range(6)]
    return np.mean(parts, axis=0) * veil(middle.cloud) * 3600.0
