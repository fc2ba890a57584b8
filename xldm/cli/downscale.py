"""``xldm downscale``: write fields of any length to a Zarr store, or some to a netCDF file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError, ExistsError
from ..numerics.samplers import SAMPLERS
from .options import add_input, opened, region, storage_options

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Downscale a dataset and write it to a Zarr store, block by block, in bounded memory. "
        "--resume continues an interrupted run; with --share several machines write one store. An "
        "output that ends in .nc becomes one netCDF file. Credentials come from the environment "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL) or from fsspec's own "
        "configuration."
    )
    add_input(command, "; the last is the output, unless --output names it")
    command.add_argument(
        "-o", "--output", metavar="OUTPUT",
        help="Zarr store to write, path or URL (a bucket must exist), or a netCDF file (.nc)",
    )  # fmt: skip
    command.add_argument(
        "--targets", help='targets to draw, as "t2m,tp" (default: all whose coarse field is given)'
    )
    command.add_argument("--members", type=int, default=1, help="ensemble members (default 1)")
    command.add_argument("--seed", type=int, default=0, help="seed of the ensemble (default 0)")
    command.add_argument("--sampler", help=f"one of {', '.join(SAMPLERS)} (default: the model's)")
    command.add_argument("--steps", type=int, help="steps of the sampler (default: the model's)")
    command.add_argument(
        "--correlation", type=float, default=1.0, metavar="SHARE",
        help="how members persist from hour to hour: from 0, not at all, to 1, as the model was "
        "fitted to do (default 1)",
    )  # fmt: skip
    command.add_argument(
        "--conserve", metavar="TARGETS",
        help='targets whose means are the values of the input, as "t2m,u10,v10"; "yes" for all '
        'that can be, "no" for none (default: as the model states)',
    )  # fmt: skip
    command.add_argument("--align", help="path or URL of an alignment, from xldm.fit_alignment")
    command.add_argument(
        "--tile", metavar="SIZE[,OVERLAP]", help="coarse cells of a tile, to save memory"
    )
    command.add_argument("--device", help="where the networks run, e.g. cuda (default cpu)")
    command.add_argument(
        "--compile", action="store_true",
        help="compile the networks first, which takes a minute or more; for many fields",
    )  # fmt: skip
    command.add_argument("--resume", action="store_true", help="continue the store if it exists")
    command.add_argument(
        "--share", default="0/1", metavar="I/N", help="write only blocks I, I+N, ..., I from 0"
    )
    command.add_argument(
        "--keep-bits", type=int, metavar="BITS", help="round to this many of 23 mantissa bits"
    )
    command.set_defaults(
        run=_downscale, whole=lambda args: _is_netcdf(args.output or args.input[-1])
    )


def _downscale(args: argparse.Namespace) -> None:
    from ..downscaling import downscale
    from ..packages.registry import load_model

    inputs, output = _inputs_and_output(args)
    share = _share(args.share)
    _refuse_output(output, args)
    model = load_model(args.model)
    if args.tile:
        model = model.tiled(*_tile(args.tile))
    with opened(inputs, args) as ds:
        out = downscale(
            ds, model, targets=args.targets and args.targets.split(","), members=args.members,
            seed=args.seed, sampler=args.sampler, steps=args.steps,
            correlation=args.correlation, missing=args.missing,
            align=args.align, conserve=_conserve(args.conserve), device=args.device,
            compile=args.compile, region=region(args.region),  # type: ignore[arg-type]
        )  # fmt: skip
        if _is_netcdf(output):
            _write_netcdf(out, output, args)
        else:
            _write_store(out, output, share, args)


def _write_store(
    out: xr.Dataset, store: str, share: tuple[int, int], args: argparse.Namespace
) -> None:
    from ..writing import to_store

    mark = to_store(
        out, store, resume=args.resume, share=share, keep_bits=args.keep_bits,
        storage_options=storage_options(args) if "://" in store else None,
    )  # fmt: skip
    if mark:
        print(f"{store} complete {mark}")
    else:
        print(f"{store} share {args.share} is written; other shares are not complete yet")


def _write_netcdf(out: xr.Dataset, path: str, args: argparse.Namespace) -> None:
    from ..writing import to_netcdf

    to_netcdf(out, path, keep_bits=args.keep_bits)
    print(f"{path} complete")


def _is_netcdf(output: str) -> bool:
    return output.lower().endswith((".nc", ".nc4", ".netcdf"))


def _refuse_output(output: str, args: argparse.Namespace) -> None:
    """Refuse an output that is there as a file, or that cannot be one."""
    if "://" not in output and Path(output).is_file():
        raise ExistsError(
            f"{output} exists, and is not written over; give another output, or if it is an input "
            "name the output with --output"
        )
    if not _is_netcdf(output):
        return
    if "://" in output:
        raise ArgumentError(f"{output}: netCDF is written to local files; use .zarr at a URL")
    if args.resume or args.share != "0/1":
        raise ArgumentError(
            f"{output}: --resume and --share are for Zarr stores; leave them out, or write a .zarr"
        )
    if not Path(output).parent.is_dir():
        raise ArgumentError(f"{output}: there is no folder {Path(output).parent}; make it first")


def _inputs_and_output(args: argparse.Namespace) -> tuple[list[str], str]:
    """Return the paths of the input, and the output: the last path unless an option names it."""
    inputs = list(args.input)
    output = args.output or inputs.pop()
    if not inputs:
        raise ArgumentError(
            f"expected the input and the output; got {output} alone. Use xldm downscale "
            f"{output} --output out.zarr, or out.nc"
        )
    return inputs, output


def _share(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise ArgumentError(f"--share: expected I/N with I from 0 to N - 1, as 0/4; got {text!r}")
    return int(number), int(count)


def _tile(text: str) -> list[int]:
    cells = text.split(",")
    if len(cells) > 2 or not all(c.strip().isdecimal() for c in cells):
        raise ArgumentError(f"--tile: expected SIZE or SIZE,OVERLAP in coarse cells; got {text!r}")
    return [int(c) for c in cells]


def _conserve(text: str | None) -> bool | list[str] | None:
    if text is None:
        return None
    return {"yes": True, "no": False}.get(text) if text in ("yes", "no") else text.split(",")
