"""The same weather as providers lay it out: names, dims, units, attributes, sums.

Each layout is made of plain fields in double precision, so that what is read of it can be compared
with them. Sources of the layouts: documentation of the providers and files of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

HOUR = np.timedelta64(1, "h").astype("timedelta64[ns]")
START = np.datetime64("2020-07-15T00", "ns")
UPPER = {"q850": "q", "t850": "t", "u850": "u", "v850": "v", "w850": "w"}
CDS_UNITS = {
    "t2m": "K", "msl": "Pa", "u10": "m s**-1", "v10": "m s**-1", "d2m": "K", "sst": "K",
    "sd": "m of water equivalent", "tp": "m", "ssrd": "J m**-2", "q850": "kg kg**-1",
    "t850": "K", "u850": "m s**-1", "v850": "m s**-1", "w850": "Pa s**-1",
}  # fmt: skip
PARAMS = {
    "t2m": 167, "msl": 151, "u10": 165, "v10": 166, "d2m": 168, "sst": 34, "sd": 141, "tp": 228,
    "ssrd": 169, "q850": 133, "t850": 130, "u850": 131, "v850": 132, "w850": 135,
}  # fmt: skip
SUMS = ("tp", "ssrd")


def plain(hours: int = 4, every: int = 1) -> xr.Dataset:
    """All 14 predictors in ERA5's units along (time, lat, lon); sums are over the hour before."""
    rng = np.random.default_rng(17)
    lat, lon = np.arange(49.5, 33.0, -0.75), np.arange(3.0, 22.1, 0.75)
    time = START + np.arange(1, hours + 1) * every * HOUR
    k = np.arange(hours)[:, None, None]
    wave = np.sin(np.radians(7 * lon + 11 * lat[:, None]) + 0.9 * k)

    def around(mean: float, swing: float) -> np.ndarray:
        return mean + swing * (wave + 0.1 * rng.uniform(-1, 1, wave.shape))

    sea = np.cos(np.radians(31 * lat))[:, None] * np.sin(np.radians(23 * lon)) < 0
    values = {
        "t2m": around(295, 6), "msl": around(101400, 900), "u10": around(1, 4),
        "v10": around(-1, 4), "d2m": around(286, 4), "sst": np.where(sea, around(297, 2), np.nan),
        "sd": around(0.03, 0.02), "tp": around(2e-3, 1.5e-3), "ssrd": around(1.2e6, 8e5),
        "q850": around(8e-3, 2e-3), "t850": around(286, 4), "u850": around(3, 6),
        "v850": around(-2, 6), "w850": around(0, 0.5),
    }  # fmt: skip
    dims = ("time", "latitude", "longitude")
    ds = xr.Dataset({n: (dims, v, {"units": CDS_UNITS[n]}) for n, v in values.items()})
    return ds.assign_coords(time=time, latitude=lat, longitude=lon)


def renamed(ds: xr.Dataset, names: dict[str, str], **attrs: dict[str, object]) -> xr.Dataset:
    """Only these variables, under these names, with the units of ``ds`` and no other attributes."""
    out = ds[list(names)].rename(names)
    for old, new in names.items():
        out[new].attrs = {"units": ds[old].attrs["units"]} | attrs.get(old, {})
    return out


def on_levels(ds: xr.Dataset, dim: str, levels: list[float], **attrs: object) -> xr.Dataset:
    """Put fields of 850 hPa on levels, of which one is theirs; those of others are spoilt."""
    at = [round(v / 100) if v > 1100 else round(v) for v in levels].index(850)
    scales = xr.DataArray([1 + 0.1 * (i - at) for i in range(len(levels))], dims=dim)
    upper = {n: n.removesuffix("850") for n in ds.data_vars if str(n).endswith("850")}
    out = ds.drop_vars(list(upper)).assign(
        {new: (ds[old] * scales).assign_attrs(ds[old].attrs) for old, new in upper.items()}
    )
    return out.assign_coords({dim: (dim, levels, attrs)})


def times(value: xr.DataArray, factor: float, units: str, offset: float = 0.0) -> xr.DataArray:
    return (value * factor + offset).assign_attrs(value.attrs | {"units": units})


# ---- ERA5


