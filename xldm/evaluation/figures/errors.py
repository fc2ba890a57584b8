"""Figures of errors: hour by hour, by period, by stratum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from .style import (
    blank,
    boxes,
    dots,
    has,
    hours_and_seasons,
    legend,
    literal,
    note,
    score_label,
    styles,
    variable_label,
    variables,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["score_boxes", "scores_by_period", "scores_by_stratum"]


def score_boxes(
    result: xr.Dataset,
    scores: Sequence[str] = ("rmse", "bias", "r2", "pcc"),
    *,
    stratum: str = "all",
) -> Figure:
    """Draw scores of every hour as box plots, one box per forecast, as in arXiv 2406.13627.

    A box reaches from quartile to quartile and shows the median; whiskers reach from the 1st to the
    99th percentile. Hours beyond are not drawn.

    Parameters
    ----------
    result : xarray.Dataset
        With ``rmse_hourly`` and others (forecast, variable, stratum, time).
    scores : sequence of str
        Scores, one column each.
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        One row per variable.

    Examples
    --------
    >>> dims = ("forecast", "variable", "stratum", "time")
    >>> hourly = xr.DataArray([[[[1.0, 2.0, 3.0]]]], dims=dims)
    >>> result = xr.Dataset(
    ...     {"rmse_hourly": hourly},
    ...     {"forecast": ["UNET"], "variable": ["t2m"], "stratum": ["all"]},
    ... )
    >>> len(score_boxes(result).axes)
    1
    """
    style, rows = styles(result), variables(result)
    scores = [s for s in scores if has(result, f"{s}_hourly", stratum=stratum)]
    if not scores:
        return note(f"no hourly scores at stratum {literal(stratum)}")
    names = [str(n) for n in result["forecast"].values]
    places = np.arange(len(names))
    height = len(rows) * (0.75 + 0.32 * len(names)) + 0.1
    figure = blank(height)
    axes = figure.subplots(len(rows), len(scores), sharey=True, squeeze=False)
    for row, variable in zip(axes, rows, strict=True):
        for ax, score in zip(row, scores, strict=True):
            hourly = result[f"{score}_hourly"].sel(variable=variable, stratum=stratum)
            samples = {n: hourly.sel(forecast=n).values for n in names}
            boxes(ax, samples, style, places, horizontal=True)
            ax.set_xlabel(score_label(result, f"{score}_hourly", variable))
            ax.grid(axis="x", linewidth=0.4)
            # Few ticks: numbers such as -0.025 touch in narrow panels.
            ax.locator_params(axis="x", nbins=4)
            ax.tick_params("y", length=0)
            if score == "bias":
                ax.axvline(0, color="0.4", linewidth=0.8)
        row[0].set_title(variable_label(result, variable), loc="left", fontsize=11)
    axes[0, 0].set_yticks(places, [literal(n) for n in names])
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def scores_by_period(
    result: xr.Dataset, scores: Sequence[str] = ("rmse", "bias"), *, stratum: str = "all"
) -> Figure:
    """Draw scores by hour of the day and by season.

    Parameters
    ----------
    result : xarray.Dataset
        With the scores (forecast, variable, stratum, period).
    scores : sequence of str
        Scores, one row each.
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        Hours (UTC) as lines, seasons as markers, side by side for each variable.
    """
    style, columns = styles(result), variables(result)
    scores = [s for s in scores if has(result, s, stratum=stratum)]
    if not scores:
        return note(f"no scores at stratum {literal(stratum)}")
    figure = blank(0.5 + 2.3 * len(scores))
    axes = figure.subplots(
        len(scores), 2 * len(columns), width_ratios=[3, 2] * len(columns), squeeze=False
    )
    for i, score in enumerate(scores):
        for j, variable in enumerate(columns):
            pair = axes[i, 2 * j], axes[i, 2 * j + 1]
            table = result[score].sel(variable=variable, stratum=stratum)
            if score == "bias":
                for ax in pair:
                    ax.axhline(0, color="0.4", linewidth=0.8)
            hours_and_seasons(pair, table.transpose("forecast", "period"), style)
            pair[0].set_ylabel(score_label(result, score, variable))
            if i == 0:
                pair[0].set_title(variable_label(result, variable), loc="left", fontsize=11)
            if i == len(scores) - 1:
                pair[0].set_xlabel("hour of the day, UTC")
                pair[1].set_xlabel("season")
    legend(figure)
    return figure


def scores_by_stratum(
    result: xr.Dataset, scores: Sequence[str] = ("rmse", "bias"), *, period: str = "all"
) -> Figure:
    """Draw scores on land, at sea and by height.

    Parameters
    ----------
    result : xarray.Dataset
        With the scores (forecast, variable, stratum, period).
    scores : sequence of str
        Scores, one column each.
    period : str
        Period to show.

    Returns
    -------
    matplotlib.figure.Figure
        One row per variable; markers of the forecasts side by side in each stratum.
    """
    style, rows = styles(result), variables(result)
    scores = [s for s in scores if has(result, s, period=period)]
    if not scores:
        return note(f"no scores in period {literal(period)}")
    height = 0.7 + len(rows) * (0.7 + 0.3 * result.sizes["stratum"])
    figure = blank(height)
    axes = figure.subplots(len(rows), len(scores), sharey=True, squeeze=False)
    for row, variable in zip(axes, rows, strict=True):
        for ax, score in zip(row, scores, strict=True):
            table = result[score].sel(variable=variable, period=period)
            dots(ax, table.transpose("forecast", "stratum"), style, horizontal=True)
            ax.set_xlabel(score_label(result, score, variable))
            ax.locator_params(axis="x", nbins=5)
            for edge in np.arange(result.sizes["stratum"] - 1) + 0.5:
                ax.axhline(edge, color="0.85", linewidth=0.6)
            if score == "bias":
                ax.axvline(0, color="0.4", linewidth=0.8)
        row[0].set_title(variable_label(result, variable), loc="left", fontsize=11)
    legend(figure)
    return figure
