"""Deprecated path of the intake drivers, for existing catalogs; use `xldm.catalog.drivers`."""

from .catalog.drivers import *  # noqa: F403