def cds(ds: xr.Dataset) -> xr.Dataset:
    out = on_levels(ds, "pressure_level", [1000.0, 850.0, 500.0], units="hPa", positive="down")
    for name, param in PARAMS.items():
        step = "accum" if name in SUMS else "instant"
        kind = "fc" if name in SUMS else "an"
        out[UPPER.get(name, name)].attrs |= {
            "GRIB_paramId": param, "GRIB_stepType": step, "GRIB_dataType": kind,
            "GRIB_totalNumber": 0, "standard_name": "unknown",
        }  # fmt: skip
    out = out.rename(time="valid_time")
    out.valid_time.attrs = {"standard_name": "time", "long_name": "time"}
    version = ("valid_time", ["0001"] * ds.sizes["time"])
    return out.assign_coords(number=0, expver=version)


def cds_legacy(ds: xr.Dataset) -> xr.Dataset:
    return on_levels(ds, "level", [850], units="millibars", long_name="pressure_level")


def cfgrib_era5(ds: xr.Dataset) -> xr.Dataset:
    out = cds(ds).drop_vars("expver").rename(pressure_level="isobaricInhPa", valid_time="time")
    start = {"standard_name": "forecast_reference_time", "long_name": "initial time of forecast"}
    out = out.assign_coords(
        time=("time", ds.time.values - HOUR, start),
        step=HOUR,
        valid_time=("time", ds.time.values, {"standard_name": "time"}),
        surface=0.0,
    )
    return out


LONG = {
    "t2m": "2m_temperature", "msl": "mean_sea_level_pressure", "u10": "10m_u_component_of_wind",
    "v10": "10m_v_component_of_wind", "d2m": "2m_dewpoint_temperature",
    "sst": "sea_surface_temperature", "sd": "snow_depth", "tp": "total_precipitation",
    "ssrd": "surface_solar_radiation_downwards", "q": "specific_humidity", "t": "temperature",
    "u": "u_component_of_wind", "v": "v_component_of_wind", "w": "vertical_velocity",
}  # fmt: skip


def arco(ds: xr.Dataset) -> xr.Dataset:
    out = on_levels(ds, "level", [500, 850, 1000]).rename(LONG)
    out.attrs = {"valid_time_start": "1940-01-01", "valid_time_stop": "2024-12-31"}
    return out.assign_coords(longitude=ds.longitude % 360)


def weatherbench(ds: xr.Dataset) -> xr.Dataset:
    out = on_levels(ds, "level", [500, 850, 1000]).rename(LONG)
    return out.sortby("latitude").transpose("time", "level", "longitude", "latitude")


def planetary_computer(ds: xr.Dataset) -> xr.Dataset:
    names = {
        "t2m": ("air_temperature_at_2_metres", "air_temperature", "2t"),
        "d2m": ("dew_point_temperature_at_2_metres", "dew_point_temperature", "2d"),
        "u10": ("eastward_wind_at_10_metres", "eastward_wind", "10u"),
        "v10": ("northward_wind_at_10_metres", "northward_wind", "10v"),
        "msl": ("air_pressure_at_mean_sea_level", "air_pressure_at_mean_sea_level", "msl"),
        "sst": ("sea_surface_temperature", "sea_surface_temperature", "sst"),
        "tp": ("precipitation_amount_1hour_Accumulation", "precipitation_amount", "tp"),
    }
    attrs = {n: {"standard_name": s, "shortNameECMWF": e} for n, (_, s, e) in names.items()}
    out = renamed(ds, {n: new for n, (new, _, _) in names.items()}, **attrs)
    # Winds of another height and name lie beside.
    out["eastward_wind_at_100_metres"] = (ds["u10"] * 2).assign_attrs(
        units="m s**-1", standard_name="eastward_wind", shortNameECMWF="100u"
    )
    return out.rename(latitude="lat", longitude="lon")


def ncar(ds: xr.Dataset) -> xr.Dataset:
    names = {
        "t2m": ("VAR_2T", "2t"), "d2m": ("VAR_2D", "2d"), "u10": ("VAR_10U", "10u"),
        "v10": ("VAR_10V", "10v"), "msl": ("MSL", "msl"), "sst": ("SSTK", "sstk"),
        "sd": ("SD", "sd"), "q": ("Q", "q"), "t": ("T", "t"), "u": ("U", "u"), "v": ("V", "v"),
        "w": ("W", "w"),
    }  # fmt: skip
    upper = on_levels(ds, "level", [850, 1000], units="hPa")
    inverse = {v: k for k, v in UPPER.items()}
    attrs = {
        n: {"short_name": s, "ecmwf_local_table": 128, "ecmwf_parameter": PARAMS[inverse.get(n, n)]}
        for n, (_, s) in names.items()
    }
    out = renamed(upper, {n: new for n, (new, _) in names.items()}, **attrs)
    return out.assign(utc_date=("time", np.arange(2020071501, 2020071501 + ds.sizes["time"])))


