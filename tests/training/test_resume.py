"""Killed and resumed, a stage ends with the same weights, bit for bit; a second process changes
nothing but the last digits."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training_store

from xldm.errors import TrainingError
from xldm.packages import package
from xldm.training import train
from xldm.training.lightning_module import TrainingModule
from xldm.training.phases import Phase
from xldm.training.preset import Preset, read_preset
from xldm.training.stages import CalibrationPhase

QUIET = {"device": "cpu", "progress": False}


def awkward() -> Preset:
    """Everything that has a state: two optimisers, a rate that goes by validation, half steps."""
    preset = training_store.changed(
        read_preset("tiny"), dropout=0.5, accumulate=2, schedule="plateau", plateau_patience=1,
        validate_every=2, checkpoint_every=4, patience=4,
    )  # fmt: skip
    muon = {
        stage: (replace(getattr(preset, stage)[0], muon_lr=1e-3),)
        for stage in ("regression", "autoencoder", "diffusion", "distillation")
    }
    diffusion = {f.name: getattr(muon["diffusion"][0], f.name) for f in fields(Phase)}
    return replace(preset, **muon, calibration=(CalibrationPhase(**diffusion, margin=1),))


@pytest.fixture(scope="module")
def preset() -> Preset:
    return awkward()


@pytest.fixture(scope="module")
def chain(store, preset, tmp_path_factory) -> Path:
    """The whole chain, the baseline and the distillation, never interrupted."""
    folder = tmp_path_factory.mktemp("chain")
    for stage in (*preset.chain, "gan", "distillation"):
        train(preset, store, folder, stage=stage, **QUIET)
    return folder


@pytest.fixture
def stopped(chain, tmp_path) -> Path:
    """A copy of the regression's folder as it was before its package was written."""
    shutil.copytree(chain / "regression", tmp_path / "regression")
    shutil.rmtree(tmp_path / "regression" / "package")
    return tmp_path


def weights(location) -> dict[str, torch.Tensor]:
    (net,) = package.read(location).components.values()
    return net.state_dict()


def assert_same(one, other) -> None:
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    different = [n for n in one if not torch.equal(one[n], other[n])]
    assert not different


def killed(folder: Path, stage: str, start: str | None, at: int, threads: int) -> None:
    """Train in this process, which ends by SIGKILL in the middle of a step."""
    torch.set_num_threads(threads)  # sums of other numbers of threads differ in the last bits
    inner = TrainingModule._end_step

    def end(self, *args):
        if self.done == at:
            os.kill(os.getpid(), signal.SIGKILL)
        inner(self, *args)

    TrainingModule._end_step = end
    train(awkward(), training_store.made(), folder, stage=stage, start=start, **QUIET)


def run_and_kill(folder: Path, stage: str, start: str | None, at: int = 6) -> None:
    # Forked from a server that has imported what training needs.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["xldm.training.trainer"])
    process = context.Process(
        target=killed, args=(folder, stage, start, at, torch.get_num_threads())
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("stage", "before"),
    [
        ("regression", None),
        ("autoencoder", "regression"),
        ("diffusion", "autoencoder"),
        ("gan", None),
        ("distillation", "diffusion"),
        ("calibration", "diffusion"),
    ],
)
def test_a_killed_stage_ends_with_the_same_bits(chain, store, preset, tmp_path, stage, before):
    start = before and f"{chain}/{before}/package"
    run_and_kill(tmp_path, stage, start)
    assert not (tmp_path / stage / "package").exists()
    kept = sorted(p.name for p in (tmp_path / stage / "all/1/checkpoints").iterdir())
    assert kept == ["best.ckpt", "step-00000004.ckpt"]
    location = train(preset, store, tmp_path, stage=stage, start=start, resume=True, **QUIET)
    assert_same(location, chain / stage / "package")
    # The package may be of the best step, which the kill did not touch: so compare the last too.
    ends = [last(folder / stage / "all/1/checkpoints") for folder in (tmp_path, chain)]
    for what in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ends[0][what], ends[1][what], rtol=0, atol=0)
    for what in ("lr_schedulers", "xldm"):
        assert ends[0][what] == ends[1][what]


def test_a_stage_killed_after_its_last_checkpoint_ends_with_the_same_bits(
    chain, store, preset, tmp_path
):
    shutil.copytree(chain / "autoencoder", tmp_path / "autoencoder")
    shutil.rmtree(tmp_path / "autoencoder/package")
    start = chain / "regression/package"
    settings = {"stage": "autoencoder", "start": start, "resume": True, **QUIET}
    assert_same(train(preset, store, tmp_path, **settings), chain / "autoencoder/package")


def test_a_resumed_second_phase_has_the_first_ones_end_for_its_teacher(chain, store, tmp_path):
    preset, start = read_preset("tiny"), chain / "diffusion" / "package"
    settings = {"stage": "distillation", "start": start, **QUIET}
    whole = train(preset, store, tmp_path / "whole", **settings)
    resumed = tmp_path / "resumed"
    shutil.copytree(tmp_path / "whole", resumed)
    shutil.rmtree(resumed / "distillation" / "package")
    cut_off(resumed / "distillation/all/2/checkpoints/step-00000008.ckpt")
    assert_same(train(preset, store, resumed, resume=True, **settings), whole)


def last(folder: Path) -> dict:
    """Content of the last checkpoint."""
    return torch.load(max(folder.glob("step-*.ckpt")), weights_only=True)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_checkpoint_that_was_cut_off_is_named_and_the_one_before_taken(
    chain, store, preset, stopped, caplog
):
    newest = stopped / "regression/all/1/checkpoints/step-00000008.ckpt"
    cut_off(newest)
    with caplog.at_level(logging.WARNING, "xldm"):
        location = train(preset, store, stopped, stage="regression", resume=True, **QUIET)
    assert f"{newest} cannot be read" in caplog.text
    assert_same(location, chain / "regression" / "package")


def test_a_stage_without_any_whole_checkpoint_is_not_begun_again_unasked(store, preset, stopped):
    for path in (stopped / "regression/all/1/checkpoints").iterdir():
        cut_off(path)
    with pytest.raises(TrainingError, match=r"none of the checkpoints .* can be read"):
        train(preset, store, stopped, stage="regression", resume=True, **QUIET)


def test_two_processes_come_to_what_one_has_with_twice_the_batch(tmp_path):
    # Two targets: normalisation cancels a bias of a single channel, whose gradient is then nothing
    # but rounding, which Adam takes at full size.
    store = training_store.made(targets=("t2m", "u10"))
    preset = read_preset("tiny")
    preset = replace(preset, components=(replace(preset.components[0], targets=("t2m", "u10")),))
    ends = {}
    for devices, batch_size in ((1, 4), (2, 2)):
        alike = training_store.changed(
            preset, steps=3, batch_size=batch_size, lr=1e-4, norm_steps=0, standardise=0,
            validate_every=None,
        )  # fmt: skip
        folder = tmp_path / str(devices)
        train(alike, store, folder, devices=devices, **QUIET)
        ends[devices] = weights(folder / "diffusion" / "package")
    for name, tensor in ends[1].items():
        np.testing.assert_allclose(tensor, ends[2][name], atol=1e-5, rtol=1e-5, err_msg=name)


def test_two_processes_train_against_a_discriminator(store, tmp_path):
    alike = training_store.changed(read_preset("tiny"), steps=4, start=2, validate_every=None)
    train(alike, store, tmp_path, stage="gan", devices=2, **QUIET)
    assert (tmp_path / "gan" / "package" / "model.yaml").exists()
