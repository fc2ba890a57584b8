"""A predictor or a target: its meaning, bounds, interval and scaling, as packages write it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .errors import ArgumentError
from .numerics.transforms import check_transform
from .settings import checked, written_if_set
from .unit_text import check_units
from .vocabulary import VOCABULARY, is_sum

__all__ = ["Variable"]

#: Standard deviations from 0 that a plausible value, or a value of 0, may have once scaled.
_MOST_SCALED = 1e9
TimeMethod = Literal["point", "sum", "mean"]


@checked
class Variable:
    """A predictor or a target: its meaning in CF terms, its bounds and its scaling.

    Parameters
    ----------
    name : str
        Short name, e.g. ``t2m``; unique within a model.
    standard_name, units : str
        CF standard name and units of the physical values.
    mean, std : float
        Training statistics of transformed values; networks get ``(transform(x) - mean) / std``
        (:mod:`xldm.numerics.scaling`).
    level : float, optional
        Pressure level in hPa; absent for surface fields.
    paper_name : str
        Name in arXiv 2406.13627, e.g. ``2mT``.
    transform : {"linear", "log1p", "cbrt"}
        A key of :data:`xldm.numerics.transforms.TRANSFORMS`; the cube root suits precipitation.
    transform_scale : float
        Unit of the transform's argument, in ``units``: ``log1p(x / transform_scale)``.
    lower, upper : float, optional
        Bounds in ``units``; values beyond them are set to them.
    dry_below : float, optional
        In ``units``; values below it are dry: ``lower``, exactly. Networks see them spread over a
        margin below all others (`xldm.numerics.dry.dithered`).
    time_method : {"point", "sum", "mean"}, optional
        Whether a value is of a moment, or a sum or a mean rate over ``interval`` hours that end at
        its time; as the vocabulary has it unless given.
    interval : float
        In hours.

    Examples
    --------
    >>> Variable("tp", "precipitation_amount", "kg m-2", 0.1, 0.4, lower=0.0).cell_methods
    'time: sum area: mean'
    """

    name: str
    standard_name: str
    units: Annotated[str, AfterValidator(check_units)]
    mean: Annotated[float, Field(ge=-1e15, le=1e15)]
    std: Annotated[float, Field(ge=1e-15, le=1e15)]
    level: float | None = None
    paper_name: str = ""
    long_name: str = ""
    # A package that lacks these keys means their defaults, which are not written either.
    transform: Annotated[str, written_if_set("linear"), AfterValidator(check_transform)] = "linear"
    transform_scale: Annotated[float, written_if_set(1.0), Field(ge=1e-15, le=1e15)] = 1.0
    lower: Annotated[float | None, written_if_set(None)] = None
    upper: Annotated[float | None, written_if_set(None)] = None
    dry_below: Annotated[float | None, written_if_set(None)] = None
    time_method: Annotated[TimeMethod | None, written_if_set(None)] = None
    interval: Annotated[float, written_if_set(1.0), Field(gt=0, le=1e5)] = 1.0

    @model_validator(mode="after")
    def _ordered_bounds(self) -> Variable:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ArgumentError(f"{self.name}: lower {self.lower} is not below upper {self.upper}")
        if self.dry_below is not None and (self.lower is None or self.dry_below <= self.lower):
            raise ArgumentError(
                f"{self.name}: dry_below {self.dry_below} is not above lower, {self.lower}, which "
                "dry values are set to; give a lower below it, as 0"
            )
        return self

    @model_validator(mode="after")
    def _scales(self) -> Variable:
        far = abs(self.mean) / self.std
        known = VOCABULARY.get(self.name)
        if known and known.units == self.units and self.transform == "linear":
            far = max(far, *(abs(end - self.mean) / self.std for end in (known.low, known.high)))
        if far > _MOST_SCALED:
            raise ArgumentError(
                f"{self.name}: values may be {far:.2g} standard deviations from 0 once scaled by "
                f"mean {self.mean:g} and std {self.std:g}, expected {_MOST_SCALED:g} at most: "
                "networks would draw fields that are not finite"
            )
        return self

    @property
    def over_time(self) -> TimeMethod:
        """Whether a value is of a moment ("point"), or a "sum" or a "mean" over its interval."""
        return self.time_method or ("sum" if is_sum(self.name) else "point")

    @property
    def cell_methods(self) -> str:
        """CF cell methods of the field."""
        return f"time: {self.over_time} area: mean"

    @property
    def only_at_sea(self) -> bool:
        """Whether the field has no values over land."""
        known = VOCABULARY.get(self.name)
        return self.standard_name == "sea_surface_temperature" or bool(known and known.gaps)
