"""The ``xldm`` command; every subcommand delegates."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import command_store, command_train

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 1 after an error that says why.

    Examples
    --------
    >>> main(["models", "info", "italy-3km"])
    1
    """
    args = _parser().parse_args(arguments)
    args.command = sys.argv[1:] if arguments is None else list(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("xldm").setLevel(logging.INFO)
    # The registry of CF units redefines a few of pint's, and pint says so each time.
    logging.getLogger("pint").setLevel(logging.ERROR)
    try:
        args.run(args)
    except (ImportError, LookupError, OSError, ValueError) as error:
        # str() of a LookupError would quote its message.
        text = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"xldm: {text}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xldm", description="Residual latent diffusion downscaling for xarray."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="downscale a shipped sample of real ERA5 over Italy")
    demo.add_argument("--folder", default="xldm-demo", help="where to write (default %(default)s)")
    demo.add_argument("--times", type=int, default=24, help="times of the sample (default 24)")
    demo.add_argument("--members", type=int, default=2, help="ensemble members (default 2)")
    demo.set_defaults(run=_demo)

    check = commands.add_parser("check", help="say what a model finds in a dataset")
    _add_input(check)
    check.set_defaults(run=_check)

    down = commands.add_parser("downscale", help="downscale a dataset to a Zarr store")
    _add_input(down)
    down.add_argument("store", help="Zarr store to write; must not exist")
    down.add_argument("--members", type=int, default=1)
    down.add_argument("--seed", type=int, default=0)
    down.add_argument("--sampler", help="ddim or dpm-solver++ (default: the model's)")
    down.add_argument("--steps", type=int, help="steps of the sampler (default: the model's)")
    down.add_argument("--device", help="where the networks run, e.g. cuda (default cpu)")
    down.set_defaults(run=_downscale)

    models = commands.add_parser("models", help="list, describe and import models")
    actions = models.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models by name").set_defaults(run=_list)
    info = actions.add_parser("info", help="the card of a model")
    info.add_argument("model")
    info.set_defaults(run=_info)
    _add_import(actions)

    _add_evaluate(commands)
    command_store.add(commands)
    command_train.add(commands)

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
    return parser


def _add_input(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", help="netCDF, GRIB or Zarr: path or URL")
    command.add_argument(
        "--model", default="italy-2km", help="name, path or URL (default %(default)s)"
    )
    command.add_argument("--missing", choices=["raise", "climatology"], default="raise")
    command.add_argument(
        "--region", help='"covered", or lon_min,lat_min,lon_max,lat_max (default: the whole domain)'
    )


def _region(text: str | None) -> str | tuple[float, ...] | None:
    return text if text in (None, "covered") else tuple(float(n) for n in text.split(","))


def _demo(args: argparse.Namespace) -> None:
    from . import demo

    done = demo.run(args.folder, times=args.times, members=args.members)
    print(done["report"])
    print(f"store   {done['store']}\nfigure  {done['figure']}")
    print(f"time    {done['seconds_per_field']:.2f} s per field (t2m, u10 and v10 at 2 km)")


def _check(args: argparse.Namespace) -> None:
    import xarray as xr

    with xr.open_dataset(args.input, chunks={}) as ds:
        report = ds.ldm.check(args.model, missing=args.missing, region=_region(args.region))
        print(report)
        report.raise_for_problems()


def _downscale(args: argparse.Namespace) -> None:
    import xarray as xr
    from dask.diagnostics import ProgressBar

    from .downscale import downscale

    with xr.open_dataset(args.input, chunks={}) as ds, ProgressBar():
        out = downscale(
            ds, args.model, members=args.members, seed=args.seed, sampler=args.sampler,
            steps=args.steps, missing=args.missing, device=args.device,
            region=_region(args.region),
        )  # fmt: skip
        out.to_zarr(args.store, mode="w-", consolidated=False)
    print(args.store)


def _list(args: argparse.Namespace) -> None:
    from .registry import list_models

    print(list_models().to_string())


def _info(args: argparse.Namespace) -> None:
    from .registry import load_model

    print(load_model(args.model))


def _add_import(actions: argparse._SubParsersAction) -> None:
    command = actions.add_parser("import", help="make a package of the paper's release")
    command.add_argument("name", help="name for the model, e.g. italy-2km-ldm-res")
    command.add_argument("--source", help="folder, zip or zip URL with the checkpoints")
    command.add_argument(
        "--sample-data", help="folder, zip or zip URL with statics and normalisation"
    )
    command.set_defaults(run=_import)


def _import(args: argparse.Namespace) -> None:
    from . import published

    published.import_ldm_res(args.source, args.name, sample_data=args.sample_data)


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "evaluate",
        help="score forecasts against a truth and write a report",
        description="Score stores of forecasts (NAME=PATH ...), or what a protocol draws from a "
        "model, against a truth or hours of the synthetic twin.",
    )
    command.add_argument("forecasts", nargs="*", metavar="NAME=PATH", help="netCDF or Zarr")
    command.add_argument("--protocol", help="comparison, residual or sampling")
    command.add_argument(
        "--model",
        default="italy-2km",
        help="what a protocol draws from, and whose static fields tell land from sea "
        "(default %(default)s; '' for none)",
    )
    command.add_argument("--members", type=int, default=8, help="of a protocol's ensembles")
    command.add_argument("--truth", help="netCDF or Zarr, path or URL")
    command.add_argument("--era5", help="what a protocol downscales: netCDF, GRIB or Zarr")
    command.add_argument("--twin", type=int, metavar="YEAR", help="truth and input of the twin")
    command.add_argument("--twin-seed", type=int, default=0)
    command.add_argument("--hours", type=int, default=48, help="of the twin's year (default 48)")
    command.add_argument("--align", choices=["exact", "common"], default="exact")
    command.add_argument("--report", required=True, help="folder to write")
    command.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> None:
    from .evaluation import report, run

    if args.protocol and args.forecasts:
        raise ValueError("a protocol draws the forecasts itself: leave out NAME=PATH or --protocol")
    if args.protocol:
        needed = "a protocol needs --era5 and --truth, or --twin YEAR"
        era5, truth = (
            run.twin(args.twin, args.hours, args.twin_seed)
            if args.twin
            else (_opened(path, needed) for path in (args.era5, args.truth))
        )
        done = run.protocol(args.protocol, args.model, era5, truth, members=args.members)
    else:
        truth = _opened(args.truth, "--truth is needed to score stores of forecasts")
        forecasts = {name: _opened(path) for name, path in map(_pair, args.forecasts)}
        done = run.stores(forecasts, truth, model=args.model, align=args.align)
    result, snapshots = done
    result.attrs["command"] = shlex.join(["xldm", *args.command])
    print(report.write(result, args.report, snapshots=snapshots))


def _opened(path: str | None, needed: str = "") -> xr.Dataset:
    import xarray as xr

    if not path:
        raise ValueError(needed)
    return xr.open_dataset(path, chunks={})


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ValueError(f"expected NAME=PATH for each forecast, got {text!r}")
    return name, path


def _twin(args: argparse.Namespace) -> None:
    from .data.twin import archive, write

    def paper(folder: Path) -> None:
        from .published import twin_release

        twin_release.write(folder, args.start, args.stop, seed=args.seed)

    if args.archive is None:
        write(args.store, args.start, args.stop, seed=args.seed)
    else:
        archive.write(
            args.store, args.start, args.stop, args.archive, seed=args.seed, also={"paper": paper}
        )
    print(args.store)


if __name__ == "__main__":
    sys.exit(main())
