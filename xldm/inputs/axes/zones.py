"""Tell whether times say that they are in another zone than UTC."""

from __future__ import annotations

import re

import xarray as xr

__all__ = ["foreign_zone"]

# Attributes that name a zone and nothing else, and those that may name one among other words.
_NAMES, _WORDS = ("timezone", "time_zone", "tz"), ("long_name", "description", "comment")
_UTC = r"(?:utc|gmt|ut|uct|zulu|greenwich|(?:coordinated )?universal(?: time)?)"
# Other words that name no zone: pandas calls times without one naive.
_NONE = {"", "z", "0", "none", "nan", "naive", "n/a", "na", "unknown"}
_OFFSET = r"[+-] ?(?:0?[1-9]|1\d)"
_IS_UTC = re.compile(rf"\b{_UTC}\b(?! ?{_OFFSET})|^[+-]?0+(?::?00)?$")
# Zones as texts name them; abbreviations that are words, such as "west", count in units only.
_CITY = r"(?:africa|america|asia|australia|europe|pacific)/\w+"
_LOCAL = (
    rf"(?:local (?:\w+ ){{0,2}}time|\b(?:cest|cet|mesz|mez|lst)\b|\b{_CITY}"
    rf"|\b(?:utc|gmt) ?{_OFFSET})"
)
_IN_UNITS = re.compile(
    rf"local|\b(?:cest|cet|mesz|mez|lst|wes?t|ees?t|bst|msk|[ecmp][sd]t|jst|ist)\b|{_CITY}"
)
_DONE = (
    r"(?:converted|transformed|changed|shifted|corrected|adjusted|translated|brought|moved|derived)"
)
# What is denied, and what was left behind: "UTC, not local time", "from local time to UTC".
_DENIED = re.compile(
    r"(?:\b(?:not?|never|nor|without|rather than|instead of)|n't)"
    rf"(?: (?!from\b|but\b|only\b|{_UTC}\b|{_DONE})\w+){{0,3}} {_LOCAL}"
)
_LEFT = re.compile(
    rf"(?P<no>\b(?:not|never|n't)(?: \w+){{0,2}} )?(?:"
    rf"(?:{_DONE} )?from (?:the )?{_LOCAL}(?: \w+)? (?:in)?to {_UTC}"
    rf"|{_DONE} (?:in)?to {_UTC} from (?:the )?{_LOCAL}"
    rf"|{_LOCAL}(?: (?!not\b|never\b)\w+){{0,3}} {_DONE} (?:in)?to {_UTC}"
    rf"|(?:for|to get|to obtain) (?:the )?{_LOCAL},? (?:add|subtract|shift))"
)


def foreign_zone(coordinate: xr.DataArray) -> tuple[str, str]:
    """Return the attribute by which times are in another zone than UTC, and its words for that.

    Parameters
    ----------
    coordinate : xarray.DataArray
        The times, decoded or not.

    Returns
    -------
    key, words : str
        Both empty if nothing says so.

    Examples
    --------
    >>> foreign_zone(xr.DataArray(0, attrs={"long_name": "time (CEST)"}))
    ('long_name', 'cest')
    >>> foreign_zone(xr.DataArray(0, attrs={"comment": "UTC, not local time"}))
    ('', '')
    """
    for key in _NAMES:
        named = _text(coordinate.attrs.get(key))
        if named not in _NONE and not _IS_UTC.search(named):
            return key, named
    for key in _WORDS:
        said = _LEFT.sub(lambda m: m[0] if m["no"] else "", _text(coordinate.attrs.get(key)))
        if local := re.search(_LOCAL, _DENIED.sub("", said)):
            return key, local[0]
    units = _text(coordinate.attrs.get("units", coordinate.encoding.get("units")))
    since = units.partition(" since ")[2]
    if local := _IN_UNITS.search(since) or re.search(rf"{_UTC} ?{_OFFSET}", since):
        return "units", local[0]
    return "", ""


def _text(attribute: object) -> str:
    return "" if attribute is None else " ".join(str(attribute).lower().split())
