"""Give a package's networks more to see, or a smoothing, as a start for training with them.

Weights of new channels are zero, so with ``--sun`` and ``--slopes`` the networks give what they
gave: ``python tools/widen.py OUT PACKAGE --slopes 6``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

import xldm
from xldm.config import ComponentConfig, ModelConfig
from xldm.models import card
from xldm.models.components import ResidualDiffusion
from xldm.models.model import Model
from xldm.packages import package

#: Layers that see the predictors.
LAYERS = ("regression.e1.conv.conv.0.weight", "conditioner.coarse_proj.weight")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="folder of the package to write")
    parser.add_argument("package", help="package to start from")
    parser.add_argument("--sun", action="store_true", help="the sun's channels")
    parser.add_argument("--smoothing", type=float, nargs=2, help="along y and x, in coarse cells")
    parser.add_argument("--slopes", type=float, help="window of slopes against terrain, likewise")
    args = parser.parse_args()
    model = xldm.load_model(args.package)
    components = tuple(
        replace(
            part,
            smoothing=tuple(args.smoothing) if args.smoothing else part.smoothing,
            slope_window=args.slopes or part.slope_window,
        )
        for part in model.config.components
    )
    config = replace(
        model.config,
        components=components,
        sun=args.sun or model.config.sun,
        subsets=(),
        files={},
        provenance={f"{model.config.name} before it was widened": model.sha256},
    )
    nets = {part.name: widened(model, config, part) for part in components}
    text = card.markdown(config, sum(p.numel() for n in nets.values() for p in n.parameters()))
    print(package.write(args.out, config, nets, model.static, text))


def widened(model: Model, config: ModelConfig, part: ComponentConfig) -> ResidualDiffusion:
    """Return the networks of a component, whose first layers have new channels."""
    net = ResidualDiffusion.of(part, config).eval()
    state, wanted = dict(model.components[part.name].state_dict()), net.state_dict()
    count = model.config.coarse_channels
    suns = config.coarse_channels - count
    for layer in (name for name in LAYERS if name in state):
        weight = state[layer]
        slopes = wanted[layer].shape[1] - weight.shape[1] - suns
        of_sun, of_slopes = (
            weight.new_zeros(len(weight), n, *weight.shape[2:]) for n in (suns, slopes)
        )
        state[layer] = torch.cat([weight[:, :count], of_sun, weight[:, count:], of_slopes], dim=1)
    net.load_state_dict(state)
    return net


if __name__ == "__main__":
    main()
