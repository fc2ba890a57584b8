"""Names that datasets use beside those of ECMWF and CF. A new dialect is added here alone.

All names are in lower case and are compared so. :mod:`xldm.inputs.fields.names` reads heights,
levels and hours in names; only the words beside them are listed here. CF standard names and GRIB
ids are no dialect: they are the vocabulary's (:mod:`xldm.vocabulary`).
"""

from __future__ import annotations

import re

__all__ = [
    "AMBIGUOUS", "CELLS", "LATITUDE", "LEAD", "LEVEL", "LONGITUDE", "MEMBER", "NAMES", "OTHERS",
    "SIMULATION", "START", "STATISTICS", "TIME", "UNITS", "VALID_TIME", "WORDS", "says_water",
    "spelled",
]  # fmt: skip

#: Coordinates that can only mean valid time, and those that mean it unless a lead goes with them.
VALID_TIME = ("valid_time", "verifying_time", "verification_time", "validtime", "valid_date")
TIME = (
    "time", "time_index", "time_counter", "date", "datetime", "times", "xtime",
)  # fmt: skip
#: Coordinates of the initialisation of a forecast, and of the lead that follows it.
START = (
    "forecast_reference_time", "init_time", "initialization_time", "initialisation_time",
    "forecast_initial_time", "initial_time", "initial_time0_hours", "reference_time", "reftime",
    "start_time", "start_date", "base_time", "indexing_time", "init", "initialization", "run_time",
    "model_run", "hindcast_time",
)  # fmt: skip
LEAD = (
    "step", "lead_time", "leadtime", "lead", "prediction_timedelta", "forecast_period",
    "forecast_hour", "forecast_time", "forecast_lead_time", "fhour", "fh", "timedelta",
    "prediction_time", "forecast_step", "forecast_lead", "leads", "steps", "forecastmonth",
    "forecast_day",
)  # fmt: skip
LATITUDE = (
    "latitude", "lat", "nav_lat", "xlat", "lats", "lat_0", "gridlat_0", "g0_lat_0", "g0_lat_1",
    "g0_lat_2", "clat", "g4_lat_0", "g4_lat_1", "g4_lat_2",
)  # fmt: skip
LONGITUDE = (
    "longitude", "lon", "nav_lon", "xlong", "lons", "lon_0", "gridlon_0", "g0_lon_1", "g0_lon_2",
    "g0_lon_3", "clon", "g4_lon_1", "g4_lon_2", "g4_lon_3",
)  # fmt: skip
#: Standard names of what can only be a coordinate, and is no level.
COORDINATES = (
    "time", "forecast_reference_time", "forecast_period", "realization", "latitude", "longitude",
)  # fmt: skip
#: Dims along which the cells of a grid without axes lie.
CELLS = (
    "cell", "cells", "ncells", "cell_ids", "values", "value", "point", "points", "node", "nodes",
    "ncol", "pix", "npix", "healpix", "nod2",
)  # fmt: skip
#: Coordinates of pressure; providers number some of them (``isobaric3``).
LEVEL = (
    "level", "levels", "pressure_level", "pressure_levels", "isobaricinhpa", "isobaricinpa",
    "isobaric", "lv_isbl", "plev", "plevs", "lev", "pressure", "pres", "press", "air_pressure",
    "p",
)  # fmt: skip
#: Dims along which ensemble members lie.
MEMBER = (
    "number", "realization", "realisation", "member", "ensemble", "ensemble_member", "ens",
    "member_id", "variant_label", "variant_id", "perturbation", "ensemble_number", "sample",
)  # fmt: skip
#: Dims of whole simulations, which share nothing but the method.
SIMULATION = (
    "scenario", "model", "experiment", "experiment_id", "source_id", "source", "gcm", "rcm", "ssp",
    "institution_id", "centre", "center", "simulation", "driving_model", "driving_model_id",
)  # fmt: skip

