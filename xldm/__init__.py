"""Residual latent diffusion downscaling for xarray.

Open coarse fields with :func:`open_input`, check them with ``ds.ldm.check(model)``, downscale them
with ``ds.ldm.downscale(model)``, and write the result with :func:`to_store` or :func:`to_netcdf`.
:func:`list_models` names the models, and :func:`train` makes one of a training store.

Importing this package registers the accessors ``ds.ldm`` and ``store.ldm``. It loads neither torch
nor anything from the internet.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

# Before anything can load ecCodes: with its wheel, pyproj imported second loses its database.
import pyproj as _pyproj  # noqa: F401

from . import errors as _errors
from ._registration import when_imported as _when_imported
from .errors import *  # noqa: F403

if TYPE_CHECKING:
    from . import published
    from .alignment import Alignment, open_alignment
    from .catalog import open_catalog
    from .distribution import drift, fit_alignment
    from .downscaling import downscale
    from .evaluation import evaluate
    from .inputs.files.opening import open_input
    from .inputs.scattered import to_regular_grid
    from .interpolation import interpolate
    from .packages.registry import list_models, load_model
    from .stations import at
    from .stores.open import open_training_store
    from .stores.write import write_training_store
    from .training.run import train
    from .writing import to_netcdf, to_store

__all__ = [
    "Alignment",
    "__version__",
    "at",
    "downscale",
    "drift",
    "evaluate",
    "fit_alignment",
    "interpolate",
    "list_models",
    "load_model",
    "open_alignment",
    "open_catalog",
    "open_input",
    "open_training_store",
    "published",
    "to_netcdf",
    "to_regular_grid",
    "to_store",
    "train",
    "write_training_store",
]
__all__ += _errors.__all__

__version__ = "0.1.0"

# Imported when first used: xarray takes half a second, torch seconds.
_LAZY = {
    "Alignment": "xldm.alignment",
    "at": "xldm.stations",
    "downscale": "xldm.downscaling",
    "drift": "xldm.distribution",
    "evaluate": "xldm.evaluation",
    "fit_alignment": "xldm.distribution",
    "interpolate": "xldm.interpolation",
    "list_models": "xldm.packages.registry",
    "load_model": "xldm.packages.registry",
    "open_alignment": "xldm.alignment",
    "open_catalog": "xldm.catalog",
    "open_input": "xldm.inputs.files.opening",
    "open_training_store": "xldm.stores.open",
    "to_netcdf": "xldm.writing",
    "to_regular_grid": "xldm.inputs.scattered",
    "to_store": "xldm.writing",
    "train": "xldm.training",
    "write_training_store": "xldm.stores.write",
}
# Names of release 0.1, kept for one release.
_RENAMED = {"open_store": "open_training_store", "write_store": "write_training_store"}

# The accessors belong to xarray: they are registered once it is there, and need not bring it.
_when_imported("xarray", "xldm.accessor")


def __getattr__(name: str) -> Any:
    if name == "published":
        return importlib.import_module("xldm.published")
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(
            f"xldm.{name} is now xldm.{new}; the old name goes with the next release",
            FutureWarning,
            stacklevel=2,
        )
        name = new
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'xldm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