def earth_engine(ds: xr.Dataset) -> xr.Dataset:
    names = {
        "t2m": "temperature_2m", "d2m": "dewpoint_temperature_2m", "sst": "sea_surface_temperature",
        "u10": "u_component_of_wind_10m", "v10": "v_component_of_wind_10m", "sd": "snow_depth",
        "msl": "mean_sea_level_pressure", "tp": "total_precipitation",
        "ssrd": "surface_solar_radiation_downwards",
    }  # fmt: skip
    out = renamed(ds, names).rename(latitude="y", longitude="x")
    for name in out.data_vars:
        out[name].attrs = {"id": name, "crs": "EPSG:4326"}
    return out


def era5_land(ds: xr.Dataset) -> xr.Dataset:
    land = ds["sst"].isnull().all("time")
    out = ds[["t2m", "u10", "v10", "d2m", "sd", "tp", "ssrd"]].where(land)
    for name in out.data_vars:
        total = out[name].cumsum("time") if name in SUMS else out[name]
        out[name] = total.where(land).assign_attrs(ds[name].attrs)
    return out.rename(time="valid_time")


def ensemble(ds: xr.Dataset) -> xr.Dataset:
    """The 10 members of ERA5's ensemble: 3-hourly, sums over 3 hours."""
    out = cds(ds).drop_vars("number").expand_dims(number=10).assign_coords(number=range(10))
    for name in out.data_vars:
        out[name].attrs["GRIB_totalNumber"] = 10
    return out.assign({n: (out[n] * 3).assign_attrs(out[n].attrs) for n in SUMS})


def daily(ds: xr.Dataset) -> xr.Dataset:
    history = "earthkit.transforms.aggregate.temporal.daily_mean(..., time_shift=None)"
    return cds(ds).drop_vars("expver").assign_attrs(history=history)


def monthly(ds: xr.Dataset) -> xr.Dataset:
    months = ds.assign_coords(time=np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "M8[ns]"))
    out = cds(months)
    for name in out.data_vars:
        out[name].attrs["GRIB_stepType"] = "avgad" if name in SUMS else "avgua"
    return out


def gaussian(ds: xr.Dataset) -> xr.Dataset:
    """A regular Gaussian grid: latitudes are not quite even."""
    return cds(ds).assign_coords(latitude=ds.latitude + 1e-3 * np.sin(ds.latitude))


# ---- forecasts


def since_start(ds: xr.Dataset, every: int) -> xr.Dataset:
    """Sums since the start, as if every hour had the sum of its step's last."""
    totals = {n: (ds[n].cumsum("time") * every).assign_attrs(ds[n].attrs) for n in SUMS}
    return ds.assign(totals)


def cfgrib_forecast(ds: xr.Dataset, every: int) -> xr.Dataset:
    """A forecast by cfgrib: start, step, sums since the start."""
    out = cds(since_start(ds, every)).drop_vars(["expver", "number"])
    for name in out.data_vars:
        out[name].attrs["GRIB_dataType"] = "fc"
        out[name].attrs.pop("GRIB_totalNumber", None)
    out = out.rename(pressure_level="isobaricInhPa", valid_time="step")
    start = {"standard_name": "forecast_reference_time", "long_name": "initial time of forecast"}
    period = {"standard_name": "forecast_period", "long_name": "time since reference time"}
    return out.assign_coords(
        step=("step", ds.time.values - START, period),
        time=xr.Variable((), START, start),
        valid_time=("step", ds.time.values, {"standard_name": "time"}),
    )


def ifs(ds: xr.Dataset) -> xr.Dataset:
    """Open data of IFS have the skin temperature, and no sea surface temperature."""
    out = cfgrib_forecast(ds, 3).drop_vars("sst")
    skin = ds["sst"].fillna(ds["t2m"]).rename(time="step").drop_vars("step").drop_attrs()
    out["skt"] = skin.assign_attrs(units="K", GRIB_paramId=235, GRIB_stepType="instant")
    sea = ds["sst"].notnull().all("time").astype("f8").drop_attrs()
    out["lsm"] = (1 - sea).assign_attrs(units="(0 - 1)", GRIB_paramId=172)
    return out


