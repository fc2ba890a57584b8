"""A seeded synthetic climate over the real Italian terrain, in place of reanalysis pairs.

No value is an observation or comes from a weather model. See ``docs/twin.md``.
"""

from .hourly import Twin
from .record import hours_of, record
from .zarr_store import write

__all__ = ["Twin", "hours_of", "record", "write"]
