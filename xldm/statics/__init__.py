"""Static fields of the fine grid: built from rasters, read, and as channels of the networks."""

from .fields import assemble, average, build, channels, embedded, read
from .other_domain import transfer

__all__ = ["assemble", "average", "build", "channels", "embedded", "read", "transfer"]
