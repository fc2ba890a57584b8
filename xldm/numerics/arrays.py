"""The array types that arithmetic in this room accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["Array"]

#: A NumPy array or a torch tensor; results have the type of the arguments.
Array = TypeVar("Array", np.ndarray, "torch.Tensor")
