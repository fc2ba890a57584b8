"""Stages of training: each is declared here once, with the settings of its phases.

To add a stage: write its settings and its `Stage` here, an objective in `objectives/`, and a field
of its name in `xldm.training.preset.Preset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..config import Positive
from ..errors import ArgumentError
from .phases import Phase, Rate, Share, frozen

__all__ = [
    "NETWORKS",
    "STAGES",
    "AutoencoderPhase",
    "CalibrationPhase",
    "DecoderPhase",
    "DiffusionPhase",
    "DistillationPhase",
    "GANPhase",
    "LatentPhase",
    "RegressionPhase",
    "Stage",
]


@frozen
class RegressionPhase(Phase):
    """Settings of the regression.

    ``loss`` is the squared error, or the mean logarithm of ``floor`` plus the squared error of a
    window. ``weights`` maps names of targets to their weights, 1 unless given. Batch normalisation
    freezes its statistics after ``norm_steps`` steps. ``from_coarse`` initialises the networks so
    that they return the coarse field.
    """

    loss: Literal["mse", "log"] = "mse"
    floor: Rate = 0.01
    weights: dict[str, float] = Field(default_factory=dict)
    norm_steps: Annotated[int, Field(ge=0)] | None = None
    from_coarse: bool = False


@frozen
class AutoencoderPhase(Phase):
    """Settings of the autoencoder.

    ``weights`` maps names of targets to their weights in the reconstruction error, 1 unless given.
    ``heavy`` maps names to what their errors weigh more for each standard deviation that the true
    value is above its mean, as rain should. ``kl_weight`` weighs the divergence of the posterior.
    After the phase, ``standardise`` batches are used to bring the latent to mean 0 and standard
    deviation 1.
    """

    betas: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    weights: dict[str, float] = Field(default_factory=dict)
    heavy: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    kl_weight: Annotated[float, Field(ge=0)] = 0.01
    standardise: Annotated[int, Field(ge=0)] = 0
    checkpointing: bool = False


@frozen
class LatentPhase(Phase):
    """Settings of stages that train on latents.

    ``average`` limits the decay of the denoiser's moving average. ``checkpointing`` recomputes
    activations, to save memory. ``cache_latents`` computes the latents of whole fields once, each
    with one draw of dropped predictors, and cuts windows from them. Hours whose latent has a mean
    square above ``latent_limit`` are skipped: where a dropped predictor mattered, a latent is far
    from the unit variance that sampling starts from.
    """

    betas: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    average: Share = 0.9999
    checkpointing: bool = False
    cache_latents: bool = False
    latent_limit: Rate | None = None

    @model_validator(mode="after")
    def _of_cache(self) -> LatentPhase:
        if self.cache_latents and self.windows is None:
            raise ArgumentError(
                "cache_latents draws windows: set windows to a number per hour, or remove it"
            )
        if self.latent_limit and not self.cache_latents:
            raise ArgumentError(
                "latent_limit selects among cached latents: set cache_latents, or remove it"
            )
        return self


@frozen
class DiffusionPhase(LatentPhase):
    """Settings of the diffusion; ``train_static`` trains the conditioner's static branch too."""

    train_static: bool = True


@frozen
class DistillationPhase(LatentPhase):
    """Settings of the distillation of a denoiser into ``into`` steps.

    Each step learns to arrive where ``teacher_steps`` steps of the denoiser before the phase
    arrive. Phases of 8, 4, 2 and 1 steps with the default halve the steps repeatedly, as in
    arXiv 2202.00512.
    """

    into: Positive
    teacher_steps: Annotated[int, Field(ge=2)] = 2


@frozen
class DecoderPhase(Phase):
    """Settings of the decoder's second training.

    ``weights`` and ``heavy`` are those of the error of fields that are decoded from true latents,
    as in `AutoencoderPhase`. ``spectral_weight`` weighs the errors of spectrum and lattice of
    fields that the denoiser draws.
    """

    weights: dict[str, float] = Field(default_factory=dict)
    heavy: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    spectral_weight: Annotated[float, Field(ge=0)] = 0.1
    checkpointing: bool = False


