"""Style of all figures: colours, lines, markers, labels, legends, kinds of panels."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...errors import ArgumentError
from ..strata import SEASONS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "blank",
    "boxes",
    "dots",
    "ensembles",
    "event_label",
    "grid_shape",
    "has",
    "hours_and_seasons",
    "legend",
    "literal",
    "note",
    "one_lead",
    "oracles",
    "score_label",
    "selected",
    "styles",
    "typeset",
    "units_label",
    "variable_label",
    "variables",
    "wrapped",
]

#: Keyword arguments of matplotlib that set how a line looks.
Style = dict[str, Any]
#: Width of a figure in inches; on A4, its 10 point letters are printed at about 8 points.
WIDTH = 9.0
# Distinct for every kind of colour vision; lines and markers differ too, for grey prints.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F")
LINES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (2, 1)), (0, (9, 2)), (0, (1, 1)),
         (0, (9, 2, 2, 2)), (0, (3, 1, 1, 1, 1, 1)))  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
SCORE_NAMES = {
    "rmse": "RMSE", "bias": "bias", "mae": "MAE", "r2": "R²", "pcc": "PCC", "crps": "CRPS",
    "crps_fair": "fair CRPS", "spread": "spread", "skill": "skill",
    "spread_skill": "spread / skill",
}  # fmt: skip


def blank(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure, its size in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    return Figure(figsize=(width, height), layout=engine)


def grid_shape(panels: int, most: int) -> tuple[int, int]:
    """Return rows and columns for a number of panels, with few empty places.

    Examples
    --------
    >>> grid_shape(6, most=4)
    (2, 3)
    """
    rows = -(-panels // most)
    return rows, -(-panels // rows)


def one_lead(result: xr.Dataset) -> None:
    """Refuse a result by lead, of which a figure shows one lead.

    Raises
    ------
    ArgumentError
    """
    if "lead" in result.dims:
        raise ArgumentError(
            "result: this figure is of one lead, and the result has "
            f"{result.sizes['lead']}; choose one, e.g. use result.isel(lead=0), or draw "
            "scores_by_lead"
        )


def styles(result: xr.Dataset) -> dict[str, Style]:
    """Return colour, line and marker of the truth and of every forecast, in their order."""
    one_lead(result)
    out: dict[str, Style] = {
        "truth": {"color": "k", "linestyle": "-", "linewidth": 2.4, "marker": "*"}
    }
    for i, name in enumerate(result["forecast"].values):
        colour, line, marker = (kind[i % len(kind)] for kind in (COLOURS, LINES, MARKERS))
        style = {"color": colour, "linestyle": line, "linewidth": 1.6, "marker": marker}
        out[str(name)] = style
    # Grey and dotted: not one of those that are compared.
    for name in oracles(result):
        out[name] |= {"color": "#7F7F7F", "linestyle": ":"}
    return out


def selected(result: xr.Dataset) -> xr.Dataset:
    """Drop sources that are neither the truth nor among the result's forecasts."""
    if "source" not in result.dims:
        return result
    return result.sel(source=[s for s in result["source"].values if s in styles(result)])


def has(result: xr.Dataset, name: str, **at: object) -> bool:
    """Tell whether the result has a variable with any value (at a selection)."""
    if name not in result:
        return False
    return bool(np.isfinite(result[name].sel(at)).any())


def variables(result: xr.Dataset) -> list[str]:
    """Return the evaluated variables, without the wind's components if its speed is there."""
    names = [str(v) for v in result["variable"].values]
    return [v for v in names if v not in ("u10", "v10") or "wind_speed" not in names]


def ensembles(result: xr.Dataset) -> list[str]:
    """Return the names of forecasts with members."""
    if "members" not in result:
        return []
    return [str(n) for n in result["forecast"].values[result["members"].values > 1]]


def oracles(result: xr.Dataset) -> list[str]:
    """Return the names of forecasts that are given part of the truth."""
    models = json.loads(result.attrs.get("forecast_models") or "{}")
    return [str(n) for n in result["forecast"].values if models.get(str(n), {}).get("oracle")]


def literal(text: object) -> str:
    """Escape dollar signs, which start mathematics in a label."""
    return str(text).replace("$", r"\$")


def wrapped(name: object, inches: float) -> str:
    """Wrap a name for a title of 10 points, in lines of this width."""
    return literal(textwrap.fill(str(name), max(int(inches / 0.085), 8)))


def typeset(units: str) -> str:
    """Return units with raised exponents.

    Examples
    --------
    >>> typeset("m2 s-2")
    'm$^{2}$ s$^{-2}$'
    """
    return re.sub(r"(?<=[A-Za-z])(-?\d+)", r"$^{\1}$", literal(units))


def variable_label(result: xr.Dataset, variable: str) -> str:
    """Return the long name of a variable."""
    if "long_name" not in result.coords:
        return literal(variable)
    return literal(result["long_name"].sel(variable=variable).item())


