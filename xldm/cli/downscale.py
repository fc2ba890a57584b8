"""``xldm downscale``: a dataset of any length to a Zarr store; also what reads its input."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError
from ..numerics.samplers import SAMPLERS
from .options import add_storage_options, storage_options

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add", "add_input", "opened", "region"]

DAY = 24


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "downscale",
        help="downscale a dataset to a Zarr store",
        description="Downscale a dataset and write it to a Zarr store, block by block, in bounded "
        "memory. A run that was stopped is gone on with by --resume; several machines write one "
        "store with --share. Credentials come from the environment, as of AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL, or from fsspec's own configuration.",
    )
    add_input(command)
    command.add_argument("store", help="Zarr store to write, path or URL; a bucket must exist")
    command.add_argument("--members", type=int, default=1)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--sampler", help=f"one of {', '.join(SAMPLERS)} (default: the model's)")
    command.add_argument("--steps", type=int, help="steps of the sampler (default: the model's)")
    command.add_argument(
        "--tile", metavar="SIZE[,OVERLAP]", help="coarse cells of a tile, to need less memory"
    )
    command.add_argument("--device", help="where the networks run, e.g. cuda (default cpu)")
    command.add_argument(
        "--resume", action="store_true", help="go on with the store if there is one"
    )
    command.add_argument(
        "--share", default="0/1", metavar="I/N", help="write blocks I, I+N, ... only, I from 0"
    )
    command.add_argument(
        "--keep-bits", type=int, metavar="BITS", help="round to so many bits of the mantissa's 23"
    )
    add_storage_options(command, "URLs")
    command.set_defaults(run=_downscale)


def add_input(command: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is downscaled, and by which model."""
    command.add_argument("input", help="netCDF, GRIB or Zarr: path or URL")
    command.add_argument(
        "--model", default="italy-2km", help="name, path or URL (default %(default)s)"
    )
    command.add_argument("--missing", choices=["raise", "climatology"], default="raise")
    command.add_argument(
        "--region", help='"covered", or lon_min,lat_min,lon_max,lat_max (default: the whole domain)'
    )


def region(text: str | None) -> str | tuple[float, ...] | None:
    """A region as it is written on the command line.

    Examples
    --------
    >>> region("9,43,12,45")
    (9.0, 43.0, 12.0, 45.0)
    """
    return text if text in (None, "covered") else tuple(float(n) for n in text.split(","))


def opened(path: str, options: dict[str, Any]) -> xr.Dataset:
    """A dataset in chunks as it is stored, but of a day where those are long.

    A netCDF file that is stored in one piece would be read whole for each block otherwise.
    """
    import xarray as xr

    given = {"storage_options": options} if options and "://" in path else {}
    ds = xr.open_dataset(path, chunks={}, **given)
    longest: dict[str, int] = {}
    for field in ds.variables.values():
        for dim, lengths in field.chunksizes.items():
            longest[dim] = max(longest.get(dim, 0), *lengths)
    days = {
        dim: DAY
        for dim, length in longest.items()
        if length > 2 * DAY and dim in ds.coords and ds[dim].dtype.kind == "M"
    }
    if not days:
        return ds
    ds.close()
    with warnings.catch_warnings():
        # Stored chunks are decoded more than once, which is little beside the networks.
        warnings.filterwarnings("ignore", message="The specified chunks separate")
        return xr.open_dataset(path, chunks=days, **given)


def _downscale(args: argparse.Namespace) -> None:
    from ..downscale import downscale
    from ..packages.registry import load_model
    from ..writing import to_store

    model = load_model(args.model)
    if args.tile:
        model = model.tiled(*(int(cells) for cells in args.tile.split(",")))
    options, share = storage_options(args), _share(args.share)
    with opened(args.input, options) as ds:
        out = downscale(
            ds, model, members=args.members, seed=args.seed, sampler=args.sampler,
            steps=args.steps, missing=args.missing, device=args.device,
            region=region(args.region),
        )  # fmt: skip
        mark = to_store(
            out, args.store, resume=args.resume, share=share, keep_bits=args.keep_bits,
            storage_options=options if "://" in args.store else None,
        )  # fmt: skip
    if mark:
        print(f"{args.store} complete {mark}")
    else:
        print(f"{args.store} share {args.share} is written; others are not complete yet")


def _share(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise ArgumentError(f"--share: expected I/N with I from 0 to N - 1, as 0/4; got {text!r}")
    return int(number), int(count)