@frozen
class CalibrationPhase(Phase):
    """Settings of the calibration of the denoiser by the energy score of ``members``.

    Cells closer than ``margin`` coarse cells to a window's edges are not scored: in use, the
    networks see what lies beyond. ``weights`` maps names of targets, and ``wind_speed``, to their
    weights in the score (targets 1, ``wind_speed`` 0 unless given). ``relative`` divides the score
    by the local spread, but not of targets that may be dry in all members. Means over blocks of
    ``pooled`` coarse cells along each side are scored too. ``spectral_weight`` weighs the error of
    the targets' spectra; ``average`` and ``checkpointing`` are as in `LatentPhase`.
    """

    members: Annotated[int, Field(ge=2)] = 2
    relative: bool = True
    margin: Annotated[int, Field(ge=0)] = 2
    pooled: tuple[Positive, ...] = ()
    weights: dict[str, float] = Field(default_factory=dict)
    spectral_weight: Annotated[float, Field(ge=0)] = 0.1
    average: Share = 0.98
    checkpointing: bool = False

    @model_validator(mode="after")
    def _scored(self) -> CalibrationPhase:
        if self.size and min(self.size) <= 2 * self.margin:
            raise ArgumentError(
                f"size {self.size} with a margin of {self.margin} leaves nothing to score: choose "
                "larger windows or a smaller margin"
            )
        return self


@frozen
class GANPhase(Phase):
    """Settings of the GAN baseline.

    The first ``start`` steps minimise the mean absolute error; then the discriminator (``width``
    channels, ``layers`` layers) joins with ``weight``. ``norm_steps`` is as in `RegressionPhase`.
    """

    betas: tuple[Share, Share] = (0.5, 0.9)
    schedule: Literal["cosine", "plateau", "constant"] = "constant"
    start: Annotated[int, Field(ge=0)] = 50_000
    weight: Annotated[float, Field(ge=0)] = 0.2
    width: Positive = 64
    layers: Positive = 3
    norm_steps: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _adam_only(self) -> GANPhase:
        if self.muon_lr is not None:
            raise ArgumentError("muon_lr: the GAN trains with AdamW only, remove muon_lr")
        return self


@dataclass(frozen=True)
class Stage:
    """A stage of training.

    Parameters
    ----------
    name : str
        Key in a preset, folder in a run, and value of ``--stage``.
    phase : type of Phase
        Settings of each of its phases.
    objective : str
        Module and class in `xldm.training.objectives`. A name and not the class, so that torch is
        imported only to train.
    seed : int
        Key of the stage's random numbers, unique and a multiple of 100: the number of the phase is
        added to it. A trained model can only be reproduced while this stays the same.
    fits : tuple of str
        Networks that the stage trains.
    needs : tuple of str
        Networks that the package it starts from must have.
    by_name : bool
        Whether the stage runs only when it is asked for by name, not with ``--stage all``.

    Examples
    --------
    >>> STAGES["autoencoder"].holds
    ('regression', 'autoencoder')
    """

    name: str
    phase: type[Phase]
    objective: str
    seed: int
    fits: tuple[str, ...]
    needs: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def holds(self) -> tuple[str, ...]:
        """Networks of the package that the stage writes."""
        return (*self.needs, *(name for name in self.fits if name not in self.needs))


_MEAN = ("regression",)
_LATENT = (*_MEAN, "autoencoder")
#: Networks of a component, in the order in which stages fit them.
NETWORKS = (*_LATENT, "conditioner", "denoiser")

#: Every stage by name, in the order in which stages can follow one another. A distillation precedes
#: the calibration, since a calibrated denoiser is no teacher: it is made for its own few steps.
STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("regression", RegressionPhase, "regression.Regression", 0, fits=_MEAN),
        Stage(
            "autoencoder", AutoencoderPhase, "autoencoder.Autoencoder", 100,
            fits=("autoencoder",), needs=_MEAN,
        ),
        Stage(
            "diffusion", DiffusionPhase, "diffusion.Diffusion", 200,
            fits=("conditioner", "denoiser"), needs=_LATENT,
        ),
        Stage(
            "decoder", DecoderPhase, "decoder.Decoder", 500, fits=("autoencoder",), needs=NETWORKS
        ),
        Stage(
            "distillation", DistillationPhase, "distillation.Distillation", 400,
            fits=("denoiser",), needs=NETWORKS, by_name=True,
        ),
        Stage(
            "calibration", CalibrationPhase, "calibration.Calibration", 600,
            fits=("denoiser",), needs=NETWORKS,
        ),
        Stage("gan", GANPhase, "gan.GAN", 300, fits=_MEAN, by_name=True),
    )
}  # fmt: skip
