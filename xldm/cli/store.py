"""``xldm store``: make a training store from the parts that recipes wrote."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from .options import add_storage_options, storage_options

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Write a training store from parts, one day at a time, verify it, and mark it "
        "complete. Paths are local or any fsspec URL; credentials come from the environment "
        "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL) or from fsspec's own "
        "configuration."
    )
    command.add_argument("store", help="where to write; a bucket must exist")
    for side, what in (("coarse", "predictors"), ("fine", "targets")):
        command.add_argument(
            f"--{side}", action="append", required=True, metavar="PART",
            help=f"{what}; repeat for other variables or other hours",
        )  # fmt: skip
    command.add_argument(
        "--static",
        required=True,
        metavar="PART",
        help='static fields, or "embedded" for those of Italy that ship',
    )
    command.add_argument(
        "--common-hours", action="store_true", help="leave out hours that any variable lacks"
    )
    for name, use in (("val", "validation"), ("test", "testing")):
        command.add_argument(
            f"--{name}", action="append", default=[], metavar="BLOCK",
            help=f"hours for {use}: a year, month or day, or FIRST/LAST, both included; repeatable",
        )  # fmt: skip
    command.add_argument(
        "--gap", default="10D", help="time between hours of two splits (default %(default)s)"
    )
    command.add_argument(
        "--random-hours",
        action="store_true",
        help="draw the hours of each split at random, as the paper does, to compare with it",
    )
    command.add_argument("--title", help="title of the store (default: the titles of the parts)")
    command.add_argument("--resume", action="store_true", help="continue an interrupted run")
    add_storage_options(command, "all URLs")
    command.set_defaults(run=_store)


def _store(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ..stores.assemble import assemble
    from ..stores.splits import by_blocks, random_hours
    from ..stores.write import write_training_store

    if args.random_hours == bool(args.val or args.test):
        raise ArgumentError("choose the test hours: either --val and --test, or --random-hours")
    options = storage_options(args)
    given = assemble(
        args.coarse, args.fine, args.static,
        common_hours=args.common_hours, storage_options=options,
    )  # fmt: skip
    if args.title:
        given["attrs"]["title"] = args.title
    time = given["fine"]["time"]
    val, test = (list(map(_block, blocks)) for blocks in (args.val, args.test))
    split = (
        random_hours(time)
        if args.random_hours
        else by_blocks(time, val=val, test=test, gap=args.gap)
    )
    with tqdm(unit="day", disable=None) as bar:

        def progress(done: int, days: int) -> None:
            bar.total = days
            bar.update(done - bar.n)

        mark = write_training_store(
            args.store, **given, split=split,
            storage_options=options, resume=args.resume, progress=progress,
        )  # fmt: skip
    print(f"{args.store} complete {mark}")


def _block(text: str) -> str | tuple[str, str]:
    first, slash, last = text.partition("/")
    return (first, last) if slash else text
