"""Lists of predictors by name. Whoever needs one asks for it here; the vocabulary is longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import Variable
from ..vocabulary import VOCABULARY

__all__ = ["PAPER_PREDICTORS", "predictor_variables"]

#: The predictors of arXiv 2406.13627, in the paper's order.
PAPER_PREDICTORS: tuple[str, ...] = (
    "t2m", "msl", "u10", "v10", "d2m", "sst", "sd", "tp", "ssrd",
    "q850", "t850", "u850", "v850", "w850",
)  # fmt: skip


def predictor_variables(
    names: Sequence[str] = PAPER_PREDICTORS,
    scaling: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Variable, ...]:
    """Return predictors as a model's configuration wants them, in the vocabulary's units.

    Parameters
    ----------
    names : sequence of str
        Names in :data:`xldm.vocabulary.VOCABULARY`; those of the paper unless given.
    scaling : mapping of str to (float, float), optional
        Mean and standard deviation by name; (0, 1) where a name is not given.

    Examples
    --------
    >>> [v.name for v in predictor_variables()][:4]
    ['t2m', 'msl', 'u10', 'v10']
    >>> predictor_variables(["t2m"], {"t2m": (287.0, 8.0)})[0].std
    8.0
    """
    scaling = scaling or {}
    return tuple(
        Variable(
            name=k.name,
            standard_name=k.standard_names[0],
            units=k.units,
            mean=scaling.get(k.name, (0.0, 1.0))[0],
            std=scaling.get(k.name, (0.0, 1.0))[1],
            level=k.level,
            paper_name=k.paper_name,
            long_name=k.long_name.replace("_", " "),
        )
        for k in (VOCABULARY[name] for name in names)
    )
