"""What arguments may be: one check for each kind of argument, made before anything is computed.

In: the arguments of a public function, each with its kind. Out: nothing, or an error that names
every argument that cannot be used, says what was expected, and shows what came. What an argument
has to fit together with, as a region with a grid, is checked where that is known.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from .errors import ArgumentError, ArgumentTypeError

__all__ = [
    "BOX", "FLAG", "LAPSE_RATE", "NAMES", "NUMBERS", "OPTIONS", "PATH", "REGION", "SEED", "SHARE",
    "TEXT", "Kind", "brief", "choice", "faults", "instance", "number", "refuse", "several", "whole",
]  # fmt: skip

#: The most that a signed integer of 64 bits holds.
_MOST = 2**63 - 1
# Bytes that a name may have on usual file systems.
_LONGEST = 255
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    Parameters
    ----------
    expected : str
        What it may be, in words.
    types : tuple of type
        Types that it may have; a bool is no number.
    fits : callable
        Tells whether a value of these types can be used.
    secret : bool
        Whether a value must not appear in messages.
    """

    expected: str
    types: tuple[type, ...]
    fits: Callable[[Any], bool] = lambda value: True
    secret: bool = False

    def such(self, expected: str) -> Kind:
        """Return the same kind in other words."""
        return replace(self, expected=expected)

    @property
    def or_none(self) -> Kind:
        """The same kind, or None."""
        return self | Kind("None", (type(None),))

    def __or__(self, other: Kind) -> Kind:
        """Return the kind of what is one or the other."""
        return Kind(
            f"{self.expected}, or {other.expected}",
            (*self.types, *other.types),
            lambda value: self.takes(value) or other.takes(value),
            self.secret or other.secret,
        )

    def takes(self, value: Any) -> bool:
        """Tell whether a value can be used."""
        return self.has_type(value) and self.fits(value)

    def has_type(self, value: Any) -> bool:
        """Tell whether a value has one of the types."""
        plain = isinstance(value, bool | np.bool_)
        return isinstance(value, self.types) and (not plain or bool in self.types)


def faults(**given: tuple[Any, Kind]) -> list[str]:
    """Return what is wrong with arguments, one text for each.

    Parameters
    ----------
    **given : (object, Kind)
        Value and kind of each argument.

    Examples
    --------
    >>> faults(seed=(1.5, SEED), resume=(True, FLAG))
    ['seed: expected an integer from 0 to 2**63 - 1; got 1.5']
    """
    return [
        f"{name}: expected {kind.expected}; got {_hidden(value) if kind.secret else brief(value)}"
        for name, (value, kind) in given.items()
        if not kind.takes(value)
    ]


def refuse(**given: tuple[Any, Kind]) -> None:
    """Refuse arguments that cannot be used.

    Raises
    ------
    ArgumentTypeError
        If one is of another type.
    ArgumentError
        If one has a value that cannot be used.

    Examples
    --------
    >>> refuse(parts=(0, whole(1)))
    Traceback (most recent call last):
    xldm.errors.ArgumentError: parts: expected an integer from 1; got 0
    """
    if found := faults(**given):
        typed = all(kind.has_type(value) for value, kind in given.values())
        raise (ArgumentError if typed else ArgumentTypeError)("\n".join(found))


def brief(value: Any) -> str:
    """Return a value for a message: short, on one line, whatever it is.

    Examples
    --------
    >>> brief("3"), brief(10**5000), brief(np.zeros((2, 3)))
    ("'3'", 'an integer of 16610 bits', 'ndarray of shape (2, 3)')
    """
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"an integer of {value.bit_length()} bits"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} of shape {shape}"
    if isinstance(value, Mapping) and not isinstance(value, dict):  # as datasets are
        return f"an object of type {type(value).__name__}"
    try:
        return " ".join(_SHORT.repr(value).split())
    except Exception:  # whatever its own code does
        return f"an object of type {type(value).__name__}"


def _hidden(value: Any) -> str:
    size = f" of {len(value)} characters" if isinstance(value, str) else ""
    return f"{type(value).__name__}{size}"


