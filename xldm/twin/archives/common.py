"""What the writers of all forms share: the hours of a file, and what its fields are called."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...vocabulary import VOCABULARY, Known
from ..coarse_view import ATTRS, UPPER_AIR

__all__ = ["SURFACE", "UPPER_AIR", "Part", "cf_name", "known"]

#: Names of the twin's fields that are not on a pressure level.
SURFACE = tuple(name for name in ATTRS if name not in UPPER_AIR)
# Fields for which ecCodes knows no CF name, whatever CF has for them.
_NAMELESS = ("t2m", "d2m", "u10", "v10", "sst", "tp")


class Part(NamedTuple):
    """The hours that one file holds.

    Parameters
    ----------
    hours : ndarray (T,) of datetime64[h]
        One after another.
    expver : ndarray (T,) of str
        "0001" where ERA5 is final, "0005" where it is preliminary (ERA5T).
    attrs : dict
        Attributes that tell the twin from observations.
    """

    hours: np.ndarray
    expver: np.ndarray
    attrs: dict

    def index(self, hour: np.datetime64) -> int:
        return int((hour - self.hours[0]).astype("int64"))


def known(name: str) -> Known:
    """What ERA5 calls a field of the twin.

    Examples
    --------
    >>> known("tp").param, known("t").long_name
    (228, 'temperature')
    """
    return VOCABULARY[f"{name}850" if name in UPPER_AIR else name]


def cf_name(name: str) -> str:
    """CF name that ecCodes gives to a field: "unknown" for several that have one.

    Examples
    --------
    >>> cf_name("t"), cf_name("t2m")
    ('air_temperature', 'unknown')
    """
    return "unknown" if name in _NAMELESS else ATTRS[name][2]