def ifs_ensemble(ds: xr.Dataset) -> xr.Dataset:
    out = cfgrib_forecast(ds, 3).expand_dims(number=[1, 2, 3])
    for name in out.data_vars:
        out[name].attrs |= {"GRIB_totalNumber": 51}
    return out


def aifs(ds: xr.Dataset) -> xr.Dataset:
    out = cfgrib_forecast(ds, 6).drop_vars(["sst"])
    out["tp"] = times(out["tp"], 1000, "kg m**-2").assign_attrs(
        out["tp"].attrs | {"GRIB_paramId": 228228, "units": "kg m**-2"}
    )
    return out


def ai_models(ds: xr.Dataset) -> xr.Dataset:
    """Pangu-Weather by ai-models: no sums, no vertical wind, no dew point."""
    return cfgrib_forecast(ds, 6).drop_vars(["sst", "sd", "tp", "ssrd", "d2m", "w"])


DYNAMICAL = {
    "t2m": ("temperature_2m", "2t", "air_temperature"),
    "d2m": ("dew_point_temperature_2m", "2d", "dew_point_temperature"),
    "u10": ("wind_u_10m", "10u", "eastward_wind"),
    "v10": ("wind_v_10m", "10v", "northward_wind"),
    "msl": ("pressure_reduced_to_mean_sea_level", "prmsl", "air_pressure_at_mean_sea_level"),
    "tp": ("precipitation_surface", "prate", "precipitation_flux"),
    "ssrd": (
        "downward_short_wave_radiation_flux_surface", "sdswrf",
        "surface_downwelling_shortwave_flux_in_air",
    ),
}  # fmt: skip


def dynamical(ds: xr.Dataset) -> xr.Dataset:
    """AIFS of dynamical.org: rates are means since the previous step, missing at lead 0."""
    attrs = {
        n: {"short_name": short, "standard_name": standard, "step_type": "instant"}
        for n, (_, short, standard) in DYNAMICAL.items()
    }
    out = renamed(ds, {n: new for n, (new, _, _) in DYNAMICAL.items()}, **attrs)
    for name in ("temperature_2m", "dew_point_temperature_2m"):
        out[name] = times(out[name], 1, "degree_Celsius", -273.15)
    for name, units, factor in (
        ("precipitation_surface", "kg m-2 s-1", 1000 / 3600),
        ("downward_short_wave_radiation_flux_surface", "W m-2", 1 / 3600),
    ):
        out[name] = times(out[name], factor, units)
        out[name].attrs |= {
            "step_type": "avg", "comment": "Average since the previous forecast step.",
        }  # fmt: skip
    first = out.isel(time=[0]).copy(deep=True).assign_coords(time=[START])
    for name in ("precipitation_surface", "downward_short_wave_radiation_flux_surface"):
        first[name] = first[name] * np.nan
    attrs_of = {n: f.attrs for n, f in out.data_vars.items()}
    out = xr.concat([first, out], "time")
    for name, kept in attrs_of.items():
        out[name].attrs = kept
    leads = out.time.values - START
    out = out.rename(time="lead_time").expand_dims(init_time=[START])
    out = out.assign_coords(
        lead_time=("lead_time", leads, {"standard_name": "forecast_period"}),
        init_time=("init_time", [START], {"standard_name": "forecast_reference_time"}),
        valid_time=(("init_time", "lead_time"), (START + leads)[None], {"standard_name": "time"}),
        spatial_ref=0,
    )
    return out


def gefs(ds: xr.Dataset) -> xr.Dataset:
    """GEFS of dynamical.org: members before leads, humidity for dew point, uneven radiation."""
    out = dynamical(ds).drop_vars("dew_point_temperature_2m")
    humid = relative_humidity(ds["t2m"], ds["d2m"]).rename(time="lead_time")
    humid = xr.concat([humid.isel(lead_time=[0]).assign_coords(lead_time=[START]), humid],
                      "lead_time").drop_vars("lead_time").drop_attrs()  # fmt: skip
    out["relative_humidity_2m"] = humid.expand_dims("init_time").assign_attrs(
        units="%", short_name="2r", standard_name="relative_humidity", step_type="instant"
    )
    out["downward_short_wave_radiation_flux_surface"].attrs["comment"] = (
        "Average over 6 hours at 00, 06, 12 and 18 UTC, else over 3 hours."
    )
    kept = {n: f.attrs for n, f in out.data_vars.items()}
    out = out.expand_dims(ensemble_member=[0, 1]).transpose(
        "init_time", "ensemble_member", "lead_time", ...
    )
    for name, attrs in kept.items():
        out[name].attrs = attrs
    return out


