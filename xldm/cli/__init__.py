"""The ``xldm`` command.

In: arguments of the command line. Out: an exit status, text on the terminal, and the files that the
library writes. Every subcommand delegates: its work belongs in the rooms below, so that Python
users have it too.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from . import bench, downscale, evaluate, store, train, twin
from .options import add_storage_options, storage_options

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 1 after printing an error.

    Examples
    --------
    >>> main(["models", "info", "italy-3km"])
    1
    """
    args = _parser().parse_args(arguments)
    args.command = sys.argv[1:] if arguments is None else list(arguments)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("xldm").setLevel(logging.INFO)
    # The registry of CF units redefines some units of pint, and pint logs each redefinition.
    logging.getLogger("pint").setLevel(logging.ERROR)
    try:
        args.run(args)
    except (ImportError, LookupError, OSError, ValueError) as error:
        # str() of a LookupError would put its message in quotes.
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

    check = commands.add_parser(
        "check", help="report the predictors that a model finds in a dataset"
    )
    downscale.add_input(check)
    add_storage_options(check, "URLs")
    check.set_defaults(run=_check)

    downscale.add(commands)

    models = commands.add_parser("models", help="list, describe and import models")
    actions = models.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("list", help="all models by name").set_defaults(run=_list)
    info = actions.add_parser("info", help="the card of a model")
    info.add_argument("model")
    info.set_defaults(run=_info)
    _add_import(actions)

    bench.add(commands)
    evaluate.add(commands)
    store.add(commands)
    train.add(commands)
    twin.add(commands)
    return parser


def _demo(args: argparse.Namespace) -> None:
    from .. import demo

    done = demo.run(args.folder, times=args.times, members=args.members)
    print(done["report"])
    print(f"store   {done['store']}\nfigure  {done['figure']}")
    print(f"time    {done['seconds_per_field']:.2f} s per field (t2m, u10 and v10 at 2 km)")


def _check(args: argparse.Namespace) -> None:
    from ..inputs.files.opening import open_input

    with open_input(args.input, storage_options=storage_options(args)) as ds:
        report = ds.ldm.check(
            args.model, missing=args.missing, region=downscale.region(args.region)
        )
        print(report)
        report.raise_for_problems()


def _list(args: argparse.Namespace) -> None:
    from ..packages.registry import list_models

    print(list_models().to_string())


def _info(args: argparse.Namespace) -> None:
    from ..packages.registry import load_model

    print(load_model(args.model))


def _add_import(actions: argparse._SubParsersAction) -> None:
    command = actions.add_parser("import", help="import the paper's release as a package")
    command.add_argument("name", help="name for the model, e.g. italy-2km-ldm-res")
    command.add_argument("--source", help="folder, zip or zip URL with the checkpoints")
    command.add_argument(
        "--sample-data", help="folder, zip or zip URL with statics and normalisation"
    )
    command.set_defaults(run=_import)


def _import(args: argparse.Namespace) -> None:
    from .. import published

    published.import_ldm_res(args.source, args.name, sample_data=args.sample_data)
