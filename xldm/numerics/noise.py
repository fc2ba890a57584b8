"""Noise that is addressed, not drawn: a field follows from what it is for, and from nothing else.

The address is hashed (SHA-256) into the key of a Philox generator, whose stream for a key NumPy
promises to keep. How NumPy turns that stream into normal numbers (``Generator.standard_normal``)
may change between its releases, though it has rarely done so; the tests pin values, so that it
cannot change unnoticed.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from numbers import Integral

import numpy as np

from ..errors import ArgumentError

__all__ = ["standard_normal"]


def standard_normal(
    seed: int,
    member: int,
    time: np.datetime64 | datetime | str,
    component: str,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Return the standard normal field of one member, valid time and component.

    Any subset of members and times, in any order, batch or chunking, gives the same fields bit
    for bit; fields with different addresses are independent.

    Parameters
    ----------
    seed, member : int
        Not negative, of any size.
    time : numpy.datetime64, datetime or str
        Valid time in UTC, used to the second; in whatever unit it is given.
    component : str
        Name of the component that the noise is for.
    shape : tuple of int
        Shape of the field.

    Returns
    -------
    numpy.ndarray, shape ``shape``
        float32, mean 0 and variance 1.

    Raises
    ------
    ArgumentError
        If ``seed`` or ``member`` is negative or no whole number, or ``time`` is no time.

    Examples
    --------
    >>> a = standard_normal(0, 2, "2020-01-01T06", "2mT", (4, 3))
    >>> b = standard_normal(0, 2, np.datetime64("2020-01-01T06:00", "ns"), "2mT", (4, 3))
    >>> bool((a == b).all())
    True
    """
    for name, value in {"seed": seed, "member": member}.items():
        if not isinstance(value, Integral) or value < 0:
            raise ArgumentError(f"{name} is a whole number, 0 or more; got {value!r}")
    # Seconds: nanoseconds end in 2262, and some calendars of climate runs do not.
    second = np.datetime64(time).astype("datetime64[s]")
    if np.isnat(second):
        raise ArgumentError(f"time is the valid time that the noise is for; got {time!r}")
    address = f"{int(seed)}/{int(member)}/{second.astype(np.int64)}/{component}"
    key = int.from_bytes(sha256(address.encode()).digest()[:16], "little")
    generator = np.random.Generator(np.random.Philox(key=key))
    return generator.standard_normal(shape, dtype=np.float32)
