"""Draw maps of fields on a model's grid; matplotlib is imported on first use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import xarray as xr

from .grids.projected import stated_crs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["DPI", "Zoom", "story"]

#: Dots per inch at which each of the large maps of a story has a dot for each of 576 cells.
DPI = 150

# Lightness is monotone or symmetric in each, so colour vision is not needed.
T2M, WIND, SPREAD = "RdYlBu_r", "viridis", "magma_r"
# Thin lines in a zoom: heights in m.
HEIGHTS = (1000, 2000)


@dataclass(frozen=True)
class Zoom:
    """A part of a domain: its name, its centre in degrees, and its size in km."""

    name: str
    lon: float
    lat: float
    width: float = 280.0
    height: float = 165.0


ALPS = Zoom("Western Alps", 8.0, 45.9)
STRAIT = Zoom("Strait of Bonifacio", 9.2, 41.3)


def wind_speed(ds: xr.Dataset) -> xr.DataArray:
    """Return the wind speed of 10 m components, m s-1."""
    u10, v10 = ds["u10"], ds["v10"]
    return u10.copy(data=np.hypot(u10.data, v10.data))


def celsius(ds: xr.Dataset) -> xr.DataArray:
    """Return the 2 m temperature in degrees Celsius."""
    return ds["t2m"] - 273.15


def story(
    coarse: xr.Dataset, quadratic: xr.Dataset, members: xr.Dataset, static: xr.Dataset
) -> Figure:
    """Draw one time of a downscaling: input, interpolation, a member, and the members' spread.

    Below each row of the whole domain is a part of it: the Western Alps for temperature, the Strait
    of Bonifacio for wind.

    Parameters
    ----------
    coarse : xarray.Dataset
        t2m, u10, v10 (latitude, longitude) of the input.
    quadratic : xarray.Dataset
        The same (y, x), interpolated.
    members : xarray.Dataset
        The same (member, y, x), at least two members.
    static : xarray.Dataset
        ``orog`` and ``land_mask`` (y, x).

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window; use ``savefig`` with ``dpi=plot.DPI``.
    """
    from matplotlib.figure import Figure

    shape = static.sizes["y"] / static.sizes["x"]
    figure = Figure(figsize=(19, 8.2 * (shape + ALPS.height / ALPS.width) + 1.6))
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03)
    rows = [
        (celsius, "2 m temperature, °C", T2M, ALPS),
        (wind_speed, "10 m wind speed, m s$^{-1}$", WIND, STRAIT),
    ]
    parts: Any = figure.subfigures(2, 1)
    for part, row in zip(parts, rows, strict=True):
        _field(part, coarse, quadratic, members, static, *row)
    when = str(np.datetime_as_string(members["time"].values, unit="m")).replace("T", " ")
    figure.suptitle(f"{when} UTC    {members.attrs.get('title', '')}", fontsize=15)
    return figure


def _field(
    figure: Any,
    coarse: xr.Dataset,
    quadratic: xr.Dataset,
    members: xr.Dataset,
    static: xr.Dataset,
    of: Any,
    label: str,
    colours: str,
    zoom: Zoom,
) -> None:
    """Draw a field: a row of the whole domain, and a row of a part of it."""
    ratio = [static.sizes["y"] / static.sizes["x"], zoom.height / zoom.width]
    axes = figure.subplots(2, 4, height_ratios=ratio)
    drawn = of(members)
    step = abs(float(coarse["latitude"][1] - coarse["latitude"][0]))
    steps = {
        f"ERA5, input at its own grid of {step:g}°": of(coarse),
        "quadratic interpolation": of(quadratic),
        f"downscaled, member {int(members['member'][0])}": drawn.isel(member=0),
        f"spread of {members.sizes['member']} members": drawn.std("member", ddof=1),
    }
    low, high = np.nanquantile(drawn.isel(member=0).values, [0.002, 0.998])
    most = np.nanquantile(steps[[*steps][-1]].values, 0.995)
    box = _box(zoom, static)
    for column, (title, field) in enumerate(steps.items()):
        spread = column == 3
        scale = {"vmin": 0.0 if spread else low, "vmax": most if spread else high}
        for ax, part in zip(axes[:, column], (None, box), strict=True):
            style = {"cmap": SPREAD if spread else colours, **scale}
            image = _map(ax, field, static, part, **style)
        axes[0, column].set_title(title, fontsize=13)
        _frame(axes[0, column], box)
        if column >= 2:
            figure.colorbar(
                image,
                ax=axes[:, column] if spread else axes[:, :3],
                label=f"spread of {label}" if spread else label,
                extend="max" if spread else "both",
                aspect=45,
                fraction=0.05,
                pad=0.015,
            )
    heights = " and ".join(map(str, HEIGHTS))
    axes[1, 0].set_title(f"{zoom.name} (thin lines: {heights} m)", fontsize=11, loc="left")


def _box(zoom: Zoom, static: xr.Dataset) -> tuple[float, float, float, float]:
    """Return the limits of a zoom in km of the projection, inside the domain."""
    x, y = _project(static, np.array([zoom.lon]), np.array([zoom.lat]))

    def limits(centre: float, size: float, axis: str) -> tuple[float, float]:
        low, high = static[axis].values.min() / 1e3, static[axis].values.max() / 1e3
        start = min(max(centre - size / 2, low), high - size)
        return start, start + size

    return *limits(x[0], zoom.width, "x"), *limits(y[0], zoom.height, "y")


def _project(static: xr.Dataset, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions in km of the projection of static fields."""
    crs = stated_crs(static["spatial_ref"].attrs)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    return x / 1e3, y / 1e3


def _edges(centres: np.ndarray) -> np.ndarray:
    half = np.diff(centres) / 2
    inner = centres[:-1] + half
    return np.concatenate([centres[:1] - half[:1], inner, centres[-1:] + half[-1:]])


def _frame(ax: Axes, box: tuple[float, float, float, float]) -> None:
    west, east, south, north = box
    corners = [west, east, east, west, west], [south, south, north, north, south]
    ax.plot(*corners, color="k", linewidth=1.2)


def _map(
    ax: Axes,
    field: xr.DataArray,
    static: xr.Dataset,
    box: tuple[float, float, float, float] | None = None,
    **style: Any,
) -> QuadMesh:
    """Draw a field in the projection of the static fields, each cell as it is, with the coast."""
    x, y = static["x"].values / 1e3, static["y"].values / 1e3
    if "x" in field.dims:
        at = _edges(field["x"].values / 1e3), _edges(field["y"].values / 1e3)
    else:
        field = field.transpose("latitude", "longitude")
        at = _project(
            static,
            *np.meshgrid(_edges(field["longitude"].values), _edges(field["latitude"].values)),
        )
    image = ax.pcolormesh(*at, field.values, rasterized=True, **style)
    ax.contour(x, y, static["land_mask"].values, levels=[0.5], colors="k", linewidths=0.7)
    if box is not None:
        orog = static["orog"].values
        ax.contour(x, y, orog, levels=HEIGHTS, colors="k", linewidths=0.3)
    west, east, south, north = box or (x.min(), x.max(), y.min(), y.max())
    ax.set(xlim=(west, east), ylim=(south, north), aspect="equal", xticks=[], yticks=[])
    return image
