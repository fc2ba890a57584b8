"""Whose a stage's folder is: that of one run, by the record that it left there."""

from __future__ import annotations

from ..config import from_yaml
from ..errors import ConfigError, TrainingError
from ..storage.location import Place, reaching
from .preset import Preset

__all__ = ["claim", "holds"]


def claim(place: Place, stage: str, record: str, *, resume: bool) -> None:
    """Record what a folder is for.

    Parameters
    ----------
    place : Place
        The folder.
    stage : str
        Whose it is to be.
    record : str
        A preset's YAML, with comments on what else decides what is trained.
    resume : bool
        Whether the folder may have been begun by the same run before.

    Raises
    ------
    TrainingError
        If it is for something else.
    """
    with reaching(place):
        if not holds(place, "run.yaml"):
            if place.fs.isdir(place.root) and place.fs.ls(place.root):
                raise TrainingError(f"{place.location} holds something else; choose another")
            with place.fs.transaction, place.fs.open(f"{place.root}/run.yaml", "wb") as file:
                file.write(record.encode())
            return
        if not resume:
            raise TrainingError(
                f"{place.location}: {stage} was begun here already; go on with it by resume=True "
                "(--resume), or choose another folder"
            )
        if not _same(place.fs.cat_file(f"{place.root}/run.yaml").decode(), record):
            raise TrainingError(
                f"{place.location}: {stage} was begun here with another preset, store or "
                "package (run.yaml says with which); resume with those, or choose another folder"
            )


def holds(place: Place, name: str) -> bool:
    """Whether an object lies there now."""
    place.fs.invalidate_cache()
    return place.fs.exists(f"{place.root}/{name}")


def _same(first: str, second: str) -> bool:
    """Whether two records are of the same run; what one version lacks has its default."""
    comments = [[line for line in one.splitlines() if line[:1] == "#"] for one in (first, second)]
    try:
        presets = [from_yaml(Preset, one) for one in (first, second)]
    except ConfigError:
        return False
    return comments[0] == comments[1] and presets[0] == presets[1]
