"""Residual latent diffusion downscaling for xarray.

Importing this package registers the ``ds.ldm`` accessor. Neither torch nor the network is touched
until a model is used.
"""

import importlib

# Before anything can load ecCodes: with its wheel, pyproj imported second loses its database.
import pyproj as _pyproj  # noqa: F401

from . import accessor as _accessor  # noqa: F401
from .data.catalog import open_catalog
from .downscale import SyntheticModelWarning, downscale
from .registry import list_models, load_model

__all__ = [
    "SyntheticModelWarning",
    "__version__",
    "downscale",
    "evaluate",
    "list_models",
    "load_model",
    "open_catalog",
    "open_store",
    "published",
    "to_store",
    "write_store",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Lazily: torch, much of SciPy and Zarr are imported by them.
    if name == "published":
        return importlib.import_module("xldm.published")
    if name == "evaluate":
        return importlib.import_module("xldm.evaluation").evaluate
    if name == "open_store":
        return importlib.import_module("xldm.data.stores.store").open_store
    if name == "to_store":
        return importlib.import_module("xldm.writing").to_store
    if name == "write_store":
        return importlib.import_module("xldm.data.stores.storing").write
    raise AttributeError(f"module 'xldm' has no attribute {name!r}")
