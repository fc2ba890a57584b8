"""``xldm train``: a model from a training store."""

from __future__ import annotations

import argparse
import importlib.resources
from pathlib import Path

from .options import add_storage_options, storage_options

__all__ = ["CHAIN", "OTHERS", "add"]

# As `xldm.training.stages` declares them, whose import takes longer than a user waits for help.
CHAIN = ("regression", "autoencoder", "diffusion", "decoder", "calibration")
OTHERS = ("distillation", "gan")


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Train the networks of a preset stage after stage; each ends with a model "
        "package. Paths are local or any fsspec URL; credentials come from the environment."
    )
    command.add_argument(
        "--config", required=True, metavar="PRESET",
        help=f"YAML file, or a shipped preset: {', '.join(_shipped())}",
    )  # fmt: skip
    command.add_argument("--store", required=True, help="training store")
    command.add_argument("--folder", required=True, help="for checkpoints, logs and packages")
    command.add_argument(
        "--stage", default="all", choices=["all", *CHAIN, *OTHERS],
        help=f"all runs those of {', '.join(CHAIN)} that the preset has (default %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--from", dest="start", metavar="PACKAGE",
        help="model package to start from (default: that of the previous stage in the same folder)",
    )  # fmt: skip
    command.add_argument("--device", default="auto", help="cpu, cuda, ... (default %(default)s)")
    command.add_argument("--devices", type=int, default=1, help="number of devices (default 1)")
    command.add_argument(
        "--allow-leaky", action="store_true",
        help="accept a store in which hours of different splits are neighbours",
    )  # fmt: skip
    add_storage_options(command, "the store")
    command.add_argument("--resume", action="store_true", help="continue an interrupted run")
    command.add_argument("--no-progress", action="store_true", help="hide the progress bar")
    command.set_defaults(run=_train)


def _shipped() -> list[str]:
    folder = Path(str(importlib.resources.files("xldm") / "presets"))
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _train(args: argparse.Namespace) -> None:
    from ..training import train

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
