"""The section on hourly precipitation: tables by forecast."""

from __future__ import annotations

import numpy as np
import xarray as xr
from markupsafe import Markup

from ..figures.style import has
from .tables import Loss, scored
from .template import render

__all__ = ["amounts", "indices"]

SHOWN = (0.9, 0.99, 0.999, 0.9999)
INDICES = ("rx1h", "rx1day", "sdii", "cdd", "cwd", "lag1_corr")


def _from_one(ratio: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.abs(np.log(ratio))


def amounts(result: xr.Dataset) -> Markup:
    """Return frequencies and quantiles over those of the truth, and the distance of spectra."""
    every = result.sel(stratum="all")
    often = {
        f"≥ {t:g} mm": every["frequency_bias"].sel(rain_threshold=t, period="all").values
        for t in every["rain_threshold"].values
    }
    much = {f"{100 * q:g} %": every["quantile_ratio"].sel(rain_quantile=q).values for q in SHOWN}
    losses: dict[str, Loss | None] = dict.fromkeys([*often, *much], _from_one)
    distance = {f"{f}, dB": result["ralsd"].sel(rain_field=f).values
                for f in result["rain_field"].values}  # fmt: skip
    losses |= dict.fromkeys(distance, np.positive)
    out = scored(
        "Hours with so much rain, over those of the truth", "forecast", result, often, losses
    )
    out += scored(
        "Quantiles of all hours over those of the truth", "forecast", result, much, losses
    )
    return out + scored("Distance of log spectra (RALSD)", "forecast", result, distance, losses)


def indices(result: xr.Dataset) -> Markup:
    """Return the indices of days of the truth and of every forecast."""
    if not any(has(result, name) for name in INDICES):
        return Markup()
    units = [str(result[name].attrs["units"]) for name in INDICES]
    header = ["", *(n if u == "1" else f"{n}, {u}" for n, u in zip(INDICES, units, strict=True))]
    rows = [
        [str(source), *(_shown(float(result[n].sel(source=source))) for n in INDICES)]
        for source in result["source"].values
    ]
    return render("table", caption="Extremes and spells", header=header, rows=rows, text=True)


def _shown(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if np.isfinite(value) else "–"
