"""The paper's own release: its checkpoints as components, the whole of it as a model.

In: folders, zips or URLs of the release. Out: a component, a model package in the cache, or
datasets in physical units. Nothing in the release is executed: checkpoints and pickles are read
with short allow-lists. Models in general belong in `xldm.models` and `xldm.packages`.
"""

from __future__ import annotations

from ..errors import PublishedError
from .importer import import_ldm_res
from .weights import read_component

__all__ = ["PublishedError", "import_ldm_res", "read_component"]
