"""Lightning's Trainer for a phase: devices, loggers, checkpoints."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import multiprocessing
import signal
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.multiprocessing import ProcessRaisedException

from ..errors import TrainingError
from ..storage.location import Place
from . import checkpoints
from .adversarial_module import AdversarialModule
from .datamodule import DataModule
from .lightning_module import TrainingModule

__all__ = ["fit"]


def fit(
    module: TrainingModule,
    data: DataModule,
    place: Place,
    path: str | None,
    *,
    logs: str,
    device: str,
    devices: int,
    progress: bool,
) -> None:
    """Fit a module to its data, from a checkpoint if one is given, and leave checkpoints.

    Parameters
    ----------
    module : TrainingModule
    data : DataModule
    place : Place
        Folder of the checkpoints.
    path : str, optional
        Checkpoint to resume from.
    logs : str
        Folder of the logs.
    device, devices, progress
        As in `xldm.train`.

    Raises
    ------
    TrainingError
        If a loss is not finite, or a checkpoint or log cannot be written.
    """
    phase, several = module.phase, devices > 1
    loggers: list[Any] = [CSVLogger(logs, name="logs", flush_logs_every_n_steps=1)]
    if importlib.util.find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(logs, name="tensorboard"))
    keep = checkpoints.Keep(place, phase.checkpoint_every, best=bool(phase.patience))
    bar = [TQDMProgressBar()] if progress else []
    unused = isinstance(module, AdversarialModule)
    every = phase.validate_every
    with _settings():
        trainer = lightning.Trainer(
            accelerator=device,
            devices=devices,
            # The main process starts the others for each phase, and continues alone after it.
            strategy=_processes(unused) if several else "auto",
            sync_batchnorm=several and torch.cuda.is_available() and device != "cpu",
            precision=phase.precision,
            # Lightning sees the phase as one epoch; the stream counts the epochs of the data.
            max_epochs=1,
            limit_train_batches=phase.steps * phase.accumulate,
            val_check_interval=every * phase.accumulate if every else None,
            check_val_every_n_epoch=None if every else 1,
            limit_val_batches=phase.validate_batches if every else 0,
            num_sanity_val_steps=0,
            # With a smaller interval, Lightning would log the last report repeatedly.
            log_every_n_steps=module.report_every * phase.accumulate,
            logger=loggers,
            callbacks=[*bar, keep],
            plugins=[checkpoints.WholeFiles(place)],
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
        except OSError as error:  # of the loggers, which write files of their own
            raise TrainingError(
                f"{module.where}: {error.strerror or error}; checkpoints stay. Check the space "
                f"and rights of {logs}, then continue with resume=True"
            ) from error
        except SystemExit as error:
            # Lightning turns Ctrl-C to status 1, and SIGTERM to 0, as if the training had ended.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            if isinstance(error, SIGTERMException):
                raise SystemExit(128 + signal.SIGTERM) from None
            raise


def _processes(find_unused: bool) -> DDPStrategy:
    """Start processes from a server that has imported this module, where the system has one."""
    method: Literal["spawn", "forkserver"] = "spawn"
    if "forkserver" in multiprocessing.get_all_start_methods():
        method = "forkserver"
        multiprocessing.set_forkserver_preload([__name__])
    return DDPStrategy(start_method=method, find_unused_parameters=find_unused)


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Restore the torch setting that Lightning changes, and hide what it says of no fault.

    The bar and xldm's own lines are enough.
    """
    kept, log = torch.are_deterministic_algorithms_enabled(), logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(max(level, logging.WARNING))
    with warnings.catch_warnings():
        for text in ("does not have many workers", "not resumable", "in eval mode", "LeafSpec"):
            warnings.filterwarnings("ignore", f".*{text}.*")
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(kept)
            log.setLevel(level)
