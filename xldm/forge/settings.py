"""Settings of a recipe, from the environment, the only channel that ``bake`` has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import StoreError
from ..storage.location import locate
from .period import Period

__all__ = ["PARTS", "Settings", "settings"]

#: Parts that a recipe for either can be asked to make.
PARTS = ("coarse", "fine")
_MEANING = {
    "XLDM_SOURCE": "the URL of the archive's folder (--source)",
    "XLDM_PERIOD": "FIRST/LAST day, as 2001-07-01/2001-07-31 (--period)",
    "XLDM_PART": f"{' or '.join(PARTS)} (--part)",
    "XLDM_TARGET": "the URL that the part is written to (--target)",
    "XLDM_COMMENT": "what else the part says of itself (--comment)",
}


@dataclass(frozen=True)
class Settings:
    """Environment variables by meaning; an absent or senseless one is refused when it is used.

    Examples
    --------
    >>> Settings({"XLDM_PERIOD": "2001-07-01/2001-07-03"}).period.months
    ['2001-07']
    """

    variables: Mapping[str, str] = field(repr=False)

    @property
    def source(self) -> str:
        """URL of the archive's folder, without a slash at its end."""
        return locate(self._needed("XLDM_SOURCE")).url.rstrip("/")

    @property
    def target(self) -> str:
        """URL of the part."""
        return locate(self._needed("XLDM_TARGET")).url.rstrip("/")

    @property
    def period(self) -> Period:
        """Whole days."""
        try:
            return Period.parse(self._needed("XLDM_PERIOD"))
        except ValueError as error:
            raise StoreError(f"XLDM_PERIOD: {error}") from None

    @property
    def part(self) -> str:
        """Part to make, for a recipe that can make several."""
        part = self._needed("XLDM_PART")
        if part not in PARTS:
            raise StoreError(f"XLDM_PART is {part!r}; it is {' or '.join(PARTS)}.")
        return part

    @property
    def comment(self) -> dict[str, str]:
        """An attribute that no file can give, e.g. that the archive is synthetic."""
        said = self.variables.get("XLDM_COMMENT", "").strip()
        return {"comment": said} if said else {}

    def _needed(self, variable: str) -> str:
        value = self.variables.get(variable, "").strip()
        if not value:
            raise StoreError(f"{variable} is not set; it is {_MEANING[variable]}.")
        return value


def settings() -> Settings:
    """Return the settings of ``python -m xldm.forge``, or of the environment."""
    return Settings(os.environ)
