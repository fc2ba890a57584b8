"""``xldm demo``: from the shipped sample to a store and a figure."""

from __future__ import annotations

import argparse

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.add_argument(
        "--folder", default="xldm-demo", help="where to write (default %(default)s)"
    )
    command.add_argument(
        "--times", type=int, default=24, help="number of the sample's 24 times (default all)"
    )
    command.add_argument("--members", type=int, default=2, help="ensemble members (default 2)")
    command.set_defaults(run=_demo)


def _demo(args: argparse.Namespace) -> None:
    from .. import demo

    done = demo.run(args.folder, times=args.times, members=args.members)
    print(done["report"])
    print(f"store   {done['store']}\nfigure  {done['figure']}")
    print(f"time    {done['seconds_per_field']:.2f} s per field (t2m, u10, v10 and tp at 2 km)")
