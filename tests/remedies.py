"""Run the code that a message advises, so that tests can see whether it helps."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import xarray as xr

import xldm

_START = re.compile(r"(?<![\w.'\"\[(])(?:ds|xr|xldm)(?=[.\[])")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def codes(message: str) -> list[str]:
    """Return the pieces of code in a message: what follows ds, xr or xldm, as far as it goes.

    >>> codes("Not so: use ds.isel(time=0), or set ds['t2m'].attrs['units'] = 'K'.")
    ['ds.isel(time=0)', "ds['t2m'].attrs['units'] = 'K'"]
    """
    message = " ".join(message.split())
    found, at = [], 0
    while start := _START.search(message, at):
        at = _end(message, start.end())
        if message[at : at + 3] == " = ":
            at = _end(message, at + 3)
        found.append(message[start.start() : at].rstrip(".,;:"))
    return found


def applied(message: str, ds: xr.Dataset, which: int = 0) -> xr.Dataset:
    """Return a dataset after the advice of a message; ``which`` of several."""
    code = codes(message)[which]
    names = {"ds": ds.copy(), "xr": xr, "np": np, "pd": pd, "xldm": xldm}
    if re.search(r"(?<![=!<>]) = ", code):
        exec(code, names)
        return names["ds"]
    result = eval(code, names)
    return result if isinstance(result, xr.Dataset) else names["ds"]


def _end(text: str, at: int) -> int:
    """Return where an expression ends that began before ``at``."""
    open_, quote = [], ""
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _PAIRS:
            open_.append(_PAIRS[char])
        elif open_ and char == open_[-1]:
            open_.pop()
        elif not open_ and char in " ,;:)":
            break
        at += 1
    return at
