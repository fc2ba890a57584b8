"""Recipes: from raw archives to the parts of a training store, on Apache Beam.

In: files of a provider, named by a pattern, and a period that is declared before any file is
opened. Out: a part, whose every value was read back before it is marked complete. What a field
means belongs in `xldm.inputs`, what a part looks like in `xldm.stores`. Only the environment of
the recipes imports this room (``make recipes``), since pangeo-forge-recipes needs Zarr 2.
"""

from ..errors import MissingPackageError
from ..storage import shipped

try:
    import apache_beam  # noqa: F401
    import pangeo_forge_recipes  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingPackageError(
        f"Recipes need {error.name}, in an environment of their own, since pangeo-forge needs "
        f"Zarr 2: pip install -c {shipped.recipes() / 'constraints.txt'} 'xldm[recipes]'"
    ) from None

from .period import Period
from .settings import settings
from .transforms import StoreDays, StoreStatic

__all__ = ["Period", "StoreDays", "StoreStatic", "settings"]
