"""What goes wrong is named, and nothing that was good is lost."""

from __future__ import annotations

import resource
import shutil
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
import s3
import torch
import training_store
import xarray as xr

from xldm import cli
from xldm.config import to_yaml
from xldm.errors import BatchError, ConfigError, StoreError, TrainingError
from xldm.packages import package
from xldm.training import train
from xldm.training.lightning_module import TrainingModule
from xldm.training.preset import Preset, read_preset

QUIET = {"stage": "regression", "device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory) -> Path:
    """A store on disk; not to be changed."""
    return training_store.written(tmp_path_factory.mktemp("store") / "store.zarr")


@pytest.fixture
def before_step(monkeypatch):
    """Have something happen, once, before a step is taken."""

    def arrange(step: int, happens) -> None:
        inner, still = TrainingModule._end_step, [happens]

        def end(self, *args):
            if self.done == step and still:
                still.pop()()
            inner(self, *args)

        monkeypatch.setattr(TrainingModule, "_end_step", end)

    return arrange


def checkpoints(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "regression/all/1/checkpoints").iterdir())


def regression(preset: Preset, **settings) -> Preset:
    return replace(preset, regression=(replace(preset.regression[0], **settings),))


def test_missing_values_in_the_store_are_refused_by_name_and_hour(preset, tmp_path):
    poisoned = training_store.made()
    poisoned["fine"]["t2m"][:, 3, 4] = np.nan
    with pytest.raises(BatchError, match=r"t2m at 2001-03-\d\dT\d\d has no finite value"):
        train(preset, poisoned, tmp_path, **QUIET)
    assert not (tmp_path / "regression" / "package").exists()


def test_a_loss_that_is_lost_keeps_the_last_good_checkpoint(store, preset, tmp_path):
    wild = regression(
        preset, lr=1e30, norm_steps=0, schedule="constant", checkpoint_every=1, validate_every=None
    )
    with pytest.raises(TrainingError, match=r"regression of all, phase 1: at step \d the loss is"):
        train(wild, store, tmp_path, **QUIET)
    folder = tmp_path / "regression/all/1/checkpoints"
    for name in checkpoints(tmp_path):
        state = torch.load(folder / name, weights_only=True)["state_dict"]
        assert all(t.isfinite().all() for t in state.values())
    assert checkpoints(tmp_path)
    assert not (tmp_path / "regression" / "package").exists()


def test_a_full_disk_keeps_the_last_good_checkpoint(store, preset, tmp_path, before_step):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    before_step(6, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1])))
    try:
        with pytest.raises(TrainingError, match=r"step-00000008\.ckpt could not be written"):
            train(preset, store, tmp_path, **QUIET)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints(tmp_path) == ["step-00000004.ckpt"]
    location = train(preset, store, tmp_path, resume=True, **QUIET)
    assert Path(location, "model.yaml").exists()


def test_a_store_that_goes_away_is_named(on_disk, preset, tmp_path, before_step):
    lost = Path(shutil.copytree(on_disk, tmp_path / "store.zarr"))
    many = regression(preset, batch_size=32, checkpoint_every=2, validate_every=None)
    before_step(2, lambda: lost.rename(tmp_path / "elsewhere"))
    with pytest.raises(StoreError, match=r"store\.zarr: the store is gone"):
        train(many, lost, tmp_path / "run", **QUIET)
    assert checkpoints(tmp_path / "run")
    (tmp_path / "elsewhere").rename(lost)
    assert train(many, lost, tmp_path / "run", resume=True, **QUIET)


