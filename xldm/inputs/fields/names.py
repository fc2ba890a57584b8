"""Read what a name says: the quantity, the height or the level, and the hours of a sum."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

from ...vocabulary import PARTS, VOCABULARY, Known
from .. import dialects

__all__ = ["Spoken", "is_known", "meaning", "read"]

Meaning = Literal["is", "may", "other", ""]

_NUMBER = r"(?:^|_)(?:at_)?(\d+(?:\.\d+)?)_?"
_HEIGHT = re.compile(_NUMBER + r"m(?:et(?:er|re)s?)?(?=_|$)")
_LEVEL = re.compile(_NUMBER + r"(hpa|mb|mbar|millibars?|pa)(?=_|$)")
_HOURS = re.compile(_NUMBER + r"(?:h|hr|hrs|hours?|hourly)(?=_|$)")
_BARE = re.compile(r"_(\d+)$")
_LAST = re.compile(r"([a-z_]+?)_?(\d+)(m|h|hr|hpa|mb)?")
_FIRST = re.compile(r"(\d+)([a-z]+)")
# Words about how a sum was made, and about the kind of level, which coordinates tell.
_SILENT = re.compile(r"_(?:run_total|accumulation|accumulated|accum|acc|isobaric)\d*(?=_|$)")
# Ends of names by NCL and by NCAR's files of JRA-3Q: the kinds of level, of field and of grid.
_NCL = re.compile(r"_p\d+_l\d+_g[a-z]{2}\d+$|_gds\d+_(?:htgl|isbl|msl|sfc)$")
_JRA = re.compile(r"_(?:hgt|sfc|msl|pres)_(?:an|fc|fcst)_(?:gauss|ll\d+)$")

_STATISTIC = re.compile(rf"(?:^|_)(?:{'|'.join(dialects.STATISTICS)})(?=_|$)")


@dataclass(frozen=True)
class Spoken:
    """What a name says.

    Parameters
    ----------
    text : str
        The whole name in lower case, words joined by underscores.
    quantity : str
        The name without numbers and their units.
    height, level, hours : float, optional
        In m, hPa and hours.
    bare : float, optional
        A number without units: a height, a level or hours.
    """

    text: str
    quantity: str
    height: float | None = None
    level: float | None = None
    hours: float | None = None
    bare: float | None = None


@functools.lru_cache(maxsize=4096)
def read(name: str) -> Spoken:
    """Return what a name says.

    Examples
    --------
    >>> read("air_temperature_at_2_metres").quantity, read("air_temperature_at_2_metres").height
    ('air_temperature', 2.0)
    >>> read("T850").quantity, read("T850").bare
    ('t', 850.0)
    >>> read("total_precipitation_6hr").hours, read("VAR_10U").height
    (6.0, 10.0)
    """
    text = re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip("_")
    text = re.sub(r"_?(?:height_)?(?:above_?ground|agl)(?:_level)?\d*(?=_|$)", "", text)
    text = _JRA.sub("", _NCL.sub("", text))
    rest = text.removeprefix("var_")
    numbers: dict[str, float] = {}
    for pattern, what in ((_HOURS, "hours"), (_HEIGHT, "height"), (_LEVEL, "level")):
        if found := pattern.search(rest):
            pascal = what == "level" and found[2] == "pa"
            numbers[what] = float(found[1]) / (100 if pascal else 1)
            rest = (rest[: found.start()] + rest[found.end() :]).strip("_")
    if re.search(r"(?:^|_)hourly(?=_|$)", rest):
        numbers["hours"] = 1.0
        rest = re.sub(r"(?:^|_)hourly(?=_|$)", "", rest).strip("_")
    if found := _BARE.search(rest):
        numbers["bare"], rest = float(found[1]), rest[: found.start()]
    elif found := _LAST.fullmatch(rest):
        units = {"m": "height", "h": "hours", "hr": "hours", "hpa": "level", "mb": "level"}
        what = units.get(found[3], "bare")
        numbers[what], rest = float(found[2]), found[1]
    elif found := _FIRST.fullmatch(rest):
        numbers["height"], rest = float(found[1]), found[2]
    return Spoken(text, _SILENT.sub("", rest), **numbers)


def meaning(name: str, entry: Known) -> Meaning:
    """Tell whether a name is that of a field.

    Returns
    -------
    str
        "is" if the name alone says so; "may" if it names the quantity, but no height or level;
        "other" if it is a name of another field; empty if it says nothing.

    Examples
    --------
    >>> t2m = VOCABULARY["t2m"]
    >>> [meaning(name, t2m) for name in ("VAR_2T", "temperature", "T10M", "tasmax", "field7")]
    ['is', 'may', 'other', 'other', '']
    """
    spoken = read(name)
    fit = _fit(spoken, entry)
    if fit in ("is", "may"):
        return fit
    if fit or dialects.OTHERS.fullmatch(spoken.text) or is_known(name):
        return "other"
    # A statistic of a known field is another field.
    plain = _STATISTIC.sub("", spoken.text).strip("_")
    if plain in (spoken.text, ""):
        return ""
    return "other" if _fit(read(plain), entry) or is_known(plain) else ""


def is_known(name: str) -> bool:
    """Tell whether a name is that of a field of the vocabulary.

    Examples
    --------
    >>> is_known("temperature_2m"), is_known("time")
    (True, False)
    """
    # The vocabulary can grow, so its names are part of the key.
    return _is_known(name, tuple(VOCABULARY))


@functools.lru_cache(maxsize=4096)
def _is_known(name: str, _: tuple[str, ...]) -> bool:
    entries = (*VOCABULARY.values(), *PARTS.values())
    return any(_fit(read(name), entry) for entry in entries)


@functools.lru_cache(maxsize=256)
def _names_and_words(entry: Known) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of a field, and the words that name its quantity only."""
    names = {*dialects.NAMES.get(entry.short, ())}
    words = {*dialects.WORDS.get(entry.short, ())}
    if entry.level is None:
        names |= {entry.short, entry.long_name, entry.name}
    else:
        words |= {entry.short, entry.long_name}
    names |= {name for name, pair in dialects.AMBIGUOUS.items() if entry.name in pair}
    return frozenset(names), frozenset(words)


def _fit(spoken: Spoken, entry: Known) -> Literal["is", "may", "elsewhere", ""]:
    names, words = _names_and_words(entry)
    if spoken.text in names or (entry.accumulated and spoken.quantity in names):
        return "is"
    if spoken.quantity not in words:
        return ""
    said = (spoken.height, spoken.level, spoken.hours, spoken.bare)
    if said == (None, None, None, None):
        return "may"
    if entry.level is not None:
        here = spoken.height is None and entry.level in (spoken.level, spoken.bare)
    else:
        here = spoken.level is None and entry.height in (spoken.height, spoken.bare)
    return "is" if here and spoken.hours is None else "elsewhere"
