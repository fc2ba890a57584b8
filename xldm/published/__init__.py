"""The paper's own release: its checkpoints, its dataset, and the model made of them.

In: folders, zips or URLs of the release. Out: a component, a model package in the cache, or
datasets in physical units. No code of the release is run: checkpoints and pickles are read with
short allow-lists. Models in general belong in `xldm.models` and `xldm.packages`.
"""

from __future__ import annotations

from ..errors import PublishedError
from .importer import import_ldm_res
from .weights import read_component

__all__ = ["PublishedError", "import_ldm_res", "read_component"]
