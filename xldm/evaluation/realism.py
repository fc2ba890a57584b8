"""Realism: distributions, spectra, changes in time and physics, from the sums of a record."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..config import WIND
from . import distributions, spectra, temporal
from .plan import Plan
from .state import State
from .strata import EXPOSURES, by_period, by_stratum

__all__ = ["distributed", "in_time", "physics", "spectral"]

QUANTILES = (0.01, 0.5, 0.99, 0.999)
#: Wavelengths in metres, without the shortest waves of a grid.
BANDS = {
    "4-10 km": (4e3, 10e3),
    "10-20 km": (10e3, 20e3),
    "20-50 km": (20e3, 50e3),
    "50-100 km": (50e3, 100e3),
    "100-1000 km": (100e3, 1000e3),
}
_UNITS = {
    "t2m": "K2",
    "log_tp": "dB2",
    "kinetic_energy": "m2 s-2",
    "vorticity": "s-2",
    "divergence": "s-2",
}


def distributed(plan: Plan, state: State) -> xr.Dataset:
    """Return densities, quantiles and their errors, and Wasserstein distances, by stratum."""
    shape = (len(plan.sources), len(plan.variables), len(plan.ground.strata))
    quantiles = np.full((*shape, len(QUANTILES)), np.nan)
    distance = np.full((shape[0] - 1, *shape[1:]), np.nan)
    density: dict[str, np.ndarray] = {}
    for variable, edges in plan.binned.items():
        v = plan.variables.index(variable)
        counts = by_stratum(plan.ground, state.total[f"bins {variable}"], 1)
        density[variable] = distributions.density(counts, edges)
        quantiles[:, v] = distributions.quantile(counts, edges, np.array(QUANTILES))
        distance[:, v] = distributions.wasserstein(counts[1:], counts[:1], edges)
    dims = ("source", "variable", "stratum")
    out = {
        "quantiles": ((*dims, "quantile"), quantiles, {"long_name": "quantile"}),
        "quantile_error": (
            ("forecast", *dims[1:], "quantile"),
            quantiles[1:] - quantiles[:1],
            {"long_name": "quantile of the forecast less that of the truth"},
        ),
        "wasserstein": (
            ("forecast", *dims[1:]),
            distance,
            {"long_name": "Wasserstein distance from the truth's distribution"},
        ),
    }
    ds = xr.Dataset(out, {"quantile": np.array(QUANTILES)})
    for name in (n for n in ("t2m", "wind_speed") if n in density):
        bins = (f"{name}_bin", _centres(plan, name), {"units": "K" if name == "t2m" else "m s-1"})
        ds[f"density_{name}"] = (("source", "stratum", f"{name}_bin"), density[name])
        ds = ds.assign_coords({f"{name}_bin": bins})
    if plan.has_wind:
        both = np.stack([density[w] for w in WIND], axis=1)
        ds["density_wind"] = (("source", "component", "stratum", "wind_bin"), both)
        bins = ("wind_bin", _centres(plan, "u10"), {"units": "m s-1"})
        ds = ds.assign_coords(component=list(WIND), wind_bin=bins)
    return ds


def _centres(plan: Plan, variable: str) -> np.ndarray:
    edges = plan.binned[variable]
    return (edges[1:] + edges[:-1]) / 2


def spectral(plan: Plan, state: State) -> xr.Dataset:
    """Return mean spectra, hourly power at chosen wavelengths, errors by band, resolution."""
    hours = state.total["power_hours"]
    with np.errstate(divide="ignore", invalid="ignore"):
        power = state.total["power"] / np.where(hours > 0, hours, np.nan)[:, None]
        error = np.stack(
            [
                spectra.band_error(plan.wavelength, power[1:], power[:1], band)
                for band in BANDS.values()
            ],
            axis=-1,
        )
    resolution = np.array(
        [
            [
                spectra.effective_resolution(plan.wavelength, p, t)
                for p, t in zip(row, power[0], strict=True)
            ]
            for row in power[1:]
        ]
    )
    units = [_UNITS.get(f, "square of the variable's") for f in plan.fields]
    kilometres = {"units": "km", "long_name": "wavelength"}
    return xr.Dataset(
        {
            "spectrum": (
                ("source", "field", "wavelength"),
                power,
                {"long_name": "power, averaged over directions and hours"},
            ),
            "spectrum_hourly": (
                ("source", "field", "at_wavelength", "time"),
                np.moveaxis(state.hourly["power"], 0, -1),
                {"long_name": "power near chosen wavelengths"},
            ),
            "spectrum_hours": ("field", hours, {"long_name": "number of hours", "units": "1"}),
            "spectral_error": (
                ("forecast", "field", "band"),
                error,
                {"long_name": "power relative to the truth's", "units": "dB"},
            ),
            "effective_resolution": (
                ("forecast", "field"),
                resolution / 1e3,
                {"long_name": "wavelength below which under half of the power is left"}
                | {"units": "km"},
            ),
        },
        {
            "field": list(plan.fields),
            "field_units": ("field", units),
            "wavelength": ("wavelength", plan.wavelength / 1e3, kilometres),
            "at_wavelength": (
                "at_wavelength",
                plan.wavelength[plan.at_wavelength] / 1e3,
                kilometres,
            ),
            "band": list(BANDS),
        },
    )


def in_time(plan: Plan, state: State) -> xr.Dataset:
    """Return autocorrelation and root mean square increment by lag, at points of the grid."""
    lagged = [state.lagged[name].sums for name in plan.sources]
    dims = ("source", "variable", "lag")
    return xr.Dataset(
        {
            "autocorrelation": (
                dims,
                np.stack([temporal.autocorrelation(s) for s in lagged]),
                {"long_name": "correlation in time at a place, mean over places", "units": "1"},
            ),
            "increment_rms": (
                dims,
                np.stack([temporal.increment_rms(s) for s in lagged]),
                {"long_name": "root mean square change", "comment": "in the variable's units"},
            ),
        },
        {"lag": ("lag", np.array(temporal.LAGS), {"units": "h"})},
    )


def physics(plan: Plan, state: State) -> xr.Dataset:
    """Return lapse rate and coastal contrast by period, wind by exposure; needs static fields."""
    if plan.ground.land is None:
        return xr.Dataset()
    out = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        if "t2m" in plan.targets:
            n, z, zz, t, zt = np.moveaxis(by_period(state.hourly["lapse"], state.times), -1, 0)
            slope = (n * zt - z * t) / (n * zz - z**2)
            on_land, land, at_sea, sea = np.moveaxis(
                by_period(state.hourly["coast"], state.times), -1, 0
            )
            out["lapse_rate"] = (
                ("source", "period"),
                slope.T * 1e3,
                {"long_name": "change of T2m with height over land", "units": "K km-1"},
            )
            out["coast_contrast"] = (
                ("source", "period"),
                (land / on_land - sea / at_sea).T,
                {"long_name": "T2m on land less at sea, within 20 km of the coast", "units": "K"},
            )
        if plan.has_wind:
            count, speed = np.moveaxis(state.total["exposure"], -1, 0)
            out["wind_by_exposure"] = (
                ("source", "exposure"),
                speed / count,
                {"long_name": "mean wind speed over land", "units": "m s-1"},
            )
    return xr.Dataset(out, {"exposure": list(EXPOSURES)} if plan.has_wind else {})
