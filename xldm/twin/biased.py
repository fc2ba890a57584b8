"""The twin's coarse side as another model would give it: a forecast that drifts, a climate model.

Both are made of ERA5-like fields of the twin by functions of the value, the season and the lead.
The truth of a field is the twin's fine side of the same hour, so what errors of the coarse model
cost can be measured.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..errors import ArgumentError
from .large_scales import REFERENCE_LATITUDE, season

__all__ = ["climate_model", "forecast"]

_LEAD = 36.0  # hours after which half of the final error is there
# Of each field, in its units: the error of the mean and of the share of variance at long leads.
_FORECAST = {
    "t2m": (-3.5, 0.70), "d2m": (-2.0, 0.75), "t": (-2.0, 0.80), "sst": (-1.0, 0.95),
    "msl": (300.0, 0.80), "u10": (1.2, 0.60), "v10": (-0.6, 0.60), "u": (1.5, 0.70),
    "v": (0.0, 0.70), "w": (0.0, 0.60), "q": (6e-4, 0.80),
}  # fmt: skip
# The same of the climate model, and the error that changes sign from summer to winter.
_CLIMATE = {
    "t2m": (1.0, 2.5, 1.25), "d2m": (0.5, 1.5, 1.2), "t": (0.8, 1.8, 1.2), "sst": (0.7, 0.8, 1.1),
    "msl": (-250.0, 150.0, 1.2), "u10": (-0.8, 0.4, 1.35), "v10": (0.5, 0.5, 1.35),
    "u": (-1.5, 1.0, 1.25), "v": (1.0, 0.5, 1.25), "w": (0.0, 0.0, 1.3), "q": (4e-4, 8e-4, 1.2),
}  # fmt: skip
_DRIZZLE = 6e-5  # m of rain in an hour, everywhere


def forecast(era5: xr.Dataset, lead: float) -> xr.Dataset:
    """Return fields of the twin as a forecast of them at a lead would have them.

    The mean drifts away from that of the twin with the lead, anomalies lose variance, drizzle falls
    everywhere, and heavy rain is too weak.

    Parameters
    ----------
    era5 : Dataset (valid_time, latitude, longitude)
        From :func:`xldm.twin.both_sides`.
    lead : float
        In hours. At 0 nothing is changed.

    Examples
    --------
    >>> from xldm.twin import both_sides
    >>> era5, _ = both_sides(np.array(["2008-07-15T12"], "datetime64[h]"))
    >>> bool((forecast(era5, 72.0)["msl"] - era5["msl"]).mean() > 150)
    True
    """
    if not lead >= 0:
        raise ArgumentError(f"lead: expected hours of at least 0, got {lead!r}.")
    reached = lead / (lead + _LEAD)
    out = era5.copy()
    for name, (error, share) in _FORECAST.items():
        usual = _usual(era5, name)
        kept = 1 - (1 - share) * reached
        out[name] = usual + (era5[name] - usual) * kept + error * reached
    out["tp"] = era5["tp"] * (1 - 0.3 * reached) + _DRIZZLE * reached
    out["ssrd"] = era5["ssrd"] * (1 - 0.2 * reached)
    out["sd"] = era5["sd"] * (1 + 0.3 * reached)
    return _finished(out, era5, f"a forecast at {lead:g} h")


def climate_model(era5: xr.Dataset) -> xr.Dataset:
    """Return fields of the twin as a climate model would have them.

    Means are off by an amount that changes with the season, anomalies have too much variance, and
    it rains too often.

    Parameters
    ----------
    era5 : Dataset (valid_time, latitude, longitude)
        From :func:`xldm.twin.both_sides`.

    Examples
    --------
    >>> from xldm.twin import both_sides
    >>> era5, _ = both_sides(np.array(["2008-07-15T12"], "datetime64[h]"))
    >>> bool((climate_model(era5)["tp"] > 0).all())
    True
    """
    out = era5.copy()
    summer = _season(era5)
    for name, (error, seasonal, share) in _CLIMATE.items():
        usual = _usual(era5, name)
        out[name] = usual + (era5[name] - usual) * share + error + seasonal * summer
    out["tp"] = era5["tp"] * 1.4 + _DRIZZLE
    out["ssrd"] = era5["ssrd"] * (0.95 - 0.12 * summer)
    out["sd"] = era5["sd"] * 0.6
    return _finished(out, era5, "a climate model")


def _season(era5: xr.Dataset) -> xr.DataArray:
    hours = era5["valid_time"].values.astype("datetime64[h]").astype("int64")
    return xr.DataArray([season(float(h), 211) for h in hours], dims="valid_time")


def _usual(era5: xr.Dataset, name: str) -> xr.DataArray:
    """Return the value from which anomalies of a field are counted, by latitude and season."""
    summer, north = _season(era5), era5["latitude"] - REFERENCE_LATITUDE
    of_air = -0.6 * north + (7.0 + 0.2 * north) * summer
    usual = {
        "t2m": 290.5 + of_air,
        "d2m": 284.5 + of_air,
        "t": 284.0 + of_air,
        "sst": 293.0 + of_air,
        "msl": 101500.0 - 150.0 * summer + 0.0 * north,
        "q": 0.0052 + 0.0015 * summer + 0.0 * north,
    }
    return usual.get(name, 0.0 * (summer + north)).astype("float32")


def _finished(out: xr.Dataset, era5: xr.Dataset, what: str) -> xr.Dataset:
    """Return fields in the layout of the twin's, dew point and humidity within their bounds."""
    out["q"] = out["q"].clip(min=1e-5)
    out["d2m"] = np.minimum(out["d2m"], out["t2m"])
    for name, field in era5.items():
        # Its own attributes only: arithmetic takes over those of latitude.
        out[name] = out[name].transpose(*field.dims).astype("float32").drop_attrs(deep=False)
        out[name].attrs.update(field.attrs)
    return out.assign_attrs(era5.attrs, title=f"Synthetic twin as {what} would have it")
