"""Make the package that ships of one that ``xldm train`` wrote.

    xldm train --config italy-2km --store STORE --folder run
    python tools/embed.py run/calibration/package xldm/assets/italy-2km

Weights are stored in half precision, to keep the wheel small; the card is ``italy-2km-card.md``;
settings and curve of the training go along. The sha256 that is printed is to be entered in
``catalogs/models.yaml``.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from xldm.packages import package
from xldm.packages.package_files import open_package
from xldm.training.packaging import CURVE, PRESET

CARD = Path(__file__).with_name("italy-2km-card.md")
# The store cannot say it: in the form of the paper's dataset the twin has its title and authors.
PUBLISHED = "ERA5 at 16 km and VHR-REA_IT at 2 km over Italy, as published with LDM_res"
TWIN = "synthetic twin in the form of the paper's dataset"
TRAINING_DATA = (
    "Synthetic twin of ERA5 and a 2 km regional climate model over real terrain (xldm.twin, "
    "seed 0, 2001-2006); no observed, reanalysed or modelled weather"
)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    model = package.read(args.trained)
    with open_package(str(args.trained), model.sha256) as files:
        extra = {name: files.read(name) for name in (CURVE, PRESET)}
    # Aside, since the target may hold the static fields that the new package holds too.
    aside = args.target.with_name(f"{args.target.name}-new")
    provenance = {k.replace(PUBLISHED, TWIN): v for k, v in model.config.provenance.items()}
    config = replace(model.config, training_data=TRAINING_DATA, provenance=provenance)
    sha256 = package.write(
        aside, config, model.components, model.static, CARD.read_text(),
        extra=extra, dtype=torch.float16,
    )  # fmt: skip
    shutil.rmtree(args.target, ignore_errors=True)
    aside.rename(args.target)
    print(sha256)


if __name__ == "__main__":
    main()
