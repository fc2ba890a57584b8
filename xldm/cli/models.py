"""``xldm models``: list, describe and import models."""

from __future__ import annotations

import argparse
import shutil
import textwrap

from .options import add_storage_options, storage_options

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = command.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "list", "list all models by name").set_defaults(run=_list)
    info = _action(actions, "info", "show the card of a model")
    info.add_argument("model", help="name, path or URL of a model")
    add_storage_options(info, "the model's URL")
    info.set_defaults(run=_info)
    _add_import(actions)


def _action(
    actions: argparse._SubParsersAction, name: str, summary: str
) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    return actions.add_parser(name, help=summary, description=description)


def _list(args: argparse.Namespace) -> None:
    from ..packages.registry import list_models

    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    for name, model in list_models().iterrows():
        print(name)
        about = [f"{model['targets']}; {model['domain']}; {model['size']}; {model['licence']}"]
        about += [model["source"], f"sha256 {model['sha256']}" if model["sha256"] else ""]
        for text in filter(None, about):
            print(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))


def _info(args: argparse.Namespace) -> None:
    from ..packages.registry import load_model

    print(load_model(args.model, storage_options=storage_options(args)))


def _add_import(actions: argparse._SubParsersAction) -> None:
    command = _action(actions, "import", "import the weights that the paper's authors published")
    command.add_argument("name", help="name for the model, e.g. italy-2km-ldm-res")
    command.add_argument(
        "--source", help="folder, zip or zip URL with the checkpoints (default: Zenodo)"
    )
    command.add_argument(
        "--sample-data",
        help="folder, zip or zip URL with the static fields and the scaling (default: as --source)",
    )
    add_storage_options(command, "all URLs")
    command.set_defaults(run=_import)


def _import(args: argparse.Namespace) -> None:
    from .. import published

    published.import_ldm_res(
        args.source, args.name, sample_data=args.sample_data, storage_options=storage_options(args)
    )
