"""Figures of realism: distributions, spectra, changes in time, physics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from .style import (
    Style,
    blank,
    boxes,
    dots,
    has,
    hours_and_seasons,
    legend,
    literal,
    note,
    selected,
    styles,
    typeset,
    units_label,
    variable_label,
    variables,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["distributions", "physics", "spectra", "temporal"]

KELVIN = 273.15
CLASS = {"t2m": 1.0, "wind_speed": 0.5}  # width in the figure, K and m s-1
TURNED = ("vorticity", "divergence")
HALF = 10 * np.log10(0.5)  # dB


def _line(style: Style) -> Style:
    return {k: v for k, v in style.items() if k != "marker"}


def distributions(result: xr.Dataset, *, stratum: str = "all") -> Figure:
    """Draw densities of T2m and wind speed with their tails, and their ratio to the truth's.

    Parameters
    ----------
    result : xarray.Dataset
        With ``density_t2m`` (source, stratum, t2m_bin), ``density_wind_speed`` likewise, or both.
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the densities on a logarithmic scale; below, the ratios from 0.1 to 10.
    """
    result, style = selected(result), styles(result)
    shown = {
        "t2m": ("2 m temperature, °C", "density, °C$^{-1}$", KELVIN),
        "wind_speed": ("10 m wind speed, m s$^{-1}$", "density, (m s$^{-1}$)$^{-1}$", 0.0),
    }
    shown = {v: s for v, s in shown.items() if has(result, f"density_{v}", stratum=stratum)}
    if not shown:
        return note(f"no distributions at stratum {literal(stratum)}")
    figure = blank(6.2)
    axes = figure.subplots(2, len(shown), sharex="col", height_ratios=[3, 2], squeeze=False)
    for (top, low), (variable, (label, units, zero)) in zip(axes.T, shown.items(), strict=True):
        density = _in_classes(result[f"density_{variable}"].sel(stratum=stratum), CLASS[variable])
        at = density[f"{variable}_bin"].values - zero
        density = density.transpose("source", ...).where(density > 0)
        truth = density.sel(source="truth")
        for name, values in zip(density["source"].values, density, strict=True):
            line = _line(style[str(name)])
            top.plot(at, values, label=literal(name), **line)
            low.plot(at, values / truth, **line)
        # Cut off empty classes at either end of the axis.
        some = at[np.isfinite(density.values).any(0)]
        width = np.diff(at).mean()
        top.set(yscale="log", ylabel=units, xlim=(some.min() - width, some.max() + width))
        low.set(yscale="log", ylim=(0.1, 10), ylabel="ratio to the truth", xlabel=label)
        low.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
        low.minorticks_off()
        for ax in (top, low):
            ax.grid(linewidth=0.4)
    legend(figure)
    return figure


def _in_classes(density: xr.DataArray, width: float) -> xr.DataArray:
    """Average densities of equal bins over classes of about the given width."""
    bins = next(str(d) for d in density.dims if d != "source")
    share = max(round(width / np.diff(density[bins]).mean()), 1)
    return density.coarsen({bins: share}, boundary="trim").mean()


def spectra(result: xr.Dataset, fields: Sequence[str] | None = None) -> Figure:
    """Draw power by wavelength, its error in dB, and its spread over hours.

    Parameters
    ----------
    result : xarray.Dataset
        With ``spectrum`` (source, field, wavelength), ``spectrum_hourly``
        (source, field, at_wavelength, time) and ``effective_resolution`` (forecast, field).
    fields : sequence of str, optional
        Fields, one column each; fields that the result lacks are skipped. Default all but
        vorticity and divergence.

    Returns
    -------
    matplotlib.figure.Figure
        Wavelengths decrease to the right. A marker on the line of half the power shows the
        effective resolution of a forecast; a forecast that stays above the line has none.
    """
    result, style = selected(result), styles(result)
    known = [str(f) for f in result["field"].values] if "field" in result else []
    wanted = [f for f in known if f not in TURNED] if fields is None else fields
    fields = [f for f in wanted if f in known and has(result, "spectrum", field=f)]
    if not fields:
        return note("no spectra of these fields")
    figure = blank(9.6)
    axes = figure.subplots(3, len(fields), height_ratios=[3, 2, 2], squeeze=False)
    for (top, middle, low), field in zip(axes.T, fields, strict=True):
        one = result.sel(field=field)
        name = variable_label(result, field) if field in result["variable"] else literal(field)
        top.set_title(name.replace("_", " "), loc="left", fontsize=11)
        units = one["field_units"].item() if "field_units" in one.coords else ""
        top.set_ylabel(f"power, {typeset(units)}" if units else "power")
        _power(top, middle, one, style)
        _power_of_hours(low, one, style)
    legend(figure)
    return figure


def _power(top: Axes, middle: Axes, one: xr.Dataset, style: dict) -> None:
    wavelength = one["wavelength"].values
    truth = one["spectrum"].sel(source="truth").values
    lowest = HALF
    for name in one["source"].values:
        power = one["spectrum"].sel(source=name).values
        line = _line(style[str(name)])
        top.loglog(wavelength, power, label=literal(name), **line)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = 10 * np.log10(power / truth)
        middle.semilogx(wavelength, error, **line)
        lowest = min(lowest, np.min(error[np.isfinite(error)], initial=0))
        if name != "truth" and "effective_resolution" in one:
            at = one["effective_resolution"].sel(forecast=name).item()
            mark = {k: style[str(name)][k] for k in ("color", "marker")}
            middle.plot(at, HALF, markersize=8, markeredgecolor="k", zorder=5, **mark)
    middle.axhline(HALF, color="0.4", linewidth=0.8)
    middle.annotate("half the power", (wavelength.max(), HALF), (2, -2), fontsize=8,
                    textcoords="offset points", va="top", color="0.3")  # fmt: skip
    middle.set(xlabel="wavelength, km", ylabel="error of power, dB")
    middle.set_ylim(bottom=max(lowest * 1.05 - 1, -30))
    ticks = [m * 10**e for e in range(-2, 5) for m in (1, 2, 5)]
    ticks = [t for t in ticks if wavelength.min() <= t <= wavelength.max()]
    for ax in (top, middle):
        ax.set_xlim(wavelength.max(), wavelength.min())
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
        ax.grid(linewidth=0.4)


def _power_of_hours(ax: Axes, one: xr.Dataset, style: dict) -> None:
    """Draw boxes of the power in single hours, relative to the truth's median."""
    hourly = one["spectrum_hourly"]
    names = [str(n) for n in hourly["source"].values]
    offsets = (np.arange(len(names)) - (len(names) - 1) / 2) / (len(names) + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = hourly / hourly.sel(source="truth").median(
            "init" if "init" in hourly.dims else "time"
        )
        decibels = ratio.copy(data=10 * np.log10(ratio.values))
    for place in range(hourly.sizes["at_wavelength"]):
        samples = {n: decibels.isel(at_wavelength=place).sel(source=n).values for n in names}
        boxes(ax, samples, style, place + offsets, width=0.8 / (len(names) + 1))
    at = hourly["at_wavelength"].values
    ax.set_xticks(range(at.size), [f"{w:.3g} km" for w in at])
    ax.set(xlim=(-0.5, at.size - 0.5), ylabel="hourly power, dB", xlabel="wavelength")
    ax.grid(axis="y", linewidth=0.4)


def temporal(result: xr.Dataset) -> Figure:
    """Draw autocorrelation and root mean square change, by lag.

    Parameters
    ----------
    result : xarray.Dataset
        With ``autocorrelation`` and ``increment_rms`` (source, variable, lag).

    Returns
    -------
    matplotlib.figure.Figure
        One column per variable.
    """
    result, style, columns = selected(result), styles(result), variables(result)
    rows = [s for s in ("autocorrelation", "increment_rms") if has(result, s)]
    if not rows:
        return note("no changes in time: the record has no hours that are a lag apart")
    figure = blank(0.5 + 2.5 * len(rows))
    axes = figure.subplots(len(rows), len(columns), sharex=True, squeeze=False)
    lags = result["lag"].values
    for row, name in zip(axes, rows, strict=True):
        for ax, variable in zip(row, columns, strict=True):
            for source in result["source"].values:
                values = result[name].sel(source=source, variable=variable)
                line = style[str(source)] | {"markersize": 5}
                ax.plot(lags, values, label=literal(source), **line)
            ax.set_xscale("log")
            ax.set_xticks(lags, [f"{h:g}" for h in lags])
            ax.minorticks_off()
            ax.grid(linewidth=0.4)
            change = f"RMS change, {units_label(result, variable)}"
            ax.set_ylabel("autocorrelation" if name == "autocorrelation" else change)
    for ax, variable in zip(axes[0], columns, strict=True):
        ax.set_title(variable_label(result, variable), loc="left", fontsize=11)
    for ax in axes[-1]:
        ax.set_xlabel("lag, h")
    legend(figure)
    return figure


def physics(result: xr.Dataset) -> Figure:
    """Draw lapse rate and coastal contrast by hour and season, and wind by exposure.

    Parameters
    ----------
    result : xarray.Dataset
        With any of ``lapse_rate`` and ``coast_contrast`` (source, period) and
        ``wind_by_exposure`` (source, exposure).

    Returns
    -------
    matplotlib.figure.Figure
        One row for each variable in the result.
    """
    result, style = selected(result), styles(result)
    labels = {
        "lapse_rate": "dT/dz on land, K km$^{-1}$",
        "coast_contrast": "T2m, land less sea, K",
        "wind_by_exposure": "wind speed on land, m s$^{-1}$",
    }
    rows = [name for name in labels if has(result, name)]
    if not rows:
        return note("no physics: it takes terrain, a land mask, and T2m or wind")
    figure = blank(0.5 + 2.3 * len(rows))
    grid = figure.add_gridspec(len(rows), 2, width_ratios=[3, 2])
    for i, name in enumerate(rows):
        if name == "wind_by_exposure":
            left = figure.add_subplot(grid[i, :])
            dots(left, result[name].transpose("source", "exposure"), style)
            left.set_xlabel("exposure")
        else:
            left, right = (figure.add_subplot(grid[i, j]) for j in (0, 1))
            hours_and_seasons((left, right), result[name].transpose("source", "period"), style)
            left.set_xlabel("hour of the day, UTC")
            right.set_xlabel("season")
        left.set_ylabel(labels[name])
    legend(figure)
    return figure
