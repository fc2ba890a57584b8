"""Figure of scores by lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import xarray as xr

from .style import (
    blank,
    has,
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

__all__ = ["scores_by_lead"]


def scores_by_lead(
    result: xr.Dataset, scores: Sequence[str] = ("crps", "rmse"), *, stratum: str = "all"
) -> Figure:
    """Draw scores as curves over the lead of forecasts.

    Parameters
    ----------
    result : xarray.Dataset
        With the scores (lead, forecast, variable, stratum, period).
    scores : sequence of str
        Scores, one row each.
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        One column per variable. The CRPS of a forecast without members is its MAE.

    Examples
    --------
    >>> dims = ("lead", "forecast", "variable", "stratum", "period")
    >>> crps = xr.DataArray([[[[[1.0]]]], [[[[2.0]]]]], dims=dims)
    >>> coords = {"forecast": ["AIFS"], "variable": ["t2m"], "stratum": ["all"], "period": ["all"]}
    >>> result = xr.Dataset({"crps": crps}, {"lead": [6.0, 12.0], **coords})
    >>> scores_by_lead(result).axes[0].get_xlabel()
    'lead, hours'
    """
    there = [s for s in scores if has(result, s, stratum=stratum, period="all")]
    if "lead" not in result.dims or not there:
        return note(f"no scores by lead at stratum {literal(stratum)}")
    style, columns = styles(result.isel(lead=0)), variables(result)
    figure = blank(0.5 + 2.3 * len(there))
    axes = figure.subplots(len(there), len(columns), sharex=True, squeeze=False)
    for row, score in zip(axes, there, strict=True):
        for ax, variable in zip(row, columns, strict=True):
            curves = result[score].sel(variable=variable, stratum=stratum, period="all")
            for name in map(str, result["forecast"].values):
                values = curves.sel(forecast=name).values
                line = style[name] | {"markersize": 4}
                ax.plot(result["lead"].values, values, label=literal(name), **line)
            ax.set_ylabel(score_label(result, score, variable))
            ax.grid(linewidth=0.4)
    for ax, variable in zip(axes[0], columns, strict=True):
        ax.set_title(variable_label(result, variable), loc="left", fontsize=11)
    for ax in axes[-1]:
        ax.set_xlabel("lead, hours")
    legend(figure)
    return figure