def relative_humidity(t: xr.DataArray, d: xr.DataArray) -> xr.DataArray:
    """In percent, over water."""

    def vapour(kelvin: xr.DataArray) -> xr.DataArray:
        return np.exp(17.502 * (kelvin - 273.16) / (kelvin - 32.19))

    return 100 * vapour(d) / vapour(t)


def weatherbench_forecast(ds: xr.Dataset) -> xr.Dataset:
    """Forecasts of WeatherBench 2: time is the start; sums over the 6 hours up to the stamp."""
    some = on_levels(ds, "level", [500, 850]).drop_vars(["d2m", "sst", "sd", "ssrd"])
    out = some.rename({n: LONG[n] for n in some.data_vars})
    out["total_precipitation_6hr"] = (out["total_precipitation"] * 6).assign_attrs(units="m")
    out = out.drop_vars("total_precipitation").rename(time="prediction_timedelta")
    leads = ds.time.values - START
    return out.assign_coords(prediction_timedelta=leads).expand_dims(time=[START])


def seas5(ds: xr.Dataset) -> xr.Dataset:
    """SEAS5 of the Climate Data Store: 25 members, sums since the start every 24 hours."""
    out = on_levels(since_start(ds, 24), "pressure_level", [850.0, 500.0], units="hPa")
    out = out.drop_vars("w").rename(time="forecast_period")
    leads = (ds.time.values - START) / HOUR
    out = out.assign_coords(
        forecast_period=("forecast_period", leads,
                         {"units": "hours", "standard_name": "forecast_period"}),
    ).expand_dims(number=[0, 1], forecast_reference_time=[START])  # fmt: skip
    out.forecast_reference_time.attrs = {"standard_name": "forecast_reference_time"}
    return out.assign_coords(
        valid_time=(("forecast_reference_time", "forecast_period"), ds.time.values[None])
    )


def seas5_grib(ds: xr.Dataset) -> xr.Dataset:
    out = cfgrib_forecast(ds, 24).drop_vars("w").expand_dims(number=[0, 1])
    for name in out.data_vars:
        out[name].attrs |= {"GRIB_totalNumber": 51}
    return out


# ---- climate models, other reanalyses and tools

CMIP = {
    "t2m": ("tas", "air_temperature"), "msl": ("psl", "air_pressure_at_mean_sea_level"),
    "u10": ("uas", "eastward_wind"), "v10": ("vas", "northward_wind"),
    "tp": ("pr", "precipitation_flux"),
    "ssrd": ("rsds", "surface_downwelling_shortwave_flux_in_air"),
    "sd": ("snw", "surface_snow_amount"), "sst": ("tos", "sea_surface_temperature"),
    "q": ("hus", "specific_humidity"), "t": ("ta", "air_temperature"),
    "u": ("ua", "eastward_wind"), "v": ("va", "northward_wind"),
    "w": ("wap", "lagrangian_tendency_of_air_pressure"),
}  # fmt: skip


