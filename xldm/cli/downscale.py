"""``xldm downscale``: write fields of any length to a Zarr store; also the input of ``check``."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from ..numerics.samplers import SAMPLERS
from .options import add_storage_options, storage_options

__all__ = ["add", "add_input", "region"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "downscale",
        help="downscale a dataset to a Zarr store",
        description="Downscale a dataset and write it to a Zarr store, block by block, in bounded "
        "memory. --resume continues an interrupted run; with --share several machines write one "
        "store. Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
        "AWS_ENDPOINT_URL) or from fsspec's own configuration.",
    )
    add_input(command, "; the last is the Zarr store to write, unless --output names it")
    command.add_argument(
        "-o",
        "--output",
        metavar="STORE",
        help="Zarr store to write, path or URL; a bucket must exist",
    )
    command.add_argument("--members", type=int, default=1)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--sampler", help=f"one of {', '.join(SAMPLERS)} (default: the model's)")
    command.add_argument("--steps", type=int, help="steps of the sampler (default: the model's)")
    command.add_argument(
        "--tile", metavar="SIZE[,OVERLAP]", help="coarse cells of a tile, to save memory"
    )
    command.add_argument("--device", help="where the networks run, e.g. cuda (default cpu)")
    command.add_argument("--resume", action="store_true", help="continue the store if it exists")
    command.add_argument(
        "--share", default="0/1", metavar="I/N", help="write only blocks I, I+N, ..., I from 0"
    )
    command.add_argument(
        "--keep-bits", type=int, metavar="BITS", help="round to this many of 23 mantissa bits"
    )
    add_storage_options(command, "URLs")
    command.set_defaults(run=_downscale)


def add_input(command: argparse.ArgumentParser, more: str = "") -> None:
    """Add the arguments that select the input and the model; ``more`` ends the help of files."""
    command.add_argument(
        "input", nargs="+",
        help=f"netCDF, GRIB, Zarr or a zip of these: paths, URLs or globs{more}",
    )  # fmt: skip
    command.add_argument(
        "--model", default="italy-2km", help="name, path or URL (default %(default)s)"
    )
    command.add_argument("--missing", choices=["raise", "climatology"], default="raise")
    command.add_argument("--align", help="path or URL of an alignment, from xldm.fit_alignment")
    command.add_argument(
        "--region", help='"covered", or lon_min,lat_min,lon_max,lat_max (default: the whole domain)'
    )


def region(text: str | None) -> str | tuple[float, float, float, float] | None:
    """Parse a region: a word that ``downscale`` knows, or a box in degrees.

    Raises
    ------
    ArgumentError
        If the text has commas and is not lon_min,lat_min,lon_max,lat_max.

    Examples
    --------
    >>> region("9,43,12,45")
    (9.0, 43.0, 12.0, 45.0)
    """
    if text is None or "," not in text:
        return text
    try:
        west, south, east, north = (float(number) for number in text.split(","))
    except ValueError as error:
        raise ArgumentError(
            f"--region: expected a word, or lon_min,lat_min,lon_max,lat_max; got {text!r}"
        ) from error
    return west, south, east, north


def _downscale(args: argparse.Namespace) -> None:
    from ..downscaling import downscale
    from ..inputs.files.opening import open_input
    from ..packages.registry import load_model
    from ..writing import to_store

    model = load_model(args.model)
    if args.tile:
        model = model.tiled(*(int(cells) for cells in args.tile.split(",")))
    options, share = storage_options(args), _share(args.share)
    inputs, store = _inputs_and_store(args)
    with open_input(inputs, storage_options=options) as ds:
        out = downscale(
            ds, model, members=args.members, seed=args.seed, sampler=args.sampler,
            steps=args.steps, missing=args.missing, align=args.align, device=args.device,
            region=region(args.region),
        )  # fmt: skip
        mark = to_store(
            out, store, resume=args.resume, share=share, keep_bits=args.keep_bits,
            storage_options=options if "://" in store else None,
        )  # fmt: skip
    if mark:
        print(f"{store} complete {mark}")
    else:
        print(f"{store} share {args.share} is written; other shares are not complete yet")


def _inputs_and_store(args: argparse.Namespace) -> tuple[list[str], str]:
    """Return the paths of the input, and the store: the last path unless an option names it."""
    inputs = list(args.input)
    store = args.output or inputs.pop()
    if not inputs:
        raise ArgumentError(
            f"expected the input and the store to write; got {store} alone. Use xldm downscale "
            f"{store} --output STORE.zarr"
        )
    return inputs, store


def _share(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise ArgumentError(f"--share: expected I/N with I from 0 to N - 1, as 0/4; got {text!r}")
    return int(number), int(count)
