r"""Turn packages from ``xldm train`` into the package that ships with xldm.

    xldm train --config italy-2km --store STORE --folder run
    python tools/embed.py run/calibration/package xldm/assets/italy-2km

The components of further packages, on the same grid with the same predictors, join those of the
first, or replace those of their names. So new rain goes into the package that ships, trained with
the settings that are in it (``tp-training.yaml``)::

    xldm train --config tp-training.yaml --store RAIN --folder rain
    python tools/embed.py xldm/assets/italy-2km rain/calibration/package xldm/assets/italy-2km \
        --years 2001-2007

Weights are stored in half precision, to keep the wheel small.
Settings and curve of the trainings are copied. Measure the skill without some of the predictors
anew (``benchmarks/subsets.py``), and put it into ``subsets`` of the configuration. Enter the
printed sha256 in ``catalogs/models.yaml``.
"""

from __future__ import annotations

import argparse
import functools
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from xldm.models.model import Model
from xldm.packages import package
from xldm.packages.package_files import open_package

CARD = Path(__file__).with_name("italy-2km-card.md")
# Corrects the provenance: in the form of the paper's dataset, the twin carries the dataset's title.
PUBLISHED = "ERA5 at 16 km and VHR-REA_IT at 2 km over Italy, as published with LDM_res"
TWIN = "synthetic twin in the form of the paper's dataset"
TRAINING_DATA = (
    "Synthetic twin of ERA5 and a 2 km regional climate model over real terrain (xldm.twin, "
    "seed 0, {years}, fitted to measurements); no observed, reanalysed or modelled weather"
)


def joined(first: Model, second: Model) -> Model:
    """Return a model with the components of both; those of the second replace their namesakes.

    Raises
    ------
    SystemExit
        If grids or predictors differ: the networks would read other numbers than in training.
    """
    for what in ("grid", "predictors", "land_cover", "sun", "footprint"):
        if getattr(first.config, what) != getattr(second.config, what):
            raise SystemExit(f"{what} of the packages differ; train both with the same")
    parts = {part.name: part for of in (first, second) for part in of.config.components}
    provenance = dict(first.config.provenance)
    names = ", ".join(part.name for part in second.config.components)
    for key, value in second.config.provenance.items():
        known = provenance.get(key, value)
        provenance[key if known == value else f"{key} ({names})"] = value
    config = replace(first.config, components=tuple(parts.values()), provenance=provenance)
    return Model(config, first.static, {**first.components, **second.components})


def records(trained: list[Path], models: list[Model]) -> dict[str, bytes]:
    """Return settings and curves of the trainings; the first component's without its name."""
    extra = {}
    first = models[0].config.components[0].name
    for place, model in zip(trained, models, strict=True):
        name = model.config.components[0].name
        before = "" if name == first else f"{name}-"
        written = {f"{c.name}.safetensors" for c in model.config.components}
        written |= {"README.md", "static.nc"}
        with open_package(str(place), model.sha256) as files:
            for file in sorted(model.config.files.keys() - written):
                extra[f"{before}{file}"] = files.read(file)
    return extra


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path, nargs="+")
    parser.add_argument("target", type=Path)
    parser.add_argument("--card", type=Path, default=CARD)
    parser.add_argument("--years", default="2001-2006", help="of the twin, in the training")
    args = parser.parse_args()
    models = [package.read(place) for place in args.trained]
    model, extra = functools.reduce(joined, models), records(args.trained, models)
    # Beside the target, which may hold static fields that the new package needs.
    aside = args.target.with_name(f"{args.target.name}-new")
    provenance = {k.replace(PUBLISHED, TWIN): v for k, v in model.config.provenance.items()}
    config = replace(
        model.config, training_data=TRAINING_DATA.format(years=args.years), provenance=provenance
    )
    sha256 = package.write(
        aside, config, model.components, model.static, args.card.read_text(),
        extra=extra, dtype=torch.float16,
    )  # fmt: skip
    shutil.rmtree(args.target, ignore_errors=True)
    aside.rename(args.target)
    print(sha256)


if __name__ == "__main__":
    main()
