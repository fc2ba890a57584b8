"""Command lines of recipes, as a user types them."""

from __future__ import annotations

import sys
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "recipes"
#: Two days in two months, so that every recipe has more than one file.
PERIOD = "2001-07-31/2001-08-01"


def command(recipe: str, source: Path | str, target: Path | str, *options: str) -> list[str]:
    """The command line that runs a recipe over `PERIOD`."""
    run = [sys.executable, "-m", "xldm.forge", recipe]
    return [*run, f"--source={source}", f"--target={target}", f"--period={PERIOD}", *options]
