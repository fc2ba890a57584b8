"""The twin in the forms of the real archives, so that what reads those can be run on it.

One module per provider. See "The archives" in ``docs/twin.md``.
"""

from .forms import FORMS, days, write

__all__ = ["FORMS", "days", "write"]
