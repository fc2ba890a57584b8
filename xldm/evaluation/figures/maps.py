"""Figures of maps: scores at every cell, and fields of one hour."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...errors import ArgumentError
from ..align import comparable
from ..arrange import GRID
from ..hours import Series, split
from .rain_colours import in_mm, rain_colours
from .style import (
    WIDTH,
    blank,
    grid_shape,
    has,
    literal,
    note,
    one_lead,
    score_label,
    typeset,
    variable_label,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["error_maps", "snapshot", "snapshots"]

# Lightness is monotone, or symmetric about 0, so that maps can be read without colour.
COLOURS = {"rmse": "YlOrRd", "bias": "RdBu_r", "mae": "YlOrRd", "r2": "viridis", "pcc": "viridis"}
# Of a variable in a snapshot: the value to subtract, its label, and its colours.
SHOWN = {
    "t2m": (273.15, "2 m temperature, °C", "RdYlBu_r"),
    "wind_speed": (0.0, "wind speed, m s$^{-1}$", "viridis"),
    "tp": (0.0, "hourly precipitation, mm", "YlGnBu"),
}


def error_maps(result: xr.Dataset, score: str = "rmse", variable: str = "t2m") -> Figure:
    """Draw a score over time at every cell, one map per forecast, with one colour scale.

    The scale leaves out the most extreme 0.5 % of the cells at either end. For the bias it is
    symmetric.

    Parameters
    ----------
    result : xarray.Dataset
        With ``rmse_map`` or another (forecast, variable, y, x). With a ``land_mask`` (y, x), the
        coast is drawn.
    score : {"rmse", "bias", "mae", "r2", "pcc"}
        Score to show.
    variable : str
        Variable to show.

    Returns
    -------
    matplotlib.figure.Figure
        Above each map the forecast and the mean over the map.

    Raises
    ------
    ArgumentError
        If there are no maps of this score, or the variable is not in the result.
    """
    one_lead(result)
    present = [s for s in COLOURS if f"{s}_map" in result]
    _choose("score", score, present)
    _choose("variable", variable, [str(v) for v in result["variable"].values])
    if not has(result, f"{score}_map", variable=variable):
        return note(f"no {literal(score)} of {literal(variable)} at any cell")
    maps = result[f"{score}_map"].sel(variable=variable)
    low, high = _limits(maps.values, score)
    rows, columns = grid_shape(maps.sizes["forecast"], most=4)
    aspect = maps.sizes["y"] / maps.sizes["x"]
    side = WIDTH * 0.9 / max(columns, 2)
    figure = blank(rows * (side * aspect + 0.45), width=min(columns * side + 1.2, WIDTH))
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[maps.sizes["forecast"] :]:
        ax.axis("off")
    for ax, field in zip(axes.flat, maps, strict=False):
        style = {"cmap": COLOURS[score], "vmin": low, "vmax": high}
        image = _map(ax, field, result.get("land_mask"), **style)
        name = wrapped(field["forecast"].item(), side)
        ax.set_title(f"{name}\nmean {field.mean().item():.3g}", size=10)
    shown = score_label(result, f"{score}_map", variable)
    label = f"{variable_label(result, variable)}: {shown}"
    figure.colorbar(image, ax=axes, label=label, extend="both", pad=0.01, fraction=0.05, aspect=30)
    return figure


def _choose(what: str, got: str, choices: list[str]) -> None:
    if got not in choices:
        raise ArgumentError(f"{what}: choose from {', '.join(choices) or 'none here'}; got {got!r}")


def _limits(values: np.ndarray, score: str) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.005, 0.995])
    if score == "bias":
        high = max(abs(low), abs(high))
        low = -high
    return float(low), float(high)


def snapshot(
    truth: xr.Dataset,
    forecasts: Mapping[str, xr.Dataset],
    static: xr.Dataset | None = None,
    variable: str = "t2m",
    *,
    zoom: tuple[float, float, float, float] | None = None,
) -> Figure:
    """Draw truth and forecasts of one hour side by side, the whole above and a part below.

    Parameters
    ----------
    truth : xarray.Dataset
        Fields (y, x) of one hour.
    forecasts : mapping of str to xarray.Dataset
        The same of every forecast; of an ensemble, one member.
    static : xarray.Dataset, optional
        ``land_mask`` (y, x), for the coast.
    variable : str
        Field to show; "wind_speed" is computed from u10 and v10.
    zoom : (x_min, x_max, y_min, y_max), optional
        Part to show below, in metres of the projection; default a quarter of each side, where the
        truth has most detail.

    Returns
    -------
    matplotlib.figure.Figure
        Each row has one colour scale, between the 0.2 and 99.8 % quantiles of the truth.

    Raises
    ------
    ArgumentError
        If a dataset lacks the variable, or has it over dimensions other than (y, x).
    """
    fields = {
        name: _field(name, ds, variable) for name, ds in {"truth": truth, **forecasts}.items()
    }
    zoom = zoom or _most_detailed(fields["truth"])
    blocks, columns = grid_shape(len(fields), most=5)
    aspect = fields["truth"].sizes["y"] / fields["truth"].sizes["x"]
    side = WIDTH * 0.88 / max(columns, 2)
    # By default the part has the shape of the whole, so both rows are equally high.
    figure = blank(2 * blocks * (side * aspect + 0.2))
    axes = figure.subplots(2 * blocks, columns, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, name in enumerate(fields):
        block, column = divmod(i, columns)
        ax = axes[2 * block, column]
        ax.set_title(wrapped(name, side), size=10)
        _box(ax, zoom)
    land = None if static is None else static.get("land_mask")
    for row in range(2 * blocks):
        some = list(fields.values())[row // 2 * columns :][:columns]
        part = row % 2 == 1
        _snapshot_row(figure, axes[row], some, fields["truth"], land, zoom if part else None)
    return figure


def snapshots(
    forecasts: Mapping[str, xr.Dataset | xr.DataArray],
    truth: xr.Dataset | xr.DataArray,
    result: xr.Dataset,
    static: xr.Dataset | None = None,
) -> dict[str, Figure]:
    """Show T2m and wind speed at the hour in the middle of a record, and the hour of most rain.

    Parameters
    ----------
    forecasts : mapping of str to Dataset or DataArray
        As `xldm.evaluate` takes them. Of an ensemble, the first member is shown; of forecasts by
        lead, a lead in the middle.
    truth : Dataset or DataArray (time, y, x)
    result : Dataset
        Their evaluation.
    static : Dataset (y, x), optional
        ``land_mask``, for the coast.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        By caption, for a report; nothing if no such variable was evaluated.
    """
    shown = [v for v in SHOWN if v in result["variable"]]
    if not shown:
        return {}
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        # The evaluation has said what is left out.
        series = list(split(*comparable(forecasts, truth, "common")))
    middle = series[len(series) // 2]
    lead = "" if middle.lead is None else f", lead {middle.lead / np.timedelta64(1, 'h'):g} h"
    out, read = {}, {}
    for v in shown:
        hour = _hour(v, middle, result)
        if hour not in read:
            read[hour] = _at(middle, hour)
        observed, fields = read[hour]
        stamp = np.datetime_as_string(observed["time"].values, unit="m")
        caption = f"{result['long_name'].sel(variable=v).item()} at {stamp} UTC{lead}"
        out[caption] = snapshot(observed, fields, static, v)
    return out


def _hour(variable: str, series: Series, result: xr.Dataset) -> int:
    """Return the hour to show: of most rain, or in the middle."""
    if variable == "tp" and series.lead is None and has(result, "rain_hourly", source="truth"):
        return int(np.nan_to_num(result["rain_hourly"].sel(source="truth").values).argmax())
    return series.truth.sizes["time"] // 2


def _at(series: Series, hour: int) -> tuple[xr.Dataset, dict[str, xr.Dataset]]:
    """Return the truth and a member of each forecast at an hour."""

    def at(ds: xr.Dataset) -> xr.Dataset:
        now = ds.isel(time=hour)
        return now.isel({d: 0 for d in now.dims if d not in GRID}).compute()

    return series.truth.isel(time=hour).compute(), {n: at(f) for n, f in series.forecasts.items()}


def _snapshot_row(
    figure: Figure,
    axes: Sequence[Axes],
    fields: Sequence[xr.DataArray],
    truth: xr.DataArray,
    land: xr.DataArray | None,
    zoom: tuple[float, float, float, float] | None,
) -> None:
    units = typeset(truth.attrs.get("units", ""))
    label = f"{literal(truth.attrs.get('long_name', truth.name))}, {units}"
    _, label, colours = SHOWN.get(str(truth.name), (0.0, label, "viridis"))
    seen = _within(truth, zoom) if zoom else truth
    low, high = np.nanquantile(seen.values, [0.002, 0.998])
    style = {"cmap": colours, "vmin": low, "vmax": high}
    if truth.name == "tp":
        style = rain_colours()
    for ax, field in zip(axes, fields, strict=False):
        ax.axis("on")
        shown = _within(field, zoom) if zoom else field
        image = _map(ax, shown, land, **style)
    bar = figure.colorbar(image, ax=axes, extend="both", pad=0.01, fraction=0.05, aspect=15)
    bar.set_label(label, fontsize="x-small")  # as high as a row of flat maps


def _field(name: str, ds: xr.Dataset, variable: str) -> xr.DataArray:
    """Return a field in the units of the figure."""
    if variable == "wind_speed" and variable not in ds and {"u10", "v10"} <= set(ds.data_vars):
        ds = ds.assign(wind_speed=np.hypot(ds["u10"], ds["v10"]))
    if variable not in ds:
        raise ArgumentError(f"{name} has no {variable}; choose from {', '.join(map(str, ds))}")
    field = ds[variable]
    if set(field.dims) != {"y", "x"}:
        raise ArgumentError(
            f"{name}: {variable} has dimensions {', '.join(map(str, field.dims))}; a snapshot is "
            "of (y, x): pick one hour and one member with isel"
        )
    field = field.transpose("y", "x").rename(variable)
    if variable == "tp":
        return in_mm(field).assign_attrs(field.attrs)
    return (field - SHOWN.get(variable, (0.0,))[0]).assign_attrs(field.attrs)


def _most_detailed(truth: xr.DataArray) -> tuple[float, float, float, float]:
    """Return the limits of the steepest window, a quarter as wide and high as the field."""
    import scipy.ndimage

    values = np.nan_to_num(truth.values - np.nanmean(truth.values))
    steepness = np.hypot(*np.gradient(values))
    rows, columns = (max(n // 4, 2) for n in values.shape)
    mean = scipy.ndimage.uniform_filter(steepness, (rows, columns), mode="constant")
    # A window across the edge is filled with zeros there, and may win nevertheless.
    row, column = np.unravel_index(mean.argmax(), mean.shape)
    row = np.clip(row - rows // 2, 0, values.shape[0] - rows)
    column = np.clip(column - columns // 2, 0, values.shape[1] - columns)
    x, y = truth["x"].values[column : column + columns], truth["y"].values[row : row + rows]
    return float(x.min()), float(x.max()), float(y.min()), float(y.max())


def _within(field: xr.DataArray, zoom: tuple[float, float, float, float]) -> xr.DataArray:
    x_min, x_max, y_min, y_max = zoom
    rows = (field["y"] >= y_min) & (field["y"] <= y_max)
    columns = (field["x"] >= x_min) & (field["x"] <= x_max)
    return field.isel(y=np.flatnonzero(rows), x=np.flatnonzero(columns))


def _box(ax: Axes, zoom: tuple[float, float, float, float]) -> None:
    x_min, x_max, y_min, y_max = (c / 1e3 for c in zoom)
    ax.plot(
        [x_min, x_max, x_max, x_min, x_min], [y_min, y_min, y_max, y_max, y_min], "k", linewidth=1.2
    )


def _map(ax: Axes, field: xr.DataArray, land: xr.DataArray | None, **style: Any) -> QuadMesh:
    """Draw a field and, if the land is known, the coast; in kilometres, without ticks."""
    x, y = (field[c].values / 1e3 for c in ("x", "y"))
    image = ax.pcolormesh(x, y, field.values, shading="nearest", rasterized=True, **style)
    if land is not None and 0 < land.mean() < 1:
        at = (land[c].values / 1e3 for c in ("x", "y"))
        ax.contour(*at, land.transpose("y", "x").values, [0.5], colors="k", linewidths=0.5)
    half = abs(x[1] - x[0]) / 2
    ax.set(xlim=(x.min() - half, x.max() + half), ylim=(y.min() - half, y.max() + half))
    ax.set(aspect="equal", xticks=[], yticks=[])
    return image