def units_label(result: xr.Dataset, variable: str) -> str:
    """Return the units of a variable, typeset."""
    if "units" not in result.coords:
        return ""
    return typeset(result["units"].sel(variable=variable).item())


def score_label(result: xr.Dataset, score: str, variable: str) -> str:
    """Return the name of a score, also by hour or cell, and its own or the variable's units."""
    short = score.removesuffix("_hourly").removesuffix("_map")
    name, own = SCORE_NAMES.get(short, literal(short)), result[score].attrs.get("units")
    units = units_label(result, variable) if own is None else typeset(own) if own != "1" else ""
    return f"{name}, {units}" if units else name


def event_label(result: xr.Dataset, event: str) -> tuple[str, str]:
    """Return an event in words, T2m in °C, and its units."""
    one = result.sel(event=event)
    variable, threshold = one["event_variable"].item(), one["threshold"].item()
    if variable == "t2m":
        return f"T2m > {threshold - 273.15:g}", "°C"
    units = result["units"].sel(variable=variable).item()
    return f"{variable.replace('_', ' ')} > {threshold:g}", str(units)


def legend(figure: Figure) -> None:
    """Draw one legend below the figure, with each label of its panels once."""
    found: dict[str, Artist] = {}
    for ax in figure.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if not found:
        return
    # In inches: a line, the gaps, and letters of 10 points.
    widest = 0.72 + 0.077 * max(map(len, found))
    most = max(int(figure.get_figwidth() / widest), 1)
    figure.legend(
        list(found.values()),
        list(found),
        loc="outside lower center",
        ncols=grid_shape(len(found), most)[1],
        frameon=False,
        handlelength=3.2,
    )


def note(text: str) -> Figure:
    """Return a small figure that says why there is nothing to draw."""
    figure = blank(0.7)
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def boxes(
    ax: Axes,
    samples: Mapping[str, np.ndarray],
    style: Mapping[str, Style],
    positions: np.ndarray,
    *,
    horizontal: bool = False,
    width: float = 0.7,
) -> None:
    """Draw boxes from quartile to quartile; whiskers hold 98 % of the values."""
    drawn = ax.boxplot(
        [v[np.isfinite(v)] for v in samples.values()],
        positions=positions,
        widths=width,
        whis=(1, 99),
        showfliers=False,
        patch_artist=True,
        orientation="horizontal" if horizontal else "vertical",
        medianprops={"color": "k"},
        manage_ticks=False,
    )
    for box, name in zip(drawn["boxes"], samples, strict=True):
        box.set(facecolor=style[name]["color"], alpha=0.75 if name != "truth" else 0.4)


def dots(
    ax: Axes,
    table: xr.DataArray,
    style: Mapping[str, Style],
    *,
    horizontal: bool = False,
    named: bool = True,
) -> None:
    """Draw values (source or forecast, category) as markers side by side in each category."""
    by, category = table.dims
    places = np.arange(table.sizes[category])
    offsets = 0.5 * (np.arange(table.sizes[by]) - (table.sizes[by] - 1) / 2) / table.sizes[by]
    for name, values, offset in zip(table[by].values, table.values, offsets, strict=True):
        at = (values, places + offset) if horizontal else (places + offset, values)
        mark = {k: style[str(name)][k] for k in ("color", "marker")}
        label = literal(name) if named else None
        ax.plot(*at, linestyle="none", markersize=5, label=label, **mark)
    labels = [literal(c) for c in table[category].values]
    if horizontal:
        ax.set_yticks(places, labels)
        ax.set_ylim(places.size - 0.5, -0.5)
    else:
        ax.set_xticks(places, labels)
        ax.set_xlim(-0.5, places.size - 0.5)
    ax.grid(axis="x" if horizontal else "y", linewidth=0.4)


def hours_and_seasons(
    axes: tuple[Axes, Axes],
    table: xr.DataArray,
    style: Mapping[str, Style],
    *,
    named: bool = True,
) -> None:
    """Draw values (source or forecast, period) by hour of the day, left, and season, right.

    The two panels share a scale. The legend leaves out lines that are not ``named``.
    """
    left, right = axes
    right.sharey(left)  # first, so that the scale covers both panels
    periods = [str(p) for p in table["period"].values]
    hours = [p for p in periods if p.endswith(" UTC")]
    by = table.dims[0]
    for name in table[by].values:
        values = table.sel({by: name, "period": hours}).values
        line = style[str(name)] | {"markersize": 3.5}
        label = literal(name) if named else None
        left.plot([int(h[:2]) for h in hours], values, label=label, **line)
    left.set(xlim=(-0.7, 23.7), xticks=range(0, 24, 6))
    left.grid(axis="y", linewidth=0.4)
    dots(right, table.sel(period=[s for s in SEASONS if s in periods]), style, named=named)
    right.tick_params(labelleft=False)
    right.tick_params("x", labelsize=8)
