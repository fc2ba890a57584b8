"""Each stage is declared once, and everything that follows from the declaration agrees with it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import get_type_hints

import pytest
import tiny
import torch

from xldm.config import from_yaml, to_yaml
from xldm.packages import package
from xldm.training import train
from xldm.training.objectives import objective_of
from xldm.training.preset import Part, Preset, read_preset
from xldm.training.stages import NETWORKS, STAGES

# Trained models can be reproduced while these stay: a new stage takes a new number.
SEEDS = {
    "regression": 0,
    "autoencoder": 100,
    "diffusion": 200,
    "gan": 300,
    "distillation": 400,
    "decoder": 500,
    "calibration": 600,
}


def settings(name: str) -> str:
    needed = {"distillation": ", into: 4"}
    return f"{{steps: 1, lr: 1.0e-3{needed.get(name, '')}}}"


@pytest.mark.parametrize("name", STAGES)
def test_a_preset_reads_the_phases_of_every_stage(name):
    stage = STAGES[name]
    part = tiny.part()
    widths = {n: getattr(part, n) for n in NETWORKS}
    known = Preset(
        name="one", title="", domain="", licence="",
        components=(Part(name="all", targets=("t2m",), **widths),),
    )  # fmt: skip
    text = to_yaml(known).replace(f"{name}: []", f"{name}: [{settings(name)}]")
    (phase,) = from_yaml(Preset, text).phases(name)
    assert type(phase) is stage.phase
    assert get_type_hints(Preset)[name] == tuple[stage.phase, ...]


@pytest.mark.parametrize("name", STAGES)
def test_the_objective_of_a_stage_takes_its_phases_and_fits_its_networks(name):
    stage, net = STAGES[name], tiny.network(tiny.part())
    phase = stage.phase(steps=1, lr=1.0, **({"into": 4} if name == "distillation" else {}))
    objective = objective_of(stage, phase, tiny.part())
    assert get_type_hints(type(objective))["phase"] is stage.phase
    inside = {id(m): n for n in NETWORKS for m in getattr(net, n).modules()}
    assert {inside[id(m)] for m in objective.modules(net)} == set(stage.fits)


def test_each_stage_has_the_seed_that_it_always_had():
    assert {name: stage.seed for name, stage in STAGES.items()} == SEEDS
    assert all(seed % 100 == 0 for seed in SEEDS.values())
    assert len(set(SEEDS.values())) == len(SEEDS)


def test_the_order_of_stages_is_no_seed(store, preset, tmp_path, monkeypatch):
    def weights(folder) -> dict[str, torch.Tensor]:
        location = train(preset, store, folder, stage="gan", device="cpu", progress=False)
        return package.read(location).components["all"].state_dict()

    declared = weights(tmp_path / "declared")
    backwards = dict(reversed(STAGES.items()))
    for name in backwards:
        monkeypatch.delitem(STAGES, name)
    for name, stage in backwards.items():
        monkeypatch.setitem(STAGES, name, stage)
    assert next(iter(STAGES)) == "gan"
    reordered = weights(tmp_path / "reordered")
    assert all(torch.equal(reordered[name], tensor) for name, tensor in declared.items())


def test_a_stage_starts_from_the_last_stage_before_it_that_the_preset_has():
    preset = read_preset("italy-2km")
    assert preset.chain == ("regression", "autoencoder", "diffusion", "decoder", "calibration")
    before = {name: preset.before(name) for name in STAGES}
    assert before == {
        "regression": None,
        "autoencoder": "regression",
        "diffusion": "autoencoder",
        "decoder": "diffusion",
        "distillation": "decoder",  # a calibrated denoiser is no teacher
        "calibration": "decoder",
        "gan": None,
    }
    assert replace(preset, decoder=()).before("calibration") == "diffusion"


def test_stages_are_known_without_torch():
    code = "import sys, xldm.cli.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
