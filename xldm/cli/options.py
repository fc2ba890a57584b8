"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add_group", "add_input", "add_storage_options", "opened", "region", "storage_options"]


def add_input(command: argparse.ArgumentParser, more: str = "") -> None:
    """Add the arguments that select the input and the model; ``more`` ends the help of files."""
    command.add_argument(
        "input", nargs="+", metavar="INPUT",
        help=f"netCDF, GRIB, Zarr or a zip of these: paths, URLs or globs{more}",
    )  # fmt: skip
    command.add_argument(
        "--model", default="italy-2km", help="name, path or URL (default %(default)s)"
    )
    command.add_argument(
        "--missing", choices=["raise", "climatology"], default="raise",
        help="refuse absent predictors, or set them to their mean in training (default raise)",
    )  # fmt: skip
    command.add_argument(
        "--region", metavar="REGION",
        help='"covered", the part that the input covers, or lon_min,lat_min,lon_max,lat_max, as '
        "9,43,12,45 (default: the whole domain)",
    )  # fmt: skip
    add_group(command)
    add_storage_options(command, "all URLs")


def add_group(command: argparse.ArgumentParser) -> None:
    """Add ``--group``."""
    command.add_argument(
        "--group", help="group of netCDF files or Zarr stores that holds the fields, as era5"
    )


def add_storage_options(command: argparse.ArgumentParser, what: str) -> None:
    """Add ``--storage-option``; ``what`` names the URLs that it applies to."""
    command.add_argument(
        "--storage-option", action="append", default=[], dest="storage_options",
        metavar="KEY=VALUE",
        help=f"for {what}, e.g. anon=true or endpoint_url=https://...; repeat it; no secrets here",
    )  # fmt: skip


def storage_options(args: argparse.Namespace) -> dict[str, str | bool]:
    """Return the values of ``--storage-option`` as options for fsspec."""
    return dict(map(_option, args.storage_options))


def opened(files: str | list[str], args: argparse.Namespace) -> xr.Dataset:
    """Open files or globs as one dataset, lazily, with the options of a command."""
    from ..inputs.files.opening import open_input

    return open_input(files, group=args.group, storage_options=storage_options(args))


def region(text: str | None) -> str | tuple[float, ...] | None:
    """Parse a region: a word that ``downscale`` knows, or a box in degrees.

    Raises
    ------
    ArgumentError
        If the text has commas and is no list of numbers.

    Examples
    --------
    >>> region("9,43,12,45")
    (9.0, 43.0, 12.0, 45.0)
    """
    if text is None or "," not in text:
        return text
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise ArgumentError(
            "region: expected 'covered' or lon_min,lat_min,lon_max,lat_max in degrees, as "
            f"9,43,12,45; got {text!r}"
        ) from error


def _option(text: str) -> tuple[str, str | bool]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ArgumentError("expected KEY=VALUE for each --storage-option")  # it may be a secret
    return key, {"true": True, "false": False}.get(value.lower(), value)
