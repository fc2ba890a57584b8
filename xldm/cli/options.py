"""Options that several commands share."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError

__all__ = ["add_storage_options", "storage_options"]


def add_storage_options(command: argparse.ArgumentParser, what: str) -> None:
    """Add ``--storage-option``; ``what`` names the URLs that it applies to."""
    command.add_argument(
        "--storage-option", action="append", default=[], metavar="KEY=VALUE", dest="options",
        help=f"for {what}, e.g. anon=true or endpoint_url=https://...; repeat it; no secrets here",
    )  # fmt: skip


def storage_options(args: argparse.Namespace) -> dict[str, str | bool]:
    """Return the values of ``--storage-option`` as options for fsspec."""
    return dict(map(_option, args.options))


def _option(text: str) -> tuple[str, str | bool]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ArgumentError("expected KEY=VALUE for each --storage-option")  # it may be a secret
    return key, {"true": True, "false": False}.get(value.lower(), value)
