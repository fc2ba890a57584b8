"""Read what a name says: the quantity, the height or the level, and the hours of a sum."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

from ..vocabulary import PARTS, VOCABULARY, Known
from . import dialects

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
    if fit or dialects.OTHERS.fullmatch(spoken.text) or _of_any(spoken):
        return "other"
    # A statistic of a known field is another field.
    plain = spoken.text
    for word in dialects.STATISTICS:
        plain = re.sub(rf"(?:^|_){word}(?=_|$)", "", plain)
    if plain == spoken.text or not plain.strip("_"):
        return ""
    return "other" if _fit(read(plain), entry) or _of_any(read(plain)) else ""


def is_known(name: str) -> bool:
    """Tell whether a name is that of a field of the vocabulary.

    Examples
    --------
    >>> is_known("temperature_2m"), is_known("time")
    (True, False)
    """
    return _of_any(read(name))


def _of_any(spoken: Spoken) -> bool:
    return any(_fit(spoken, entry) for entry in (*VOCABULARY.values(), *PARTS.values()))


def _fit(spoken: Spoken, entry: Known) -> Literal["is", "may", "elsewhere", ""]:
    whole = {entry.short, entry.long_name, *dialects.NAMES.get(entry.short, ())}
    if entry.level is None:
        whole.add(entry.name)
        if spoken.text in whole or (entry.accumulated and spoken.quantity in whole):
            return "is"
    elif spoken.text in dialects.NAMES.get(entry.short, ()):
        return "is"
    if entry.name in (dialects.AMBIGUOUS.get(spoken.text) or ()):
        return "is"
    words = {*dialects.WORDS.get(entry.short, ())}
    if entry.level is not None:
        words |= {entry.short, entry.long_name}
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
