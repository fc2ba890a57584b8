"""Average the weights of two packages, one trained on from the other.

    python tools/average.py OUT FIRST SECOND --share 0.4

Each weight is ``share`` of the second's and the rest of the first's (arXiv 2109.01903). Curve and
settings of the training are the first's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from xldm.config import ModelConfig
from xldm.packages import package
from xldm.packages.package_files import open_package
from xldm.training.packaging import CURVE, PRESET


def average(first: torch.nn.Module, second: torch.nn.Module, share: float) -> None:
    """Move the weights of the first network so far towards the second's."""
    others = second.state_dict()
    for name, weight in first.state_dict().items():
        if weight.is_floating_point():
            weight.lerp_(others[name], share)


def parts(config: ModelConfig) -> tuple:
    """What two packages must have in common."""
    return config.grid, config.predictors, config.components


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, required=True)
    args = parser.parse_args()
    first, second = package.read(args.first), package.read(args.second)
    if parts(first.config) != parts(second.config):
        raise SystemExit(
            "the packages differ in grid, variables, scaling or networks: nothing is written"
        )
    for name, net in first.components.items():
        average(net, second.components[name], args.share)
    with open_package(str(args.first), first.sha256) as files:
        extra = {name: files.read(name) for name in (CURVE, PRESET)}
    print(package.write(args.out, first.config, first.components, first.static, extra=extra))


if __name__ == "__main__":
    main()
