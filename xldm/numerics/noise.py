"""Addressed noise: each field follows from its member, valid time and component alone.

The address is hashed (SHA-256) into the key of a Philox generator, whose stream for a key NumPy
promises to keep. How NumPy turns that stream into normal numbers (``Generator.standard_normal``)
may change between its releases, though it has rarely done so; the tests pin values, so a change
cannot pass unnoticed.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from numbers import Integral

import numpy as np

from ..errors import ArgumentError

__all__ = ["second_of", "standard_normal", "uniform"]


def standard_normal(
    seed: int,
    member: int,
    time: np.datetime64 | datetime | str,
    component: str,
    shape: tuple[int, ...],
    given: str = "",
) -> np.ndarray:
    """Return the standard normal field of one member, valid time and component.

    Any subset of members and times, in any order, batch or chunking, gives the same fields bit
    for bit. Fields with different addresses are independent.

    Parameters
    ----------
    seed, member : int
        Non-negative integers of any size.
    time : numpy.datetime64, datetime or str
        Valid time in UTC, in any unit; used to the second.
    component : str
        Name of the component that uses the noise.
    shape : tuple of int
        Shape of the field.
    given : str
        Which member of the input's ensemble the field is drawn for; empty for input of one member.
        When a forecast started is no part of the address: what changes from one forecast of an hour
        to the next is what the forecasts say.

    Returns
    -------
    numpy.ndarray, shape ``shape``
        float32, mean 0 and variance 1.

    Raises
    ------
    ArgumentError
        If ``seed`` or ``member`` is not a non-negative integer, or ``time`` is not a time.

    Examples
    --------
    >>> a = standard_normal(0, 2, "2020-01-01T06", "2mT", (4, 3))
    >>> b = standard_normal(0, 2, np.datetime64("2020-01-01T06:00", "ns"), "2mT", (4, 3))
    >>> bool((a == b).all())
    True
    """
    for name, value in {"seed": seed, "member": member}.items():
        if not isinstance(value, Integral) or value < 0:
            raise ArgumentError(f"{name} must be a whole number, 0 or more; got {value!r}")
    address = f"{int(seed)}/{int(member)}/{second_of(time)}/{component}"
    if given:
        address += f"/{given}"
    return _generator(address).standard_normal(shape, dtype=np.float32)


def uniform(seed: int, time: np.datetime64, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return random numbers from 0 to 1 (float32) of the cells of a field at a valid time.

    Examples
    --------
    >>> one, two = (uniform(0, np.datetime64("2020-01-01T06"), n, (4, 3)) for n in ("tp", "tp"))
    >>> bool((one == two).all())
    True
    """
    address = f"{int(seed)}/{second_of(time)}/{name}/uniform"
    return _generator(address).random(shape, dtype=np.float32)


def _generator(address: str) -> np.random.Generator:
    key = int.from_bytes(sha256(address.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def second_of(time: np.datetime64 | datetime | str) -> int:
    """Return the seconds since 1970 of a valid time in UTC.

    Raises
    ------
    ArgumentError
        If it is not a time.
    """
    # Seconds: nanoseconds end in 2262, and some calendars of climate runs do not.
    second = np.datetime64(time).astype("datetime64[s]")
    if np.isnat(second):
        raise ArgumentError(f"time must be the valid time of the noise; got {time!r}")
    return int(second.astype(np.int64))
