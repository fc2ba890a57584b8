"""``xldm evaluate``: score forecasts and write a report."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from ..errors import ArgumentError
from .options import add_group, add_storage_options, opened

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Score stores of forecasts (NAME=PATH ...), or the forecasts that a protocol draws from a "
        "model, against a truth or hours of the synthetic twin."
    )
    command.add_argument(
        "forecasts", nargs="*", metavar="NAME=PATH",
        help="netCDF or Zarr: a path, URL or glob; repeat a name for several files of one forecast",
    )  # fmt: skip
    command.add_argument(
        "--protocol", help="draw the forecasts themselves: comparison, residual or sampling"
    )
    command.add_argument(
        "--model",
        default="italy-2km",
        help="model of a protocol; its static fields tell land from sea "
        "(default %(default)s; '' for none)",
    )
    command.add_argument(
        "--beside", action="append", default=[], metavar="NAME=MODEL",
        help="another model in the comparison, e.g. GAN=run/gan/package; repeat it",
    )  # fmt: skip
    command.add_argument(
        "--members", type=int, default=8, help="size of a protocol's ensembles (default 8)"
    )
    for name, what in (("truth", "the truth"), ("era5", "input of a protocol")):
        command.add_argument(
            f"--{name}", action="append", default=[], metavar="PATH",
            help=f"{what}: path, URL or glob of netCDF, GRIB or Zarr; repeat it for several",
        )  # fmt: skip
    command.add_argument(
        "--twin", type=int, metavar="YEAR", help="take truth and input from this year of the twin"
    )
    command.add_argument("--twin-seed", type=int, default=0, help="seed of its weather (default 0)")
    command.add_argument(
        "--hours",
        type=int,
        default=48,
        help="number of hours, spread over the twin's year (default 48)",
    )
    command.add_argument(
        "--targets",
        help='targets to score, as "t2m,tp" (default: all that the truth has)',
    )
    command.add_argument(
        "--align", choices=["exact", "common"], default="exact",
        help="refuse forecasts of other hours or cells than the truth, or score what is common "
        "(default exact)",
    )  # fmt: skip
    command.add_argument("--report", required=True, help="folder to write")
    command.add_argument(
        "--maps", action="store_true",
        help="keep scores at every cell in result.nc, which is then some 100 MB; the page shows "
        "them anyway",
    )  # fmt: skip
    add_group(command)
    add_storage_options(command, "all URLs")
    command.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> None:
    from ..evaluation import report

    if args.protocol and args.forecasts:
        raise ArgumentError(
            "a protocol draws the forecasts itself: leave out NAME=PATH or --protocol"
        )
    report.refuse_folder(args.report)  # before the scores, which take long
    result, snapshots = _of_protocol(args) if args.protocol else _of_stores(args)
    result.attrs["command"] = shlex.join(["xldm", *args.command])
    print(report.write(result, args.report, snapshots=snapshots, maps=args.maps))


def _of_protocol(args: argparse.Namespace) -> tuple[xr.Dataset, dict[str, Figure]]:
    from ..evaluation.protocols import evaluate_protocol
    from ..packages.registry import load_model
    from ..twin import both_sides, hours_over_year

    known = [t.name for t in load_model(args.model).config.targets]
    asked = args.targets.split(",") if args.targets else known
    if unknown := [n for n in asked if n not in known]:
        raise ArgumentError(
            f"--targets: {args.model} has no {', '.join(unknown)}; it has {', '.join(known)}"
        )
    if args.twin:
        times = hours_over_year(args.twin, args.hours)
        era5, truth = both_sides(times, args.twin_seed, rain="tp" in asked)
    else:
        needed = "a protocol needs --era5 and --truth, or --twin YEAR"
        era5, truth = (_opened(paths, args, needed) for paths in (args.era5, args.truth))
    truth = _only(truth, args.targets)
    beside = dict(map(_pair, args.beside))
    return evaluate_protocol(
        args.protocol, args.model, era5, truth, members=args.members, beside=beside
    )


def _of_stores(args: argparse.Namespace) -> tuple[xr.Dataset, dict[str, Figure]]:
    from ..evaluation import evaluate, figures
    from ..packages.registry import load_model

    truth = _opened(args.truth, args, "--truth is needed to score stores of forecasts")
    truth = _only(truth, args.targets)
    paths: dict[str, list[str]] = {}
    for name, path in map(_pair, args.forecasts):
        paths.setdefault(name, []).append(path)
    forecasts = {name: _opened(several, args) for name, several in paths.items()}
    static = load_model(args.model).static if args.model else None
    result = evaluate(forecasts, truth, static=static, align=args.align)
    return result, figures.snapshots(forecasts, truth, result, static)


def _only(truth: xr.Dataset, targets: str | None) -> xr.Dataset:
    """Return the truth of the targets asked for."""
    if not targets:
        return truth
    names = targets.split(",")
    if absent := [n for n in names if n not in truth]:
        raise ArgumentError(
            # Without consolidated metadata, a store lists its arrays in the file system's order.
            f"--targets: the truth has no {', '.join(absent)}; it has "
            f"{', '.join(sorted(map(str, truth.data_vars)))}"
        )
    return truth[names]


def _opened(paths: list[str], args: argparse.Namespace, needed: str = "") -> xr.Dataset:
    if not paths:
        raise ArgumentError(needed)
    return opened(paths, args)


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ArgumentError(f"expected NAME=PATH, got {text!r}")
    return name, path
