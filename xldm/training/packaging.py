"""Write the package of a stage: networks, card, curve of losses, preset and provenance."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
import xarray as xr

from ..config import ModelConfig, to_yaml
from ..models import card
from ..models.model import Model
from ..packages import package
from ..packages.package_files import open_package
from ..storage import objects
from ..storage.location import Place
from .preset import Preset

__all__ = ["CURVE", "PRESET", "Base", "write_package"]

CURVE, PRESET = "training-curve.csv", "training.yaml"
_COLUMNS = ["stage", "component", "phase", "step", "loss", "val_loss", "lr"]


@dataclass(frozen=True)
class Base:
    """The package that a stage starts from, with the curve of its losses."""

    location: str
    model: Model
    curve: pd.DataFrame

    @classmethod
    def read(cls, location: str) -> Base:
        """Read a package from a path or URL.

        Raises
        ------
        PackageError
            If it is damaged or not a package.
        """
        model = package.read(location)
        curve = pd.DataFrame(columns=_COLUMNS)
        if CURVE in model.config.files:
            with open_package(location, model.sha256) as files:
                curve = pd.read_csv(io.BytesIO(files.read(CURVE)))
        return cls(location, model, curve)


def write_package(
    place: Place,
    config: ModelConfig,
    components: Mapping[str, torch.nn.Module],
    store: xr.DataTree,
    preset: Preset,
    stage: str,
    curves: Mapping[tuple[str, int], list[dict]],
    base: Base | None,
) -> str:
    """Write a stage's package to ``package`` in its folder; return the package's sha256."""
    rows = [
        {"stage": stage, "component": component, "phase": phase, **row}
        for (component, phase), curve in curves.items()
        for row in curve
    ]
    curve = pd.DataFrame(rows, columns=_COLUMNS)
    if base is not None and not base.curve.empty:
        curve = pd.concat([base.curve, curve], ignore_index=True)
    config = replace(config, provenance=_provenance(store, stage, base))
    count = sum(p.numel() for net in components.values() for p in net.parameters())
    text = card.markdown(config, count) + _training(curve)
    extra = {CURVE: curve.to_csv(index=False).encode(), PRESET: to_yaml(preset).encode()}
    static = store["static"].to_dataset().load()
    target = place.within("package")
    if place.local:
        for left in Path(place.root).glob(".package-*"):  # of this run, killed while it wrote
            shutil.rmtree(left, ignore_errors=True)
        return package.write(target.root, config, components, static, text, extra=extra)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "package"
        sha256 = package.write(local, config, components, static, text, extra=extra)
        # model.yaml comes last: only then is it a package.
        for path in sorted(local.iterdir(), key=lambda path: path.name == "model.yaml"):
            objects.put(target, path.name, path.read_bytes())
    return sha256


def _provenance(store: xr.DataTree, stage: str, base: Base | None) -> dict[str, str]:
    made = dict(base.model.config.provenance) if base else {}
    if base:
        made[f"{base.model.config.name} before {stage}"] = base.model.sha256
    mark = str(store.attrs.get("xldm_complete", "not verified"))
    made[f"store for {stage}: {store.attrs.get('title', 'without title')}"] = mark
    made[f"xldm {version('xldm')}"] = ""
    made[f"torch {torch.__version__}"] = ""
    return made


def _training(curve: pd.DataFrame) -> str:
    """Write the section of the card about training."""
    lines = [
        "",
        "## Training",
        "",
        f"Losses along the way are in `{CURVE}`, all settings in `{PRESET}`.",
        "",
        "| stage | component | phase | steps | last loss | smallest validation loss |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for (stage, component, phase), rows in curve.groupby(_COLUMNS[:3], sort=False):
        last, least = rows["loss"].dropna(), rows["val_loss"].dropna()
        numbers = (f"{v:.4g}" if v is not None else "none" for v in (
            last.iloc[-1] if len(last) else None, least.min() if len(least) else None
        ))  # fmt: skip
        cells = (str(stage), str(component), str(phase), str(int(rows["step"].max())), *numbers)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
