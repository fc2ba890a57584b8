"""Names that datasets use beside those of ECMWF and CF. A new dialect is added here alone.

All names are in lower case and are compared so. CF standard names and GRIB ids are no dialect: they
are the vocabulary's (:mod:`xldm.vocabulary`).
"""

from __future__ import annotations

from ..vocabulary import Known

__all__ = ["CELLS", "LATITUDE", "LEVEL", "LONGITUDE", "MEMBER", "TIME", "UNITS", "names", "stems"]

#: Coordinates of valid time, in order of preference. In GRIB, ``time`` is when the forecast
#: started: names that can only mean valid time belong before it.
TIME = ("valid_time", "time", "time_index", "date", "datetime")
LATITUDE = (
    "latitude", "lat", "nav_lat", "xlat", "lats", "lat_0", "gridlat_0", "g0_lat_0", "g0_lat_1",
    "g0_lat_2", "clat",
)  # fmt: skip
LONGITUDE = (
    "longitude", "lon", "nav_lon", "xlong", "lons", "lon_0", "gridlon_0", "g0_lon_1", "g0_lon_2",
    "g0_lon_3", "clon",
)  # fmt: skip
#: Dims along which the cells of a grid without axes lie.
CELLS = (
    "cell", "cells", "ncells", "cell_ids", "values", "value", "point", "points", "node", "nodes",
    "ncol", "pix", "npix", "healpix", "nod2",
)  # fmt: skip
#: Coordinates of pressure.
LEVEL = (
    "level", "pressure_level", "isobaricinhpa", "isobaricinpa", "plev", "lev", "pressure",
)  # fmt: skip
#: Dims along which ensemble members lie.
MEMBER = ("number", "realization", "member", "ensemble", "ensemble_member")

#: Spellings of units that the CF unit registry does not know, or mistakes ("mb": millibarn).
UNITS = {
    "m of water equivalent": "m",
    "m of water": "m",
    "mm of water equivalent": "mm",
    "degrees_C": "degC",
    "degrees C": "degC",
    "mb": "mbar",
    "(0 - 1)": "1",
}

# GRIB short name -> other names of the field, as CMIP, CORDEX and earth2studio have them.
_ALIASES = {
    "2t": ("tas",),
    "msl": ("psl", "mslp"),
    "10u": ("u10m", "uas"),
    "10v": ("v10m", "vas"),
    "sd": ("snow_depth_water_equivalent", "swe"),
    "t": ("ta",),
    "u": ("ua",),
    "v": ("va",),
    "w": ("wap",),
}


def names(entry: Known) -> frozenset[str]:
    """Return the variable names that mean a field whatever its coordinates.

    Examples
    --------
    >>> from xldm.vocabulary import VOCABULARY
    >>> sorted(names(VOCABULARY["t2m"]))
    ['2m_temperature', '2t', 't2m', 'tas']
    """
    if entry.level is None:
        return frozenset({entry.name, *_aliases(entry)})
    return frozenset(f"{s}{sep}{entry.level:g}" for s in _aliases(entry) for sep in ("", "_"))


def stems(entry: Known) -> frozenset[str]:
    """Return the variable names that mean a field on a pressure-level coordinate only.

    Examples
    --------
    >>> from xldm.vocabulary import VOCABULARY
    >>> sorted(stems(VOCABULARY["t850"])), sorted(stems(VOCABULARY["t2m"]))
    (['t', 'ta', 'temperature'], [])
    """
    return frozenset() if entry.level is None else frozenset(_aliases(entry))


def _aliases(entry: Known) -> tuple[str, ...]:
    return (entry.short, entry.long_name, *_ALIASES.get(entry.short, ()))
