"""Residual latent diffusion downscaling for xarray.

Importing this package registers the ``ds.ldm`` accessor. Neither torch nor the network is touched
until a model is used.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

# Before anything can load ecCodes: with its wheel, pyproj imported second loses its database.
import pyproj as _pyproj  # noqa: F401

from . import accessor as _accessor  # noqa: F401
from . import errors as _errors
from .catalog import open_catalog
from .downscale import downscale
from .errors import *  # noqa: F403
from .interpolation import interpolate
from .packages.registry import list_models, load_model

if TYPE_CHECKING:
    from . import published
    from .alignment import Alignment, open_alignment
    from .distribution import drift, fit_alignment
    from .evaluation import evaluate
    from .inputs.files.opening import open_input
    from .inputs.scattered import to_regular_grid
    from .stores.open import open_training_store
    from .stores.write import write_training_store
    from .training.run import train
    from .writing import to_store

__all__ = [
    "Alignment",
    "__version__",
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
    "to_regular_grid",
    "to_store",
    "train",
    "write_training_store",
]
__all__ += _errors.__all__

__version__ = "0.1.0"

# Imported when first used: they need torch, much of SciPy, or Zarr.
_LAZY = {
    "Alignment": ("xldm.alignment", "Alignment"),
    "drift": ("xldm.distribution", "drift"),
    "evaluate": ("xldm.evaluation", "evaluate"),
    "fit_alignment": ("xldm.distribution", "fit_alignment"),
    "open_alignment": ("xldm.alignment", "open_alignment"),
    "open_input": ("xldm.inputs.files.opening", "open_input"),
    "open_training_store": ("xldm.stores.open", "open_training_store"),
    "to_regular_grid": ("xldm.inputs.scattered", "to_regular_grid"),
    "to_store": ("xldm.writing", "to_store"),
    "train": ("xldm.training", "train"),
    "write_training_store": ("xldm.stores.write", "write_training_store"),
}
# Names of release 0.1, kept for one release.
_RENAMED = {"open_store": "open_training_store", "write_store": "write_training_store"}


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
        module, attribute = _LAZY[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'xldm' has no attribute {name!r}")
