"""The hours of one file, and the attributes that mark it as synthetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["FileSpan"]


class FileSpan(NamedTuple):
    """The hours that one file holds.

    Parameters
    ----------
    hours : ndarray (T,) of datetime64[h]
        Consecutive hours.
    expver : ndarray (T,) of str
        "0001" where ERA5 is final, "0005" where it is preliminary (ERA5T).
    attrs : dict
        Attributes that tell the twin from observations.
    """

    hours: np.ndarray
    expver: np.ndarray
    attrs: dict[str, str | int]

    def row(self, hour: np.datetime64) -> int:
        """Return the position of an hour along the file's time axis."""
        return int((hour - self.hours[0]).astype("int64"))
