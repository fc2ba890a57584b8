"""The ``xldm`` command.

In: arguments of the command line. Out: an exit status, text on the terminal, and the files that the
library writes. Every subcommand delegates: its work belongs in the rooms below, so that Python
users have it too.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .. import __version__
from ..errors import XldmError
from . import interrupts
from .words import in_options

__all__ = ["main"]

# Each is a module of this room; only that of the command at hand is imported.
COMMANDS = {
    "demo": "downscale a shipped sample of real ERA5 over Italy",
    "check": "report the predictors that a model finds in a dataset",
    "downscale": "downscale a dataset to a Zarr store or a netCDF file",
    "models": "list, describe and import models",
    "bench": "measure time, work and memory of a model on this machine",
    "evaluate": "score forecasts against a truth and write a report",
    "store": "make a training store from parts that recipes wrote",
    "train": "train a model from a training store",
    "twin": "write the synthetic twin to a Zarr store, or in the forms of real archives",
    "completion": "print a script that completes commands and options in a shell",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of this process by default. The process then ends by itself when it is interrupted,
        within two seconds.

    Returns
    -------
    int
        0; 1 after printing an error; 130 after Ctrl-C, 143 after SIGTERM.

    Examples
    --------
    >>> main(["models", "info", "italy-3km"])
    1
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(words)
    args = parser.parse_args(words)
    args.command = words
    logging.basicConfig(format="%(message)s")
    logging.getLogger("xldm").setLevel(logging.INFO)
    # The registry of CF units redefines some units of pint, and pint logs each redefinition.
    logging.getLogger("pint").setLevel(logging.ERROR)
    resumable = "resume" in args and not getattr(args, "whole", lambda _: False)(args)
    with interrupts.stopping(words, resumable=resumable, process=arguments is None) as stop:
        try:
            with _short_warnings(args):
                args.run(args)
        except BaseException as error:
            if stop.number or isinstance(error, KeyboardInterrupt):
                return stop.now()
            if not isinstance(error, (XldmError, ImportError, LookupError, OSError, ValueError)):
                raise
            # str() of a LookupError would put its message in quotes.
            text = error.args[0] if isinstance(error, LookupError) and error.args else error
            print(f"xldm: {in_options(str(text), args)}", file=sys.stderr)
            return 1
    return 0


def _parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of all commands; those that are not named stay without arguments."""
    parser = argparse.ArgumentParser(
        prog="xldm", description="Residual latent diffusion downscaling for xarray."
    )
    parser.add_argument("--version", action="version", version=f"xldm {__version__}")
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        command = actions.add_parser(name, help=summary, description=description)
        if name in commands:
            add = _add_completion if name == "completion" else _of(name).add
            add(command)
            command.set_defaults(flags=_flags(command))
    return parser


def _of(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def _flags(command: argparse.ArgumentParser) -> dict[str, str]:
    """Return the options of a command by the names that the library has for them."""
    return {
        action.dest: action.option_strings[-1]
        for action in command._actions
        if action.option_strings and action.dest != "help"
    }


@contextmanager
def _short_warnings(args: argparse.Namespace) -> Iterator[None]:
    """Print xldm's own warnings in one line, without a place in its code, and each text once."""
    seen: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str, category: type[Warning], filename: str, lineno: int, *more: Any
        ) -> None:
            if not issubclass(category, UserWarning):
                usual(message, category, filename, lineno, *more)
            elif str(message) not in seen:
                seen.add(str(message))
                print(f"xldm: {in_options(str(message), args)}", file=sys.stderr)

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def _add_completion(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Print a script that completes commands, options and files. For bash: xldm completion bash "
        "> ~/.local/share/bash-completion/completions/xldm; for zsh write it to a file _xldm in a "
        "folder of $fpath. Then start a new shell."
    )
    command.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="the shell to complete in")
    command.set_defaults(run=_completion)


def _completion(args: argparse.Namespace) -> None:
    import shtab

    print(shtab.complete(_parser(), shell=args.shell))
