"""A phase of a stage in Lightning's hands: devices, loggers, checkpoints."""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing import ProcessRaisedException

from ..errors import TrainingError
from ..storage.location import Place
from . import checkpoints
from .lightning_module import Stage
from .objectives.adversarial import AdversarialStage
from .samples import StoreData

__all__ = ["fit"]


def fit(
    module: Stage,
    data: StoreData,
    place: Place,
    path: str | None,
    *,
    logs: str,
    device: str,
    devices: int,
    progress: bool,
) -> None:
    """Fit a module to its data, from a checkpoint if one is given; checkpoints are what is left.

    Parameters
    ----------
    module : Stage
    data : StoreData
    place : Place
        Folder of its checkpoints.
    path : str, optional
        Of the checkpoint to go on from.
    logs : str
        Folder of its logs.
    device, devices, progress
        As of `xldm.training.train`.

    Raises
    ------
    TrainingError
        If a loss is lost or a checkpoint cannot be written.
    """
    phase, several = module.phase, devices > 1
    loggers: list[Any] = [CSVLogger(logs, name="logs", flush_logs_every_n_steps=1)]
    if importlib.util.find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(logs, name="tensorboard"))
    keep = checkpoints.Keep(place, phase.checkpoint_every, best=bool(phase.patience))
    bar = [TQDMProgressBar()] if progress else []
    unused = isinstance(module, AdversarialStage)
    every = phase.validate_every
    with _settings():
        trainer = lightning.Trainer(
            accelerator=device,
            devices=devices,
            # One process starts the others for each phase, and goes on alone after it.
            strategy=_processes(unused) if several else "auto",
            sync_batchnorm=several and torch.cuda.is_available() and device != "cpu",
            precision=phase.precision,
            # One epoch of Lightning's is the whole phase; the stream counts those of the data.
            max_epochs=1,
            limit_train_batches=phase.steps * phase.accumulate,
            val_check_interval=every * phase.accumulate if every else None,
            check_val_every_n_epoch=None if every else 1,
            limit_val_batches=phase.validate_batches if every else 0,
            num_sanity_val_steps=0,
            # More often, Lightning would write the last report again and again.
            log_every_n_steps=module.report_every * phase.accumulate,
            logger=loggers,
            callbacks=[*bar, keep],
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            use_distributed_sampler=False,
            deterministic=device == "cpu",
        )
        try:
            trainer.fit(module, datamodule=data, ckpt_path=path, weights_only=True)
        except ProcessRaisedException as error:
            raise TrainingError(str(error).strip().splitlines()[-1]) from error


def _processes(find_unused: bool) -> DDPStrategy:
    """Processes forked from one that has imported what they need, where a system can do that."""
    method = "spawn"
    if "forkserver" in multiprocessing.get_all_start_methods():
        method = "forkserver"
        multiprocessing.set_forkserver_preload([__name__])
    return DDPStrategy(start_method=method, find_unused_parameters=find_unused)


@contextlib.contextmanager
def _settings():
    """Lightning changes torch's settings for good, and warns of what is meant here."""
    kept = torch.are_deterministic_algorithms_enabled()
    with warnings.catch_warnings():
        for text in ("does not have many workers", "not resumable", "in eval mode", "LeafSpec"):
            warnings.filterwarnings("ignore", f".*{text}.*")
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(kept)
