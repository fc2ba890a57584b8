"""Texts of units, refused if the unit library could compute for ever with them."""

from __future__ import annotations

import re

from .errors import ArgumentError

__all__ = ["check_units", "computable"]

_LONGEST = 100
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# The ways to write a power: m**2, m^2, m2, m², all of which the unit library reads.
_POWER = re.compile(r"\*\*|\^|(?<=[A-Za-z)])(?=[-+]?\d)")
# An exponent of three digits, a power of a power, a number that is a huge power of ten.
_ENDLESS = re.compile(r"\*\*[\s(+-]*(\d{3}|[\d.]+[\s)]*\*\*)|\d{20}|\d[eE][-+]?\d{3}")


def computable(text: str) -> bool:
    """Tell whether a text can be units: short, with small exponents and no powers of powers.

    Examples
    --------
    >>> computable("kg m**-2 s-1"), computable("m**10**10**10"), computable("m" * 1000)
    (True, False, False)
    """
    text = re.sub("([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", r"**\1", text).translate(_SUPERSCRIPTS)
    powers = _POWER.sub("**", text)
    few = powers.count("**") <= 10 and text.count("(") <= 10
    return len(text) <= _LONGEST and few and not _ENDLESS.search(powers)


def check_units(text: str) -> str:
    """Return the text of units, or refuse it if no units are written so.

    Raises
    ------
    ArgumentError
        If the text is long, or has powers that no units have.
    """
    if not computable(text):
        raise ArgumentError(
            f"units are short, with exponents of two digits, as kg m-2 s-1; got {text[:60]!r}"
        )
    return text
