"""Figures of hourly precipitation: quantile against quantile, and neighbourhoods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from .style import WIDTH, blank, grid_shape, has, legend, literal, note, selected, styles, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["rain_fss", "rain_quantiles"]

LEAST = 0.1  # mm, below which quantiles are not shown


def rain_quantiles(result: xr.Dataset, *, stratum: str = "all") -> Figure:
    """Draw quantiles of hourly precipitation against the truth's, and their ratio.

    Parameters
    ----------
    result : xarray.Dataset
        With ``rain_quantiles`` (source, stratum, rain_quantile).
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        At the left, forecasts above the line rain too hard. At the right, their quantiles over
        those of the truth, by the share of hours beyond, which falls to the right.
    """
    result, style = selected(result), styles(result)
    if not has(result, "rain_quantiles", stratum=stratum):
        return note("no precipitation in this result")
    shown = result["rain_quantiles"].sel(stratum=stratum)
    truth = shown.sel(source="truth").values
    beyond = 1 - shown["rain_quantile"].values
    figure = blank(4.4)
    left, right = figure.subplots(1, 2)
    for name in shown["source"].values:
        values = shown.sel(source=name).values
        some = (values >= LEAST) & (truth >= LEAST)
        line = style[str(name)] | {"markersize": 4.5}
        left.loglog(truth[some], values[some], label=literal(name), **line)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = values / truth
        right.semilogx(beyond[truth >= LEAST], ratio[truth >= LEAST], **line)
    left.set(xlabel="quantile of the truth, mm", ylabel="quantile, mm", aspect="equal")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_formatter("{x:g}")
    right.set(xlabel="share of hours with more", ylabel="quantile over the truth's")
    right.invert_xaxis()
    for ax in (left, right):
        ax.grid(linewidth=0.4)
    legend(figure)
    return figure


def rain_fss(result: xr.Dataset, *, period: str = "all") -> Figure:
    """Draw the fractions skill score by threshold and scale, one matrix per forecast.

    Parameters
    ----------
    result : xarray.Dataset
        With ``fss`` (forecast, rain_threshold, scale, period) and ``wet_frequency``.
    period : str
        Period to show.

    Returns
    -------
    matplotlib.figure.Figure
        Bold from the useful score on, half way between that of random places (the frequency of the
        truth) and 1 (Roberts and Lean 2008).
    """
    styles(result)  # refuses several leads
    if not has(result, "fss", period=period):
        return note("no fractions skill score: neither truth nor forecasts have such rain")
    scores = result["fss"].sel(period=period)
    rate = result["wet_frequency"].sel(source="truth", stratum="all", period=period)
    useful = 0.5 + rate.values / 2
    rows, columns = grid_shape(scores.sizes["forecast"], most=3)
    side = WIDTH / max(columns, 2)
    figure = blank(rows * 2.5 + 0.4)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[scores.sizes["forecast"] :]:
        ax.axis("off")
    for ax, matrix in zip(axes.flat, scores, strict=False):
        values = matrix.transpose("scale", "rain_threshold").values
        image = ax.imshow(values, cmap="viridis", vmin=0, vmax=1, origin="lower", aspect="auto")
        for (s, t), value in np.ndenumerate(values):
            if np.isfinite(value):
                weight = "bold" if value >= useful[t] else "normal"
                colour = "w" if value < 0.6 else "k"
                ax.text(t, s, f"{value:.2f}", ha="center", va="center", size=9,
                        weight=weight, color=colour)  # fmt: skip
        ax.set_title(wrapped(matrix["forecast"].item(), side), size=10)
        ax.set_xticks(range(values.shape[1]), [f"{t:g}" for t in scores["rain_threshold"].values])
        ax.set_yticks(range(values.shape[0]), [f"{s:g}" for s in scores["scale"].values])
    for ax in axes[-1]:
        ax.set_xlabel("from, mm")
    for ax in axes[:, 0]:
        ax.set_ylabel("square, km")
    figure.colorbar(image, ax=axes, label="fractions skill score", pad=0.01, fraction=0.05)
    return figure