def cmip(ds: xr.Dataset) -> xr.Dataset:
    """3-hourly fields of a climate model, with the bounds of its means."""
    upper = on_levels(ds, "plev", [92500.0, 85000.0, 50000.0],
                      units="Pa", standard_name="air_pressure")  # fmt: skip
    means = {"tp", "ssrd"}
    attrs = {
        n: {
            "standard_name": standard,
            "cell_methods": "area: mean time: " + ("mean" if n in means else "point"),
        }
        for n, (_, standard) in CMIP.items()
    }
    out = renamed(upper, {n: new for n, (new, _) in CMIP.items()}, **attrs)
    out["pr"] = times(out["pr"], 1000 / 3600, "kg m-2 s-1")
    out["rsds"] = times(out["rsds"], 1 / 3600, "W m-2")
    out["snw"] = times(out["snw"], 1000, "kg m-2")
    out["tos"] = times(out["tos"], 1, "degC", -273.15)
    out["huss"] = specific_humidity(ds["d2m"], ds["msl"]).assign_attrs(
        units="1", standard_name="specific_humidity", cell_methods="area: mean time: point"
    )
    # Surface pressure is that at sea level here: the land of the model is flat.
    out["ps"] = ds["msl"].assign_attrs(
        units="Pa", standard_name="surface_air_pressure", cell_methods="area: mean time: point"
    )
    out = out.rename(latitude="lat", longitude="lon").sortby("lat").assign_coords(height=2.0)
    out.height.attrs = {"units": "m", "standard_name": "height"}
    ends = ds.time.values
    bounds = np.stack([ends - 1.5 * 3600 * np.timedelta64(10**9, "ns"),
                       ends + 1.5 * 3600 * np.timedelta64(10**9, "ns")], axis=1)  # fmt: skip
    out = out.assign_coords(time_bnds=(("time", "bnds"), bounds))
    out.time.attrs = {"standard_name": "time", "bounds": "time_bnds"}
    return out


def specific_humidity(dew: xr.DataArray, pressure: xr.DataArray) -> xr.DataArray:
    """Of air at a dew point (K) and a pressure (Pa), over water (IFS documentation, part IV)."""
    e = 611.21 * np.exp(17.502 * (dew - 273.16) / (dew - 32.19))
    return 0.622 * e / (pressure - (1 - 0.622) * e)


def of_360_days(ds: xr.Dataset) -> xr.Dataset:
    times_of = xr.date_range("2020-02-29", periods=ds.sizes["time"], freq="3h",
                             calendar="360_day", use_cftime=True)  # fmt: skip
    return cmip(ds).drop_vars("time_bnds").assign_coords(time=times_of)


def merra(ds: xr.Dataset) -> xr.Dataset:
    """Instantaneous fields of MERRA-2, and its winds and humidity at 850 hPa by name."""
    names = {
        "t2m": "T2M", "msl": "SLP", "u10": "U10M", "v10": "V10M", "t850": "T850", "u850": "U850",
        "v850": "V850", "q850": "Q850", "w850": "OMEGA850",
    }  # fmt: skip
    out = renamed(ds, names, **{n: {"long_name": new.lower()} for n, new in names.items()})
    return out.rename(latitude="lat", longitude="lon").sortby("lat")


def earth2studio(ds: xr.Dataset) -> xr.Dataset:
    names = {"u10": "u10m", "v10": "v10m"}
    array = ds[["t2m", "msl", "u10", "v10", "t850"]].rename(names).to_dataarray("variable")
    return array.drop_attrs().to_dataset(name="fields")


def anemoi(ds: xr.Dataset) -> xr.Dataset:
    out = ds.stack(values=("latitude", "longitude")).reset_index("values")
    return out.rename(t2m="2t", u10="10u", v10="10v", d2m="2d")


def curvilinear(ds: xr.Dataset) -> xr.Dataset:
    """CERRA and the ocean grids of climate models: latitudes and longitudes of two dims."""
    lon, lat = np.meshgrid(ds.longitude, ds.latitude)
    out = ds.rename(latitude="y", longitude="x").drop_vars(["y", "x"])
    roles = ({"units": "degrees_north"}, {"units": "degrees_east"})
    return out.assign_coords(
        latitude=(("y", "x"), lat + 0.01 * lon, roles[0]),
        longitude=(("y", "x"), lon - 0.01 * lat, roles[1]),
    )


ALL = tuple(PARAMS)


