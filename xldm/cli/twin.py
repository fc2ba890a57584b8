"""``xldm twin``: the synthetic twin as a store, or as archives of real data are."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    twin = commands.add_parser(
        "twin", help="write the synthetic twin to a Zarr store, or as archives of real data are"
    )
    twin.add_argument("start", help="first hour, e.g. 2001-07-15T00; day for archives")
    twin.add_argument("stop", help="last hour, or day")
    twin.add_argument(
        "store", help="Zarr store to write, groups era5 and fine; or the archives' folder"
    )
    twin.add_argument("--seed", type=int, default=0)
    twin.add_argument(
        "--archive",
        nargs="*",
        metavar="FORM",
        help="write files as the providers of real archives do; without a FORM all of them: "
        "cds-grib, cds-netcdf-old, cds-netcdf-new, arco, vhr-rea-it, dem, landcover, paper",
    )
    twin.set_defaults(run=_twin)


def _twin(args: argparse.Namespace) -> None:
    from ..twin import archives, write

    def paper(folder: Path) -> None:
        from ..published import twin_release

        twin_release.write(folder, args.start, args.stop, seed=args.seed)

    if args.archive is None:
        write(args.store, args.start, args.stop, seed=args.seed)
    else:
        archives.write(
            args.store, args.start, args.stop, args.archive, seed=args.seed, also={"paper": paper}
        )
    print(args.store)
