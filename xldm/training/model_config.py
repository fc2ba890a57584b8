"""Combine preset and store into a model's configuration; check a package to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from ..config import ComponentConfig, GridConfig, ModelConfig, Variable
from ..errors import ConfigError, TrainingError
from ..grids.projected import nested
from ..nets.field_sizes import field_sizes
from ..stores.variables import field_names, scaled_variables
from .packaging import Base
from .preset import Part, Preset
from .stages import NETWORKS, STAGES, DistillationPhase, Stage

__all__ = ["grid_of", "model_config", "narrowed", "refuse_absent_hours", "stage_config"]


def grid_of(store: xr.DataTree) -> GridConfig:
    """Return the nested grids of a training store.

    Raises
    ------
    ConfigError
        If they do not nest or the store names no projection.
    """
    if not store.attrs.get("crs"):
        raise ConfigError("the store has no attribute crs in its root")
    coarse, fine = (store[group].to_dataset() for group in ("coarse", "fine"))
    try:
        return nested(coarse, fine, store.attrs["crs"])
    except ValueError as error:
        raise ConfigError(f"grids of the store do not nest: {error}") from error


def model_config(preset: Preset, store: xr.DataTree) -> ModelConfig:
    """Return the configuration of a model with all networks, from a preset and a store.

    Raises
    ------
    ConfigError
        If the store lacks a variable, or the networks do not fit its grid or a window.
    """
    known, where = field_names(store), {"coarse": "predictors", "fine": "targets"}
    wanted = {
        "coarse": preset.predictors or known["coarse"],
        "fine": tuple(t for part in preset.components for t in part.targets),
    }
    for group, names in wanted.items():
        if absent := [n for n in names if n not in known[group]]:
            raise ConfigError(
                f"the store has no {', '.join(absent)} among its {where[group]}: it has "
                f"{', '.join(known[group])}; change the preset or take another store"
            )
    if unknown := {n for subset in preset.subsets for n in subset} - {*wanted["coarse"]}:
        raise ConfigError(
            f"subsets name {', '.join(sorted(unknown))}, which are not among the predictors "
            f"{', '.join(wanted['coarse'])}"
        )
    stats, land_cover = store["stats"].attrs, store["static"].to_dataset()["land_cover_class"]
    said = [f"{store.attrs.get(n, '')}".strip() for n in ("title", "comment", "source", "license")]
    said += [f"{n} {stats[n]}" for n in ("period", "split") if n in stats]
    try:
        scaled = scaled_variables(store, wanted)
        targets = {v.name: v for v in scaled["fine"]}
        components = tuple(_component(p, targets, preset) for p in preset.components)
        config = ModelConfig(
            name=preset.name,
            title=preset.title,
            domain=preset.domain,
            grid=grid_of(store),
            predictors=scaled["coarse"],
            land_cover=tuple(map(str, land_cover.values)),
            components=components,
            training_data="; ".join(s for s in said if s) or "a store that says nothing of itself",
            licence=preset.licence,
            citation=preset.citation,
            warning=preset.warning,
            sun=preset.sun,
            footprint=preset.footprint,
        )
    except ValueError as error:
        raise ConfigError(
            f"preset {preset.name} does not fit the store: {error}; change the preset"
        ) from error
    if preset.regression and preset.regression[0].from_coarse:
        _refuse_start(preset, config)
    _refuse_windows(preset, config)
    return config


def _component(part: Part, targets: Mapping[str, Variable], preset: Preset) -> ComponentConfig:
    return ComponentConfig(
        name=part.name,
        targets=tuple(targets[t] for t in part.targets),
        regression=None if preset.full_field else part.regression,
        autoencoder=part.autoencoder,
        conditioner=part.conditioner,
        denoiser=part.denoiser,
        diffusion=part.diffusion,
        smoothing=part.smoothing,
        own_transform=part.own_transform,
        slope_window=part.slope_window,
    )


def narrowed(part: ComponentConfig, networks: Sequence[str]) -> ComponentConfig:
    """Return a component with only some of its networks, as after a stage of training."""
    absent: dict[str, Any] = {n: None for n in NETWORKS if n not in networks}
    return replace(part, **absent)


def _refuse_start(preset: Preset, config: ModelConfig) -> None:
    """Refuse ``from_coarse`` if a target is no predictor or the networks are too narrow."""
    predictors = [v.name for v in config.predictors]
    for part in config.components:
        needed = 2 * len(part.targets)
        there = part.regression.features[0] if part.regression else 0
        if absent := [t.name for t in part.targets if t.name not in predictors]:
            raise ConfigError(
                f"from_coarse starts each target from the predictor of its name, but "
                f"{', '.join(absent)} of {part.name} is not among the predictors"
            )
        if there < needed:
            raise ConfigError(
                f"from_coarse takes two of the first features for each target, {needed} in "
                f"{part.name}; there are {there}"
            )


def _refuse_windows(preset: Preset, config: ModelConfig) -> None:
    """Refuse windows larger than the grid, and those that the networks cannot halve so often."""
    grid = config.grid.shape
    for stage in STAGES.values():
        for phase in preset.phases(stage.name):
            size = phase.size or grid
            if any(n > most for n, most in zip(size, grid, strict=True)):
                raise ConfigError(
                    f"{stage.name}: a window of {size[0]} x {size[1]} coarse cells is larger than "
                    f"the store's grid of {grid[0]} x {grid[1]}; choose another size"
                )
            for part in config.components:
                networks = narrowed(part, stage.holds)
                needs = field_sizes([networks], config.grid.factor).multiple
                if any(n % needs for n in size):
                    raise ConfigError(
                        f"{stage.name}: {size[0]} x {size[1]} coarse cells are not multiples of "
                        f"{needs}, by which the networks of {part.name} divide them; choose "
                        "another size"
                    )


def refuse_absent_hours(preset: Preset, store: xr.DataTree, stages: Sequence[str]) -> None:
    """Refuse a store without hours to train with, or to validate with where a stage does.

    Raises
    ------
    ConfigError
        If there are none; the message says how to get them.
    """
    labels = store["split"].to_dataset()["split"].values
    phases = [phase for stage in stages for phase in preset.phases(stage)]
    if not (labels == 0).any():
        raise ConfigError("the store has no hours for training: write it with another split")
    if not (labels == 1).any() and any(phase.validate_every for phase in phases):
        raise ConfigError(
            "the store has no hours for validation: write it with val= in its split, or set "
            "validate_every: null in every phase of the preset"
        )


def stage_config(
    config: ModelConfig, preset: Preset, stage: Stage, base: Base | None
) -> ModelConfig:
    """Return a model's configuration after a stage.

    Raises
    ------
    TrainingError
        If the package that the stage starts from lacks networks or does not fit the configuration.
    """
    holds, needed = (
        [n for n in names if not (preset.full_field and n == "regression")]
        for names in (stage.holds, stage.needs)
    )
    parts = tuple(narrowed(part, holds) for part in config.components)
    last = preset.phases(stage.name)[-1]
    if isinstance(last, DistillationPhase):
        parts = tuple(
            replace(p, diffusion=replace(p.diffusion, sampler="ddim-trailing", steps=last.into))
            for p in parts
        )
    if base is None:
        if needed:
            raise TrainingError(
                f"{stage.name} starts from a package that has {', '.join(needed)}: train the "
                "stages before it in the same folder, or name a package to start from"
            )
        return replace(config, components=parts)
    had = base.model.config
    faults = _differences(config, had) + _misfits(parts, had, holds, needed)
    if faults:
        raise TrainingError(
            f"{base.location} cannot be the start of {stage.name} with this preset and store: "
            f"{'; '.join(faults)}"
        )
    # The networks were trained with the package's scaling.
    targets = {t.name: t for t in had.targets}
    parts = tuple(replace(p, targets=tuple(targets[t.name] for t in p.targets)) for p in parts)
    return replace(config, components=parts, predictors=had.predictors)


def _misfits(
    parts: Sequence[ComponentConfig], had: ModelConfig, holds: Sequence[str], needed: Sequence[str]
) -> list[str]:
    """List what keeps components from starting with the networks of a package's."""
    faults = []
    known = {part.name: part for part in had.components}
    for part in parts:
        before = known.get(part.name)
        if before is None or [t.name for t in before.targets] != [t.name for t in part.targets]:
            has = "; ".join(f"{p.name}: {_names(p.targets)}" for p in had.components)
            faults.append(f"components {part.name}: {_names(part.targets)} against {has}")
            continue
        for name in (*holds, "smoothing", "own_transform", "slope_window"):
            mine, theirs = getattr(part, name), getattr(before, name)
            if theirs is None and name in needed:
                faults.append(f"{part.name} has no {name} yet")
            elif theirs != mine and (theirs is not None or name not in holds):
                faults.append(f"{name} of {part.name} is {theirs} there, {mine} in the preset")
    return faults


def _differences(config: ModelConfig, had: ModelConfig) -> list[str]:
    """List the differences between store and package, apart from scaling."""
    faults = []
    here, there = (", ".join(f"{v.name} [{v.units}]" for v in c.predictors) for c in (config, had))
    if here != there:
        faults.append(f"predictors are {there} there, {here} here")
    for what in ("grid", "land_cover", "sun"):
        if getattr(config, what) != getattr(had, what):
            faults.append(f"{what} is {getattr(had, what)} there, {getattr(config, what)} here")
    return faults


def _names(variables: Sequence[Variable]) -> str:
    return ", ".join(v.name for v in variables)
