"""``xldm twin``: write the synthetic twin to a store, or in the forms of real archives."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ArgumentError

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Write hours of the synthetic twin to a Zarr store, or days in the forms of real archives."
    )
    command.add_argument(
        "start", help="first hour, e.g. 2001-07-15T00; with --archive the first day"
    )
    command.add_argument("stop", help="last hour or day, included")
    command.add_argument(
        "store",
        metavar="output",
        help="Zarr store to write, with groups era5 and fine; with --archive a folder",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="seed of the twin's weather (default 0)"
    )
    command.add_argument(
        "--rain",
        action="store_true",
        help="hourly precipitation (tp) on the fine side too; of archives, in the form paper only",
    )
    command.add_argument(
        "--archive",
        nargs="*",
        metavar="FORM",
        help="write files in the forms of real archives; without a FORM all of them: "
        "cds-grib, cds-netcdf-old, cds-netcdf-new, arco, vhr-rea-it, dem, landcover, paper",
    )
    command.set_defaults(run=_twin)


def _twin(args: argparse.Namespace) -> None:
    from ..twin import archives, write

    if args.rain and args.archive not in (None, ["paper"]):
        raise ArgumentError(
            "--rain is for stores and for --archive paper: other forms of archives have no fine "
            "rain. Leave it out, or write the form paper alone."
        )

    def paper(folder: Path) -> None:
        from ..published import twin_release

        twin_release.write(folder, args.start, args.stop, seed=args.seed, rain=args.rain)

    if args.archive is None:
        write(args.store, args.start, args.stop, seed=args.seed, rain=args.rain)
    else:
        archives.write(
            args.store, args.start, args.stop, args.archive, seed=args.seed, also={"paper": paper}
        )
    print(args.store)
