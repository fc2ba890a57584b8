"""``xldm train``: a model from a training store."""

from __future__ import annotations

import argparse
import logging
from contextlib import suppress

from .options import add_storage_options, storage_options

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "train",
        help="train a model from a training store",
        description="Train the networks of a preset stage after stage; each ends with a model "
        "package. Paths are local or any fsspec URL; credentials come from the environment.",
    )
    command.add_argument(
        "--config", required=True, metavar="PRESET",
        help="YAML file, or a shipped preset: paper, italy-2km, other-region, tiny",
    )  # fmt: skip
    command.add_argument("--store", required=True, help="training store")
    command.add_argument("--folder", required=True, help="for checkpoints, logs and packages")
    command.add_argument(
        "--stage", default="all",
        choices=["all", "regression", "autoencoder", "diffusion", "decoder", "calibration", "gan",
                 "distillation"],
        help="all is the first five that the preset has (default %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--from", dest="start", metavar="PACKAGE",
        help="model package to start from (default: of the stage before, in the same folder)",
    )  # fmt: skip
    command.add_argument("--device", default="auto", help="cpu, cuda ... (default %(default)s)")
    command.add_argument("--devices", type=int, default=1, help="how many (default 1)")
    command.add_argument(
        "--allow-leaky", action="store_true",
        help="take a store whose hours of different splits are neighbours",
    )  # fmt: skip
    add_storage_options(command, "the store")
    command.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    command.add_argument("--no-progress", action="store_true", help="show no bar")
    command.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> None:
    from ..training import train

    with suppress(ImportError):  # said by train itself
        import lightning.pytorch  # noqa: F401, sets its own level

        # What Lightning says of itself; a bar and our own lines are enough.
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    package = train(
        args.config,
        args.store,
        args.folder,
        stage=args.stage,
        start=args.start,
        device=args.device,
        devices=args.devices,
        allow_leaky=args.allow_leaky,
        storage_options=storage_options(args),
        resume=args.resume,
        progress=not args.no_progress,
    )
    print(package)
