"""A seeded synthetic climate over the real Italian terrain, in place of reanalysis pairs.

In: a seed and hours. Out: pairs of coarse and fine fields, or files in the forms of real archives.
No value is an observation or comes from a weather model; see ``docs/explanation/twin.md``. Readers
of real archives belong in `xldm.inputs` and `xldm.forge`.
"""

from .hourly import Twin
from .sample_hours import both_sides, hours_over_year
from .zarr_store import write

__all__ = ["Twin", "both_sides", "hours_over_year", "write"]
