"""Presets: YAML files that say which networks to train, and with which settings.

A preset has targets, widths and settings. The training store adds grid, static fields, units and
scaling.
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
from .phases import Phase, Rate, frozen
from .stages import (
    STAGES,
    AutoencoderPhase,
    CalibrationPhase,
    DecoderPhase,
    DiffusionPhase,
    DistillationPhase,
    GANPhase,
    RegressionPhase,
)

__all__ = ["Part", "Preset", "read_preset", "shipped"]


@frozen
class Part:
    """A component of a preset: names of its targets and widths of its networks."""

    name: ComponentName
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    autoencoder: AutoencoderConfig | None = None
    conditioner: ConditionerConfig | None = None
    denoiser: DenoiserConfig | None = None
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    smoothing: tuple[Rate, Rate] | None = None
    own_transform: bool = False
    slope_window: Rate | None = None


@frozen
class Preset:
    """Settings of a training run.

    ``predictors`` default to all of the store's. Where a phase drops predictors, a sample may keep
    one of the ``subsets`` that users often have. ``full_field`` trains without a regression: the
    diffusion then draws the field itself. Each stage in `xldm.training.stages.STAGES` has a field
    of its name with its phases. The other fields are those of `xldm.config.ModelConfig`.
    """

    name: str
    title: str
    domain: str
    licence: str
    citation: str = ""
    warning: str = ""
    predictors: tuple[str, ...] = ()
    subsets: tuple[tuple[str, ...], ...] = ()
    sun: bool = False
    footprint: Rate | None = None
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
        if self.full_field and any(p.smoothing for p in self.components):
            raise ArgumentError(
                "smoothing constrains the regression's mean, which full_field leaves out: remove "
                "one of the two"
            )
        for stage in STAGES.values():
            if not self.phases(stage.name):
                continue
            if self.full_field and "regression" in stage.fits:
                raise ArgumentError(
                    f"full_field trains without a regression: remove full_field or {stage.name}"
                )
            widths = [name for name in stage.holds if name != "regression"]
            lacking = [
                p.name for p in self.components if any(getattr(p, n) is None for n in widths)
            ]
            if lacking:
                raise ArgumentError(
                    f"{stage.name} needs widths of {', '.join(widths)} in {', '.join(lacking)}"
                )
            self._refuse_weights(stage.name)
        levels = min(p.diffusion.timesteps for p in self.components)
        for phase in self.distillation:
            if (most := phase.into * phase.teacher_steps) >= levels:
                raise ArgumentError(f"distillation has {most} steps, the noise schedule {levels}")
        return self

    def _refuse_weights(self, stage: str) -> None:
        """Refuse weights of targets that no component has."""
        known = {t for p in self.components for t in p.targets}
        speed = {"wind_speed"} if any({*WIND} <= {*p.targets} for p in self.components) else set()
        for phase in self.phases(stage):
            named = known | speed if isinstance(phase, CalibrationPhase) else known
            for key in ("weights", "heavy"):
                if unknown := sorted(getattr(phase, key, {}).keys() - named):
                    raise ArgumentError(
                        f"{key} of {', '.join(unknown)}; there are {', '.join(sorted(named))}"
                    )

    def phases(self, stage: str) -> tuple[Phase, ...]:
        """Return the settings of a stage's phases, none if the preset does not train it."""
        phases: tuple[Phase, ...] = getattr(self, stage)
        return phases

    @property
    def chain(self) -> tuple[str, ...]:
        """Names of the stages that ``--stage all`` runs, in order."""
        return tuple(n for n, stage in STAGES.items() if self.phases(n) and not stage.by_name)

    def before(self, stage: str) -> str | None:
        """Name the stage whose package a stage starts from, None if it starts from nothing.

        Examples
        --------
        >>> preset = read_preset("tiny")
        >>> preset.before("autoencoder"), preset.before("regression")
        ('regression', None)
        """
        names = list(STAGES)
        earlier = [n for n in self.chain if names.index(n) < names.index(stage)]
        return earlier[-1] if earlier and STAGES[stage].needs else None


def shipped() -> dict[str, Path]:
    """Return the files of the presets that come with xldm, by name.

    Examples
    --------
    >>> sorted(shipped())
    ['italy-2km', 'other-region', 'paper', 'tiny', 'tiny-rain']
    """
    folder = Path(str(importlib.resources.files("xldm") / "presets"))
    return {path.stem: path for path in folder.glob("*.yaml")}


def read_preset(preset: Preset | str | PathLike) -> Preset:
    """Read a preset from a YAML file, or a shipped preset by its name.

    Raises
    ------
    ConfigError
        If there is no such file, or one of its keys is unknown, missing or out of range.

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
