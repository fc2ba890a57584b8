"""Downscaled fields to Zarr stores of any length; see `storing.to_store`."""

from .resumable import to_store

__all__ = ["to_store"]
