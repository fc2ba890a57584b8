"""What is trained and how: a preset, which with a store makes the configuration of a model.

A preset names targets, widths and settings. Grid, static fields, units and scaling are the store's.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import field
from os import PathLike
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from ..config import (
    WIND,
    AutoencoderConfig,
    ComponentName,
    ConditionerConfig,
    DenoiserConfig,
    DiffusionConfig,
    RegressionConfig,
    from_yaml,
)
from ..errors import ArgumentError, ConfigError
from .phases import (
    LATENT,
    AutoencoderPhase,
    CalibrationPhase,
    DecoderPhase,
    DiffusionPhase,
    DistillationPhase,
    GANPhase,
    RegressionPhase,
    frozen,
)

__all__ = ["CHAIN", "STAGES", "Part", "Preset", "read_preset", "shipped"]

#: Those of ``--stage all`` in their order, and with those that are asked for by name. What is drawn
#: in a stage follows from its place in the second: new ones go to its end.
CHAIN = ("regression", "autoencoder", "diffusion", "decoder", "calibration")
STAGES = (
    "regression",
    "autoencoder",
    "diffusion",
    "gan",
    "distillation",
    "decoder",
    "calibration",
)


@frozen
class Part:
    """A component: its targets by name, and the widths of its networks."""

    name: ComponentName
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    autoencoder: AutoencoderConfig | None = None
    conditioner: ConditionerConfig | None = None
    denoiser: DenoiserConfig | None = None
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)


@frozen
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
    distillation: tuple[DistillationPhase, ...] = ()
    decoder: tuple[DecoderPhase, ...] = ()
    calibration: tuple[CalibrationPhase, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Preset:
        if self.full_field and (self.regression or self.gan):
            raise ArgumentError("full_field means without a regression: leave out one of the two")
        for stage in ("autoencoder", "diffusion", "distillation", "decoder", "calibration"):
            of = LATENT[:1] if stage == "autoencoder" else LATENT
            lacking = [p.name for p in self.components if any(getattr(p, n) is None for n in of)]
            if getattr(self, stage) and lacking:
                raise ArgumentError(
                    f"{stage} needs widths of {', '.join(of)} in {', '.join(lacking)}"
                )
        levels = min(p.diffusion.timesteps for p in self.components)
        for phase in self.distillation:
            if (most := phase.into * phase.teacher_steps) >= levels:
                raise ArgumentError(f"distillation has {most} steps, the noise schedule {levels}")
        self._weights_are_of_something()
        return self

    def _weights_are_of_something(self) -> None:
        known = {t for p in self.components for t in p.targets}
        speed = {"wind_speed"} if any({*WIND} <= {*p.targets} for p in self.components) else set()
        for phases, named in (
            ((*self.regression, *self.autoencoder, *self.decoder), known),
            (self.calibration, known | speed),
        ):
            for phase in phases:
                if unknown := sorted(phase.weights.keys() - named):
                    raise ArgumentError(
                        f"weights of {', '.join(unknown)}; there are {', '.join(sorted(named))}"
                    )

    @property
    def chain(self) -> tuple[str, ...]:
        """Stages of ``--stage all``: those with settings, without GAN and distillation."""
        return tuple(stage for stage in CHAIN if getattr(self, stage))


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
