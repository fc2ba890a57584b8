"""Checkpoints of a phase: keep the last two, resume from the newest that can be read."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from ..errors import StoreError, TrainingError
from ..storage import objects
from ..storage.location import Place

__all__ = ["Keep", "WholeFiles", "best", "newest"]

log = logging.getLogger(__name__)

_NAME = re.compile(r"step-\d+\.ckpt")


class WholeFiles(TorchCheckpointIO):
    """Puts each checkpoint whole: a kill or a full disk leaves the previous one, or none.

    Lightning writes to the system's temporary folder and copies from there.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Put a checkpoint of the place; others are Lightning's own, between its processes."""
        name = str(path).rpartition("/")[2]
        if str(path) != _path(self.place, name):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        content = io.BytesIO()
        torch.save(checkpoint, content)
        objects.put(self.place, name, content.getvalue())


class Keep(lightning.Callback):
    """Save a checkpoint every few steps and at the end; keep the last two.

    Lightning's own callback counts the steps of every optimiser, and saves before the validation of
    a step, whose result would be lost.

    Parameters
    ----------
    place : Place
        Folder, at any fsspec URL.
    every : int
        Steps between checkpoints.
    best : bool
        Also keep the weights of the smallest validation loss.
    """

    def __init__(self, place: Place, every: int, *, best: bool) -> None:
        self.place, self.every, self.best, self.saved = place, every, best, 0

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        """Note the step that training starts from."""
        self.saved = module.done

    def on_train_batch_end(self, trainer: lightning.Trainer, module: Any, *_: Any) -> None:
        """Save if a checkpoint is due, unless a validation follows."""
        validates = module.phase.validate_every and module.done % module.phase.validate_every == 0
        if not validates:
            self._save_if_due(trainer, module)

    def on_validation_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Save the best weights and, if it is due, a checkpoint."""
        if self.best and module.since_best == 0:
            _save(trainer, self.place, "best.ckpt", weights_only=True)
        self._save_if_due(trainer, module)

    def on_train_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Save the last checkpoint of a finished phase."""
        if module.finished:
            self._save(trainer, module)

    def _save_if_due(self, trainer: lightning.Trainer, module: Any) -> None:
        if module.done % self.every == 0 and module.done > self.saved:
            self._save(trainer, module)

    def _save(self, trainer: lightning.Trainer, module: Any) -> None:
        self.saved = module.done
        _save(trainer, self.place, f"step-{module.done:08d}.ckpt")
        if trainer.is_global_zero:
            # Later checkpoints, which an earlier run may have left damaged, stay.
            mine = [n for n in _names(self.place) if _step(n) <= module.done]
            for name in mine[:-2]:
                self.place.fs.rm_file(f"{self.place.root}/{name}")


def newest(place: Place) -> tuple[str, dict[str, Any]] | None:
    """Read the newest checkpoint that can be read; return path and content, None without any.

    Raises
    ------
    TrainingError
        If there are checkpoints and none of them can be read.
    """
    names = _names(place)
    for name in reversed(names):
        try:
            return _path(place, name), _load(place, name)
        except Exception as error:  # torch raises many kinds for a damaged file
            log.warning(
                "%s cannot be read (%s): it was cut off or damaged; taking the previous checkpoint",
                _path(place, name),
                str(error).splitlines()[0] if str(error) else type(error).__name__,
            )
    if names:
        raise TrainingError(
            f"{place.url}: none of the checkpoints {', '.join(names)} can be read; remove the "
            "folder to begin this stage again"
        )
    return None


def best(place: Place) -> dict[str, Any] | None:
    """Read the checkpoint with the smallest validation loss; return None if there is none."""
    there = place.fs.exists(f"{place.root}/best.ckpt")
    return _load(place, "best.ckpt") if there else None


def _save(
    trainer: lightning.Trainer, place: Place, name: str, *, weights_only: bool = False
) -> None:
    try:
        trainer.save_checkpoint(_path(place, name), weights_only=weights_only)
    except StoreError as error:
        kept = ", ".join(_names(place)) or "none"
        raise TrainingError(
            f"{error} {name} could not be written; earlier checkpoints stay ({kept}). Then "
            "continue with resume=True"
        ) from None


def _load(place: Place, name: str) -> dict[str, Any]:
    with place.fs.open(f"{place.root}/{name}", "rb") as file:
        content = torch.load(file, map_location="cpu", weights_only=True)
    if "xldm" not in content:
        raise TrainingError("it is not a checkpoint of xldm")
    return content


def _path(place: Place, name: str) -> str:
    return f"{place.location.rstrip('/')}/{name}"


def _names(place: Place) -> list[str]:
    """List the names of checkpoints, oldest first."""
    place.fs.invalidate_cache()
    if not place.fs.isdir(place.root):
        return []
    found = [path.rsplit("/", 1)[-1] for path in place.fs.ls(place.root, detail=False)]
    return sorted((n for n in found if _NAME.fullmatch(n)), key=_step)


def _step(name: str) -> int:
    return int(name.removeprefix("step-").removesuffix(".ckpt"))
