"""The smallest model that has every part, on a corner of the Italian grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from xldm import config as cfg
from xldm.grids.projected import axes, coordinates
from xldm.inputs.lists import predictor_variables
from xldm.models.components import ResidualDiffusion

GRID = cfg.GridConfig("EPSG:3035", x=(3918000.0, 4030000.0), y=(2690000.0, 2578000.0), spacing=16e3)
COVER = ("land", "sea")
TARGET = cfg.Variable("t2m", "air_temperature", "K", 287.0, 8.0, paper_name="2mT")


def part(name: str = "2mT", targets: tuple[cfg.Variable, ...] = (TARGET,)) -> cfg.ComponentConfig:
    """Networks as narrow as they go."""
    return cfg.ComponentConfig(
        name=name,
        targets=targets,
        regression=cfg.RegressionConfig((4, 4, 4, 4)),
        autoencoder=cfg.AutoencoderConfig((4, 4, 16)),
        conditioner=cfg.ConditionerConfig(
            (8, 8, 16), static_width=8, coarse_width=8, out_width=16, depth=2
        ),
        denoiser=cfg.DenoiserConfig(width=16),
    )


def config(**changes: object) -> cfg.ModelConfig:
    """A configuration that validates, with some of its fields changed."""
    base = cfg.ModelConfig(
        name="tiny",
        title="A tiny model",
        domain="corner",
        grid=GRID,
        predictors=predictor_variables(),
        land_cover=COVER,
        components=(part(),),
        training_data="none",
        licence="Apache-2.0",
    )
    return replace(base, **changes)


def network(
    component: cfg.ComponentConfig, predictors: int = 14, static_channels: int = len(COVER) + 2
) -> ResidualDiffusion:
    """Random weights everywhere, in the layers that start at zero too; seeded by their names."""
    net = ResidualDiffusion(component, predictors, static_channels)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            seed = torch.Generator().manual_seed(sum(name.encode()))
            values = torch.randn(tensor.shape, generator=seed) * 0.1
            tensor.copy_(values.abs() + 0.5 if "running_var" in name else values)
    return net.eval()


def static(grid: cfg.GridConfig = GRID) -> xr.Dataset:
    """Static fields on the corner."""
    y, x = axes(grid, fine=True)
    land = np.add.outer(np.arange(y.size), np.arange(x.size)) % 3 > 0
    return xr.Dataset(
        {
            "orog": (("y", "x"), np.where(land, 100.0, 0.0).astype("float32")),
            "northing": (("y", "x"), np.repeat(y[:, None], x.size, axis=1).astype("float32")),
            "land_mask": (("y", "x"), land.astype("int8")),
            "land_cover": (("land_cover_class", "y", "x"), np.stack([land, ~land]).astype("int8")),
        },
        coords=coordinates(grid, fine=True),
    ).assign_coords(land_cover_class=list(COVER))
