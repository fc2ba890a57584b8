"""Messages in the words of the command line: ``--resume`` for ``resume=True``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

__all__ = ["in_options"]

# Other spellings of the library, and those of the command line.
_SPELLED = {
    "(lon_min, lat_min, lon_max, lat_max)": "lon_min,lat_min,lon_max,lat_max",
    "anon=True": "anon=true",
}
# Calls in a message are code for Python, and stay as they are.
_CALL = re.compile(r"([\w.]+\((?:[^()]|\([^()]*\))*\))")


def in_options(text: str, args: argparse.Namespace) -> str:
    """Name the options of a command where a message of the library names arguments of Python.

    Parameters
    ----------
    text : str
        A message.
    args : Namespace
        ``flags`` has the options of the command by the names of the library.

    Examples
    --------
    >>> args = argparse.Namespace(flags={"missing": "--missing", "resume": "--resume"})
    >>> in_options("Add them, or pass missing='climatology'. resume=True goes on.", args)
    'Add them, or pass --missing climatology. --resume goes on.'
    >>> in_options("missing: expected 'raise'", args)
    "--missing: expected 'raise'"
    """
    for name, spelled in _SPELLED.items():
        text = text.replace(name, spelled)
    flags = getattr(args, "flags", {})
    parts = _CALL.split(text)
    return "".join(p if i % 2 else _renamed(p, flags, i == 0) for i, p in enumerate(parts))


def _renamed(text: str, flags: Mapping[str, str], first: bool) -> str:
    for name, flag in flags.items():
        word = rf"(?<![\w.'\"-]){re.escape(name)}"
        text = re.sub(rf"{word}=True\b", flag, text)
        text = re.sub(rf"{word}=(['\"])([^'\"\s]+)\1", rf"{flag} \2", text)
        text = re.sub(rf"{word}=(-?\d[\w.]*)", rf"{flag} \1", text)
        # At the start of a message, or of one in a numbered list.
        start = r"(^(?:\s*\d+\. )?)" if first else r"(^\s*\d+\. )"
        text = re.sub(
            rf"{start}{re.escape(name)}(?=: | must be | is a )", rf"\1{flag}", text, flags=re.M
        )
        if "_" in name:
            text = re.sub(rf"{word}\b(?!=)", flag, text)
    return text
