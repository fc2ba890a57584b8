"""``xldm check``: the predictors that a model finds in a dataset."""

from __future__ import annotations

import argparse

from ..errors import InputError
from .options import add_input, opened, region
from .words import in_options

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Report how each predictor is found, its units and its problems. The status is 1 if the "
        "input cannot be used."
    )
    add_input(command)
    command.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> None:
    with opened(args.input, args) as ds:
        report = ds.ldm.check(args.model, missing=args.missing, region=region(args.region))
        print(in_options(str(report), args))
        if not report.ok:
            count = f"{len(report.problems)} problem" + "s" * (len(report.problems) > 1)
            raise InputError(f"the input cannot be used; the report names {count}")
