r"""Turn a package from ``xldm train`` into the package that ships with xldm.

    xldm train --config italy-2km --store STORE --folder run
    python tools/embed.py run/calibration/package xldm/assets/italy-2km

    xldm train --config rain.yaml --store RAIN --folder rain
    python tools/embed.py rain/calibration/package xldm/assets/italy-2km-rain \
        --card tools/italy-2km-rain-card.md --years 2001-2007

Weights are stored in half precision, to keep the wheel small.
Settings and curve of the training are copied. Measure the skill without some of the predictors
anew (``benchmarks/subsets.py``), and put it into ``subsets`` of the configuration. Enter the
printed sha256 in ``catalogs/models.yaml``.
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
# Corrects the provenance: in the form of the paper's dataset, the twin carries the dataset's title.
PUBLISHED = "ERA5 at 16 km and VHR-REA_IT at 2 km over Italy, as published with LDM_res"
TWIN = "synthetic twin in the form of the paper's dataset"
TRAINING_DATA = (
    "Synthetic twin of ERA5 and a 2 km regional climate model over real terrain (xldm.twin, "
    "seed 0, {years}, fitted to measurements); no observed, reanalysed or modelled weather"
)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trained", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--card", type=Path, default=CARD)
    parser.add_argument("--years", default="2001-2006", help="of the twin, in the training")
    args = parser.parse_args()
    model = package.read(args.trained)
    with open_package(str(args.trained), model.sha256) as files:
        extra = {name: files.read(name) for name in (CURVE, PRESET)}
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
