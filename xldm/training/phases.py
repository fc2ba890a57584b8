"""How long, on what and with which optimiser each stage trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from ..config import Positive, strict
from ..errors import ArgumentError

__all__ = [
    "LATENT",
    "AutoencoderPhase",
    "CalibrationPhase",
    "DecoderPhase",
    "DiffusionPhase",
    "DistillationPhase",
    "GANPhase",
    "LatentPhase",
    "Phase",
    "RegressionPhase",
    "frozen",
]

#: Networks that a mean does without.
LATENT = ("autoencoder", "conditioner", "denoiser")

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
frozen = dataclass(frozen=True, config=strict, kw_only=True)


@frozen
class Phase:
    """How long, on what and with which optimiser a stage trains; a stage may have several phases.

    Parameters
    ----------
    steps : int
        Steps of the optimiser.
    batch_size, accumulate : int
        Windows that one device sees at a time, and how often before a step.
    size : (int, int), optional
        Rows and columns of a window in coarse cells; whole fields unless given.
    windows : int, optional
        Windows drawn from an hour in an epoch; None for windows that cover the field.
    lr, muon_lr : float
        Largest learning rates: of AdamW, and of Muon for the kernels where it is to have them.
    betas, weight_decay : (float, float), float
        Of AdamW.
    schedule : {"cosine", "plateau", "constant"}
        After ``warmup`` steps: a cosine to zero; a quarter whenever the validation loss has not
        fallen ``plateau_patience`` times in a row; or nothing.
    clip : float, optional
        Largest norm of the gradient.
    precision : {"32-true", "bf16-mixed"}
    compile, channels_last : bool
        Compile the networks; keep channels last in memory.
    dropout : float
        Share of samples that predictors are dropped from.
    validate_every : int, optional
        Steps between validations, each on ``validate_batches`` batches, the same ones every time.
    patience : int, optional
        Stop after so many validations without a smaller loss. The weights of the smallest are kept.
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
                "patience and a plateau go by the validation loss: say validate_every"
            )
        if self.schedule == "plateau" and self.warmup:
            raise ArgumentError("a plateau has no warm-up: leave out one of the two")
        return self


@frozen
class RegressionPhase(Phase):
    """The mean: ``loss`` is the squared error, or the logarithm of ``floor`` + that of a window.

    ``weights`` are of targets by name (1 unless given); ``norm_steps`` is after how many steps
    batch normalisation keeps its statistics; ``from_coarse`` starts at the coarse field.
    """

    loss: Literal["mse", "log"] = "mse"
    floor: Rate = 0.01
    weights: dict[str, float] = Field(default_factory=dict)
    norm_steps: Annotated[int, Field(ge=0)] | None = None
    from_coarse: bool = False


@frozen
class AutoencoderPhase(Phase):
    """The latent: ``standardise`` is of how many batches its mean and spread become 0 and 1."""

    betas: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    weights: dict[str, float] = Field(default_factory=dict)
    kl_weight: Annotated[float, Field(ge=0)] = 0.01
    standardise: Annotated[int, Field(ge=0)] = 0
    checkpointing: bool = False


@frozen
class LatentPhase(Phase):
    """What works on latents; ``average`` limits the decay of the denoiser's moving average.

    ``checkpointing`` recomputes activations and so saves memory. ``cache_latents`` computes the
    latents of whole fields once, each with one draw of dropped predictors; windows are cut from
    them. Hours whose latent has a larger mean square than ``latent_limit`` are left out: where a
    dropped predictor mattered, a latent is far from the unit variance that sampling starts from.
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
            raise ArgumentError("cache_latents draws windows: say how many an hour, or leave it")
        if self.latent_limit and not self.cache_latents:
            raise ArgumentError(
                "latent_limit goes by cached latents: say cache_latents, or leave it"
            )
        return self


@frozen
class DiffusionPhase(LatentPhase):
    """Denoiser and conditioner; with ``train_static`` false its static branch stays as it began."""

    train_static: bool = True


@frozen
class DistillationPhase(LatentPhase):
    """The denoiser as it was before the phase, followed in ``into`` steps instead of many.

    Each of them learns to lead where ``teacher_steps`` of the denoiser before lead. Phases of
    8, 4, 2 and 1 steps with the default halve time and again, as in arXiv 2202.00512.
    """

    into: Positive
    teacher_steps: Annotated[int, Field(ge=2)] = 2


@frozen
class DecoderPhase(Phase):
    """The decoder once more, for what the denoiser draws: ``spectral_weight`` is of its spectra.

    ``weights`` are of targets by name in the error of what is decoded from true latents.
    """

    weights: dict[str, float] = Field(default_factory=dict)
    spectral_weight: Annotated[float, Field(ge=0)] = 0.1
    checkpointing: bool = False


@frozen
class CalibrationPhase(Phase):
    """The denoiser by what its component's own sampler draws: the energy score of ``members``.

    ``margin`` is how many coarse cells along the edges of windows are not scored: in use, networks
    see what is beyond. ``weights`` are of targets by name in the score, which ``relative`` divides
    by the spread there; that of ``wind_speed`` is 0 unless given. Means over blocks of ``pooled``
    coarse cells along each side are scored too. ``spectral_weight`` is of the targets' spectra;
    ``average`` and ``checkpointing`` are as of the diffusion.
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
    """The GAN baseline: ``start`` steps of mean absolute error, then against a discriminator.

    ``norm_steps`` is as of a regression, whose weights it may begin with.
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
            raise ArgumentError("muon_lr: the adversaries have AdamW only, leave it out")
        return self
