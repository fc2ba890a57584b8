"""Average the weights of two packages, the second trained further from the first.

    python tools/average.py OUT FIRST SECOND --share 0.4

Each weight is ``(1 - share) * first + share * second`` (arXiv 2109.01903). The training curve and
settings are copied from the first package.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from xldm.config import ModelConfig
from xldm.packages import package
from xldm.packages.package_files import open_package
from xldm.training.packaging import CURVE, PRESET


def average(first: torch.nn.Module, second: torch.nn.Module, share: float) -> None:
    """Move the weights of the first network by a share towards the second network."""
    others = second.state_dict()
    for name, weight in first.state_dict().items():
        if weight.is_floating_point():
            weight.lerp_(others[name], share)


def parts(config: ModelConfig) -> tuple:
    """Return the parts of a configuration that both packages must share."""
    return config.grid, config.predictors, config.components


def main() -> None:
    """Run the command line."""
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
    source = {f"averaged with a share of {args.share:g} of {second.config.name}": second.sha256}
    config = replace(first.config, files={}, provenance=first.config.provenance | source)
    print(package.write(args.out, config, first.components, first.static, extra=extra))


if __name__ == "__main__":
    main()
