"""Draw maps of fields on a model's grid; matplotlib is imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import xarray as xr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["story"]

# Lightness is monotone or symmetric in each, so colour vision is not needed.
T2M, WIND, TERRAIN = "RdYlBu_r", "viridis", "cividis"


def wind_speed(ds: xr.Dataset) -> xr.DataArray:
    """Return the wind speed of 10 m components, m s-1."""
    u10, v10 = ds["u10"], ds["v10"]
    return u10.copy(data=np.hypot(u10.data, v10.data))


def story(
    coarse: xr.Dataset,
    quadratic: xr.Dataset,
    mean: xr.Dataset,
    members: xr.Dataset,
    static: xr.Dataset,
) -> Figure:
    """Draw one time of a downscaling: terrain, input, interpolation, mean and two members.

    Parameters
    ----------
    coarse : xarray.Dataset
        t2m, u10, v10 (latitude, longitude) of the input.
    quadratic, mean : xarray.Dataset
        The same (y, x) from the baselines.
    members : xarray.Dataset
        The same (member, y, x), at least two members.
    static : xarray.Dataset
        ``orog`` and ``land_mask`` (y, x).

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window; use ``savefig``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(18, 7.4), layout="constrained")
    axes = figure.subplots(2, 6)
    _terrain(figure, axes[:, 0], static)
    steps = {
        "ERA5, as it came": coarse,
        "quadratic interpolation": quadratic,
        "mean (UNET)": mean,
        "member 0": members.isel(member=0),
        "member 1": members.isel(member=1),
    }
    for row, (label, units, cmap, field) in enumerate(
        [
            ("2 m temperature", "°C", T2M, lambda ds: ds["t2m"] - 273.15),
            ("10 m wind speed", "m s$^{-1}$", WIND, wind_speed),
        ]
    ):
        low, high = np.nanquantile(field(members.isel(member=0)).values, [0.002, 0.998])
        for ax, (title, ds) in zip(axes[row, 1:], steps.items(), strict=True):
            image = _map(ax, field(ds), static, cmap=cmap, vmin=low, vmax=high)
            ax.set_title(title if row == 0 else "", fontsize=11)
        figure.colorbar(
            image, ax=axes[row, 1:], label=f"{label}, {units}", shrink=0.85, pad=0.01, extend="both"
        )
    when = np.datetime_as_string(members["time"].values, unit="m")
    figure.suptitle(f"{when} UTC   {members.attrs.get('title', '')}", fontsize=12)
    return figure


def _terrain(figure: Figure, axes: np.ndarray, static: xr.Dataset) -> None:
    image = _map(axes[0], static["orog"], static, cmap=TERRAIN, vmin=0, vmax=3000)
    axes[0].set_title("terrain", fontsize=11)
    figure.colorbar(
        image, ax=axes[1], label="height, m", orientation="horizontal", location="top", extend="max"
    )
    axes[1].axis("off")


def _map(ax: Axes, field: xr.DataArray, static: xr.Dataset, **style: Any) -> QuadMesh:
    """Draw a field in the projection of the static fields, with the coastline on top."""
    x, y = static["x"].values / 1e3, static["y"].values / 1e3
    if "x" in field.dims:
        at_x, at_y = field["x"].values / 1e3, field["y"].values / 1e3
    else:
        crs = pyproj.CRS.from_cf(static["spatial_ref"].attrs)
        project = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        lon, lat = np.meshgrid(field["longitude"], field["latitude"])
        at_x, at_y = (c / 1e3 for c in project.transform(lon, lat))
    image = ax.pcolormesh(at_x, at_y, field.values, shading="nearest", rasterized=True, **style)
    ax.contour(x, y, static["land_mask"].values, levels=[0.5], colors="k", linewidths=0.4)
    ax.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()), aspect="equal", xticks=[], yticks=[])
    return image
