"""What a recipe module is told from outside: by the environment, as ``bake`` has nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import StoreError
from ..storage.location import locate
from .period import Period

__all__ = ["PARTS", "Settings", "settings"]

#: Parts that a module which can make either is asked for.
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
    """Variables by meaning; one that is absent, or makes no sense, is refused when asked for.

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
        """Which part a module that can make several is to make."""
        part = self._needed("XLDM_PART")
        if part not in PARTS:
            raise StoreError(f"XLDM_PART is {part!r}; it is {' or '.join(PARTS)}.")
        return part

    @property
    def comment(self) -> dict[str, str]:
        """An attribute of the part for what no file can say, as that an archive is synthetic."""
        said = self.variables.get("XLDM_COMMENT", "").strip()
        return {"comment": said} if said else {}

    def _needed(self, variable: str) -> str:
        value = self.variables.get(variable, "").strip()
        if not value:
            raise StoreError(f"{variable} is not set; it is {_MEANING[variable]}.")
        return value


def settings() -> Settings:
    """What ``python -m xldm.forge`` was told, or what the environment holds."""
    return Settings(os.environ)