def test_a_server_that_goes_away_and_comes_back_costs_no_bit(
    on_disk, preset, tmp_path, before_step
):
    many = regression(preset, batch_size=32, checkpoint_every=2, validate_every=None)
    calm = train(many, on_disk, tmp_path / "calm", **QUIET)
    folder = tmp_path / "s3"
    folder.mkdir()
    with s3.running(folder) as server:
        # At once, where botocore would try again and again.
        options = {**server.options, "config_kwargs": {"retries": {"max_attempts": 0}}}
        url, run = f"s3://{s3.BUCKET}/store.zarr", tmp_path / "run"
        fsspec.filesystem("s3", **options).put(str(on_disk), url, recursive=True)
        before_step(2, server.kill)
        with pytest.raises(StoreError, match=r"store\.zarr: it cannot be reached"):
            train(many, url, run, storage_options=options, **QUIET)
        assert checkpoints(run)
        server.start()
        location = train(many, url, run, storage_options=options, resume=True, **QUIET)
    once, again = (package.read(p).components["all"].state_dict() for p in (calm, location))
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_a_leaky_split_is_taken_only_if_asked_for_and_its_refusal_begins_nothing(preset, tmp_path):
    leaky = training_store.made()
    leaky["split"]["split"].attrs["leaky"] = "true"
    leaky["split"]["split"][:] = np.arange(leaky["split"].sizes["time"]) % 2
    with pytest.raises(ValueError, match="leak"):
        train(preset, leaky, tmp_path / "run", **QUIET)
    assert train(preset, leaky, tmp_path / "run", allow_leaky=True, **QUIET)


def test_a_key_that_is_not_known_is_refused_with_its_place(preset, tmp_path):
    path = tmp_path / "preset.yaml"
    path.write_text(to_yaml(preset).replace("muon_lr", "muonlr"))
    with pytest.raises(ConfigError, match=r"regression\.0\.muonlr: unexpected"):
        read_preset(path)


def test_settings_that_go_by_validation_need_one(preset):
    with pytest.raises(ValueError, match="set validate_every"):
        replace(preset.regression[0], validate_every=None, patience=3)


def test_a_window_that_the_networks_cannot_halve_is_refused(store, preset, tmp_path):
    odd = replace(preset, diffusion=(replace(preset.diffusion[0], size=(6, 8)),))
    with pytest.raises(ConfigError, match="6 x 8 coarse cells are not multiples of 4"):
        train(odd, store, tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


def test_a_window_larger_than_the_grid_is_refused_before_the_folder_is_begun(
    store, preset, tmp_path
):
    wide = replace(preset, diffusion=(replace(preset.diffusion[0], size=(4096, 8)),))
    with pytest.raises(ConfigError, match="4096 x 8 coarse cells is larger than the store's grid"):
        train(wide, store, tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("label", "what"), [(0, "training"), (1, "validation")])
def test_a_store_without_hours_is_refused_before_the_folder_is_begun(preset, tmp_path, label, what):
    lacking = training_store.made()
    hours = lacking["split"]["split"]
    hours[:] = np.where(hours == label, -1, hours)
    with pytest.raises(ConfigError, match=f"no hours for {what}"):
        train(preset, lacking, tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


def _with_a_trace_of_snow() -> xr.DataTree:
    """A store whose one predictor hardly varies, as snow over a warm region."""
    store = training_store.made(predictors=("t2m", "msl", "sd"))
    for moment, value in {"mean": 2.8e-12, "std": 1.1e-11}.items():
        store["stats"][moment].loc[{"group": "coarse", "variable": "sd"}] = value
    return store


def test_a_predictor_that_hardly_varies_is_refused_with_a_remedy(preset, tmp_path):
    with pytest.raises(ConfigError, match="leave it out of the preset's predictors"):
        train(preset, _with_a_trace_of_snow(), tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


def test_a_predictor_that_the_preset_leaves_out_may_hardly_vary(preset, tmp_path):
    without = replace(preset, predictors=("t2m", "msl"))
    location = train(without, _with_a_trace_of_snow(), tmp_path / "run", **QUIET)
    assert [v.name for v in package.read(location).config.predictors] == ["t2m", "msl"]


def test_lightning_says_nothing_of_a_training_without_faults(store, preset, tmp_path, caplog):
    with caplog.at_level("INFO", "lightning.pytorch"):
        train(preset, store, tmp_path / "run", **QUIET)
    assert not [r for r in caplog.records if r.name.startswith("lightning")]


def test_the_command_trains_and_says_where_the_package_is(on_disk, tmp_path, capsys):
    words = ["train", "--config", "tiny", "--store", str(on_disk), "--folder", str(tmp_path)]
    words += ["--stage", "regression", "--device", "cpu", "--no-progress"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path}/regression/package"
    assert cli.main(words) == 1
    assert "--resume" in capsys.readouterr().err