#: Spellings of units that the CF unit registry does not know or takes for others: ``deg C`` is no
#: angle times a charge. In lower case.
UNITS = {
    "mb": "mbar",
    "hpa": "hPa",
    "pa": "Pa",
    "pascal": "Pa",
    "pascals": "Pa",
    "mm": "mm",
    "c": "degC",
    "celsius": "degC",
    "centigrade": "degC",
    "kelvin": "K",
    "(0 - 1)": "1",
    "0-1": "1",
    "0 - 1": "1",
    "fraction": "1",
    "numeric": "1",
    "unitless": "1",
    "percentage": "%",
    "dimensionless": "1",
    "proportion": "1",
    "w/m^2": "W/m^2",
    "w/m2": "W/m2",
    "w m-2": "W m-2",
    "ws/m2": "W s/m2",
    "ws m-2": "W s m-2",
    "watt m-2": "W m-2",
    "watts m-2": "W m-2",
    "kg/m**2": "kg/m**2",
    "degree true": "degree",
    "degrees true": "degree",
}
_DEGREES = re.compile(r"deg(?:ree)?s?[ _.]*(c|celsius|k|kelvin|f|fahrenheit)")
_LETTER = {"c": "degC", "k": "K", "f": "degF"}
_WATER = re.compile(
    r"(?<![a-z])(m|mm|cm|met(?:er|re)s?)[ _]*\(?(?:of[ _]+)?(?:liquid[ _]+)?"
    r"(?:water(?:[ _]+equivalent)?|w\.?[ ]?e\.?|swe)(?![a-z])\)?",
    re.IGNORECASE,
)


def spelled(units: str) -> str:
    """Return units as the CF unit registry spells them, if a dialect spells them otherwise.

    Examples
    --------
    >>> spelled("degrees_celsius"), spelled("Kelvin"), spelled("m of water equivalent")
    ('degC', 'K', 'm')
    >>> spelled("m s**-1")
    'm s**-1'
    """
    bare = re.sub(r"^\[\s*(.*?)\s*\]$", r"\1", units.strip())  # wgrib2 and others: "[kg/m^2]"
    plain = _WATER.sub(r"\1", bare)
    lower = plain.lower()
    degrees = _DEGREES.fullmatch(lower)
    return _LETTER[degrees[1][0]] if degrees else UNITS.get(lower, plain)


def says_water(units: str) -> bool:
    """Tell whether units say that a depth is one of water.

    Examples
    --------
    >>> says_water("m w.e."), says_water("m")
    (True, False)
    """
    return _WATER.search(units.strip()) is not None


_EASTWARD = (
    "u", "u_component_of_wind", "eastward_wind", "wind_u", "u_wind", "u_wind_component",
    "u_component", "wind_u_component", "zonal_wind", "ugrd", "uwnd", "ugrdprs",
)  # fmt: skip
_NORTHWARD = (
    "v", "v_component_of_wind", "northward_wind", "wind_v", "v_wind", "v_wind_component",
    "v_component", "wind_v_component", "meridional_wind", "vgrd", "vwnd", "vgrdprs",
)  # fmt: skip
_TEMPERATURE = ("t", "temperature", "air_temperature", "temp", "tmp", "air")
_HUMIDITY = ("q", "specific_humidity", "qv", "spfh", "shum")
_RELATIVE = ("r", "relative_humidity", "rh", "rhum", "relhum")

#: GRIB short name -> names of the quantity; a height, a level or a coordinate says the rest.
WORDS: dict[str, tuple[str, ...]] = {
    "2t": _TEMPERATURE,
    "2d": (
        "d", "td", "dpt", "dewpoint", "dew_point", "dewpoint_temperature", "dew_point_temperature",
    ),
    "10u": _EASTWARD,
    "10v": _NORTHWARD,
    "2r": _RELATIVE,
    "2sh": (*_HUMIDITY, "sh"),
    "10si": ("si", "ws", "wspd", "wind_speed"),
    "10wdir": ("wdir", "wd", "wind_direction", "wind_from_direction"),
    "t": (*_TEMPERATURE, "ta", "tmpprs"),
    "q": (*_HUMIDITY, "hus", "spfhprs"),
    "u": (*_EASTWARD, "ua"),
    "v": (*_NORTHWARD, "va"),
    "w": (
        "w", "wap", "omega", "vvel", "vertical_velocity", "vertical_velocity_pressure",
        "vertical_pressure_velocity", "vvelprs", "lagrangian_tendency_of_air_pressure",
    ),
    "r": (*_RELATIVE, "hur", "rhprs"),
    "wz": (
        "w", "wz", "wa", "dzdt", "vertical_velocity", "vertical_velocity_geometric",
        "geometric_vertical_velocity", "upward_air_velocity",
    ),
}  # fmt: skip

