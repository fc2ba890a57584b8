"""Static fields of a fine grid: terrain height, northing, land mask, land cover.

In: rasters or GeoTIFFs of any provider, or static fields of another domain. Out: a dataset on the
cells of a grid, or channels for the networks. Grids themselves belong in `xldm.grids`, and fields
that change with time in `xldm.inputs`.
"""

from .fields import assemble, average, build, channels, embedded, read
from .other_domain import transfer

__all__ = ["assemble", "average", "build", "channels", "embedded", "read", "transfer"]
