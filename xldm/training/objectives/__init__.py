"""Objectives: the loss that each stage of training minimises, one module for each stage.

In: the networks of a component and a batch of samples. Out: a loss, the modules to fit, and the
noise to draw for a sample. `base` has the interface; which stage has which objective stands in
`xldm.training.stages`. The arithmetic of losses is in `xldm.training.losses`; loops, optimisers and
checkpoints are in `xldm.training`.
"""

from __future__ import annotations

import importlib

from ...config import ComponentConfig
from ..phases import Phase
from ..stages import Stage
from .base import Objective

__all__ = ["objective_of"]


def objective_of(stage: Stage, phase: Phase, part: ComponentConfig) -> Objective:
    """Make the objective of a stage for one of its phases and a component."""
    module, name = stage.objective.split(".")
    kind: type[Objective] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return kind(phase, part)
