"""``xldm store``: a training store of parts that recipes wrote."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from .options import add_storage_options, storage_options

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "store",
        help="make a training store of parts that recipes wrote",
        description="Write a training store from parts, a day at a time, verify it, and mark it "
        "complete. Paths are local or any fsspec URL; credentials come from the environment, as of "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL, or from fsspec's own "
        "configuration.",
    )
    command.add_argument("store", help="where to write; a bucket must exist")
    for side, what in (("coarse", "predictors"), ("fine", "targets")):
        command.add_argument(
            f"--{side}", action="append", required=True, metavar="PART",
            help=f"{what}; repeat it for other variables or other hours",
        )  # fmt: skip
    command.add_argument(
        "--static", required=True, metavar="PART", help='or "embedded": the shipped Italian ones'
    )
    command.add_argument(
        "--common-hours", action="store_true", help="leave out hours that a variable lacks"
    )
    for name, what in (("val", "validates"), ("test", "tests")):
        command.add_argument(
            f"--{name}", action="append", default=[], metavar="BLOCK",
            help=f"what {what}: a year, month or day, or FIRST/LAST, both included; repeat it",
        )  # fmt: skip
    command.add_argument("--gap", default="10D", help="between splits (default %(default)s)")
    command.add_argument(
        "--random-hours", action="store_true", help="split as the paper does, which is leaky"
    )
    command.add_argument("--title", help="of the store (default: those of the parts)")
    command.add_argument("--resume", action="store_true", help="go on with an interrupted one")
    add_storage_options(command, "all URLs")
    command.set_defaults(run=_store)


def _store(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ..stores.assemble import assemble
    from ..stores.splits import by_blocks, random_hours
    from ..stores.write import write_training_store

    if args.random_hours == bool(args.val or args.test):
        raise ArgumentError("say which hours test: either --val and --test, or --random-hours")
    options = storage_options(args)
    given = assemble(
        args.coarse, args.fine, args.static,
        common_hours=args.common_hours, storage_options=options,
    )  # fmt: skip
    if args.title:
        given["attrs"]["title"] = args.title
    time = given["fine"]["time"]
    blocks = {name: list(map(_block, getattr(args, name))) for name in ("val", "test")}
    split = random_hours(time) if args.random_hours else by_blocks(time, **blocks, gap=args.gap)
    with tqdm(unit="day", disable=None) as bar:

        def progress(done: int, days: int) -> None:
            bar.total = days
            bar.update(done - bar.n)

        mark = write_training_store(
            args.store, **given, split=split,
            storage_options=options, resume=args.resume, progress=progress,
        )  # fmt: skip
    print(f"{args.store} complete {mark}")


def _block(text: str) -> str | tuple[str, ...]:
    return tuple(text.split("/")) if "/" in text else text
