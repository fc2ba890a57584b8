"""The record in a stage's folder, ``run.yaml``: each folder belongs to one run."""

from __future__ import annotations

from ..config import from_yaml
from ..errors import ConfigError, TrainingError
from ..storage import objects
from ..storage.location import Place, reaching
from .preset import Preset

__all__ = ["claim"]


def claim(place: Place, stage: str, record: str, *, resume: bool) -> None:
    """Claim a folder for a run of a stage, or check that it is already this run's.

    A folder that holds the same run's claim and nothing else is claimed again, whatever ``resume``
    says: that run came no further. What killed writers left unfinished is removed.

    Parameters
    ----------
    place : Place
        The folder.
    stage : str
    record : str
        The preset's YAML, with comments on whatever else decides the outcome.
    resume : bool
        Whether the same run may have claimed the folder before.

    Raises
    ------
    TrainingError
        If the folder belongs to another run, or to this one and ``resume`` is false.
    """
    with reaching(place):
        found = objects.content(place, "run.yaml")
        if found is None:
            if objects.keys(place):
                raise TrainingError(f"{place.location} holds something else; choose another folder")
            objects.sweep(place)
            objects.put(place, "run.yaml", record.encode())
            return
        same = _same(found.decode(), record)
        if not resume and not (same and objects.keys(place) == {"run.yaml"}):
            raise TrainingError(
                f"{place.location}: {stage} was begun here already; continue it with resume=True "
                "(--resume), or choose another folder"
            )
        if not same:
            raise TrainingError(
                f"{place.location}: {stage} was begun here with another preset, store or "
                "package (see run.yaml); resume with the same ones, or choose another folder"
            )
        objects.sweep(place)


def _same(first: str, second: str) -> bool:
    """Return whether two records are of one run; settings that one lacks have their defaults."""
    comments = [[line for line in one.splitlines() if line[:1] == "#"] for one in (first, second)]
    try:
        presets = [from_yaml(Preset, one) for one in (first, second)]
    except ConfigError:
        return False
    return comments[0] == comments[1] and presets[0] == presets[1]