#: GRIB short name -> whole names of the field. The name of a sum may say its hours beside.
NAMES: dict[str, tuple[str, ...]] = {
    "2t": ("tas",),
    "2d": ("tdps", "t2mdew"),
    "10u": ("uas",),
    "10v": ("vas",),
    "2r": ("hurs",),
    "2sh": ("huss",),
    "10si": ("sfcwind",),
    "msl": (
        "psl", "slp", "mslp", "pmsl", "prmsl", "prmslmsl", "prmsl_meansealevel", "mslma", "mslet",
        "mslet_meansealevel", "pressure_msl", "sea_level_pressure",
        "mean_sea_level_air_pressure", "air_pressure_at_mean_sea_level",
        "air_pressure_at_sea_level", "pressure_reduced_to_mean_sea_level",
        "pressure_reduced_to_msl", "pressure_reduced_to_msl_msl",
    ),
    "sst": ("sstk", "tos", "analysed_sst"),
    "sd": (
        "swe", "snw", "snomas", "sdwe", "weasd", "weasdsfc", "w_snow", "snow_water_equivalent",
        "snow_depth_water_equivalent", "water_equivalent_of_accumulated_snow_depth",
        "lwe_thickness_of_surface_snow_amount", "surface_snow_amount",
    ),
    "tp": (
        "pr", "tpf", "apcp", "prate", "tprate", "mtpr", "avg_tprate", "prectotcorr", "tot_prec",
        "precipitation", "precipitation_surface", "precipitation_amount", "precipitation_flux",
        "precipitation_rate", "total_precipitation_surface", "total_precipitation_rate",
        "mean_total_precipitation_rate", "lwe_thickness_of_precipitation_amount",
    ),
    "ssrd": (
        "rsds", "swgdn", "shortwave_radiation", "sdswrf", "dswrf", "msdwswrf", "avg_sdswrf", "fsds",
        "downward_short_wave_radiation_flux", "downward_short_wave_radiation_flux_surface",
        "mean_surface_downward_short_wave_radiation_flux",
        "surface_downwelling_shortwave_flux_in_air",
        "integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air",
    ),
    "skt": ("ts", "surface_temperature"),
    "wskt": ("tskinwtr",),
    "lsm": ("sftlf", "frland", "land_mask", "landmask", "land_binary_mask", "land_area_fraction"),
    "orog": ("surface_altitude",),
    "sp": ("ps", "psfc", "pressure_surface", "pressfc", "surface_air_pressure"),
    "sde": ("snd", "snod", "surface_snow_thickness"),
    "rsn": (),
    "lsp": ("stratiform_precipitation", "rainnc"),
    "cp": ("rainc",),
}  # fmt: skip

#: Names that some providers give to the one field and some to the other.
AMBIGUOUS: dict[str, tuple[str, str]] = {"snow_depth": ("sd", "sde")}

#: Words that make another quantity of the one beside them, and names that have them inside.
STATISTICS = (
    "max", "maximum", "min", "minimum", "mean", "avg", "average", "sum", "std", "stdev",
    "variance", "anomaly", "anom", "climatology", "clim", "gust", "gusts", "median", "quantile",
    "percentile", r"p\d{1,2}", "tendency", "increment", "spread", "clear_sky", "error",
    "uncertainty", "diff", "difference", "delta", "bias", "trend", "count", "mask", "flag", "daily",
    "weekly", "monthly", "seasonal", "annual", "yearly",
)  # fmt: skip
OTHERS = re.compile(
    r"t(?:as)?max.*|t(?:as)?min.*|m[xn]2t.*|i?10fg.*|fg10.*|.*gust.*|ssrdc|rsdscs|swgdnclr|tprate[mx].*"
    r"|ssrc?|tsrc?|strdc?|strc?|ttrc?|tisr|rsus|rlds|z\d*|zg\d*|gh\d*|geopotential.*"
)
