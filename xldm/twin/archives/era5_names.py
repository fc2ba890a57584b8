"""Names of the twin's fields in ERA5's vocabulary, for the writers of all forms."""

from __future__ import annotations

from ...vocabulary import VOCABULARY, Known
from ..coarse_view import ATTRS, UPPER_AIR

__all__ = ["SURFACE", "UPPER_AIR", "cf_name", "known"]

#: Names of the twin's fields that are not on a pressure level.
SURFACE = tuple(name for name in ATTRS if name not in UPPER_AIR)
# ecCodes knows no CF name for these fields, although CF has one for some of them.
_NAMELESS = ("t2m", "d2m", "u10", "v10", "sst", "tp")


def known(name: str) -> Known:
    """Return ERA5's entry for a field of the twin.

    Examples
    --------
    >>> known("tp").param, known("t").long_name
    (228, 'temperature')
    """
    return VOCABULARY[f"{name}850" if name in UPPER_AIR else name]


def cf_name(name: str) -> str:
    """Return the CF name that ecCodes gives to a field, or "unknown" if it gives none.

    Examples
    --------
    >>> cf_name("t"), cf_name("t2m")
    ('air_temperature', 'unknown')
    """
    return "unknown" if name in _NAMELESS else ATTRS[name][2]