def whole(low: int, high: int = _MOST, what: str = "") -> Kind:
    """Return the kind of integers from ``low`` to ``high``."""
    to = f" to {high}" if high < _MOST else ""
    return Kind(what or f"an integer from {low}{to}", (Integral,), lambda v: low <= int(v) <= high)


def number(low: float = -math.inf, high: float = math.inf, what: str = "") -> Kind:
    """Return the kind of finite numbers from ``low`` to ``high``."""
    return Kind(what or f"a number from {low:g} to {high:g}", (Real,), _within(low, high))


def _within(low: float, high: float) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            return math.isfinite(value) and low <= value <= high
        except OverflowError:  # an integer beyond all floats
            return False

    return fits


def choice(*names: str) -> Kind:
    """Return the kind of texts that are one of some names."""
    listed = " or ".join(filter(None, (", ".join(map(repr, names[:-1])), repr(names[-1]))))
    return Kind(listed, (str,), names.__contains__)


def instance(of: type | tuple[type, ...], expected: str) -> Kind:
    """Return the kind of objects of a class, or of one of several."""
    return Kind(expected, of if isinstance(of, tuple) else (of,))


def several(of: Kind, least: int = 1, most: int | None = None) -> Kind:
    """Return the kind of lists and tuples of so many objects of a kind; its words are theirs."""

    def fits(values: Any) -> bool:
        return least <= len(values) <= (most or len(values)) and all(map(of.takes, values))

    return Kind(of.expected, (list, tuple), fits)


def _can_be_path(path: Any) -> bool:
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        return False
    try:
        return "://" in text or all(len(os.fsencode(p)) <= _LONGEST for p in text.split(os.sep))
    except UnicodeEncodeError:
        return False


def _is_box(region: Any) -> bool:
    numbers = several(number(), 4, 4).takes([*region])
    return numbers and region[0] < region[2] and region[1] < region[3]


def _are_numbers(members: Any) -> bool:
    if isinstance(members, Integral):
        return 1 <= int(members) <= _MOST
    if isinstance(members, range):  # not to be gone through
        low, high = sorted((members.start, members.stop))
        return bool(members) and members[0] >= 0 and members[-1] >= 0 and high - low <= _MOST
    if isinstance(members, np.ndarray) and (members.ndim != 1 or members.dtype.kind not in "iu"):
        return False
    each = len(members) > 0 and all(map(whole(0).takes, members))
    return each and len(set(map(int, members))) == len(members)


FLAG = Kind("True or False", (bool, np.bool_))
TEXT = Kind("a text", (str,), bool)
SEED = whole(0, what="an integer from 0 to 2**63 - 1")
OPTIONS = Kind(
    "options of fsspec by name, as {'anon': True}", (Mapping,),
    lambda v: all(isinstance(k, str) for k in v), secret=True,
).or_none  # fmt: skip
PATH = Kind(
    "a path or URL: a text or pathlib.Path, of no more than 255 bytes a name", (str, os.PathLike),
    _can_be_path, secret=True,
)  # fmt: skip
SHARE = Kind(
    "two integers, number and count, as (0, 4) to (3, 4)", (tuple, list),
    lambda v: several(whole(0), 2, 2).takes(v) and v[0] < v[1],
)  # fmt: skip
LAPSE_RATE = number(-0.1, 0.1, what="a number of K/m, as 0.0065")
BOX = Kind(
    "(lon_min, lat_min, lon_max, lat_max) in degrees, each maximum above its minimum",
    (tuple, list, np.ndarray), _is_box,
)  # fmt: skip
REGION = (choice("covered") | BOX).such(f"'covered' or {BOX.expected}").or_none
NAMES = Kind(
    "a name or several, as ['t2m']", (str, Sequence),
    lambda v: not isinstance(v, bytes | bytearray) and all(isinstance(n, str) for n in v),
)  # fmt: skip
NUMBERS = Kind(
    "a positive count, different member numbers from 0 as [0, 4], or None",
    (Integral, Sequence, np.ndarray, type(None)),
    lambda v: v is None or (not isinstance(v, str | bytes | bytearray) and _are_numbers(v)),
)  # fmt: skip