@dataclass(frozen=True)
class Layout:
    """One layout: what it is made of, and what of it has to equal the plain fields."""

    title: str
    make: Callable[[xr.Dataset], xr.Dataset]
    same: tuple[str, ...] = ALL
    hours: int = 4
    every: int = 1
    options: dict[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> xr.Dataset:
        return plain(self.hours, self.every)


def without(*names: str) -> tuple[str, ...]:
    return tuple(n for n in ALL if n not in names)


SURFACE = ("t2m", "msl", "u10", "v10")
NO_WATER = ("sst", "sd")
LAYOUTS = (
    Layout("ERA5, netCDF of the CDS", cds),
    Layout("ERA5, netCDF of the CDS, legacy", cds_legacy),
    Layout("ERA5, GRIB by cfgrib", cfgrib_era5),
    Layout("ERA5, ARCO", arco),
    Layout("ERA5, WeatherBench 2", weatherbench),
    Layout("ERA5, era5-pds, Planetary Computer", planetary_computer,
           (*SURFACE, "d2m", "sst", "tp")),
    Layout("ERA5, NCAR d633000", ncar, without("tp", "ssrd")),
    Layout("ERA5, Earth Engine by Xee", earth_engine, ()),
    Layout("ERA5, regular Gaussian grid", gaussian),
    Layout("ERA5, 10-member ensemble", ensemble, without("ssrd"), every=3),
    Layout("ERA5, daily statistics", daily, (), every=24),
    Layout("ERA5, monthly means", monthly, (), hours=3),
    Layout("ERA5-Land", era5_land, (), hours=24),
    Layout("IFS open data, GRIB by cfgrib", ifs, without("sst", "ssrd"), every=3),
    Layout("IFS open data, ensemble", ifs_ensemble, without("ssrd"), every=3),
    Layout("AIFS open data", aifs, without("sst", "ssrd"), every=6),
    Layout("Pangu-Weather by ai-models", ai_models,
           (*SURFACE, "q850", "t850", "u850", "v850"), every=6),
    Layout("AIFS, dynamical.org", dynamical, (*SURFACE, "d2m", "tp"), every=6),
    Layout("GEFS, dynamical.org", gefs, (*SURFACE, "d2m", "tp"), every=6),
    Layout("Forecasts of WeatherBench 2", weatherbench_forecast,
           (*SURFACE, "tp", "q850", "t850", "u850", "v850", "w850"), every=6),
    Layout("SEAS5, netCDF of the CDS", seas5, without("tp", "ssrd", "w850"), every=24),
    Layout("SEAS5, GRIB by cfgrib", seas5_grib, without("tp", "ssrd", "w850"), every=24),
    Layout("CMIP6, 3-hourly", cmip, without("ssrd"), every=3),
    Layout("CMIP6, calendar of 360 days", of_360_days, (), every=3),
    Layout("MERRA-2", merra, (*SURFACE, "q850", "t850", "u850", "v850", "w850")),
    Layout("earth2studio, one array", earth2studio, ()),
    Layout("anemoi, one dim of cells", anemoi, ()),
    Layout("CERRA, curvilinear", curvilinear, ()),
)  # fmt: skip


# ---- the table of docs/reference/inputs.md

HEAD = ("layout", "result", "dims", "derived", "brought to the model's units and hours", "absent")


def table() -> str:
    """Return the table of docs/reference/inputs.md: what the check finds in each layout."""
    rows = [HEAD, ("---",) * len(HEAD), *(row(layout) for layout in LAYOUTS)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def row(layout: Layout) -> tuple[str, ...]:
    import xldm
    from xldm.inputs.predictors import check

    model = xldm.load_model("italy-2km")
    report = check(layout.make(layout.plain), model.config, missing="climatology")
    if not report.ok:
        refused = "refused: " + _short(report.problems[0])
        return (layout.title, refused, "", "", "", "")
    derived = [f"{f.name} from {f.variable}" for f in report.predictors if f.parts]
    brought = [
        f"{f.name}: {_words(f)}"
        for f in report.predictors
        if f.variable is not None and not f.parts and _words(f)
    ]
    dims = (*report.time.out, *report.beside)
    absent = ", ".join(report.absent) or "-"
    cells = (", ".join(dims), "; ".join(derived) or "-", "; ".join(brought) or "-", absent)
    return (layout.title, "right", *cells)


def _words(found) -> str:
    steps = found.becomes.split("; ")
    return ", ".join(s.split(": ")[-1] for s in steps if not s.startswith("as it is"))


def _short(problem: str) -> str:
    """Return the first sentence of a problem."""
    return problem.replace("\n", " ").split(". ")[0].rstrip(".").replace("|", "\\|")


def page(text: str) -> str:
    """Return docs/reference/inputs.md with its table made anew."""
    head, rest = text.split("<!-- layouts -->\n")
    _, tail = rest.split("<!-- /layouts -->")
    return f"{head}<!-- layouts -->\n{table()}\n<!-- /layouts -->{tail}"


if __name__ == "__main__":
    from pathlib import Path

    path = Path(__file__).parents[1] / "docs" / "reference" / "inputs.md"
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
