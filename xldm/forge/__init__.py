"""Recipes: from raw archives to the parts of a training store, on Apache Beam.

Runs in an environment of its own (``make recipes``), since pangeo-forge-recipes needs Zarr 2.
"""

from .period import Period
from .settings import settings
from .transforms import StoreDays, StoreStatic

__all__ = ["Period", "StoreDays", "StoreStatic", "settings"]
