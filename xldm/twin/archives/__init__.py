"""The twin as files in the forms of real archives, to test the readers of these archives.

One module writes the form of one provider. See "The archives" in ``docs/explanation/twin.md``.
"""

from .forms import FORMS, hours_of_days, write

__all__ = ["FORMS", "hours_of_days", "write"]
