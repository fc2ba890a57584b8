"""Figures of ensembles: ranks, reliability, spread and skill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from .style import (
    blank,
    ensembles,
    event_label,
    grid_shape,
    has,
    hours_and_seasons,
    legend,
    literal,
    note,
    score_label,
    styles,
    typeset,
    units_label,
    variable_label,
    variables,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["rank_histograms", "reliability", "spread_skill"]

NO_MEMBERS = "no members: none of the forecasts is an ensemble"
GREY = "0.55"


def rank_histograms(result: xr.Dataset, *, stratum: str = "all") -> Figure:
    """Draw how often the truth has each rank among the members, relative to a reliable ensemble.

    Parameters
    ----------
    result : xarray.Dataset
        With ``rank_histogram`` (forecast, variable, stratum, rank) and ``members`` (forecast).
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per variable. Flat at 1 is reliable; a U is too little spread, a dome too much, a
        slope a bias.
    """
    style, names = styles(result), ensembles(result)
    columns = [
        v
        for v in variables(result)
        if names and has(result, "rank_histogram", variable=v, stratum=stratum)
    ]
    if not columns:
        return note(NO_MEMBERS)
    figure = blank(3.2)
    axes = figure.subplots(1, len(columns), squeeze=False)[0]
    width = 0.85 / len(names)
    for ax, variable in zip(axes, columns, strict=True):
        for i, name in enumerate(names):
            share = result["rank_histogram"].sel(forecast=name, variable=variable, stratum=stratum)
            share = share.values[np.isfinite(share.values)]
            at = np.arange(share.size) + (i - (len(names) - 1) / 2) * width
            colour = style[name]["color"]
            ax.bar(at, share * share.size, width, color=colour, alpha=0.8, label=literal(name))
        ax.axhline(1, color="k", linewidth=1, linestyle="--")
        ax.set_title(variable_label(result, variable), loc="left", fontsize=11)
        ax.set(xlabel="members below the truth", ylabel="frequency, relative to flat")
        ax.xaxis.get_major_locator().set_params(integer=True)
    legend(figure)
    return figure


def reliability(result: xr.Dataset) -> Figure:
    """Draw the frequency of events by forecast probability, and how often each was forecast.

    Parameters
    ----------
    result : xarray.Dataset
        With ``reliability_observed`` and ``reliability_count`` (forecast, event, probability) and
        ``base_rate`` (event).

    Returns
    -------
    matplotlib.figure.Figure
        Two panels per event: above the frequency (on the diagonal it is reliable; dotted, how often
        the event comes at all), below the number of values by probability, logarithmic.
    """
    style, names = styles(result), ensembles(result)
    events = [
        e
        for e in (result["event"].values if "event" in result.coords else [])
        if names and has(result, "reliability_observed", forecast=names, event=e)
    ]
    if not events:
        return note(NO_MEMBERS)
    blocks, columns = grid_shape(len(events), most=4)
    figure = blank(0.4 + blocks * (1.6 + 8 / max(columns, 3)))
    axes = figure.subplots(
        2 * blocks, columns, height_ratios=[5, 2] * blocks, sharex=True, sharey="row", squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for i, event in enumerate(events):
        block, column = divmod(i, columns)
        pair = axes[2 * block, column], axes[2 * block + 1, column]
        for ax in pair:
            ax.axis("on")
        _reliability(pair, result, str(event), names, style)
        if column == 0:
            pair[0].set_ylabel("observed frequency")
            pair[1].set_ylabel("values")
        pair[1].set_xlabel("forecast probability")
    legend(figure)
    return figure


def _reliability(
    axes: tuple[Axes, Axes], result: xr.Dataset, event: str, names: list[str], style: dict
) -> None:
    top, low = axes
    words, units = event_label(result, event)
    one = result.sel(event=event)
    top.set_title(f"{literal(words)} {typeset(units)}", size=10)
    top.plot([0, 1], [0, 1], "k", linewidth=0.8)
    top.axhline(one["base_rate"].item(), color="0.4", linewidth=1, linestyle=":")
    for name in names:
        curve = one.sel(forecast=name)
        there = np.isfinite(curve["reliability_observed"].values)
        at = curve["probability"].values[there]
        line = style[name] | {"markersize": 4}
        top.plot(at, curve["reliability_observed"].values[there], label=literal(name), **line)
        low.semilogy(at, curve["reliability_count"].values[there], **line)
    top.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    top.grid(linewidth=0.4)
    low.grid(axis="y", linewidth=0.4)


def spread_skill(result: xr.Dataset, *, stratum: str = "all") -> Figure:
    """Draw CRPS, spread and skill of ensembles, by hour of the day and season.

    Parameters
    ----------
    result : xarray.Dataset
        With ``crps``, ``spread``, ``skill`` and ``spread_skill``
        (forecast, variable, stratum, period).
    stratum : str
        Stratum to show.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the CRPS of all forecasts, which is the MAE without members; then the skill, with the
        spread in grey; below, their ratio, 1 if the ensemble is reliable.
    """
    style, names, columns = styles(result), ensembles(result), variables(result)
    if not names or not has(result, "spread", stratum=stratum):
        return note(NO_MEMBERS)
    figure = blank(7.2)
    axes = figure.subplots(3, 2 * len(columns), width_ratios=[3, 2] * len(columns), squeeze=False)
    pale = {name: style[name] | {"color": GREY} for name in names}
    for j, variable in enumerate(columns):
        one = result.sel(variable=variable, stratum=stratum)
        pairs = axes[:, 2 * j : 2 * j + 2]
        hours_and_seasons(pairs[0], one["crps"].transpose("forecast", "period"), style)
        some = one.sel(forecast=names)
        for score, look in (("skill", style), ("spread", pale)):
            table = some[score].transpose("forecast", "period")
            hours_and_seasons(pairs[1], table, look, named=False)
        pairs[1, 0].plot([], [], color=GREY, linewidth=1.6, label="spread, in grey")
        for ax in pairs[2]:
            ax.axhline(1, color="k", linewidth=0.8, linestyle="--")
        hours_and_seasons(pairs[2], some["spread_skill"].transpose("forecast", "period"), style)
        pairs[0, 0].set_title(variable_label(result, variable), loc="left", fontsize=11)
        pairs[0, 0].set_ylabel(score_label(result, "crps", variable))
        pairs[1, 0].set_ylabel(f"spread and skill, {units_label(result, variable)}")
        pairs[2, 0].set_ylabel("spread / skill")
        pairs[2, 0].set_xlabel("hour of the day, UTC")
        pairs[2, 1].set_xlabel("season")
    legend(figure)
    return figure
