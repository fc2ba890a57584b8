"""Deprecated place of the intake drivers: use `xldm.catalog.drivers`.

Catalogs that name drivers by this path keep working.
"""

from .catalog.drivers import *  # noqa: F403
