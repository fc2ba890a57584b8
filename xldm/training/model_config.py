"""Preset and store to the configuration of a model, and whether a package can be its start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import xarray as xr

from ..config import ComponentConfig, GridConfig, ModelConfig
from ..errors import ConfigError, TrainingError
from ..grids.projected import nested
from ..nets.field_sizes import field_sizes
from ..stores.variables import scaled_variables
from .objectives.fields import OBJECTIVES
from .packaging import Base
from .phases import LATENT
from .preset import STAGES, Preset

__all__ = ["compared", "grid_of", "model_config", "narrowed"]


def grid_of(store: xr.DataTree) -> GridConfig:
    """The nested grids of a training store.

    Raises
    ------
    ConfigError
        If they do not nest or the projection is not stated.
    """
    if not store.attrs.get("crs"):
        raise ConfigError("the store states no crs in the attributes of its root")
    sides = (store[group].to_dataset() for group in ("coarse", "fine"))
    try:
        return nested(*sides, store.attrs["crs"])
    except ValueError as error:
        raise ConfigError(f"grids of the store do not nest: {error}") from error


def model_config(preset: Preset, store: xr.DataTree) -> ModelConfig:
    """The configuration of the model that a preset makes of a store, with all its networks.

    Raises
    ------
    ConfigError
        If the store lacks a variable, if the networks do not fit its grid or a window.
    """
    known, where = scaled_variables(store), {"coarse": "predictors", "fine": "targets"}
    named = {group: {v.name: v for v in known[group]} for group in known}
    wanted = {
        "coarse": preset.predictors or tuple(named["coarse"]),
        "fine": tuple(t for part in preset.components for t in part.targets),
    }
    for group, names in wanted.items():
        if absent := [n for n in names if n not in named[group]]:
            raise ConfigError(
                f"the store has no {', '.join(absent)} among its {where[group]}: it has "
                f"{', '.join(named[group])}; change the preset or take another store"
            )
    components = tuple(
        ComponentConfig(
            name=part.name,
            targets=tuple(named["fine"][t] for t in part.targets),
            regression=None if preset.full_field else part.regression,
            autoencoder=part.autoencoder,
            conditioner=part.conditioner,
            denoiser=part.denoiser,
            diffusion=part.diffusion,
        )
        for part in preset.components
    )
    stats = store["stats"].attrs
    said = [f"{store.attrs.get(n, '')}".strip() for n in ("title", "comment", "source", "license")]
    said += [f"{n} {stats[n]}" for n in ("period", "split") if n in stats]
    try:
        config = ModelConfig(
            name=preset.name,
            title=preset.title,
            domain=preset.domain,
            grid=grid_of(store),
            predictors=tuple(named["coarse"][n] for n in wanted["coarse"]),
            land_cover=tuple(str(n) for n in store["static"]["land_cover_class"].values),
            components=components,
            training_data="; ".join(s for s in said if s) or "a store that says nothing of itself",
            licence=preset.licence,
            citation=preset.citation,
            warning=preset.warning,
        )
    except ValueError as error:
        raise ConfigError(f"preset {preset.name} does not fit the store: {error}") from error
    if preset.regression and preset.regression[0].from_coarse:
        _refuse_start(preset, config)
    _refuse_windows(preset, config)
    return config


def narrowed(part: ComponentConfig, networks: Sequence[str]) -> ComponentConfig:
    """A component with only these of its networks, as after a stage of training."""
    every = ("regression", *LATENT)
    return replace(part, **{n: getattr(part, n) if n in networks else None for n in every})


def _refuse_start(preset: Preset, config: ModelConfig) -> None:
    """Refuse to start from coarse fields that are not there or have no room."""
    predictors = [v.name for v in config.predictors]
    for part in config.components:
        needed, there = 2 * len(part.targets), part.regression.features[0]
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
    """Refuse windows that the networks cannot halve as often as they do."""
    for stage in STAGES:
        for phase in getattr(preset, stage):
            size = phase.size or config.grid.shape
            for part in config.components:
                networks = narrowed(part, OBJECTIVES[stage].holds)
                needs = field_sizes([networks], config.grid.factor).multiple
                if any(n % needs for n in size):
                    raise ConfigError(
                        f"{stage}: {size[0]} x {size[1]} coarse cells are not multiples of {needs},"
                        f" by which the networks of {part.name} divide them; choose another size"
                    )


def compared(config: ModelConfig, preset: Preset, stage: str, base: Base | None) -> ModelConfig:
    """The configuration after a stage, as far as it goes with the package that it starts from."""
    holds, needed = (
        [n for n in names if not (preset.full_field and n == "regression")]
        for names in (OBJECTIVES[stage].holds, OBJECTIVES[stage].needs)
    )
    parts = tuple(narrowed(part, holds) for part in config.components)
    if stage == "distillation":
        few = {"sampler": "ddim-trailing", "steps": preset.distillation[-1].into}
        parts = tuple(replace(p, diffusion=replace(p.diffusion, **few)) for p in parts)
    if base is None:
        if needed:
            raise TrainingError(
                f"{stage} starts from a package that has {', '.join(needed)}: train the stages "
                "before it in the same folder, or name a package to start from"
            )
        return replace(config, components=parts)
    had = base.model.config
    faults = _differences(config, had, base.location)
    known = {part.name: part for part in had.components}
    for part in parts:
        before = known.get(part.name)
        if before is None or [t.name for t in before.targets] != [t.name for t in part.targets]:
            has = "; ".join(f"{p.name}: {_names(p.targets)}" for p in had.components)
            faults.append(f"components {part.name}: {_names(part.targets)} against {has}")
            continue
        for name in holds:
            mine, theirs = getattr(part, name), getattr(before, name)
            if theirs is None and name in needed:
                faults.append(f"{part.name} has no {name} yet")
            elif theirs is not None and theirs != mine:
                faults.append(f"{name} of {part.name} is {theirs} there, {mine} in the preset")
    if faults:
        raise TrainingError(
            f"{base.location} cannot be the start of {stage} with this preset and store: "
            f"{'; '.join(faults)}"
        )
    # Scaling is the package's, since its networks were trained with it.
    targets = {t.name: t for t in had.targets}
    parts = tuple(replace(p, targets=tuple(targets[t.name] for t in p.targets)) for p in parts)
    return replace(config, components=parts, predictors=had.predictors)


def _differences(config: ModelConfig, had: ModelConfig, where: str) -> list[str]:
    """What a store and a package do not agree on, apart from scaling."""
    faults = []
    for what in ("predictors", "targets"):
        mine, theirs = ([(v.name, v.units) for v in getattr(c, what)] for c in (config, had))
        if what == "predictors" and mine != theirs:
            mine, theirs = (", ".join(f"{n} [{u}]" for n, u in vs) for vs in (mine, theirs))
            faults.append(f"predictors are {theirs} there, {mine} here")
    for what in ("grid", "land_cover"):
        if getattr(config, what) != getattr(had, what):
            faults.append(f"{what} is {getattr(had, what)} there, {getattr(config, what)} here")
    return faults


def _names(variables) -> str:
    return ", ".join(v.name for v in variables)
