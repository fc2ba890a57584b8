"""Writing: downscaled fields of any length to Zarr or netCDF, resumably.

In: a dataset along time, or forecasts by initialisation and lead, lazy or not, and a place at any
URL. Out: a store whose every object was put once and whole, marked complete at the end; `appending`
puts more beside it. Training stores belong in `xldm.stores`; claims and
places in `xldm.storage`.
"""

from .netcdf import to_netcdf
from .resumable import to_store

__all__ = ["to_netcdf", "to_store"]
