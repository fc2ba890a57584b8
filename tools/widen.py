"""Give a package's networks the sun and a smoothing, as a start for training with both.

Weights of the sun's channels are zero, so the networks give what they gave:
``python tools/widen.py OUT PACKAGE --smoothing 1.0 0.85``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

import xldm
from xldm.models import card
from xldm.models.components import ResidualDiffusion
from xldm.numerics import sun
from xldm.packages import package

#: Layers that see the predictors, and the channel after which the sun's come.
LAYERS = ("regression.e1.conv.conv.0.weight", "conditioner.coarse_proj.weight")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="folder of the package to write")
    parser.add_argument("package", help="package to start from")
    parser.add_argument(
        "--smoothing", type=float, nargs=2, required=True, help="along y and x, in coarse cells"
    )
    args = parser.parse_args()
    model = xldm.load_model(args.package)
    count = len(model.config.predictors)
    components = tuple(
        replace(part, smoothing=tuple(args.smoothing)) for part in model.config.components
    )
    config = replace(
        model.config,
        components=components,
        sun=True,
        subsets=(),
        files={},
        provenance={f"{model.config.name} before it saw the sun": model.sha256},
    )
    nets = {}
    for part in components:
        state = dict(model.components[part.name].state_dict())
        for layer in (name for name in LAYERS if name in state):
            weight = state[layer]
            zero = weight.new_zeros(len(weight), len(sun.CHANNELS), *weight.shape[2:])
            state[layer] = torch.cat([weight[:, :count], zero, weight[:, count:]], dim=1)
        net = ResidualDiffusion.of(part, config)
        net.load_state_dict(state)
        nets[part.name] = net.eval()
    text = card.markdown(config, sum(p.numel() for n in nets.values() for p in n.parameters()))
    print(package.write(args.out, config, nets, model.static, text))


if __name__ == "__main__":
    main()
