"""What is trained and how: a preset, which with a store makes the configuration of a model.

A preset names targets, widths and settings. Grid, static fields, units and scaling are the store's.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import field
from os import PathLike
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from ..config import (
    AutoencoderConfig,
    ComponentName,
    ConditionerConfig,
    ConfigError,
    DenoiserConfig,
    DiffusionConfig,
    Positive,
    RegressionConfig,
    from_yaml,
    strict,
)

__all__ = [
    "STAGES",
    "AutoencoderPhase",
    "DiffusionPhase",
    "GANPhase",
    "Part",
    "Phase",
    "Preset",
    "RegressionPhase",
    "read_preset",
    "shipped",
]

#: In the order in which ``--stage all`` runs them, then the baseline.
STAGES = ("regression", "autoencoder", "diffusion", "gan")

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
_frozen = dataclass(frozen=True, config=strict, kw_only=True)


@_frozen
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
            raise ValueError("patience and a plateau go by the validation loss: say validate_every")
        if self.schedule == "plateau" and self.warmup:
            raise ValueError("a plateau has no warm-up: leave out one of the two")
        return self


@_frozen
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


@_frozen
class AutoencoderPhase(Phase):
    """The latent: ``standardise`` is of how many batches its mean and spread become 0 and 1.

    ``spectral_weight`` is of the error of spectra. With ``decoder_only`` the latent stays as it is.
    """

    betas: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    weights: dict[str, float] = Field(default_factory=dict)
    kl_weight: Annotated[float, Field(ge=0)] = 0.01
    spectral_weight: Annotated[float, Field(ge=0)] = 0.0
    decoder_only: bool = False
    standardise: Annotated[int, Field(ge=0)] = 0
    checkpointing: bool = False


@_frozen
class DiffusionPhase(Phase):
    """Denoiser and conditioner; ``average`` limits the decay of the denoiser's moving average.

    ``train_static`` is false where the static branch of the conditioner stays as initialised;
    ``checkpointing`` recomputes activations and so saves memory. ``cache_latents`` computes the
    latents of whole fields once, each with one draw of dropped predictors; windows are cut from
    them. Hours whose latent has a larger mean square than ``latent_limit`` are left out: where a
    dropped predictor mattered, a latent is far from the unit variance that sampling starts from.
    """

    betas: tuple[Share, Share] = (0.5, 0.9)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    average: Share = 0.9999
    train_static: bool = True
    checkpointing: bool = False
    cache_latents: bool = False
    latent_limit: Rate | None = None

    @model_validator(mode="after")
    def _of_cache(self) -> DiffusionPhase:
        if self.cache_latents and self.windows is None:
            raise ValueError("cache_latents draws windows: say how many an hour, or leave it")
        if self.latent_limit and not self.cache_latents:
            raise ValueError("latent_limit goes by cached latents: say cache_latents, or leave it")
        return self


@_frozen
class GANPhase(Phase):
    """The GAN baseline: ``start`` steps of mean absolute error, then against a discriminator."""

    betas: tuple[Share, Share] = (0.5, 0.9)
    schedule: Literal["cosine", "plateau", "constant"] = "constant"
    start: Annotated[int, Field(ge=0)] = 50_000
    weight: Annotated[float, Field(ge=0)] = 0.2
    width: Positive = 64
    layers: Positive = 3

    @model_validator(mode="after")
    def _adam_only(self) -> GANPhase:
        if self.muon_lr is not None:
            raise ValueError("muon_lr: the adversaries have AdamW only, leave it out")
        return self


@_frozen
class Part:
    """A component: its targets by name, and the widths of its networks."""

    name: ComponentName
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    autoencoder: AutoencoderConfig | None = None
    conditioner: ConditionerConfig | None = None
    denoiser: DenoiserConfig | None = None
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)


@_frozen
class Preset:
    """What is trained and how.

    ``predictors`` are all of the store's unless named. With ``full_field`` the diffusion is of the
    field itself and there is no regression. The other fields are of `xldm.config.ModelConfig`.
    """

    name: str
    title: str
    domain: str
    licence: str
    citation: str = ""
    warning: str = ""
    predictors: tuple[str, ...] = ()
    components: Annotated[tuple[Part, ...], Field(min_length=1)]
    full_field: bool = False
    seed: Annotated[int, Field(ge=0)] = 0
    regression: tuple[RegressionPhase, ...] = ()
    autoencoder: tuple[AutoencoderPhase, ...] = ()
    diffusion: tuple[DiffusionPhase, ...] = ()
    gan: tuple[GANPhase, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Preset:
        if self.full_field and (self.regression or self.gan):
            raise ValueError("full_field means without a regression: leave out one of the two")
        for stage, of in {"autoencoder": ("autoencoder",), "diffusion": LATENT}.items():
            lacking = [p.name for p in self.components if any(getattr(p, n) is None for n in of)]
            if getattr(self, stage) and lacking:
                raise ValueError(f"{stage} needs widths of {', '.join(of)} in {', '.join(lacking)}")
        known = {t for p in self.components for t in p.targets}
        for phase in (*self.regression, *self.autoencoder):
            if unknown := sorted(phase.weights.keys() - known):
                raise ValueError(f"weights of {', '.join(unknown)}, which are no targets")
        return self

    @property
    def chain(self) -> tuple[str, ...]:
        """Stages of ``--stage all``: those with settings, without the GAN baseline."""
        return tuple(stage for stage in STAGES[:3] if getattr(self, stage))


LATENT = ("autoencoder", "conditioner", "denoiser")


def shipped() -> dict[str, Path]:
    """Presets that come with xldm, by name.

    Examples
    --------
    >>> sorted(shipped())
    ['italy-2km', 'other-region', 'paper', 'tiny']
    """
    folder = Path(str(importlib.resources.files("xldm") / "presets"))
    return {path.stem: path for path in folder.glob("*.yaml")}


def read_preset(preset: Preset | str | PathLike) -> Preset:
    """Read a preset from a YAML file, or the shipped one of that name.

    Raises
    ------
    ConfigError
        If there is no such file, or something in it is unknown, missing or out of range.

    Examples
    --------
    >>> read_preset("tiny").chain
    ('regression', 'autoencoder', 'diffusion')
    """
    if isinstance(preset, Preset):
        return preset
    path = shipped().get(str(preset), Path(preset))
    if not path.is_file():
        raise ConfigError(
            f"{preset}: there is no such file, and shipped presets are "
            f"{', '.join(sorted(shipped()))}"
        )
    return from_yaml(Preset, path)
