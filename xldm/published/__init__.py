"""The paper's own release: its checkpoints as components, the whole of it as a model.

Nothing in the release is executed: checkpoints and pickles are read with short allow-lists.
"""

from __future__ import annotations

from ..errors import PublishedError
from .importer import import_ldm_res
from .weights import read_component

__all__ = ["PublishedError", "import_ldm_res", "read_component"]
