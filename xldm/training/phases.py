"""Settings that every phase of training has: how long, on what data, with which optimiser."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal, TypeVar, dataclass_transform

from pydantic import Field, model_validator

from ..config import Positive
from ..errors import ArgumentError
from ..settings import checked

__all__ = ["Phase", "Rate", "Share", "frozen"]

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field, field))
def frozen(kind: type[T]) -> type[T]:
    """Make a validated, frozen dataclass that refuses unknown keys."""
    return checked(kind, kw_only=True)


@frozen
class Phase:
    """Settings of one phase; a stage has one or several phases, which run one after another.

    Parameters
    ----------
    steps : int
        Number of optimiser steps.
    batch_size, accumulate : int
        Windows in a batch on one device, and batches whose gradients are added up for a step.
    size : (int, int), optional
        Rows and columns of a window in coarse cells. Default: whole fields.
    windows : int, optional
        Windows drawn from an hour in an epoch. None: windows that cover the field.
    lr, muon_lr : float
        Largest learning rates of AdamW, and of Muon for the kernels. None: no Muon.
    betas, weight_decay : (float, float), float
        Settings of AdamW.
    schedule : {"cosine", "plateau", "constant"}
        Learning rate after ``warmup`` steps. "cosine" falls to zero; "plateau" divides by four
        whenever the validation loss has not fallen ``plateau_patience`` times in a row.
    clip : float, optional
        Largest norm of the gradient.
    precision : {"32-true", "bf16-mixed"}
    compile, channels_last : bool
        Compile the networks; keep channels last in memory.
    dropout : float
        Share of samples that predictors are dropped from.
    validate_every : int, optional
        Steps between validations, each on the same ``validate_batches`` batches.
    patience : int, optional
        Stop after this many validations without a smaller loss, and keep the weights of the
        smallest loss.
    checkpoint_every : int
        Steps between checkpoints.
    """

    steps: Positive
    batch_size: Positive = 8
    accumulate: Positive = 1
    size: tuple[Positive, Positive] | None = None
    windows: Positive | None = 1
    lr: Rate
    muon_lr: Rate | None = None
    betas: tuple[Share, Share] = (0.9, 0.99)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup: Annotated[int, Field(ge=0)] = 0
    plateau_patience: Positive = 3
    clip: Rate | None = 1.0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    compile: bool = False
    channels_last: bool = True
    dropout: Share = 0.0
    validate_every: Positive | None = 1000
    validate_batches: Positive = 8
    patience: Positive | None = None
    checkpoint_every: Positive = 1000

    @model_validator(mode="after")
    def _validates(self) -> Phase:
        if self.validate_every is None and (self.patience or self.schedule == "plateau"):
            raise ArgumentError(
                "patience and the schedule plateau follow the validation loss: set validate_every"
            )
        if self.schedule == "plateau" and self.warmup:
            raise ArgumentError("the schedule plateau has no warmup: remove one of the two")
        return self
